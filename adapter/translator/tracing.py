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
from adapter.translator.values import plain_text


@dataclass(frozen=True, slots=True)
class Step:
    """One row that gave a value; `code` is the cell of a codes file from which it came, `given` None for a constant."""

    line: Line
    given: Any
    came: Any
    code: Cell | None = None


def traced(table: Table, steps: list[Step]) -> Table:
    """Return the same table, which appends to `steps` every row that gives a value, in the order of its targets."""
    lines = tuple(replace(line, convert=_telling(line, steps.append)) for line in table.lines)
    return replace(table, lines=lines, build=compile_lines(lines))


def _telling(line: Line, tell: Callable[[Step], None]) -> Callable[[Any, Context], Any]:
    def convert(value: Any, context: Context) -> Any:
        came = line.convert(value, context)
        if not is_absent(came):
            tell(Step(line, value if line.sources else None, came, _cell(line, value, context.today)))
        return came

    return convert


def _cell(line: Line, value: Any, today: date) -> Cell | None:
    if not line.cells:
        return None
    code = canonical_text(plain_text(value), digits=True)
    return next((cell for cell in line.cells if cell.code == code and cell.entry.is_valid(today)), None)
