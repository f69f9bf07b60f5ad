"""Other spellings of names that real partners are known to use: aliases.csv, read once and applied to what comes in."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from lxml import etree

from adapter.tables import Fault as Finding
from adapter.tables import near

ALIAS_COLUMNS = ("partner", "operation", "accepted", "meaning", "note")
ANY = "*"

Names: TypeAlias = Mapping[str, str]
"""A spelling → the contract's own name."""


@dataclass(frozen=True, slots=True)
class AliasRow:
    """One row; `line` is where it stands. A spelling is kept as written: one partner's ends in a space."""

    partner: str
    operation: str
    accepted: str
    meaning: str
    line: int


@dataclass(frozen=True, slots=True)
class Aliases:
    """The spellings by partner and operation, each with those of `*`; no rows cost nothing."""

    by_partner: Mapping[tuple[str, str], Names] = field(default_factory=dict)

    def names(self, partner: str | None, operation: str) -> Names:
        """What this partner may write in this operation."""
        for key in ((partner or ANY, operation), (ANY, operation)):
            if key in self.by_partner:
                return self.by_partner[key]
        return {}


def aliases_of(rows: Iterable[AliasRow], operations: Collection[str]) -> Aliases:
    """The rows as they are looked up; a partner's own row goes before one for any."""
    kept = sorted(rows, key=lambda row: (row.partner != ANY, row.operation != ANY))
    partners = {row.partner for row in kept} | {ANY}
    found = {
        (partner, operation): {
            row.accepted: row.meaning
            for row in kept
            if row.partner in {ANY, partner} and row.operation in {ANY, operation}
        }
        for partner in partners
        for operation in operations
    }
    return Aliases({key: names for key, names in found.items() if names})


def rename_json(value: Any, names: Names) -> Any:
    """The value with every known spelling replaced, at every depth; one beside the name itself stays and is refused."""
    if isinstance(value, list):
        return [rename_json(one, names) for one in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for name, inner in value.items():
        meaning = names.get(name, name)
        is_taken = meaning != name and (meaning in value or meaning in found)
        found[name if is_taken else meaning] = rename_json(inner, names)
    return found


def rename_xml(root: etree._Element, names: Names) -> None:
    """Afterwards every known spelling below the element is the contract's name, in the namespace in which it stood."""
    found = root.iterdescendants(*(f"{{*}}{name}" for name in names)) if names else ()
    spelt: list[tuple[Any, Any, str]] = [(one, one.getparent(), names[etree.QName(one).localname]) for one in found]
    places = {(parent, meaning) for _, parent, meaning in spelt}
    taken = {place for place in places if place[0].find(f"{{*}}{place[1]}") is not None}
    for one, *place in spelt:
        if tuple(place) not in taken:
            one.tag = etree.QName(etree.QName(one).namespace, place[1]).text


def read_aliases(path: Path, faults: list[str]) -> list[AliasRow]:
    """The rows of aliases.csv; a folder without one has none. Faults are added as `file:line: column: what`."""
    try:
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline=""), strict=True))
    except FileNotFoundError:
        return []
    except (UnicodeDecodeError, csv.Error) as error:
        faults.append(f"{path}: is not CSV in UTF-8: {error}")
        return []
    if not rows or tuple(rows[0]) != ALIAS_COLUMNS:
        faults.append(f"{path}:1: the header must be {','.join(ALIAS_COLUMNS)}")
        return []
    return [row for line, cells in enumerate(rows[1:], start=2) if (row := _row(cells, line, str(path), faults))]


def check_aliases(rows: Iterable[AliasRow], fields: Mapping[str, Collection[str]], *, file: str) -> Iterator[Finding]:
    """Rows that mean what no message has; `fields` are the names of each operation's fields, both ways."""
    seen: dict[tuple[str, str, str], int] = {}
    for row in rows:
        names = _names(fields, row.operation)
        if row.operation not in {ANY, *fields}:
            what = f"'{row.operation}' is not an operation"
            yield _at(file, row, "operation", what, near(row.operation, fields))
        elif row.meaning not in names:
            yield _at(file, row, "meaning", f"'{row.meaning}' is not a field there", near(row.meaning, names))
        elif row.accepted in names:
            yield _at(file, row, "accepted", f"'{row.accepted}' is a field itself", "take the row out")
        key = row.partner, row.operation, row.accepted
        if seen.setdefault(key, row.line) != row.line:
            yield _at(file, row, "accepted", f"'{row.accepted}' stands twice", f"see line {seen[key]}")


def _names(fields: Mapping[str, Collection[str]], operation: str) -> set[str]:
    return {name for known, names in fields.items() if operation in {ANY, known} for name in names}


def _at(file: str, row: AliasRow, column: str, what: str, what_to_do: str) -> Finding:
    return Finding(file, row.line, column, what, what_to_do=what_to_do)


def _row(cells: list[str], line: int, file: str, faults: list[str]) -> AliasRow | None:
    if len(cells) != len(ALIAS_COLUMNS):
        faults.append(f"{file}:{line}: has {len(cells)} cells, the header {len(ALIAS_COLUMNS)}")
        return None
    partner, operation, accepted, meaning, _ = cells
    row = AliasRow(partner.strip(), operation.strip(), accepted, meaning.strip(), line)
    empty = [name for name in ALIAS_COLUMNS[:4] if not getattr(row, name).strip()]
    faults.extend(f"{file}:{line}: {name}: is empty; write {ANY} for any, or the name" for name in empty)
    return None if empty else row
