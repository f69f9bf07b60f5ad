"""Iranian identifiers: the canonical text of each, or Unfit with the reason (never with the value).

Rules and vectors were recomputed from public sources; where no check rule is public only the shape is checked.
Every function takes text as people and systems write it (Persian digits, spaces, hyphens) or a whole number.
"""

from __future__ import annotations

import re
from operator import mul
from typing import NamedTuple

from adapter.errors import Unfit
from adapter.text import canonical_digits, canonical_text, is_digits

_FIGURES = bytes(max(0, code - ord("0")) for code in range(256))
_NATIONAL_LENGTHS = (8, 9, 10)
_BILL_LENGTHS = range(6, 14)
_LEGAL_WEIGHTS = (29, 27, 23, 19, 17) * 2
_NATIONAL_WEIGHTS = (10, 9, 8, 7, 6, 5, 4, 3, 2)
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
"""Twice a figure, and its two digits added where it has two."""
_BILL_WEIGHTS = (2, 3, 4, 5, 6, 7) * 5
_MOBILE = re.compile(r"(?:\+98|0098|98|0)?(9[0-9]{9})")
_LANDLINE = re.compile(r"(?:\+98|0098|98|0)?([1-8][0-9]{9})")
_VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
_IBAN = re.compile(r"IR[0-9]{24}")
_CAR_PLATE = re.compile(r"([0-9]{2})([آابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهی]|الف)([0-9]{3})(?:ایران)?([0-9]{2})")
_MOTORCYCLE_PLATE = re.compile(r"([0-9]{3})([0-9]{5})")
_SEPARATORS = re.compile(r"[\s\-_\u200c]+")
_PARTS = re.compile(r"[-/]")
_RENOVATION = re.compile(r"[0-9]{1,9}(?:-[0-9]{1,9}){0,6}")


class RenovationCode(NamedTuple):
    """کد نوسازی: seven whole numbers, a missing one is 0; the commonest core's form, other cities differ."""

    district: int
    region: int
    block: int
    house: int
    building: int
    apartment: int
    shop: int

    def __str__(self) -> str:
        return "-".join(map(str, self))


class RegistryPlate(NamedTuple):
    """پلاک ثبتی: main, sub and section; the section (بخش ثبتی) is not the municipal district."""

    main: str
    sub: str
    section: str

    def __str__(self) -> str:
        return "/".join(self)


def national_id(value: str | int) -> str:
    """کد ملی, ten digits; 8 or 9 digits from numeric systems get their zeros back. Equal digits are refused."""
    digits = _digits(value, "a national id")
    if len(digits) not in _NATIONAL_LENGTHS:
        raise Unfit(f"a national id has 10 digits, this has {len(digits)}")
    digits = digits.zfill(10)
    total = sum(map(mul, _figures(digits), _NATIONAL_WEIGHTS))
    if int(digits[9]) != _mod_11_check(total):
        raise Unfit("the check digit of this national id is wrong")
    if digits == digits[0] * 10:
        raise Unfit("a national id never has ten equal digits")
    return digits


def legal_id(value: str | int) -> str:
    """شناسهٔ ملی of a legal entity: 11 digits, weights 29 27 23 19 17 over digit + (tenth digit + 2), mod 11."""
    digits = _exactly(value, 11, "a legal-entity id")
    shift = int(digits[9]) + 2
    total = sum((figure + shift) * weight for figure, weight in zip(_figures(digits), _LEGAL_WEIGHTS, strict=False))
    if total % 11 % 10 != int(digits[10]):
        raise Unfit("the check digit of this legal-entity id is wrong")
    return digits


def foreigner_code(value: str | int) -> str:
    """کد فراگیر of a foreigner: 12 digits; no check rule is public."""
    return _exactly(value, 12, "a foreigner code")


def service_id(value: str | int) -> str:
    """شناسهٔ خدمت: 11 digits; no check rule is public."""
    return _exactly(value, 11, "a service id")


def postal_code(value: str | int) -> str:
    """کد پستی: 10 digits; the popular pattern is unofficial, so no digit is refused."""
    return _exactly(value, 10, "a postal code")


def mobile(value: str | int) -> str:
    """Mobile number as `09` and nine digits; +98, 0098, 98 and a bare 9… are accepted."""
    found = _MOBILE.fullmatch(_bare(value))
    if found is None:
        raise Unfit("a mobile number is 09 and nine digits")
    return f"0{found[1]}"


def landline(value: str | int) -> str:
    """Landline number as 0, two digits of the province and eight; +98, 0098, 98 and no zero at all are accepted."""
    found = _LANDLINE.fullmatch(_bare(value))
    if found is None:
        raise Unfit("a landline number is 0, two digits of the province and eight digits")
    return f"0{found[1]}"


def card_number(value: str | int) -> str:
    """شمارهٔ کارت of a bank: 16 digits, the sum modulo 10 with every second one doubled (ISO/IEC 7812, Luhn) is 0."""
    digits = _exactly(value, 16, "a card number")
    total = sum(_DOUBLED[figure] for figure in _figures(digits[::2])) + sum(_figures(digits[1::2]))
    if total % 10:
        raise Unfit("the check digit of this card number is wrong")
    return digits


def vin(value: str) -> str:
    """شمارهٔ شناسایی خودرو: 17 capitals and digits without I, O and Q (ISO 3779); its check digit is not used here."""
    text = _bare(value).upper()
    if _VIN.fullmatch(text) is None:
        raise Unfit("a VIN has 17 letters and digits, none of them I, O or Q")
    return text


