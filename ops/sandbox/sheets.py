"""Spreadsheets as a village office fills them: with days of its own calendar, Arabic letters and figures as text."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from openpyxl import Workbook, load_workbook

from ops.sandbox.faults import Mode
from ops.sandbox.identifiers import jalali_day
from ops.sandbox.timeline import Happening

SHEET_MODES = frozenset(
    {
        Mode.HALF_FILE,
        Mode.MERGED_CELLS,
        Mode.FORMULA,
        Mode.COLUMN_RENAMED,
        Mode.UNKNOWN_CODE,
        Mode.SHEET_TWICE,
    }
)
HEADER = ("ردیف", "کد رهگیری", "نوع", "وضعیت", "تاریخ", "واحد", "توضیح")
WORDS = {
    10: "ثبت شد",
    20: "نقص دارد",
    30: "در دست بررسی",
    40: "بازدید شد",
    50: "آماده است",
    60: "تحویل شد",
    70: "رد شد",
    80: "پس گرفته شد",
    999: "گم شد",
}
"""What the clerk writes for each step; no table knows the last."""
UNIT = "دهیاری نمونه"
_STATUS = HEADER.index("وضعیت")
_KIND = "وضعیت"
_ZONE = ZoneInfo("Asia/Tehran")
_PERSIAN = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
_ARABIC = str.maketrans("یک", "يك")
_UNKNOWN = 999

Rows = list[list[Any]]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file as it is put down; one that is not whole yet has no mark beside it."""

    name: str
    content: bytes
    is_whole: bool = True


def read_sheet(path: Path) -> dict[str, str]:
    """The one row of a file that came, by its header; cells that say nothing are left out."""
    if path.suffix == ".xlsx":
        sheet: Any = load_workbook(path).active
        header, row = ([cell.value for cell in line] for line in sheet.iter_rows(max_row=2))
    else:
        header, row = csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""))
    return {str(name): str(value) for name, value in zip(header, row, strict=True) if value not in {None, ""}}


def sheets_of(found: Sequence[Happening], *, number: int, trouble: Mode | None) -> list[Sheet]:
    """The sheet of what happened, every second one a CSV; in trouble it is bad, and better ones are put down later."""
    rows = [_row(place, happening) for place, happening in enumerate(found, start=1)]
    name = f"{number + 1:06}.{'csv' if number % 2 else 'xlsx'}"
    return [Sheet(name, _WRITERS[name[-4:]](rows))] if trouble is None else _IN_TROUBLE[trouble](name, rows)


def _row(place: int, happening: Happening) -> list[Any]:
    """Now and then in the letters and figures of another keyboard."""
    at = happening.at.astimezone(_ZONE)
    day, word = f"{jalali_day(at)} {at:%H:%M:%S}", WORDS[happening.step.code or _UNKNOWN]
    is_other = happening.sequence % 2 == 0
    return [
        str(place).translate(_PERSIAN) if is_other else place,
        happening.number,
        _KIND,
        word.translate(_ARABIC) if is_other else word,
        day.translate(_PERSIAN) if is_other else day,
        UNIT,
        happening.step.note,
    ]


def _csv(rows: Rows) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([HEADER, *rows])
    return text.getvalue().encode("utf-8-sig")


def _xlsx(rows: Rows, change: Callable[[Any], None] = lambda _sheet: None, header: Sequence[str] = HEADER) -> bytes:
    book, content = Workbook(), io.BytesIO()
    sheet: Any = book.active
    sheet.sheet_view.rightToLeft = True
    for line in [list(header), *rows]:
        sheet.append(line)
    change(sheet)
    book.save(content)
    return content.getvalue()


_WRITERS: Mapping[str, Callable[[Rows], bytes]] = {".csv": _csv, "xlsx": _xlsx}


def _half(name: str, rows: Rows) -> list[Sheet]:
    whole = Sheet(name, _WRITERS[name[-4:]](rows))
    return [replace(whole, content=whole.content[: len(whole.content) // 2], is_whole=False), whole]


def _twice(name: str, rows: Rows) -> list[Sheet]:
    content = _WRITERS[name[-4:]](rows)
    return [Sheet(name, content), Sheet(f"copy-{name}", content)]


def _renamed(name: str, rows: Rows) -> list[Sheet]:
    """Nobody can read it; when it comes back refused he puts it down as it should have been."""
    header = ["حالت" if title == _KIND else title for title in HEADER]
    bad = Sheet(f"{name[:6]}.xlsx", _xlsx(rows, header=header))
    return [bad, Sheet(f"again-{name}", _WRITERS[name[-4:]](rows))]


def _unknown(name: str, rows: Rows) -> list[Sheet]:
    rows[0][_STATUS] = WORDS[_UNKNOWN]
    return [Sheet(name, _WRITERS[name[-4:]](rows))]


def _merged(name: str, rows: Rows) -> list[Sheet]:
    def merge(sheet: Any) -> None:
        sheet.merge_cells(start_row=2, end_row=2, start_column=_STATUS + 1, end_column=_STATUS + 2)

    return [Sheet(f"{name[:6]}.xlsx", _xlsx(rows, merge))]


def _computed(name: str, rows: Rows) -> list[Sheet]:
    rows[0][_STATUS] = '=IF(A2>0,"ثبت شد","")'
    return [Sheet(f"{name[:6]}.xlsx", _xlsx(rows))]


_IN_TROUBLE: Mapping[Mode, Callable[[str, Rows], list[Sheet]]] = {
    Mode.HALF_FILE: _half,
    Mode.SHEET_TWICE: _twice,
    Mode.COLUMN_RENAMED: _renamed,
    Mode.UNKNOWN_CODE: _unknown,
    Mode.MERGED_CELLS: _merged,
    Mode.FORMULA: _computed,
}
