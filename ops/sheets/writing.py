"""A service's pages as a workbook: right to left, explained, every cell a text, words to choose from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from adapter.errors import FaultyTables, Unfit
from ops.sheets.cells import TEXT_FORMAT, put_text
from ops.sheets.pages import Page
from ops.sheets.words import CLOSED, COLUMNS, GUIDE

GUIDE_MARK = "panjereh: tables of"
"""A1 of the guide; the service stands beside it."""

LISTS_MARK = "panjereh: words to choose from"
"""A1 of the hidden sheet that drop-downs look into."""

LABEL_ROW, HEADER_ROW = 1, 2
FIRST_ROW = 3
AUTHOR = "panjereh"

_FREE_ROWS = 500
"""Rows below the last one that have drop-downs, too."""

_LONGEST_TITLE = 31
_WIDTHS = {"target": 30, "source": 36, "title": 44, "note": 36, "value": 70, "legal_basis": 44, "key": 28}
_WIDTH = 16
_LABEL = Font(bold=True, color="1F4E79")
_HEADER = Font(bold=True, color="FFFFFF")
HEADER_FILL = PatternFill("solid", start_color="1F4E79")
_WRAPPED = Alignment(wrap_text=True, vertical="top")

Choices = Mapping[str, Mapping[str, Sequence[str]]]


def write_workbook(path: Path, service: str, pages: Iterable[Page], choices: Choices) -> None:
    """Write the workbook; raises FaultyTables with every text that no cell holds."""
    workbook = Workbook()
    _write_guide(workbook.active, service)
    lists = _Lists(workbook.create_sheet("lists"))
    faults: list[str] = []
    for page in pages:
        sheet = workbook.create_sheet(_title(page.file, workbook.sheetnames))
        _write_page(sheet, page, service, faults)
        for column, words in choices.get(page.file, {}).items():
            if words and column in page.header:
                _offer(sheet, page, column, lists.range_of(words))
    if faults:
        raise FaultyTables(faults)
    workbook.move_sheet("lists", len(workbook.sheetnames))
    workbook.save(path)


def _write_guide(sheet: Worksheet, service: str) -> None:
    sheet.title = "راهنما"
    sheet.sheet_view.rightToLeft = True
    put_text(sheet["A1"], GUIDE_MARK)
    put_text(sheet["B1"], service)
    sheet.column_dimensions["A"].width = 30
    sheet.column_dimensions["B"].width = 110
    for row, sentence in enumerate(GUIDE, start=FIRST_ROW):
        put_text(sheet.cell(row, 2), sentence)
        sheet.cell(row, 2).alignment = _WRAPPED


def _write_page(sheet: Worksheet, page: Page, service: str, faults: list[str]) -> None:
    sheet.sheet_view.rightToLeft = True
    sheet.freeze_panes = sheet.cell(FIRST_ROW, 1)
    put_text(sheet.cell(LABEL_ROW, 1), page.file)
    sheet.cell(LABEL_ROW, 1).font = _LABEL
    for number, name in enumerate(page.header, start=1):
        column = sheet.column_dimensions[get_column_letter(number)]
        column.width, column.number_format = _WIDTHS.get(name, _WIDTH), TEXT_FORMAT
        cell = sheet.cell(HEADER_ROW, number)
        put_text(cell, name)
        cell.font, cell.fill = _HEADER, HEADER_FILL
        if name in COLUMNS:
            cell.comment = Comment(COLUMNS[name], AUTHOR, height=110, width=260)
    for row, cells in enumerate(page.rows, start=FIRST_ROW):
        for number, text in enumerate(cells, start=1):
            cell = sheet.cell(row, number)
            try:
                put_text(cell, text)
            except Unfit as unfit:
                name = page.header[number - 1]
                faults.append(f"{service}/{page.file}: row {row - HEADER_ROW}: {name}: {unfit.detail}")
            if "\n" in text:
                cell.alignment = _WRAPPED


def _offer(sheet: Worksheet, page: Page, column: str, words: str) -> None:
    """Give a column its drop-down; only where nothing else may stand is another word refused at once."""
    letter = get_column_letter(page.header.index(column) + 1)
    offered = DataValidation("list", formula1=words, allow_blank=True, showErrorMessage=column in CLOSED)
    offered.error = COLUMNS.get(column)
    sheet.add_data_validation(offered)
    offered.add(f"{letter}{FIRST_ROW}:{letter}{FIRST_ROW + len(page.rows) + _FREE_ROWS}")


class _Lists:
    """The hidden sheet of words: one column for each list, however many columns of tables offer it."""

    def __init__(self, sheet: Worksheet) -> None:
        self._sheet = sheet
        self._ranges: dict[tuple[str, ...], str] = {}
        sheet.sheet_state = "hidden"
        put_text(sheet["A1"], LISTS_MARK)

    def range_of(self, words: Sequence[str]) -> str:
        """Where the words stand, as a drop-down names it."""
        key = tuple(words)
        if key not in self._ranges:
            number = len(self._ranges) + 1
            for row, word in enumerate(key, start=HEADER_ROW):
                put_text(self._sheet.cell(row, number), word)
            letter = get_column_letter(number)
            self._ranges[key] = f"'{self._sheet.title}'!${letter}${HEADER_ROW}:${letter}${len(key) + 1}"
        return self._ranges[key]


def _title(file: str, taken: Sequence[str]) -> str:
    """Name a sheet for a file: codes are told from tables, and no name is too long or twice there."""
    folder, _, name = file.removesuffix(".csv").rpartition("/")
    title = f"{folder} {name}" if folder == "codes" else name
    known = {one.casefold() for one in taken}
    short, number = title[:_LONGEST_TITLE], 2
    while short.casefold() in known:
        end = f" {number}"
        short, number = f"{title[: _LONGEST_TITLE - len(end)]}{end}", number + 1
    return short
