"""How a rule reads a record's value: as text, number or yes and no; Unfit without the value when it is none."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from adapter.errors import Unfit
from adapter.text import canonical_digits, canonical_text

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,8})?")
_MOST_WHOLE = 10**18
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}([,٬][0-9]{3})+([.٫][0-9]+)?")
_YES = frozenset({"true", "1", "yes", "بله", "بلی", "آری", "دارد"})
_NO = frozenset({"false", "0", "no", "خیر", "نه", "ندارد"})
_KINDS = {dict: "a section", list: "a list", bool: "true or false", float: "a floating-point number"}


def plain_text(value: Any) -> str:
    """Give text as it is and a whole number as its digits."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise Unfit(f"the value is {_KINDS.get(type(value), 'of another kind')}, not text")


def read_number(value: Any) -> Decimal:
    """Read digits of any script; ٫ or a point separates the fraction, ٬ or a comma groups of three."""
    written = canonical_digits(value if isinstance(value, str) else plain_text(value)).strip()
    if _DECIMAL.fullmatch(written):
        return Decimal(written)
    if _GROUPED.fullmatch(written):
        written = written.replace(",", "").replace("٬", "")
    written = written.replace("٫", ".")
    if _DECIMAL.fullmatch(written) is None:
        raise Unfit("the value is not a number of at most 18 digits and 8 places")
    return Decimal(written)


def read_whole_number(value: Any) -> int:
    """Read digits of any script; leading zeros are accepted, a fraction is not."""
    if type(value) is int and -_MOST_WHOLE < value < _MOST_WHOLE:
        return value
    digits = canonical_digits(plain_text(value)).strip()
    if _WHOLE.fullmatch(digits) is None:
        raise Unfit("the value is not a whole number of at most 18 digits")
    return int(digits)


def read_yes_or_no(value: Any) -> bool:
    """Read the words by which systems and people say yes and no."""
    word = canonical_text(str(value), digits=True).casefold()
    if word not in _YES and word not in _NO:
        raise Unfit("the value is neither yes nor no")
    return word in _YES
