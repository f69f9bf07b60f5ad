"""Rules for words: text, codes, yes and no, and the parts of a text."""

from __future__ import annotations

from typing import Any

from adapter.errors import Unfit
from adapter.exchange import Direction
from adapter.tables import near
from adapter.text import canonical_text
from adapter.translator.codes import VALUE_COLUMNS, Cell, CodeBook
from adapter.translator.paths import Context
from adapter.translator.rules.making import Conversion, Tools, number_argument
from adapter.translator.values import plain_text, read_yes_or_no

SEPARATORS = {"space": " ", "comma": ",", "persian_comma": "، ", "slash": "/", "hyphen": "-", "nothing": ""}
"""Words for what hardly shows in a cell; any other text stands for itself."""


def text(argument: str, _: Tools) -> Conversion:
    """Canonical Persian text (adapter.text); a text longer than the argument is refused, not cut."""
    if not argument:
        return _canonical
    longest = number_argument(argument)

    def convert(value: Any, context: Context) -> str:
        found = _canonical(value, context)
        if len(found) > longest:
            raise Unfit(f"the text has {len(found)} characters, the target takes {longest}")
        return found

    return convert


def _canonical(value: Any, _: Context) -> str:
    return canonical_text(value if isinstance(value, str) else plain_text(value))


def code(argument: str, tools: Tools) -> Conversion:
    """Look a code up in `codes/<file>.csv`: `<file>`, or `<file>.<column>` for another column than the other side's.

    Inward tables look the gateway's code up, outward tables the internal one; valid_from and valid_to are honoured.
    """
    book, key, column = _code_columns(argument, tools)
    find, faults = book.lookup(key, column)
    tools.faults.extend(faults)

    def convert(value: Any, context: Context) -> str:
        return find(value if isinstance(value, str) else plain_text(value), context.today)

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


def yes_no(argument: str, _: Tools) -> Conversion:
    """Read true/false, 1/0, yes/no, بله/خیر; with an argument `A/B` give the text A for yes and B for no."""
    yes, _slash, no = argument.partition("/")
    if argument and not (yes and no):
        raise Unfit("the argument is empty or two words as in 1/0")
    if not argument:
        return lambda value, _: read_yes_or_no(value)
    return lambda value, _: yes if read_yes_or_no(value) else no


def split(argument: str, _: Tools) -> Conversion:
    """Give one part of a text, counted from 1 as in `slash 2`; a part that is not there is absent."""
    word, _space, number = argument.rpartition(" ")
    if not word:
        raise Unfit("the argument is a separator and a number, as in slash 2")
    place = number_argument(number) - 1
    separator = SEPARATORS.get(word, word)
    if place < 0 or not separator:
        raise Unfit("parts are counted from 1 and the separator is not empty")

    def convert(value: Any, _: Context) -> str | None:
        parts = canonical_text(plain_text(value)).split(separator)
        return parts[place].strip() if place < len(parts) else None

    return convert
