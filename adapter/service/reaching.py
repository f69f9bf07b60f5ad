"""Rows and codes that nothing can reach: conditions that never hold, rows behind others, codes that never come."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import combinations, groupby

from adapter.calendar import spell_day
from adapter.exchange import Direction
from adapter.tables import Fault
from adapter.text import canonical_text
from adapter.translator import CodeBook, Table
from adapter.translator.codes import Cell
from adapter.translator.lines import Line
from adapter.workbench.fields import Field, Kind
from adapter.workbench.sampling import fits
from adapter.workbench.sampling import value as example
from adapter.workbench.sides import Paths

_CODES = frozenset({"gateway", "internal"})
_NOTHING = frozenset({"absent", "empty", "nil"})
_MEND = "mend the condition, or remove the row"
_YES_OR_NO = frozenset({"true", "false"})


def shadowed_faults(table: Table) -> list[Fault]:
    """Return every row that a row above it always stands in for."""
    faults: dict[int, Fault] = {}
    for first, second in combinations(table.lines, 2):
        if first.target == second.target and _implies(second, first) and _always_gives(first):
            what = f"the row in line {first.row.line} always comes before this one"
            fault = second.row.fault(
                "when", what, "this row never gives anything", what_to_do="remove it, or mend when"
            )
            faults.setdefault(second.row.line, fault)
    return list(faults.values())


def never_faults(table: Table, gives: Paths, required: Iterable[str], message: str) -> list[Fault]:
    """Return every condition that no record of the message can meet, and those under which a row only ever parks.

    `required` are the paths that always stand.
    """
    always = set(required)
    faults = []
    for line in table.lines:
        if line.when is None:
            continue
        if why := _why_never(line, gives.get(line.when[0].text, ()), always, message):
            faults.append(line.row.fault("when", "this never holds", why, what_to_do=_MEND))
        elif _wants_what_is_not_there(line):
            why = f"it requires '{line.sources[0].text}' and comes only when nothing is said there"
            faults.append(line.row.fault("when", "this row never gives anything", why, what_to_do=_MEND))
    return faults


def book_faults(books: Mapping[str, CodeBook], tables: Mapping[str, tuple[Table, Direction]]) -> list[Fault]:
    """Return codes files that no row uses, and cells that are empty though the file is read in both directions.

    Where a table cannot be read or names a codes file that is not there, nobody knows which are unused.
    """
    used: dict[str, set[Direction]] = {}
    names = {book.file: name for name, book in books.items()}
    lines = [(line, direction) for table, direction in tables.values() for line in table.lines]
    for line, direction in lines:
        if line.book:
            name = names.get(line.book[0].row.file, "")
            used.setdefault(name, set()).update({direction} if line.book[0].column in _CODES else ())
    is_known = all(table.lines for table, _ in tables.values()) and all(
        line.book for line, _ in lines if line.row["rule"] == "code"
    )
    unused = [
        Fault(
            books[name].file,
            0,
            "",
            "no row uses this codes file",
            what_to_do="name it in a row with code, or remove it",
        )
        for name in sorted(books.keys() - used.keys())
        if is_known
    ]
    both = [books[name] for name, directions in used.items() if len(directions) > 1 and name in books]
    return unused + [fault for book in both for fault in _half_empty(book)]


def code_faults(tables: Iterable[tuple[Table, Paths, str]]) -> list[Fault]:
    """Return every word that may come and has no row, and every code in force that can never come.

    Both are told only of rows whose source says which words it knows; a misspelt code is told once: it never comes.
    """
    readings = _readings(tables)
    faults = []
    for one in readings.values():
        known = {cell.code for cell in one.cells}
        missing = sorted(one.comes - known)
        given = " and ".join(sorted(one.contracts))
        unheard = [] if one.is_open else [cell for cell in one.cells if cell.code not in one.words]
        for cell in (cell for cell in unheard if cell.entry.valid_to == date.max):
            meant = difflib.get_close_matches(cell.code, missing, n=1)
            missing = [word for word in missing if word not in meant]
            what_to_do = f"did you mean '{meant[0]}'?" if meant else "mend the code, or end the row by valid_to"
            what = f"'{cell.code}' never comes"
            faults.append(cell.row.fault(cell.key, what, f"{given} does not know it", what_to_do=what_to_do))
        file, key = one.cells[0].row.file, one.cells[0].key
        faults += [Fault(file, 1, key, f"'{word}' has no row", f"{given} may send it", "add a row") for word in missing]
        faults += _gap_faults(one, given)
    return faults


def _gap_faults(reading: _Reading, given: str) -> Iterator[Fault]:
    """Days on which a code has no row between two that it has, and those after its last one while it may still come.

    Before its first row begins a code is not known to anybody.
    """
    by_code = groupby(
        sorted(reading.cells, key=lambda cell: (cell.code, cell.entry.valid_from)), lambda cell: cell.code
    )
    for code, cells in by_code:
        last = next(cells)
        for cell in cells:
            if cell.entry.valid_from.toordinal() > last.entry.valid_to.toordinal() + 1:
                days = f"after {spell_day(last.entry.valid_to)} and before {spell_day(cell.entry.valid_from)}"
                what_to_do = "end it on the day before the next one begins"
                yield last.row.fault(
                    "valid_to", f"'{code}' has no row {days}", f"see {cell.row.place}", what_to_do=what_to_do
                )
            last = max(last, cell, key=lambda one: one.entry.valid_to)
        if last.entry.valid_to < date.max and code in reading.comes:
            what = f"'{code}' has no row after {spell_day(last.entry.valid_to)}"
            yield last.row.fault("valid_to", what, f"{given} may send it", what_to_do="add a row that begins then")


@dataclass(slots=True)
class _Reading:
    """One codes file read in one direction: `comes` may be looked up, `words` are all that its sources know."""

    cells: tuple[Cell, ...]
    comes: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    contracts: set[str] = field(default_factory=set)
    is_open: bool = False


def _readings(tables: Iterable[tuple[Table, Paths, str]]) -> dict[tuple[str, str], _Reading]:
    found: dict[tuple[str, str], _Reading] = {}
    for table, gives, contract in tables:
        for line in (line for line in table.lines if line.book):
            one = found.setdefault((line.book[0].row.file, line.key), _Reading(line.book))
            fields = [field for source in line.sources for field in gives.get(source.text, ())]
            words = {word for field in fields for word in field.limits.enumeration}
            one.is_open |= not fields or any(not field.limits.enumeration for field in fields)
            one.words |= words
            one.comes |= {word for word in words if _lets_in(line, word)}
            one.contracts.add(contract)
    return found


def _lets_in(line: Line, word: str) -> bool:
    """Whether the row's own condition lets the word come."""
    return line.when is None or line.when[0] not in line.sources or line.when[1](word)


