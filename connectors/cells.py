"""Sheets as people fill them: CSV and XLSX read into rows of cells, and a cell into a value by rule or refused."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from adapter.calendar import parse_day, spell_day
from adapter.contract.instants import read_instant
from adapter.contract.records import Column
from adapter.errors import Unfit
from adapter.text import canonical_digits, canonical_text

_MOST_UNPACKED = 64 * 1024 * 1024
_SEPARATORS = ",;\t"
_YES, _NO = frozenset({"بله", "بلی", "آری", "yes", "true", "1"}), frozenset({"خیر", "نه", "no", "false", "0"})
_CLOCK = re.compile(r"(?P<day>[0-9/-]+)(?:[ T](?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?)?")


class UnreadableSheetError(Exception):
    """A whole file cannot be read; the text tells why and what to do."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A cell that no rule understands, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a sheet, counted as a spreadsheet program counts; what it holds by the header's canonical names."""

    sheet: str
    line: int
    cells: Mapping[str, Any]


def read_rows(name: str, content: bytes, title: str | None, wanted: Sequence[Column]) -> list[Row]:
    """The rows that are not empty; raises UnreadableSheetError when there is no sheet with the columns wanted."""
    reader = _READERS.get(name.rpartition(".")[2].lower())
    if reader is None:
        raise UnreadableSheetError("is neither CSV nor XLSX; save it as one of them")
    sheet, lines = reader(content, title)
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if any(one is not None for one in line)]
    if not numbered:
        raise UnreadableSheetError("is empty; its first line must name the columns")
    header = [_name(cell) for cell in numbered[0][1]]
    if lacking := [one.column for one in wanted if _name(one.column) not in header]:
        raise UnreadableSheetError(f"has no column {', '.join(lacking)}; its first line must name the columns")
    if twice := sorted({one for one in header if one and header.count(one) > 1}):
        raise UnreadableSheetError(f"has the column {', '.join(twice)} twice")
    return [Row(sheet, number, dict(zip(header, line, strict=False))) for number, line in numbered[1:]]


def value_of(row: Row, column: Column, zone: ZoneInfo) -> Any:
    """What the cell says as the column's type; None where it is empty, Refused where no rule understands it."""
    cell = row.cells.get(_name(column.column))
    if cell is None or isinstance(cell, Refused):
        return cell
    return _RULES.get(column.kind, _as_text)(cell, zone)


def cell_of(value: Any, column: Column, zone: ZoneInfo) -> Any:
    """What people read in a cell: a day and an instant are Jalali, as they write them; all else is as it is."""
    if column.kind == "date-time" and (instant := read_instant(value)) is not None:
        local = instant.astimezone(zone)
        return f"{spell_day(local.date())} {local:%H:%M}"
    if column.kind == "date" and isinstance(value, str):
        return spell_day(date.fromisoformat(value))
    return value


