"""CSV and TOML read strictly, with the place of everything, so that a fault names its cell. All faults at once."""

from __future__ import annotations

import csv
import difflib
import io
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeAlias

Source: TypeAlias = Path | bytes
"""A file to be read, or what stood in it when its folder was read."""

TO_FILL = "؟؟؟"
"""What a new folder holds where a clerk has still to write something."""

STILL_TO_FILL = "still to be filled in"

_MOST_NAMES_TOLD = 12
_BOM = b"\xef\xbb\xbf"
_SECTION = re.compile(r"\s*\[{1,2}\s*([^\[\]]+?)\s*\]{1,2}\s*(?:#.*)?")
_KEY = re.compile(r"\s*([A-Za-z0-9_.-]+|\"[^\"]+\")\s*=")
_ENTRY_NUMBER = re.compile(r"\[[0-9]+\]")
_WHERE = re.compile(r"\(at line ([0-9]+), column [0-9]+\)")


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One mistake in a file: prints as `file:line: column: what, why, what to do`."""

    file: str
    line: int
    column: str
    what: str
    why: str = ""
    what_to_do: str = ""

    def __str__(self) -> str:
        sentence = ", ".join(part for part in (self.what, self.why, self.what_to_do) if part)
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.column}: {sentence}" if self.column else f"{place}: {sentence}"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table; every cell is text without surrounding spaces, a column that is not there is empty.

    `cells` has all columns that the table may have.
    """

    file: str
    line: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    @property
    def place(self) -> str:
        """`file:line`, as messages write it."""
        return f"{self.file}:{self.line}"

    def fault(self, column: str, what: str, why: str = "", *, what_to_do: str = "") -> Fault:
        """Return a fault in this row's cell."""
        return Fault(self.file, self.line, column, what, why, what_to_do)


@dataclass(frozen=True, slots=True)
class Columns:
    """What a table's header may hold, which columns make a row unique, and the one it is sorted by."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    unique: tuple[str, ...] = ()
    sorted_by: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A TOML file's values and the line of each dotted key; `own` is a tenant's file whose keys were laid over it."""

    file: str
    values: Mapping[str, Any]
    lines: Mapping[str, int] = field(default_factory=dict)
    own: Document | None = None

    def fault(self, key: str, what: str, why: str = "", *, what_to_do: str = "") -> Fault:
        """Return a fault at a dotted key, or at the nearest section above it that stands in the file."""
        at = _ENTRY_NUMBER.sub("", key)
        while at:
            for one in filter(None, (self.own, self)):
                if at in one.lines:
                    return Fault(one.file, one.lines[at], key, what, why, what_to_do)
            at = at.rpartition(".")[0]
        return Fault(self.file, 1, key, what, why, what_to_do)


@dataclass(frozen=True, slots=True)
class Key:
    """What a TOML key must hold: a type, and the words it may be when there are few."""

    kind: type
    required: bool = True
    choices: tuple[str, ...] = ()


_KIND_NAMES = {str: "text", int: "a whole number", bool: "true or false", list: "a list", dict: "a section"}


def read_csv(source: Source, label: str, columns: Columns) -> tuple[tuple[Row, ...], list[Fault]]:
    """Read a table; rows that can be read are there even when others have faults."""
    records, faults = read_records(source, label)
    if not records and faults:
        return (), faults
    rows, found = rows_of(records, label, columns)
    return rows, [*faults, *found]


def rows_of(
    records: Sequence[tuple[int, list[str]]], label: str, columns: Columns
) -> tuple[tuple[Row, ...], list[Fault]]:
    """Make rows of records, the header first; rows that can be read are there even when others have faults."""
    if not records:
        return (), [Fault(label, 1, "", "the table is empty", "a table begins with its header")]
    header = records[0][1]
    if len(header) == 1 and ";" in header[0]:
        return (), [Fault(label, 1, "", "the cells are separated by semicolons", what_to_do="save it with commas")]
    faults = _header_faults(header, label, columns)
    if not set(columns.required) <= set(header):
        return (), faults
    rows: list[Row] = []
    not_there = dict.fromkeys(set(columns.optional) - set(header), "")
    for line, cells in records[1:]:
        if len(cells) == len(header):
            rows.append(Row(label, line, not_there | dict(zip(header, cells, strict=True))))
        else:
            found = f"{len(cells)} cells stand under {len(header)} columns"
            faults.append(Fault(label, line, "", found, what_to_do="quote a cell that holds a comma"))
    return tuple(rows), [*faults, *_twice(rows, columns.unique), *_out_of_order(rows, columns.sorted_by)]


def read_records(source: Source, label: str) -> tuple[list[tuple[int, list[str]]], list[Fault]]:
    """Read a table whatever its columns: the line on which each record begins and its cells, the header first."""
    text, faults = _read_text(source, label)
    return ([], faults) if faults else _records(text, label)


def read_toml(source: Source, label: str) -> tuple[Document, list[Fault]]:
    """Read a TOML file; with faults the document is empty."""
    text, faults = _read_text(source, label)
    if faults:
        return Document(label, {}), faults
    try:
        return Document(label, tomllib.loads(text), _key_lines(text)), []
    except tomllib.TOMLDecodeError as error:
        found = _WHERE.search(str(error))
        what = _WHERE.sub("", str(error)).strip()
        return Document(label, {}), [Fault(label, int(found[1]) if found else 1, "", "not readable as TOML", what)]