def _implies(second: Line, first: Line) -> bool:
    """Whether the first row's condition holds whenever the second one's does; one without has its fault already."""
    if first.when is None or second.when is None or first.when[0] != second.when[0]:
        return False
    (kind, value), (other, expected) = _condition(first), _condition(second)
    return (kind, value) == (other, expected) or (kind == "present" and other == "=")


def _condition(line: Line) -> tuple[str, str]:
    rest = line.row["when"].partition(" ")[2].strip()
    return ("=", canonical_text(rest[1:], digits=True)) if rest.startswith("=") else (rest, "")


def _always_gives(line: Line) -> bool:
    if line.row["rule"] == "constant" or line.is_required:
        return True
    is_there = line.when is not None and _condition(line)[0] in {"present", "="}
    return is_there and line.when is not None and line.sources == (line.when[0],) and line.row["rule"] != "code"


def _wants_what_is_not_there(line: Line) -> bool:
    """Whether the row is required and its own condition says that its one source is not told."""
    return line.is_required and set(line.sources) == {line.when and line.when[0]} and _condition(line)[0] in _NOTHING


def _why_never(line: Line, fields: tuple[Field, ...], always: set[str], message: str) -> str:
    """Why no record meets the condition; empty when one may."""
    kind, value = _condition(line)
    path = line.when[0].text if line.when else ""
    if kind == "absent" and _is_always_there(path, always):
        return f"{message} requires '{path}'"
    if kind == "=" and fields and not any(_may_be(value, field) for field in fields):
        return f"'{path}' is {_expected(fields[0])}"
    return ""


def _may_be(value: str, field: Field) -> bool:
    kind = field.limits.kind
    if kind is Kind.BOOLEAN:
        return value in _YES_OR_NO
    return kind is Kind.ANYTHING or (kind is not Kind.SECTION and fits(value, field.limits))


def _expected(field: Field) -> str:
    limits = field.limits
    if limits.enumeration:
        return f"one of {', '.join(limits.enumeration)}"
    return f"{limits.kind} such as {example(limits)}" if limits.patterns else str(limits.kind)


def _is_always_there(path: str, always: set[str]) -> bool:
    steps = path.split(".")
    return all(".".join(steps[:length]) in always for length in range(1, len(steps) + 1))


def _half_empty(book: CodeBook) -> Iterator[Fault]:
    for entry in book.rows:
        for column, other in (("gateway", "internal"), ("internal", "gateway")):
            if not entry.row[column]:
                why = "the file is read in both directions"
                what = f"'{entry.row[other]}' has no {column} code"
                yield entry.row.fault(column, what, why, what_to_do="fill the cell, or use two codes files")
