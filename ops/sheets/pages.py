"""A file of a service's folder as a page: a header and rows of text, to be shown in a sheet; and a page as a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from adapter.errors import FaultyTables
from adapter.tables import Columns, Fault, read_records, read_toml
from adapter.translator.codes import CODE_COLUMNS
from adapter.translator.lines import TABLE_COLUMNS
from ops.sheets.toml_rows import HEADER, TomlRow, toml_line, toml_rows

DOCUMENTS = ("service.toml", "card.toml")
"""Files that are no tables, in the order in which a clerk meets them."""

CODES = "codes"
"""The folder of code tables; every other folder of tables is named as an internal contract."""

FILE = re.compile(rf"({'|'.join(map(re.escape, DOCUMENTS))})|[A-Za-z0-9_]+/[A-Za-z0-9_]+\.csv")
"""What a page may be of: no name leads out of the service's folder."""

_QUOTE = '"'
_QUOTED = re.compile('[",\r\n]')

Cells: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """One file: its name from the service's folder on, its columns, and its rows as long as the header."""

    file: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def pages_of(folder: Path) -> list[Page]:
    """Read what a workbook holds of a service: its documents, mapping tables and codes. Raises FaultyTables."""
    tables = sorted(path.relative_to(folder).as_posix() for path in folder.glob("*/*.csv"))
    pages: list[Page] = []
    faults: list[str] = []
    for name in [*DOCUMENTS, *sorted(tables, key=lambda name: name.startswith(f"{CODES}/"))]:
        try:
            pages.append(page_of(folder, name))
        except FaultyTables as error:
            faults += error.faults
    if faults:
        raise FaultyTables(faults)
    return pages


def page_of(folder: Path, file: str) -> Page:
    """Read one file of a service's folder. Raises FaultyTables when it cannot be read as rows."""
    label = f"{folder.parent.name}/{folder.name}/{file}"
    page, faults = (_read_document if file in DOCUMENTS else _read_table)(folder, file, label)
    if faults:
        raise FaultyTables([str(fault) for fault in faults])
    return page


def columns_of(file: str) -> tuple[str, ...]:
    """The columns of a file in the order in which they are written."""
    if file in DOCUMENTS:
        return HEADER
    known: Columns = CODE_COLUMNS if file.startswith(f"{CODES}/") else TABLE_COLUMNS
    return _CODES_ORDER if known is CODE_COLUMNS else (*known.required, *known.optional)


_CODES_ORDER = (
    "gateway", "internal", "title", "unit", "stage", "awaited", "valid_from", "valid_to", "legal_basis", "note",
)  # fmt: skip


def table_text(header: Sequence[str], rows: Iterable[Cells]) -> list[str]:
    """The records of a CSV file, each with its line break, the header first."""
    return [_record(header), *(_record([row.get(name, "") for name in header]) for row in rows)]


def speller(path: Path) -> Callable[[TomlRow], str]:
    """From a row to its line of a TOML file; one that stands in the present file stays as it is. Raises RowUnfit."""
    standing = dict(toml_rows(path.read_text(encoding="utf-8"))) if path.is_file() else {}
    return lambda row: f"{standing.get(row) or toml_line(row)}\n"


def in_order(rows: Sequence[Cells], file: str) -> list[int]:
    """The places of the rows as they are written: a mapping table is sorted by target, others stay as they are."""
    places = list(range(len(rows)))
    targets = [row.get("target", "") for row in rows]
    is_sorted = targets in (sorted(targets), sorted(targets, key=str.casefold))
    if is_sorted or columns_of(file)[0] != TABLE_COLUMNS.sorted_by:
        return places
    return sorted(places, key=lambda place: targets[place].casefold())


def _read_table(folder: Path, name: str, label: str) -> tuple[Page, list[Fault]]:
    records, faults = read_records(folder / name, label)
    if not records:
        return Page(name, columns_of(name), ()), faults
    (_, header), *rows = records
    faults += [
        Fault(label, line, "", f"{len(cells)} cells stand under {len(header)} columns")
        for line, cells in rows
        if len(cells) != len(header)
    ]
    return Page(name, tuple(header), tuple(tuple(cells) for _, cells in rows)), faults


def _read_document(folder: Path, name: str, label: str) -> tuple[Page, list[Fault]]:
    _, faults = read_toml(folder / name, label)
    rows = () if faults else toml_rows((folder / name).read_text(encoding="utf-8"))
    return Page(name, HEADER, tuple(row for row, _ in rows)), faults


def _record(cells: Sequence[str]) -> str:
    """Quoted only where it must be; the library's writer forgets a lone carriage return."""
    return ",".join(f'"{cell.replace(_QUOTE, _QUOTE * 2)}"' if _QUOTED.search(cell) else cell for cell in cells) + "\n"
