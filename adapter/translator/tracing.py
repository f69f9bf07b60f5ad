"""Which rows gave what in a translation: the same table, in which every row tells what it was given and gave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from adapter.text import canonical_text
from adapter.translator.codes import Cell
from adapter.translator.compile import Table, compile_lines
from adapter.translator.lines import Line
from adapter.translator.paths import Context, is_absent


@dataclass(frozen=True, slots=True)
class Step:
    """One row that gave a value; `codes` are the cells of a codes file that it took, `given` is None for a constant."""

    line: Line
    given: Any
    came: Any
    codes: tuple[Cell, ...] = ()


def traced(table: Table, steps: list[Step]) -> Table:
    """Return the same table, which appends to `steps` every row that gives a value, in the order of its targets."""
    lines = tuple(replace(line, convert=_telling(line, steps.append)) for line in table.lines)
    return replace(table, lines=lines, build=compile_lines(lines))


def _telling(line: Line, tell: Callable[[Step], None]) -> Callable[[Any, Context], Any]:
    def convert(value: Any, context: Context) -> Any:
        came = line.convert(value, context)
        if not is_absent(came):
            tell(Step(line, value if line.sources else None, came, _cells(line, value, context.today)))
        return came

    return convert


def _cells(line: Line, value: Any, today: date) -> tuple[Cell, ...]:
    """The cells in force for a value, or for each of a list of values."""
    codes = {_as_code(one) for one in (value if isinstance(value, list) else [value])} if line.cells else set()
    return tuple(cell for cell in line.cells if cell.code in codes and cell.entry.is_valid(today))


def _as_code(value: Any) -> str:
    return canonical_text(str(value), digits=True)
