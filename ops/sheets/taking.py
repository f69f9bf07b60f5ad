"""A workbook taken back into a service's folder: all of it when nothing is wrong, else nothing."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapter.contract.model import Contract
from adapter.errors import FaultyTables
from adapter.service import load_services
from adapter.service.case_checks import UNTRIED
from adapter.tables import Fault
from ops.rehearsing import rehearsed
from ops.sheets.pages import DOCUMENTS, Cells, Page, columns_of, document_text, in_order, page_of, table_text
from ops.sheets.reading import CellFault, Sheet, read_sheets
from ops.sheets.toml_rows import HEADER, RowUnfit, TomlRow
from ops.sheets.writing import HEADER_ROW, LABEL_ROW

_LINE_BREAK = re.compile("\r\n|\r|\n")


@dataclass(slots=True)
class Taken:
    """What a workbook changes in a folder (file → its new content), or what is wrong in its cells and beside them.

    `to_do` is what a folder that is new still needs: a workbook holds no cases.
    """

    changes: dict[str, str] = field(default_factory=dict)
    faults: list[CellFault] = field(default_factory=list)
    beside: list[Fault] = field(default_factory=list)
    to_do: list[Fault] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Whether the changes may be applied."""
        return not self.faults and not self.beside


@dataclass(frozen=True, slots=True)
class Written:
    """A sheet's file as it would be written; `rows` are the sheet's rows by the lines on which they begin."""

    sheet: Sheet
    content: str
    rows: Mapping[int, int]

    def fault(self, fault: Fault) -> CellFault:
        """Return a fault of the file as one of the sheet's cell."""
        line = max((one for one in self.rows if one <= fault.line), default=0)
        row = self.rows[line] if line else LABEL_ROW
        name = "value" if self.sheet.file in DOCUMENTS else fault.column
        column = self.sheet.columns.get(name, 1) if line else 1
        told = fault.column if self.sheet.file in DOCUMENTS or fault.column not in self.sheet.columns else ""
        sentence = ", ".join(part for part in (fault.what, fault.why, fault.what_to_do) if part)
        return CellFault(self.sheet.title, row, column, f"{told}: {sentence}" if told else sentence)


def take(workbook: Any, folder: Path, contracts: Mapping[str, Contract]) -> Taken:
    """Read the workbook of a service's folder and check what would become of the folder, which stays as it is.

    There need not be such a folder: then all of it is new.
    """
    taken, is_new = Taken(), not folder.is_dir()
    written = write_sheets(read_sheets(workbook, taken.faults), folder, taken.faults)
    if taken.faults:
        return taken
    taken.changes = {file: one.content for file, one in written.items() if _is_changed(one.sheet, folder)}
    for fault in _checked(taken.changes, folder, contracts):
        file = fault.file.partition("/")[2].partition("/")[2]
        if is_new and (fault.what == UNTRIED or file.partition("/")[0] == "cases"):
            taken.to_do.append(fault)
        elif file in written:
            taken.faults.append(written[file].fault(fault))
        else:
            taken.beside.append(fault)
    return taken


def write_sheets(sheets: Iterable[Sheet], folder: Path, faults: list[CellFault]) -> dict[str, Written]:
    """Spell every sheet as its file; cells that make no line of it are faults."""
    written = {}
    for sheet in sheets:
        try:
            written[sheet.file] = _written(sheet, folder)
        except _Unwritable as error:
            faults.append(error.fault)
    return written


def apply(changes: Mapping[str, str], folder: Path) -> None:
    """Write every file beside its old self, then put each in its place."""
    fresh = {folder / file: folder / f"{file}.new" for file in changes}
    for path, new in fresh.items():
        new.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(changes[path.relative_to(folder).as_posix()], encoding="utf-8", newline="")
    for path, new in fresh.items():
        os.replace(new, path)  # noqa: PTH105 - as above, one step


class _Unwritable(Exception):
    """A row that makes no line of its file."""

    def __init__(self, fault: CellFault) -> None:
        super().__init__(str(fault))
        self.fault = fault


def _written(sheet: Sheet, folder: Path) -> Written:
    numbers = list(sheet.rows)
    if sheet.file in DOCUMENTS:
        records = [_document_line(sheet, number, folder) for number in numbers]
    else:
        places = in_order(list(sheet.rows.values()), sheet.file)
        numbers = [numbers[place] for place in places]
        records = table_text(_header(sheet, folder), [sheet.rows[number] for number in numbers])
        numbers = [HEADER_ROW, *numbers]
    rows, line = {}, 1
    for number, record in zip(numbers, records, strict=True):
        rows[line] = number
        line += len(_LINE_BREAK.findall(record))
    return Written(sheet, "".join(records), rows)


def _document_line(sheet: Sheet, number: int, folder: Path) -> str:
    try:
        (line,) = document_text([_toml_row(sheet.rows[number])], folder / sheet.file)
    except RowUnfit as unfit:
        column = sheet.columns.get(unfit.column, 1)
        raise _Unwritable(CellFault(sheet.title, number, column, unfit.detail)) from unfit
    return line


def _toml_row(cells: Cells) -> TomlRow:
    key, value, kind, comment = (cells.get(name, "") for name in HEADER)
    return key, value, kind, comment


def _header(sheet: Sheet, folder: Path) -> Sequence[str]:
    """The columns as the file has them; where they changed, in the order of all tables, unknown ones last."""
    present = _standing(sheet.file, folder)
    if present and set(present.header) == set(sheet.columns):
        return present.header
    known = columns_of(sheet.file)
    return [*(name for name in known if name in sheet.columns), *(name for name in sheet.columns if name not in known)]


def _is_changed(sheet: Sheet, folder: Path) -> bool:
    """Whether the sheet says anything else than the file, however that is spelt."""
    present = _standing(sheet.file, folder)
    if present is None or set(present.header) != set(sheet.columns):
        return True
    standing = [dict(zip(present.header, cells, strict=True)) for cells in present.rows]
    if sheet.file in DOCUMENTS:
        while standing and not any(standing[-1].values()):
            standing.pop()
        return [_toml_row(one) for one in standing] != [_toml_row(one) for one in sheet.rows.values()]
    rows = list(sheet.rows.values())
    given = [
        [row.get(name, "") for name in present.header] for row in map(rows.__getitem__, in_order(rows, sheet.file))
    ]
    return given != [list(one.values()) for one in standing if any(one.values())]


def _standing(file: str, folder: Path) -> Page | None:
    """The page of the file as it is; None where there is none that can be read."""
    try:
        return page_of(folder, file)
    except FaultyTables:
        return None


def _checked(changes: Mapping[str, str], folder: Path, contracts: Mapping[str, Contract]) -> list[Fault]:
    """Every fault that the folder would have among the other services."""
    with tempfile.TemporaryDirectory() as room:
        copy = Path(room) / folder.name
        if folder.is_dir():
            shutil.copytree(folder, copy)
        apply(changes, copy)
        with rehearsed(folder.parent, {folder.name: copy}) as mappings:
            _, faults = load_services(mappings, contracts, only={folder.name})
    return faults.get(folder.name, [])
