"""Faults written into a copy of the workbook: a colour and a note on the very cell, in Persian and in English."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from openpyxl.comments import Comment
from openpyxl.styles import PatternFill

from ops.sheets.phrases import persian_of
from ops.sheets.reading import CellFault
from ops.sheets.writing import AUTHOR, HEADER_FILL, HEADER_ROW

_RED = "FFFF9999"
_FILL = PatternFill("solid", start_color=_RED, end_color=_RED)
_NOTE = "✗ "
"""Begins every note of ours, so that the next copy has none of the last."""


def mark(workbook: Any, faults: Iterable[CellFault], path: Path) -> None:
    """Save the workbook at a path with a note on each faulty cell; notes and colours of an earlier time are gone."""
    for sheet in workbook.worksheets:
        _clear(sheet)
    told: dict[tuple[str, int, int], list[str]] = {}
    for fault in faults:
        told.setdefault((fault.sheet, fault.row, fault.column), []).append(" ".join(fault.what.split()))
    for (title, row, column), sentences in told.items():
        cell = workbook[title].cell(row, column)
        before = [cell.comment.text] if cell.comment else []
        both = (line for one in sentences for line in (f"{_NOTE}{persian_of(one)}", f"{_NOTE}{one}"))
        note = "\n".join([*both, *before])
        cell.comment = Comment(note, AUTHOR, height=160, width=320)
        cell.fill = _FILL
        workbook[title].sheet_properties.tabColor = _RED
    workbook.save(path)


def _clear(sheet: Any) -> None:
    if sheet.sheet_properties.tabColor and sheet.sheet_properties.tabColor.rgb == _RED:
        sheet.sheet_properties.tabColor = None
    for row in sheet.iter_rows():
        for cell in row:
            if cell.comment and cell.comment.text.startswith(_NOTE):
                rest = [line for line in cell.comment.text.split("\n") if not line.startswith(_NOTE)]
                cell.comment = Comment("\n".join(rest), AUTHOR) if rest else None
                cell.fill = HEADER_FILL if cell.row == HEADER_ROW else PatternFill()
