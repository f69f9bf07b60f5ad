"""A compiled table against the contracts it stands between: every cell that names what a contract does not have.

A shape maps each path of a message to whether it must stand within its parent: `{"owners[].share_dang": True}`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import TypeAlias

from adapter.tables import Fault, near
from adapter.translator.compile import Table
from adapter.translator.lines import Line
from adapter.translator.paths import KEPT_PATHS, Path

Shape: TypeAlias = Mapping[str, bool]
Misfits: TypeAlias = Callable[[str, Collection[str]], Mapping[str, str]]
"""From a target and values to those that it does not take, each with what it takes."""

_TAKES_SECTIONS = frozenset({"copy", "join"})


def target_faults(table: Table, shape: Shape, message: str) -> list[Fault]:
    """Return every target that the message lacks and every required path of it that no row fills."""
    sections = {prefix for path in shape for prefix in _prefixes(path)}
    faults = [fault for line in table.lines for fault in _target_faults(line, shape, sections, message)]
    return [*faults, *_missing_targets(table, shape, message)]


def source_faults(table: Table, known: Collection[str], message: str) -> list[Fault]:
    """Return every source and condition whose path does not stand among those of the message, `known`."""
    faults = []
    for line in table.lines:
        named = [("source", source) for source in line.sources]
        named += [("when", line.when[0])] if line.when else []
        faults += [_unknown(line, column, path, known, message) for column, path in named if _is_missing(path, known)]
    return faults


def unexamined_faults(table: Table, base64: Collection[str], message: str) -> list[Fault]:
    """Return every row that sends a document where the message has no Base64: there no scanner would look for one."""
    why = "documents are looked for, and scanned, in the fields that the contract has as Base64"
    return [
        line.row.fault("rule", f"'{line.target}' is no document in {message}", why)
        for line in table.lines
        if (line.row["rule"], line.row["argument"]) == ("document", "") and line.target.text not in base64
    ]


def empty_cell_faults(table: Table) -> list[Fault]:
    """Return every empty cell of a codes file that a required row may come to; no table is named, as several may."""
    return [
        cell.fault("empty", "a required row takes it", what_to_do="fill the cell")
        for line in table.lines
        if line.is_required
        for cell in line.cells
        if not cell.value
    ]


def cell_faults(lines: Iterable[Line], misfits: Misfits, message: str, *, today: date) -> list[Fault]:
    """Return every cell of a codes file that a row may come to, today or later, and whose target does not take it."""
    faults = []
    for line in lines:
        cells = [cell for cell in line.cells if cell.entry.valid_to >= today]
        if found := misfits(line.target.text, {cell.value for cell in cells} - {""}) if cells else {}:
            target = f"{line.target} of {message}"
            faults += [
                cell.fault("does not fit", f"{target} takes {found[cell.value]}", what_to_do="mend the cell")
                for cell in cells
                if cell.value in found
            ]
    return faults


def under(shape: Iterable[str], prefix: str) -> list[str]:
    """Return the paths below a prefix, without it."""
    return [path.removeprefix(f"{prefix}.") for path in shape if path.startswith(f"{prefix}.")]


def _target_faults(line: Line, shape: Shape, sections: Collection[str], message: str) -> list[Fault]:
    target = line.target.text
    if target not in shape:
        what = f"'{target}' is not in {message}"
        return [line.row.fault("target", what, what_to_do=near(target, shape))]
    if line.row["rule"] not in _TAKES_SECTIONS and target in sections:
        return [
            line.row.fault("target", f"'{target}' is a section of {message}", what_to_do="fill the fields under it")
        ]
    if shape[target] and line.row["required"] in {"", "no"} and not (line.when or line.row["rule"] == "constant"):
        why = f"{message} requires '{target}'"
        return [line.row.fault("required", "the cell is not yes", why, what_to_do="write yes")]
    return []


def _missing_targets(table: Table, shape: Shape, message: str) -> list[Fault]:
    """Look only into sections that some row fills; a table without any readable row has told its fault already."""
    targets = {line.target.text for line in table.lines}
    if not targets:
        return []
    filled = {""} | {prefix for target in targets for prefix in _prefixes(target)}
    return [
        Fault(table.file, 1, "target", f"no row fills '{path}'", f"{message} requires it", "add a row")
        for path, is_required in shape.items()
        if is_required and _parent(path) in filled and path not in filled and path not in targets
    ]


@lru_cache(maxsize=KEPT_PATHS)
def _prefixes(path: str) -> Sequence[str]:
    steps = path.split(".")
    return [".".join(steps[:length]) for length in range(1, len(steps))]


def _parent(path: str) -> str:
    return path.rpartition(".")[0]


def _is_missing(path: Path, known: Collection[str]) -> bool:
    """What repeats may also be named as the list it is: `owners[]` and `owners`."""
    return not path.is_reserved and path.text not in known and f"{path.text}[]" not in known


def _unknown(line: Line, column: str, path: Path, known: Collection[str], message: str) -> Fault:
    names = {*known, *(one.removesuffix("[]") for one in known)}
    return line.row.fault(column, f"'{path}' is not in {message}", what_to_do=near(path.text, names))
