"""mappings/calendars/ir-<year>.csv: read and checked, all faults at once; and a closure written into its place."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from pathlib import Path

from adapter.calendar.spelling import JALALI_YEARS, jalali_day, jalali_parts, parse_day, spell_day
from adapter.calendar.working import EVERYBODY, WEEKDAYS, DayRow, Days
from adapter.errors import Unfit
from adapter.tables import Columns, Fault, Row, near, read_csv

COLUMNS = Columns(
    required=("date", "tenant", "kind", "opens", "closes", "title", "note"),
    unique=("date", "tenant"),
    sorted_by="date",
)
KINDS = ("holiday", "closure", "open")
_FILE = re.compile(r"ir-([0-9]{4})\.csv")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


@dataclass(slots=True)
class _Reading:
    by_day: dict[date, tuple[DayRow, ...]] = field(default_factory=dict)
    by_weekday: dict[tuple[int, str], tuple[DayRow, ...]] = field(default_factory=dict)
    spans: dict[int, tuple[date, date]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def read_calendars(folder: Path) -> tuple[Days, list[Fault]]:
    """Read every table of a folder of calendars; without the folder only Fridays are closed."""
    reading = _Reading()
    for path in sorted(folder.glob("*.csv")):
        label = f"{folder.parent.name}/{folder.name}/{path.name}"
        found = _FILE.fullmatch(path.name)
        if found is None or int(found[1]) not in JALALI_YEARS:
            reading.faults.append(Fault(label, 0, "", "a calendar is named for its Jalali year", "", "ir-1405.csv"))
        else:
            _read_year(path, label, int(found[1]), reading)
    return Days(reading.by_day, reading.by_weekday, reading.spans), reading.faults


def _read_year(path: Path, label: str, year: int, reading: _Reading) -> None:
    rows, faults = read_csv(path, label, COLUMNS)
    reading.faults += faults
    reading.spans[year] = (jalali_day(year, 1, 1), jalali_day(year + 1, 1, 1) - timedelta(days=1))
    for row in rows:
        read = _read_row(row, reading.faults)
        if row["date"] in WEEKDAYS:
            key = (year, row["date"])
            reading.by_weekday[key] = (*reading.by_weekday.get(key, ()), read)
        elif (day := _day(row, year, reading.faults)) is not None:
            reading.by_day[day] = (*reading.by_day.get(day, ()), read)


def _day(row: Row, year: int, faults: list[Fault]) -> date | None:
    try:
        day = parse_day(row["date"])
    except Unfit as unfit:
        faults.append(
            row.fault("date", f"'{row['date']}' is neither a day nor a weekday", unfit.detail, what_to_do="1405/01/01")
        )
        return None
    if jalali_parts(day)[0] != year or spell_day(day) != row["date"]:
        what = f"'{row['date']}' is not a day of {year} spelt as YYYY/MM/DD"
        faults.append(row.fault("date", what, what_to_do=f"this table is for {year}"))
    return day


def _read_row(row: Row, faults: list[Fault]) -> DayRow:
    if not row["tenant"]:
        faults.append(row.fault("tenant", "the tenant is empty", what_to_do="write * for everybody"))
    if row["kind"] not in KINDS:
        faults.append(row.fault("kind", f"'{row['kind']}' is not a kind of day", what_to_do=near(row["kind"], KINDS)))
    if not row["title"]:
        faults.append(row.fault("title", "the title is empty", "people are told why"))
    opens, closes = _time(row, "opens", faults), _time(row, "closes", faults)
    if (opens or closes) and row["kind"] != "open":
        faults.append(row.fault("opens", f"a {row['kind']} has no hours", what_to_do="empty opens and closes"))
    if opens and closes and opens >= closes:
        faults.append(row.fault("closes", "the office closes before it opens"))
    return DayRow(row["tenant"], row["kind"], opens, closes, row["title"])


def _time(row: Row, column: str, faults: list[Fault]) -> time | None:
    if not row[column]:
        return None
    if _TIME.fullmatch(row[column]) is None:
        faults.append(row.fault(column, f"'{row[column]}' is not a time", what_to_do="write 07:30"))
        return None
    return time.fromisoformat(row[column])


def with_closure(text: str, day: date, *, tenant: str, why: str) -> str:
    """Return a table's text with one more closure at its place; every other line stays as it was.

    Raises Unfit when the table already speaks of that day for that tenant.
    """
    header, *lines = text.splitlines(keepends=True)
    written = str(spell_day(day))
    known = [next(csv.reader([line]), []) for line in lines]
    if any(cells[:2] == [written, tenant] for cells in known):
        whom = "everybody" if tenant == EVERYBODY else tenant
        raise Unfit(f"the table already has a row for {written} and {whom}; change that row")
    row = io.StringIO()
    csv.writer(row, lineterminator="\n").writerow([written, tenant, "closure", "", "", why, ""])
    place = next((number for number, cells in enumerate(known) if cells and cells[0] > written), len(lines))
    return "".join([header, *lines[:place], row.getvalue(), *lines[place:]])
