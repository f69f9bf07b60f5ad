"""A workbook as a clerk gave it back: its pages by file, and every cell that cannot be taken as it stands."""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from adapter.errors import Refused, Unfit
from ops.sheets.cells import text_of
from ops.sheets.pages import FILE, Cells
from ops.sheets.writing import GUIDE_MARK, HEADER_ROW, LABEL_ROW, LISTS_MARK

DAYS = frozenset({"valid_from", "valid_to", "planned_date"})
"""Columns in which a date that a program recognised is taken."""

_MOST_BYTES = 256 * 1024 * 1024
"""Of a workbook when unpacked; one of 300 services has a tenth of it."""

_NO_WORKBOOK = (
    OSError, RuntimeError, zipfile.BadZipFile, zlib.error, InvalidFileException, LookupError, ValueError, TypeError,
    AttributeError, SyntaxError,
)  # fmt: skip
"""What openpyxl raises over a damaged file, an encrypted one or none of its kind."""

_WITH_ZEROS = re.compile("0[0-9]+")


@dataclass(frozen=True, slots=True, order=True)
class CellFault:
    """What is wrong with one cell of a workbook."""

    sheet: str
    row: int
    column: int
    what: str

    @property
    def coordinate(self) -> str:
        """The cell as people name it: `B7`."""
        return f"{get_column_letter(self.column)}{self.row}"

    def __str__(self) -> str:
        return f"{self.sheet}!{self.coordinate}: {self.what}"


@dataclass(slots=True)
class Sheet:
    """One sheet, read: the file it is of, where each column stands, and its rows that are not empty, by number."""

    title: str
    file: str
    columns: dict[str, int] = field(default_factory=dict)
    rows: dict[int, Cells] = field(default_factory=dict)


def open_workbook(path: Path) -> Any:
    """Open a workbook with its formulas as they stand, none computed. Raises Refused when it is none or too large."""
    try:
        with zipfile.ZipFile(path) as package:
            size = sum(one.file_size for one in package.infolist())
        if size > _MOST_BYTES:
            raise Refused(f"{path}: unpacked it has {size} bytes, the most is {_MOST_BYTES}")
        with warnings.catch_warnings():  # of what other programs added and openpyxl leaves out of the copy
            warnings.simplefilter("ignore")
            return load_workbook(path)
    except FileNotFoundError:
        raise Refused(f"{path}: there is no such file") from None
    except _NO_WORKBOOK as error:
        raise Refused(f"{path}: not a workbook; save it as Excel workbook, .xlsx ({error})") from error


def service_of(workbook: Any) -> str | None:
    """The service that the guide names."""
    guides = (sheet for sheet in workbook.worksheets if sheet["A1"].value == GUIDE_MARK)
    return next((str(sheet["B1"].value or "").strip() or None for sheet in guides), None)


def read_sheets(workbook: Any, faults: list[CellFault]) -> list[Sheet]:
    """Read every sheet that is of a file, whatever its title and its order; what is empty is left out."""
    found: dict[str, Sheet] = {}
    for tab in workbook.worksheets:
        label = str(tab.cell(LABEL_ROW, 1).value or "").strip()
        if label in {GUIDE_MARK, LISTS_MARK} or _is_empty(tab):
            continue
        if FILE.fullmatch(label) is None:
            what = f"'{label}' names no file; write here the file that this sheet is of, as in codes/status.csv"
            faults.append(CellFault(tab.title, LABEL_ROW, 1, what))
        elif label in found:
            what = f"the sheet '{found[label].title}' is of {label}, too; keep one of them"
            faults.append(CellFault(tab.title, LABEL_ROW, 1, what))
        else:
            found[label] = read_sheet(tab, label, faults)
    return list(found.values())


def read_sheet(tab: Any, file: str, faults: list[CellFault], *, header_row: int = HEADER_ROW) -> Sheet:
    """Read one sheet whose header stands in `header_row`; names of columns are taken in any order."""
    sheet = Sheet(tab.title, file)
    faults += [
        CellFault(tab.title, one.min_row, one.min_col, f"the cells {one.coord} are merged; separate them")
        for one in tab.merged_cells.ranges
        if one.max_row >= header_row
    ]
    headers = _headers(tab, header_row, faults)
    for number, name in headers.items():
        if name in sheet.columns:
            faults.append(CellFault(tab.title, header_row, number, f"the column '{name}' stands twice"))
        else:
            sheet.columns[name] = number
    zeros = {number for number in headers if _keeps_zeros(tab, number, header_row + 1)}
    is_document = file.endswith(".toml")
    for row in tab.iter_rows(min_row=header_row + 1):
        texts = dict(_texts(row, headers, zeros, faults))
        if any(texts.values()) or is_document:
            sheet.rows[row[0].row] = texts
    while sheet.rows and not any(sheet.rows[last := max(sheet.rows)].values()):
        del sheet.rows[last]
    return sheet


def _texts(
    row: tuple[Any, ...], headers: dict[int, str], zeros: set[int], faults: list[CellFault]
) -> Iterator[tuple[str, str]]:
    for number, cell in enumerate(row, start=1):
        name = headers.get(number)
        if name is None and cell.value is None:
            continue
        if name is None:
            what = "the column has no name; write it in its header, or empty the cell"
            faults.append(CellFault(cell.parent.title, cell.row, number, what))
            continue
        try:
            yield name, text_of(cell, is_day=name in DAYS, keeps_zeros=number in zeros)
        except Unfit as unfit:
            faults.append(CellFault(cell.parent.title, cell.row, number, unfit.detail))


def _headers(tab: Any, header_row: int, faults: list[CellFault]) -> dict[int, str]:
    """Column number → its name; columns without a name are left out."""
    found = {}
    for number, cell in enumerate(next(tab.iter_rows(min_row=header_row, max_row=header_row), ()), start=1):
        try:
            name = text_of(cell).casefold()
        except Unfit as unfit:
            faults.append(CellFault(tab.title, header_row, number, unfit.detail))
            continue
        if name:
            found[number] = name
    return found


def _keeps_zeros(tab: Any, number: int, first: int) -> bool:
    """Whether codes such as 010 stand in the column: a number there may have been one of them."""
    cells = tab.iter_cols(min_col=number, max_col=number, min_row=first, values_only=True)
    return any(isinstance(value, str) and _WITH_ZEROS.fullmatch(value) for column in cells for value in column)


def _is_empty(tab: Any) -> bool:
    return all(value is None for row in tab.iter_rows(values_only=True) for value in row)
