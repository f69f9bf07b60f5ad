"""The closed set of rules: each turns a row's argument into a function from (value, context) to what the target gets.

A rule raises Unfit, at load for a bad argument and at translation for a bad value; the text never carries the value.
A missing rule is added here for all services, with a row in RULES and tests.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias

from adapter import calendar, identifiers
from adapter.errors import Unfit
from adapter.exchange import Direction
from adapter.tables import Fault, near
from adapter.text import canonical_text
from adapter.translator.codes import VALUE_COLUMNS, Cell, CodeBook
from adapter.translator.paths import Context, is_absent
from adapter.translator.values import plain_text, read_number, read_whole_number, read_yes_or_no

Conversion: TypeAlias = Callable[[Any, Context], Any]


@dataclass(frozen=True, slots=True)
class Tools:
    """What rules may use while a table is compiled; `faults` gathers what they find in the codes files."""

    direction: Direction
    books: Mapping[str, CodeBook] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


Rule: TypeAlias = Callable[[str, Tools], Conversion]

_SEPARATORS = {"space": " ", "comma": ",", "persian_comma": "، ", "slash": "/", "hyphen": "-", "nothing": ""}
_MOST_PLACES = 8
_RIAL_PER_UNIT = {"rial": 1, "thousand_rial": 1_000, "toman": 10}


def text(argument: str, _: Tools) -> Conversion:
    """Canonical Persian text (adapter.text); the argument is the greatest number of characters, empty for any."""
    longest = _number_argument(argument) if argument else None

    def convert(value: Any, _: Context) -> str:
        found = canonical_text(plain_text(value))
        if longest is not None and len(found) > longest:
            raise Unfit(f"the text has {len(found)} characters, the target takes {longest}")
        return found

    return convert


def code(argument: str, tools: Tools) -> Conversion:
    """Look a code up in `codes/<file>.csv`: `<file>`, or `<file>.<column>` for another column than the other side's.

    Inward tables look the gateway's code up, outward tables the internal one; valid_from and valid_to are honoured.
    """
    book, key, column = _code_columns(argument, tools)
    find, faults = book.lookup(key, column)
    tools.faults.extend(faults)

    def convert(value: Any, context: Context) -> str:
        return find(canonical_text(plain_text(value), digits=True), context.today)

    return convert


def code_cells(argument: str, tools: Tools) -> tuple[Cell, ...]:
    """Every cell of the codes file that `code` with this argument can give."""
    book, key, column = _code_columns(argument, tools)
    return book.cells(key, column)


def _code_columns(argument: str, tools: Tools) -> tuple[CodeBook, str, str]:
    name, _, column = argument.partition(".")
    if name not in tools.books:
        raise Unfit(f"there is no codes file '{name}'; {near(name, tools.books)}")
    key, other = ("gateway", "internal") if tools.direction is Direction.INWARD else ("internal", "gateway")
    if column and column not in VALUE_COLUMNS:
        raise Unfit(f"'{column}' is not a column of codes; {near(column, VALUE_COLUMNS)}")
    return tools.books[name], key, column or other


def payment_id(argument: str, _: Tools) -> Conversion:
    """شناسهٔ پرداخت; with a second source, the bill id, its last check digit is checked as well (identifiers)."""
    _no_argument(argument)

    def convert(value: Any, _: Context) -> str:
        payment, bill = value if isinstance(value, list) else (value, None)
        return identifiers.payment_id(payment, bill)

    return convert


def renovation_code(argument: str, _: Tools) -> Conversion:
    """کد نوسازی as canonical text, or one of its seven numbers: district region block house building apartment shop."""
    _one_of(argument, ("", *identifiers.RenovationCode._fields))

    def convert(value: Any, _: Context) -> str | int:
        found = identifiers.renovation_code(value)
        part: int = getattr(found, argument) if argument else 0
        return part if argument else str(found)

    return convert


def plate(argument: str, _: Tools) -> Conversion:
    """Car plate (empty or `car`), `motorcycle`, or پلاک ثبتی: `registry` for all of it, `main`, `sub`, `section`."""
    forms: dict[str, Callable[[str], str]] = {
        "": identifiers.car_plate,
        "car": identifiers.car_plate,
        "motorcycle": identifiers.motorcycle_plate,
        "registry": lambda value: str(identifiers.registry_plate(value)),
        "main": lambda value: identifiers.registry_plate(value).main,
        "sub": lambda value: identifiers.registry_plate(value).sub,
        "section": lambda value: identifiers.registry_plate(value).section,
    }
    _one_of(argument, forms)
    form = forms[argument]
    return lambda value, _: form(plain_text(value))


def jalali_date(argument: str, _: Tools) -> Conversion:
    """Convert a day in any spelling to `YYYY/MM/DD` (default), `YYYYMMDD` (a whole number) or `iso` (Gregorian)."""
    _one_of(argument, ("", *calendar.SPELLINGS))
    spell = calendar.SPELLINGS[argument or "YYYY/MM/DD"]
    return lambda value, _: spell(calendar.parse_day(plain_text(value)))


def datetime(argument: str, _: Tools) -> Conversion:
    """Convert an instant to ISO 8601 with offset; the argument is the zone: empty (as given), `tehran` or `utc`."""
    _one_of(argument, ("", "tehran", "utc"))
    return lambda value, _: calendar.spell_instant(calendar.parse_instant(plain_text(value)), zone=argument)


def rial(argument: str, _: Tools) -> Conversion:
    """Convert an amount to whole rials; the argument is the source's unit: rial (default), thousand_rial or toman."""
    _one_of(argument, ("", *_RIAL_PER_UNIT))
    rial_per_unit = _RIAL_PER_UNIT[argument or "rial"]

    def convert(value: Any, _: Context) -> int:
        amount = read_number(value) * rial_per_unit
        if amount != amount.to_integral_value():
            raise Unfit("an amount in rial is a whole number")
        return int(amount)

    return convert


