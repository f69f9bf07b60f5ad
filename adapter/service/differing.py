"""How two folders of a service differ: rows by what they are for, never by their lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapter.tables import Columns, Document, Fault, Row, read_csv, read_toml
from adapter.translator.codes import CODE_COLUMNS
from adapter.translator.lines import TABLE_COLUMNS
from adapter.translator.overlaying import TAKEN_OUT, columns_of_own

_DOCUMENTS = ("service.toml", "card.toml")
_CODE_KEY = ("gateway", "internal", "valid_from")
_ROW_KEY = ("target", "when")


@dataclass(frozen=True, slots=True)
class Differs:
    """One row or key that is not the same; a place is empty where the row does not stand.

    `columns` gives what stands in the first folder and in the second, of the cells that differ.
    """

    file: str
    key: str
    first: str
    second: str
    columns: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def change(self) -> str:
        """What happened on the way from the first to the second."""
        return "changed" if self.first and self.second else "removed" if self.first else "added"

    @property
    def sentence(self) -> str:
        """What is not the same, wherever it stands."""
        cells = "; ".join(
            f"{name}: {before or 'nothing'} → {after or 'nothing'}" for name, (before, after) in self.columns.items()
        )
        return f"{self.file} {self.key}: {self.change}{f': {cells}' if cells else ''}"

    def __str__(self) -> str:
        place = " → ".join(part for part in (self.first, self.second) if part)
        return f"{self.sentence} ({place})"


def differences(first: Path, second: Path) -> tuple[list[Differs], list[Fault]]:
    """Return every row and key that the two folders do not share, by file, and what could not be read.

    Tables are matched by their names, whatever the internal system: its folder is called after it. Either may be a
    tenant's own folder, which holds a few files of a service.
    """
    found: list[Differs] = []
    faults: list[Fault] = []
    for name in _DOCUMENTS:
        sides = []
        for folder in (first, second):
            document = Document(name, {})
            if (folder / name).is_file():
                document, unread = read_toml(folder / name, f"{folder.name}/{name}")
                faults += unread
            flat = dict(_flat(document.values))
            sides.append({key: (document.fault(key, "").line, value) for key, value in flat.items()})
        found += _document_differences(name, (first.name, second.name), *sides)
    one, other = _files(first), _files(second)
    for name in sorted(one.keys() | other.keys()):
        columns, key = (CODE_COLUMNS, _CODE_KEY) if name.startswith("codes/") else (TABLE_COLUMNS, _ROW_KEY)
        rows = []
        for files, folder in ((one, first), (other, second)):
            read, unread = _rows(files.get(name), folder, columns)
            faults += unread
            rows.append(_by_key(read, key))
        found += _row_differences(name, *rows, columns=(*columns.required, *columns.optional, TAKEN_OUT))
    return found, faults


def _files(folder: Path) -> dict[str, Path]:
    """Its tables as `submit.csv` and its codes as `codes/status.csv`."""
    return {
        f"codes/{path.name}" if path.parent.name == "codes" else path.name: path
        for path in sorted(folder.glob("*/*.csv"))
    }


def _rows(path: Path | None, folder: Path, columns: Columns) -> tuple[Sequence[Row], list[Fault]]:
    if path is None:
        return (), []
    known = columns_of_own(Columns(columns.required, columns.optional))
    return read_csv(path, f"{folder.name}/{path.relative_to(folder).as_posix()}", known)


def _by_key(rows: Sequence[Row], key: Sequence[str]) -> dict[tuple[str, ...], Row]:
    return {tuple(row[column] for column in key): row for row in rows}


def _row_differences(
    file: str, first: Mapping[tuple[str, ...], Row], second: Mapping[tuple[str, ...], Row], *, columns: Sequence[str]
) -> Iterator[Differs]:
    for key in sorted(first.keys() | second.keys()):
        one, other = first.get(key), second.get(key)
        changed = {}
        if one and other:
            changed = {name: (one[name], other[name]) for name in columns if one[name] != other[name]}
        if not (one and other) or changed:
            told = " ".join(part for part in key if part)
            yield Differs(file, told, one.place if one else "", other.place if other else "", changed)


def _document_differences(
    file: str,
    names: tuple[str, str],
    first: Mapping[str, tuple[int, str]],
    second: Mapping[str, tuple[int, str]],
) -> Iterator[Differs]:
    for key in sorted(first.keys() | second.keys()):
        one, other = first.get(key), second.get(key)
        if one is None or other is None or one[1] != other[1]:
            before, after = (
                f"{name}/{file}:{side[0]}" if side else "" for name, side in zip(names, (one, other), strict=True)
            )
            values = (one[1] if one else "", other[1] if other else "")
            yield Differs(file, key, before, after, {"value": values})


def _flat(value: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """Every value of a document by its dotted key; entries of a list by their number."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flat(inner, f"{at}.{name}" if at else name)
    elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
        for number, inner in enumerate(value, start=1):
            yield from _flat(inner, f"{at}[{number}]")
    elif isinstance(value, list):
        yield at, ", ".join(map(str, value))
    else:
        yield at, str(value)
