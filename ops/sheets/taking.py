"""A workbook taken back into a service's folder: all of it when nothing is wrong, else nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapter.contract.model import Contract
from adapter.errors import FaultyTables
from adapter.service.case_checks import UNTRIED
from adapter.service.differing import Differs
from adapter.tables import Fault
from adapter.workbench.sides import Fields
from ops.sheets.pages import DOCUMENTS, Cells, Page, columns_of, in_order, page_of, speller, table_text
from ops.sheets.reading import CellFault, Sheet, read_sheets
from ops.sheets.toml_rows import HEADER, RowUnfit, TomlRow
from ops.sheets.trying import try_changes
from ops.sheets.writing import HEADER_ROW, LABEL_ROW

_LINE_BREAK = re.compile("\r\n|\r|\n")


@dataclass(slots=True)
class Taken:
    """What a workbook changes in a folder (file → its new content), or what is wrong in its cells and beside them.

    `to_do` is what a folder that is new still needs: a workbook holds no cases.
    `new` are the files among the changes that are not there yet, `differences` the rows and keys that change in others.
    """

    changes: dict[str, str] = field(default_factory=dict)
    faults: list[CellFault] = field(default_factory=list)
    beside: list[Fault] = field(default_factory=list)
    to_do: list[Fault] = field(default_factory=list)
    new: set[str] = field(default_factory=set)
    differences: list[Differs] = field(default_factory=list)

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


def take(
    workbook: Any, folder: Path, contracts: Mapping[str, Contract], fields: Mapping[str, Fields] | None = None
) -> Taken:
    """Read the workbook of a service's folder and check what would become of the folder, which stays as it is.

    There need not be such a folder: then all of it is new. With the contracts' `fields` it is checked as `check` does.
    Beside cells that cannot be taken the others are checked, too, as far as nothing that follows from those is told.
    """
    taken, is_new = Taken(), not folder.is_dir()
    sheets = read_sheets(workbook, taken.faults)
    headless = {one.sheet for one in taken.faults if one.row <= HEADER_ROW}
    written = write_sheets((sheet for sheet in sheets if sheet.title not in headless), folder, taken.faults)
    unsure = {(one.sheet, one.row) for one in taken.faults}
    taken.changes = {file: one.content for file, one in written.items() if _is_changed(one.sheet, folder)}
    taken.new = {file for file in taken.changes if not (folder / file).is_file()}
    tried = try_changes(taken.changes, folder, contracts, fields=None if unsure else fields)
    taken.differences = tried.differences
    for fault in tried.faults:
        file = fault.file.partition("/")[2].partition("/")[2]
        told = written[file].fault(fault) if file in written else None
        if is_new and (fault.what == UNTRIED or file.partition("/")[0] == "cases"):
            taken.to_do.append(fault)
        elif told is not None and (told.sheet, told.row) not in unsure:
            taken.faults.append(told)
        elif told is None and not unsure:
            taken.beside.append(fault)
    return taken


def write_sheets(sheets: Iterable[Sheet], folder: Path, faults: list[CellFault]) -> dict[str, Written]:
    """Spell every sheet as its file; cells that make no line of it are faults, and their sheet is left out."""
    found = {sheet.file: _written(sheet, folder, faults) for sheet in sheets}
    return {file: one for file, one in found.items() if one is not None}


def _written(sheet: Sheet, folder: Path, faults: list[CellFault]) -> Written | None:
    numbers = list(sheet.rows)
    if sheet.file in DOCUMENTS:
        records, unfit = _document_lines(sheet, folder)
        faults += unfit
        if unfit:
            return None
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


def _document_lines(sheet: Sheet, folder: Path) -> tuple[list[str], list[CellFault]]:
    """The lines of a TOML file, and the cells of which none can be made."""
    lines: list[str] = []
    faults: list[CellFault] = []
    spelt = speller(folder / sheet.file)
    for number, cells in sheet.rows.items():
        try:
            lines.append(spelt(_toml_row(cells)))
        except RowUnfit as unfit:
            faults.append(CellFault(sheet.title, number, sheet.columns.get(unfit.column, 1), unfit.detail))
    return lines, faults


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