def written_csv(header: Sequence[str], values: Sequence[Any]) -> bytes:
    """One row under its header, in UTF-8 with the mark by which spreadsheet programs know it."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, ["" if one is None else _harmless(one) for one in values]])
    return text.getvalue().encode("utf-8-sig")


def written_xlsx(header: Sequence[str], values: Sequence[Any]) -> bytes:
    """One row under its header; every text is a text, whatever it looks like."""
    from openpyxl import Workbook  # noqa: PLC0415 - 22 MB that a daemon without such a folder never pays

    book, content = Workbook(), io.BytesIO()
    sheet: Any = book.active
    sheet.sheet_view.rightToLeft = True
    sheet.append(list(header))
    for number, value in enumerate(values, start=1):
        cell = sheet.cell(row=2, column=number)
        cell.value = value
        if isinstance(value, str):
            cell.data_type = "s"
    book.save(content)
    return content.getvalue()


def _harmless(value: Any) -> Any:
    """A text that a spreadsheet program would compute gets the sign by which it is text."""
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value


def _name(cell: Any) -> str:
    return canonical_text(str(cell), digits=True) if isinstance(cell, str) else ""


def _csv(content: bytes, _title: str | None) -> tuple[str, list[list[Any]]]:
    encoding = "utf-16" if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        text = content.decode(encoding)
        first = text.partition("\n")[0]
        separator = max(_SEPARATORS, key=first.count)
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except UnicodeDecodeError as error:
        raise UnreadableSheetError("is not UTF-8; save it as «CSV UTF-8»") from error
    except csv.Error as error:
        raise UnreadableSheetError(f"is not CSV: {error}") from error
    return "", [[cell.strip() or None for cell in line] for line in lines]


def _xlsx(content: bytes, title: str | None) -> tuple[str, list[list[Any]]]:
    from openpyxl import load_workbook  # noqa: PLC0415 - as above
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415 - as above

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            if sum(one.file_size for one in package.infolist()) > _MOST_UNPACKED:
                raise UnreadableSheetError("is too large once it is unpacked")
        book = load_workbook(io.BytesIO(content))
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError) as error:
        raise UnreadableSheetError("is not a whole XLSX file; save it again") from error
    names = {_name(one): one for one in book.sheetnames}
    if title is not None and _name(title) not in names:
        raise UnreadableSheetError(f"has no sheet «{title}»")
    sheet: Any = book[names[_name(title)]] if title is not None else book.worksheets[0]
    merged = {(row, column) for one in sheet.merged_cells.ranges for row, column in one.cells}
    return sheet.title, [[_xlsx_cell(cell, merged) for cell in line] for line in sheet.iter_rows()]


def _xlsx_cell(cell: Any, merged: set[tuple[int, int]]) -> Any:
    if (cell.row, cell.column) in merged:
        return Refused("a merged cell belongs to several rows or columns; unmerge it")
    if cell.data_type == "f":
        return Refused("a formula is not computed here; paste its value")
    if cell.data_type == "e":
        return Refused("a formula ended in an error")
    value = cell.value
    return value.strip() or None if isinstance(value, str) else value


_READERS: Mapping[str, Callable[[bytes, str | None], tuple[str, list[list[Any]]]]] = {"csv": _csv, "xlsx": _xlsx}


def _as_text(cell: Any, _zone: ZoneInfo) -> Any:
    if isinstance(cell, bool | datetime | date):
        return Refused("a text was expected; format the cell as text")
    if isinstance(cell, float):
        return (
            str(int(cell))
            if cell.is_integer()
            else Refused("a number with a fraction stands where a text was expected")
        )
    return str(cell)


def _as_integer(cell: Any, _zone: ZoneInfo) -> Any:
    if isinstance(cell, str):
        bare = canonical_digits(cell).replace("٬", "")
        return int(bare) if re.fullmatch(r"-?[0-9]{1,18}", bare) else Refused("a whole number was expected")
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    return cell if type(cell) is int else Refused("a whole number was expected")


def _as_number(cell: Any, _zone: ZoneInfo) -> Any:
    if isinstance(cell, str):
        bare = canonical_digits(cell).replace("٫", ".").replace("٬", "")
        return float(bare) if re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]+)?", bare) else Refused("a number was expected")
    return cell if type(cell) in {int, float} else Refused("a number was expected")


def _as_yes_no(cell: Any, _zone: ZoneInfo) -> Any:
    word = canonical_text(str(cell), digits=True).lower()
    return word in _YES if word in _YES | _NO else Refused("yes or no was expected: بله or خیر")


def _as_day(cell: Any, zone: ZoneInfo) -> Any:
    instant = _as_instant(cell, zone)
    return instant if isinstance(instant, Refused) else instant[:10]


def _as_instant(cell: Any, zone: ZoneInfo) -> Any:
    """A day of the spreadsheet itself, or a Jalali one as text or as a number of eight digits, with or without time."""
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=zone).isoformat()
    found = _CLOCK.fullmatch(canonical_digits(str(cell)).strip())
    if found is None or (isinstance(cell, int | float) and not re.fullmatch(r"1[34][0-9]{6}", str(cell))):
        return Refused("a day was expected, such as ۱۴۰۵/۰۸/۳۰")
    try:
        day = parse_day(found["day"])
        hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
        return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=zone).isoformat()
    except (Unfit, ValueError):
        return Refused("there is no such day")


_RULES: Mapping[str, Callable[[Any, ZoneInfo], Any]] = {
    "integer": _as_integer,
    "number": _as_number,
    "boolean": _as_yes_no,
    "date": _as_day,
    "date-time": _as_instant,
}