def check_keys(document: Document, keys: Mapping[str, Key], at: str = "") -> list[Fault]:
    """Return every unknown, missing and wrongly typed key of one section; `at` is the section's dotted name.

    A key that is missing because it is misspelt is told once.
    """
    section, prefix = document.values, f"{at}." if at else ""
    for name in filter(None, at.split(".")):
        section = section.get(name, {})
    missing = [name for name in keys if name not in section]
    unknown = [name for name in section if name not in keys]
    misspelt = {found[0] for name in unknown if (found := difflib.get_close_matches(name, missing, n=1))}
    faults = [
        document.fault(f"{prefix}{name}", f"'{name}' is not a key here", what_to_do=near(name, keys))
        for name in unknown
    ]
    for name, key in keys.items():
        if name in section:
            faults += _value_faults(document, f"{prefix}{name}", section[name], key)
        elif key.required and name not in misspelt:
            faults.append(document.fault(f"{prefix}{name}", "the key is missing", what_to_do=f"write {name} = …"))
    return faults


def near(name: str, names: Iterable[str]) -> str:
    """Return `did you mean 'x'?`, or the choice when nothing is near."""
    known = sorted(names)
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if found:
        return f"did you mean '{found[0]}'?"
    told = ", ".join(known[:_MOST_NAMES_TOLD]) + (" …" if len(known) > _MOST_NAMES_TOLD else "")
    return f"there is: {told}" if known else "there is none"


def _read_text(source: Source, label: str) -> tuple[str, list[Fault]]:
    try:
        content = source if isinstance(source, bytes) else source.read_bytes()
    except FileNotFoundError:
        return "", [Fault(label, 0, "", "the file is missing", what_to_do="add it, or mend the name that asks for it")]
    except OSError as error:
        return "", [Fault(label, 0, "", "the file cannot be read", error.strerror or type(error).__name__)]
    if content.startswith(_BOM):
        return "", [
            Fault(label, 1, "", "a byte-order mark stands before the text", what_to_do="save as UTF-8 without BOM")
        ]
    try:
        return content.decode(), []
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return "", [Fault(label, line, "", "the text is not UTF-8", what_to_do="save the file as UTF-8")]


def _records(text: str, label: str) -> tuple[list[tuple[int, list[str]]], list[Fault]]:
    """Return (line, cells) of every record in which something stands: spreadsheets leave rows of empty cells behind."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records: list[tuple[int, list[str]]] = []
    try:
        for line, written in _numbered(reader):
            cells = [cell.strip() for cell in written]
            if any(cells):
                records.append((line, cells))
    except csv.Error as error:
        return records, [Fault(label, reader.line_num, "", "the row cannot be read", str(error))]
    return records, []


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Give each record the line on which it begins: a quoted cell may hold line breaks."""
    line = 1
    for cells in reader:
        yield line, cells
        line = reader.line_num + 1


def _header_faults(header: Sequence[str], label: str, columns: Columns) -> list[Fault]:
    known = (*columns.required, *columns.optional)
    whole = f"the header is {','.join(known)}"
    unknown = [name for name in header if name not in known]
    missing = [name for name in columns.required if name not in header]
    misspelt = {found[0] for name in unknown if (found := difflib.get_close_matches(name, missing, n=1))}
    twice = sorted({name for name in header if header.count(name) > 1})
    return [
        *(Fault(label, 1, name, "the column is missing", what_to_do=whole) for name in missing if name not in misspelt),
        *(Fault(label, 1, name, f"'{name}' is not a column here", what_to_do=near(name, known)) for name in unknown),
        *(Fault(label, 1, name, "the column stands twice") for name in twice),
    ]


def _twice(rows: Sequence[Row], unique: Sequence[str]) -> list[Fault]:
    if not unique:
        return []
    first: dict[Any, Row] = {}
    faults = []
    key_of = itemgetter(*unique)
    for row in rows:
        other = first.setdefault(key_of(row.cells), row)
        if other is not row:
            what = f"'{row[unique[0]]}' stands twice"
            faults.append(row.fault(unique[0], what, f"first in line {other.line}", what_to_do="keep one of the rows"))
    return faults


def _out_of_order(rows: Sequence[Row], column: str | None) -> list[Fault]:
    """Return one fault at the first row out of order; by code points or, as spreadsheets do, without regard to case."""
    names = [row.cells[column] for row in rows] if column else []
    if not column or names == sorted(names) or names == sorted(names, key=str.casefold):
        return []
    at = next(place for place in range(1, len(names)) if names[place].casefold() < names[place - 1].casefold())
    what = f"'{names[at]}' stands after '{names[at - 1]}'"
    return [rows[at].fault(column, what, f"tables are sorted by {column}", what_to_do="sort the table")]


def _key_lines(text: str) -> dict[str, int]:
    """Return the line of every dotted key and section; the first one where a section repeats."""
    lines: dict[str, int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if found := _SECTION.fullmatch(line):
            section = found[1].replace('"', "")
            lines.setdefault(section, number)
        elif found := _KEY.match(line):
            name = found[1].strip('"')
            lines.setdefault(f"{section}.{name}" if section else name, number)
    return lines


def _value_faults(document: Document, key: str, value: Any, rule: Key) -> list[Fault]:
    if not isinstance(value, rule.kind) or (rule.kind is int and isinstance(value, bool)):
        return [document.fault(key, f"the value is not {_KIND_NAMES[rule.kind]}")]
    if value in (TO_FILL, [TO_FILL]):
        return [document.fault(key, STILL_TO_FILL)]
    if rule.choices and value not in rule.choices:
        return [document.fault(key, f"'{value}' is not known", what_to_do=near(str(value), rule.choices))]
    if rule.required and value in ("", [], {}):
        return [document.fault(key, "the value is empty")]
    return []