def iban(value: str) -> str:
    """شبا: IR and 24 digits, 1 modulo 97 when the first four characters stand last and letters are numbers."""
    text = _bare(value).upper()
    if not text.startswith("IR"):
        text = f"IR{text}"
    if _IBAN.fullmatch(text) is None:
        raise Unfit("an IBAN is IR and 24 digits")
    if int(f"{text[4:]}1827{text[2:4]}") % 97 != 1:
        raise Unfit("the check digits of this IBAN are wrong")
    return text


def bill_id(value: str | int) -> str:
    """شناسهٔ قبض: 6 to 13 digits, the last one the check digit; leading zeros are dropped."""
    digits = _digits(value, "a bill id").lstrip("0")
    if len(digits) not in _BILL_LENGTHS:
        raise Unfit(f"a bill id has 6 to 13 digits, this has {len(digits)}")
    if int(digits[-1]) != _bill_check(digits[:-1]):
        raise Unfit("the check digit of this bill id is wrong")
    return digits


def payment_id(value: str | int, bill: str | int | None = None) -> str:
    """شناسهٔ پرداخت: amount in 1,000 rial, year, period, two check digits; leading zeros are dropped.

    The second check digit is over the bill id as well and is checked when the bill id is given.
    """
    digits = _digits(value, "a payment id").lstrip("0")
    if len(digits) not in _BILL_LENGTHS:
        raise Unfit(f"a payment id has 6 to 13 digits, this has {len(digits)}")
    if int(digits[-2]) != _bill_check(digits[:-2]):
        raise Unfit("the first check digit of this payment id is wrong")
    if bill is not None and int(digits[-1]) != _bill_check(bill_id(bill) + digits[:-1]):
        raise Unfit("this payment id does not belong to the bill id beside it")
    return digits


def amount_rial_of(payment: str | int) -> int:
    """Return the amount in rial that a payment id carries."""
    return int(payment_id(payment)[:-5] or "0") * 1000


def renovation_code(value: str | int) -> RenovationCode:
    """Seven numbers joined by hyphens (or slashes); fewer are filled with zeros at the end."""
    text = canonical_digits(str(value)).replace(" ", "").replace("/", "-")
    if _RENOVATION.fullmatch(text) is None:
        raise Unfit("a renovation code is one to seven whole numbers joined by hyphens")
    numbers = [*map(int, text.split("-")), 0, 0, 0, 0, 0, 0]
    return RenovationCode._make(numbers[:7])


def registry_plate(value: str) -> RegistryPlate:
    """`main/sub/section` as whole numbers; all three must stand there, a missing sub is 0."""
    parts = _PARTS.split(canonical_digits(value).replace(" ", ""))
    if len(parts) != len(RegistryPlate._fields) or not all(map(is_digits, parts)):
        raise Unfit("a registry plate is main/sub/section, three whole numbers")
    return RegistryPlate(*(part.lstrip("0") or "0" for part in parts))


def car_plate(value: str) -> str:
    """Two digits, a Persian letter, three digits, the province: `12ب345-67`."""
    found = _CAR_PLATE.fullmatch(_bare_plate(value))
    if found is None:
        raise Unfit("a car plate is two digits, a Persian letter, three digits and two digits of the province")
    letter = "الف" if found[2] in "اآ" else found[2]
    return f"{found[1]}{letter}{found[3]}-{found[4]}"


def motorcycle_plate(value: str | int) -> str:
    """Three digits and five: `123-45678`."""
    found = _MOTORCYCLE_PLATE.fullmatch(_bare_plate(str(value)))
    if found is None:
        raise Unfit("a motorcycle plate is three digits and five digits")
    return f"{found[1]}-{found[2]}"


def vehicle_plate(value: str | int) -> str:
    """A car's plate or a motorcycle's, told apart by the letter that a car's alone has."""
    bare = _bare_plate(str(value))
    return motorcycle_plate(bare) if is_digits(bare) else car_plate(bare)


def _bare(value: str | int) -> str:
    """ASCII digits without the spaces, hyphens and half-spaces that people write between them."""
    text = canonical_digits(str(value))
    return text if text.isalnum() and text.isascii() else _SEPARATORS.sub("", canonical_text(text))


def _bare_plate(value: str) -> str:
    return _SEPARATORS.sub("", canonical_text(value, digits=True))


def _digits(value: str | int, name: str) -> str:
    text = value if isinstance(value, str) and is_digits(value) else _bare(value)
    if not is_digits(text):
        raise Unfit(f"{name} has digits only")
    return text


def _exactly(value: str | int, length: int, name: str) -> str:
    digits = _digits(value, name)
    if len(digits) != length:
        raise Unfit(f"{name} has {length} digits, this has {len(digits)}")
    return digits


def _figures(digits: str) -> bytes:
    """Return the value of each ASCII digit."""
    return digits.encode().translate(_FIGURES)


def _mod_11_check(total: int) -> int:
    remainder = total % 11
    return remainder if remainder in {0, 1} else 11 - remainder


def _bill_check(digits: str) -> int:
    """Weights 2 to 7 repeating from the right; 0 when the sum modulo 11 is 0 or 1, else 11 less it."""
    total = sum(map(mul, reversed(_figures(digits)), _BILL_WEIGHTS))
    remainder = total % 11
    return 0 if remainder in {0, 1} else 11 - remainder
