"""How commands answer: tables for people, one JSON object for machines; data on stdout, messages on stderr."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any

from pydantic_core import to_json
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from adapter.calendar import TEHRAN, spell_day
from adapter.text import ZWNJ

FORMAT = 1
"""Of the JSON answers: raised when a name or a meaning changes, never for a new name."""

_WHOLE = frozenset({"id", "tracking_code", "state", "accepted", "at", "began", "ended"})
"""Columns that a narrow terminal never breaks: one copies from them."""

_GAP, _INDENT = 2, 4
_ALIGNED = 40
"""Cells longer than so many columns are not aligned with each other."""


def print_json(told: Mapping[str, Any]) -> None:
    """One object on stdout."""
    sys.stdout.write(to_json({"format": FORMAT, **told}, indent=2).decode() + "\n")


def print_table(
    columns: Sequence[str], rows: Iterable[Iterable[Any]], *, title: str | None = None, has_header: bool = True
) -> None:
    """One table on stdout: one line a row; on a terminal what does not fit stands below its row, by its name."""
    cells = [[shown(value) for value in row] for row in rows]
    if not sys.stdout.isatty():
        _write_lines([list(columns), *cells] if has_header else cells, title)
        return
    width = shutil.get_terminal_size().columns
    fitting = _fitting([list(columns), *cells], width)
    if has_header and fitting < len(columns):
        below = [_named_below(columns[fitting:], row[fitting:], width) for row in cells]
        _write_lines([row[:fitting] for row in (list(columns), *cells)], title, [[], *below])
        return
    table = Table(
        title=title, title_justify="left", box=None, pad_edge=False, header_style="bold", show_header=has_header
    )
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in _WHOLE)
    for row in cells:
        table.add_row(*map(Text, row))
    Console(highlight=False, markup=False).print(table)


def print_rows(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, under: Sequence[str], title: str | None = None
) -> None:
    """A table whose last columns, those `under`, hold sentences: on a terminal each stands below its row, whole."""
    if not sys.stdout.isatty():
        print_table((*columns, *under), rows, title=title)
        return
    every = [[shown(value) for value in row] for row in rows]
    count = len(columns)
    below = [[f"    {sentence}" for sentence in row[count:] if sentence] for row in every]
    _write_lines([list(columns), *(row[:count] for row in every)], title, [[], *below])


def _fitting(rows: list[list[str]], width: int) -> int:
    """How many of the columns, from the first, stand beside each other in a terminal; never none."""
    ends = accumulate(max(map(cell_len, column)) + _GAP for column in zip(*rows, strict=True))
    return max(1, sum(end - _GAP <= width for end in ends))


def _named_below(columns: Sequence[str], cells: Sequence[str], width: int) -> list[str]:
    """What does not fit beside its row, each by the name of its column, broken between words alone."""
    told = "  ".join(f"{name}: {cell}" for name, cell in zip(columns, cells, strict=True) if cell)
    indent = " " * _INDENT
    return textwrap.wrap(
        told, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _write_lines(rows: list[list[str]], title: str | None, below: list[list[str]] | None = None) -> None:
    """Aligned by what stands in them, but for cells so long that they would push all others away."""
    widths = [min(max(map(cell_len, column)), _ALIGNED) for column in zip(*rows, strict=True)]
    lines = [] if title is None else title.split("\n")
    for row, sentences in zip(rows, below or [[]] * len(rows), strict=True):
        padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        lines += ["  ".join(padded).rstrip(), *sentences]
    sys.stdout.writelines(f"{line}\n" for line in lines)


def short(told: Mapping[str, Any]) -> dict[str, str]:
    """The ids of an answer as they are shown: on a terminal the beginning that suffices every command, else whole."""
    beginnings: dict[str, str] = told["beginnings"]
    return beginnings if sys.stdout.isatty() else {one: one for one in beginnings}


def print_facts(told: Mapping[str, Any], *, title: str | None = None) -> None:
    """Names and values, one a line; what is not known is left out."""
    known = ((name, value) for name, value in told.items() if value is not None and value != "")
    print_table(("", ""), known, title=title, has_header=False)


def say(sentence: str) -> None:
    """A message for people, on stderr."""
    print(clean(sentence), file=sys.stderr)


def shown(value: Any) -> str:
    """A value as people read it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return " ".join(f"{name}={shown(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return " ".join(shown(inner) for inner in value)
    return clean(str(value))


def clean(text: str) -> str:
    """The text without what could steer a terminal or turn its direction: other sides' words stand in it."""
    return "".join(char if char.isprintable() or char == ZWNJ else " " for char in text)


def moment(value: str | None) -> str:
    """An ISO instant as the day in the Jalali calendar and the time in Tehran, in ASCII digits."""
    if value is None:
        return ""
    there = datetime.fromisoformat(value).astimezone(TEHRAN)
    return f"{spell_day(there.date())} {there:%H:%M:%S}"
