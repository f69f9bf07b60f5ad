"""One cell of a workbook and the text that it holds. What a spreadsheet program made of a text is undone or refused."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Any

from adapter.errors import Unfit

TEXT_FORMAT = "@"
"""Such a cell keeps what is typed into it: 010 stays 010."""

LONGEST = 32_767
"""Characters that a cell may hold, in UTF-16 as spreadsheet programs count."""

_SAFE_DIGITS = 15
"""A number of more digits has lost its last ones: spreadsheet programs keep no more."""

_FIRST_SURE_YEAR = 1900
"""Earlier days were counted by no spreadsheet program as the calendar does."""

_BEYOND_XML = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_LIKE_A_FORMULA = ("=", "+", "-", "@", "'")


def put_text(cell: Any, text: str) -> None:
    """Fill a cell with a text that no program takes for a number, a date or a formula; Unfit when it is too long.

    What XML cannot hold is written `_xHHHH_`, as ISO/IEC 29500-1, 22.9.2.19 has it.
    """
    spelt = _BEYOND_XML.sub(lambda found: f"_x{ord(found[0]):04X}_", text)
    units = len(spelt.encode("utf-16-le")) // 2
    if units > LONGEST:
        raise Unfit(f"the text has {units} characters, a cell of a workbook holds {LONGEST}")
    cell.number_format = TEXT_FORMAT
    if spelt:
        cell.value = spelt
        cell.data_type = "s"
        cell.quotePrefix = spelt.startswith(_LIKE_A_FORMULA)


def text_of(cell: Any, *, is_day: bool = False, keeps_zeros: bool = False) -> str:
    """Give the text of a cell without surrounding spaces; Unfit when a program made something else of it.

    `is_day` takes dates, too; `keeps_zeros` takes no numbers, for what stood before them is lost.
    """
    value = cell.value
    if cell.data_type in _REFUSED:
        raise Unfit(_REFUSED[cell.data_type])
    if value is None:
        return ""
    if isinstance(value, str):
        return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value).strip()
    if isinstance(value, date | time):
        return _day_of(value, is_day=is_day)
    return _number_of(value, keeps_zeros=keeps_zeros)


_REFUSED = {
    "f": "a formula is not read; write its value as text",
    "e": "the program could not compute this cell; write its value as text",
    "b": "the program made a truth value of this; write it as text, with an apostrophe before it",
}


def _day_of(value: date | time, *, is_day: bool) -> str:
    if not is_day or isinstance(value, time):
        raise Unfit("the program made a date of this; write it as text, with an apostrophe before it")
    if value.year < _FIRST_SURE_YEAR:
        raise Unfit("the program made an old Gregorian date of this; write the day as text, as in '1405/07/01")
    if isinstance(value, datetime):
        if value.time() != time():
            raise Unfit("the day has a time; write the day alone")
        value = value.date()
    return value.isoformat()


def _number_of(value: float, *, keeps_zeros: bool) -> str:
    if keeps_zeros:
        raise Unfit("a number, where codes begin with zeros that numbers lose; write it as text")
    if abs(value) >= 10**_SAFE_DIGITS:
        raise Unfit(f"a number of more than {_SAFE_DIGITS} digits has lost the last ones; write it as text")
    return str(int(value)) if value == int(value) else format(value, f".{_SAFE_DIGITS}g")
