"""The rows of a table, read: every cell parsed, every mistake of a row told at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

from adapter.errors import Unfit
from adapter.tables import Columns, Fault, Row, Source, near, read_csv
from adapter.text import canonical_text
from adapter.translator.codes import Cell
from adapter.translator.overlaying import columns_of_own, laid_over, taking_faults
from adapter.translator.paths import KEPT_PATHS, NIL, Context, Path, is_absent, parse_path
from adapter.translator.rules import RULES, Conversion, Tools, code_cells, inner_rule

TABLE_COLUMNS = Columns(
    required=("target", "source", "rule", "argument", "when", "required", "note"),
    unique=("target", "when"),
    sorted_by="target",
)

Condition: TypeAlias = Callable[[Any], bool]
Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Line:
    """One row, read: where its value comes from, what is done with it, and when.

    `book` are the cells of its codes file, `cells` those of them that its own condition lets it give.
    """

    row: Row
    target: Path
    sources: tuple[Path, ...]
    convert: Conversion
    when: tuple[Path, Condition] | None
    is_required: bool
    cells: tuple[Cell, ...] = ()
    book: tuple[Cell, ...] = ()

    @property
    def key(self) -> str:
        """The column of its codes file in which it looks codes up; empty without one."""
        return self.book[0].key if self.book else ""


OwnFile: TypeAlias = tuple[Source, str] | None
"""A tenant's own file over a shared one, and its name in messages."""


def read_lines(source: Source, label: str, tools: Tools, own: OwnFile = None) -> tuple[tuple[Line, ...], list[Fault]]:
    """Read a table's rows; a row whose paths are sound is there even when its other cells have faults."""
    rows, faults = read_csv(source, label, TABLE_COLUMNS)
    if not rows and not faults:
        faults.append(Fault(label, 1, "", "the table has no rows"))
    if own is not None:
        over, own_faults = read_csv(*own, columns_of_own(TABLE_COLUMNS))
        faults += [*own_faults, *taking_faults(rows, over, "target")]
        rows = laid_over(rows, over, key="target")
    read = [_read_line(row, tools, faults) for row in rows]
    lines = tuple(line for line in read if line is not None)
    return lines, [*faults, *_alternatives_without_when(lines)]


def _read_line(row: Row, tools: Tools, faults: list[Fault]) -> Line | None:
    def attempt(column: str, read: Callable[..., Read], *given: Any) -> Read | None:
        try:
            return read(*given)
        except Unfit as unfit:
            faults.append(row.fault(column, unfit.detail))
            return None

    cells = row.cells
    name, argument, required = cells["rule"], cells["argument"], cells["required"]
    target = attempt("target", _read_target, cells["target"])
    sources = attempt("source", _read_sources, cells["source"], name) or ()
    when = attempt("when", _read_condition, cells["when"])
    convert: Conversion | None = None
    if rule := RULES.get(name):
        convert = attempt("argument", rule.make, argument, tools)
    else:
        faults.append(row.fault("rule", f"'{name}' is not a rule", what_to_do=near(name, RULES)))
    if required not in {"yes", "no", ""}:
        faults.append(row.fault("required", f"'{required}' is neither yes nor no"))
    if target is None:
        return None
    if name == "each" and not target.text.endswith("[]"):
        faults.append(row.fault("target", "each gives a list", what_to_do="end the target in []"))
    book = _cells(name, argument, tools) if convert else ()
    return Line(
        row, target, sources, convert or _unusable, when, required == "yes", _reached(book, sources, when), book
    )


def _cells(rule: str, argument: str, tools: Tools) -> tuple[Cell, ...]:
    if rule == "each":
        rule, argument = inner_rule(argument)
    return code_cells(argument, tools) if rule == "code" else ()


def _reached(
    cells: tuple[Cell, ...], sources: tuple[Path, ...], when: tuple[Path, Condition] | None
) -> tuple[Cell, ...]:
    """Leave out the codes that the row's own condition on the same source keeps away."""
    if when is None or when[0] not in sources:
        return cells
    return tuple(cell for cell in cells if when[1](cell.code))


def _unusable(_: Any, __: Context) -> None:
    """Stand in for a rule that has a fault: its table is checked further and never used."""


def _read_target(cell: str) -> Path:
    if not cell:
        raise Unfit("the target is empty")
    return parse_path(cell, reserved=False)


@lru_cache(maxsize=KEPT_PATHS)
def _read_sources(cell: str, rule: str) -> tuple[Path, ...]:
    paths = tuple(map(parse_path, cell.split()))
    most = RULES[rule].most_sources if rule in RULES else 1
    if len(paths) > most:
        raise Unfit(f"{rule} takes {most} sources at most" if most else f"a {rule} has no source; empty the cell")
    if most and not paths:
        raise Unfit("the source is empty")
    return paths


@lru_cache(maxsize=KEPT_PATHS)
def _read_condition(cell: str) -> tuple[Path, Condition] | None:
    """Read `path present` or another of CONDITIONS, or `path = value`; values compare as canonical text."""
    if not cell:
        return None
    name, _, rest = cell.partition(" ")
    path, rest = parse_path(name), rest.strip()
    if rest in CONDITIONS:
        return path, CONDITIONS[rest]
    if not rest.startswith("=") or not rest[1:].strip():
        raise Unfit(f"'{cell}' is not a condition; write 'path = value' or 'path present', absent, empty or nil")
    expected = canonical_text(rest[1:], digits=True)
    return path, lambda value: _as_word(value) == expected


def _is_there(value: Any) -> bool:
    return not is_absent(value) and value is not NIL and value not in ([], {})


def _is_empty(value: Any) -> bool:
    return isinstance(value, str | list | dict) and not value


CONDITIONS: Mapping[str, Condition] = {
    "present": _is_there,
    "absent": lambda value: not _is_there(value),
    "empty": _is_empty,
    "nil": lambda value: value is NIL,
}
"""What a row may ask of a source. `absent` holds for all that says nothing; `empty` and `nil` rows stand before it."""


def _as_word(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return canonical_text(str(value), digits=True) if isinstance(value, str | int) else None


def _alternatives_without_when(lines: Sequence[Line]) -> list[Fault]:
    """Find targets with several rows of which one has no `when`: it would hide the others."""
    first: dict[str, Line] = {}
    faults = []
    for line in lines:
        other = first.setdefault(line.target.text, line)
        if other is not line and not (other.when and line.when) and other.row["when"] != line.row["when"]:
            what = f"'{line.target}' stands twice and not every row says when"
            faults.append(line.row.fault("target", what, f"first in line {other.row.line}"))
    return faults
