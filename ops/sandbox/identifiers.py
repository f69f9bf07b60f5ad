"""Numbers as Iranian systems make them: bill and payment ids, IBANs, Jalali year's ends. All invented, all valid."""

from __future__ import annotations

from datetime import date, datetime

MOST_PAYABLE_RIAL = 99_999_999_000
"""One payment id carries eight digits of 1,000 rial; a larger sum needs several bills."""

_COMPANY = "417"
_MUNICIPALITY = "6"
_PERIOD = "07"
_NOWRUZ = (3, 21)
_FIRST_YEAR, _FIRST_DAY, _LEAP, _LONG_DAYS = 1404, date(2025, 3, 21), 8, 186
_WEIGHTS = (2, 3, 4, 5, 6, 7)


def check_digit(digits: str) -> int:
    """Weights 2 to 7, repeating from the right; the rest of 11, where 0 and 1 give 0."""
    total = sum(int(digit) * _WEIGHTS[place % 6] for place, digit in enumerate(reversed(digits)))
    rest = total % 11
    return 0 if rest <= 1 else 11 - rest


def bill_id(file_number: int) -> str:
    """A bill id (شناسهٔ قبض) of 13 digits: file, company, service type 6 (municipality), check digit."""
    body = f"{file_number % 100_000_000:08d}{_COMPANY}{_MUNICIPALITY}"
    return f"{body}{check_digit(body)}"


def payment_id(bill: str, amount_rial: int, *, year: int) -> str:
    """The payment id (شناسهٔ پرداخت) of an amount on a bill; the amount is a multiple of 1,000 rial."""
    if amount_rial % 1000 or not 0 < amount_rial <= MOST_PAYABLE_RIAL:
        raise ValueError(f"{amount_rial} rial cannot stand in one payment id")
    body = f"{amount_rial // 1000}{year % 10}{_PERIOD}"
    with_first = f"{body}{check_digit(body)}"
    return f"{with_first}{check_digit(bill.lstrip('0') + with_first)}"


def iban(account: int) -> str:
    """An IBAN (شبا) of no real account, with its check digits."""
    body = f"062{account:019d}"
    return f"IR{98 - int(body + '182700') % 97:02d}{body}"


def jalali_year(at: datetime) -> int:
    """The Jalali year, to the day around Nowruz: enough for a bill's last day."""
    return at.year - (621 if (at.month, at.day) >= _NOWRUZ else 622)


def jalali_day(at: datetime) -> str:
    """The Jalali day as YYYY/MM/DD, from 1404 on; leap years by the cycle of 33, right until 1429 at least."""
    year, days = _FIRST_YEAR, (at.date() - _FIRST_DAY).days
    while days >= (length := 366 if (year * 8 + 29) % 33 < _LEAP else 365):
        year, days = year + 1, days - length
    month, day = divmod(days, 31) if days < _LONG_DAYS else divmod(days - 6, 30)
    return f"{year}/{month + 1:02}/{day + 1:02}"


def is_bill_id(text: str) -> bool:
    """Whether the check digit is right."""
    return text.isascii() and text.isdigit() and check_digit(text[:-1]) == int(text[-1])


def is_payment_id(bill: str, text: str) -> bool:
    """Whether both check digits are right; leading zeros of either are stripped before the second is computed."""
    if not (text.isascii() and text.isdigit()):
        return False
    bare = text.lstrip("0")
    return check_digit(bare[:-2]) == int(bare[-2]) and check_digit(bill.lstrip("0") + bare[:-1]) == int(bare[-1])