def decimal(argument: str, _: Tools) -> Conversion:
    """Decimal number as text, `12.50`; the argument is the number of places, longer ones are refused, not rounded."""
    if argument:
        _one_of(argument, tuple(map(str, range(_MOST_PLACES + 1))))
    places = Decimal(1).scaleb(-int(argument)) if argument else None

    def convert(value: Any, _: Context) -> str:
        number = read_number(value)
        if places is None:
            return f"{number:f}"
        exact = number.quantize(places)
        if exact != number:
            raise Unfit(f"the number has more than {argument} places")
        return f"{exact:f}"

    return convert


def integer(argument: str, _: Tools) -> Conversion:
    """Whole number; Persian digits and leading zeros are accepted, a fraction is not."""
    _no_argument(argument)

    return lambda value, _: read_whole_number(value)


def yes_no(argument: str, _: Tools) -> Conversion:
    """Read true/false, 1/0, yes/no, بله/خیر; with an argument `A/B` give the text A for yes and B for no."""
    yes, slash, no = argument.partition("/")
    if argument and not (yes and slash and no):
        raise Unfit("the argument is empty or two words as in 1/0")

    if not argument:
        return lambda value, _: read_yes_or_no(value)
    return lambda value, _: yes if read_yes_or_no(value) else no


def constant(argument: str, _: Tools) -> Conversion:
    """Give the argument itself, as text; the row has no source."""
    if not argument:
        raise Unfit("a constant needs its value in the argument")
    return lambda _value, _context: argument


def join(argument: str, _: Tools) -> Conversion:
    """Join the present values of several sources (with spaces between them) or of one repeated source.

    The argument stands between the values: a word of space (default), comma, persian_comma, slash, hyphen, nothing,
    or any other text.
    """
    separator = _SEPARATORS.get(argument or "space", argument)

    def convert(value: Any, _: Context) -> str:
        parts = value if isinstance(value, list) else [value]
        return separator.join(canonical_text(plain_text(part)) for part in parts if not is_absent(part))

    return convert


def split(argument: str, _: Tools) -> Conversion:
    """Give one part of a text: the argument is a separator (as in join) and the part's number, `slash 2`.

    A part that is not there is absent.
    """
    word, _space, number = argument.rpartition(" ")
    if not word:
        raise Unfit("the argument is a separator and a number, as in slash 2")
    place = _number_argument(number) - 1
    separator = _SEPARATORS.get(word, word)
    if place < 0 or not separator:
        raise Unfit("parts are counted from 1 and the separator is not empty")

    def convert(value: Any, _: Context) -> str | None:
        parts = canonical_text(plain_text(value)).split(separator)
        return parts[place].strip() if place < len(parts) else None

    return convert


def copy(argument: str, _: Tools) -> Conversion:
    """Give the value as it is, whatever its shape."""
    _no_argument(argument)
    return lambda value, _: value


def document(argument: str, _: Tools) -> Conversion:
    """Base64 content without line breaks (empty argument), or the SHA-256 of the content (`sha256`)."""
    _one_of(argument, ("", "sha256"))

    def convert(value: Any, _: Context) -> str:
        content = "".join(plain_text(value).split())
        try:
            data = base64.b64decode(content, validate=True)
        except (binascii.Error, ValueError):
            raise Unfit("the document is not Base64") from None
        return hashlib.sha256(data).hexdigest() if argument else content

    return convert


def _identifier(check: Callable[[Any], str]) -> Rule:
    """Make a rule of an identifier's check; the identifier's docstring is the rule's."""

    def rule(argument: str, _: Tools) -> Conversion:
        _no_argument(argument)
        return lambda value, _: check(value)

    rule.__doc__ = check.__doc__
    return rule


RULES: Mapping[str, Rule] = {
    "text": text,
    "code": code,
    "national_id": _identifier(identifiers.national_id),
    "legal_id": _identifier(identifiers.legal_id),
    "postal_code": _identifier(identifiers.postal_code),
    "mobile": _identifier(identifiers.mobile),
    "iban": _identifier(identifiers.iban),
    "bill_id": _identifier(identifiers.bill_id),
    "payment_id": payment_id,
    "renovation_code": renovation_code,
    "plate": plate,
    "jalali_date": jalali_date,
    "datetime": datetime,
    "rial": rial,
    "decimal": decimal,
    "integer": integer,
    "yes_no": yes_no,
    "constant": constant,
    "join": join,
    "split": split,
    "copy": copy,
    "document": document,
}

MOST_SOURCES = {"join": 20, "payment_id": 2}
"""Rules whose source cell may hold several paths; they get the list of values, None where one is absent."""


def _number_argument(argument: str) -> int:
    if not (argument.isascii() and argument.isdigit()):
        raise Unfit(f"the argument '{argument}' is not a whole number")
    return int(argument)


def _no_argument(argument: str) -> None:
    if argument:
        raise Unfit("this rule takes no argument; empty the cell")


def _one_of(argument: str, known: Any) -> None:
    if argument not in known:
        raise Unfit(f"'{argument}' is not an argument of this rule; {near(argument, filter(None, known))}")
