"""The suite of connectors over a folder, and what is true of folders and spreadsheets alone."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from openpyxl import Workbook
from structlog.testing import capture_logs

from adapter.channels import System
from adapter.contract.records import Column
from adapter.errors import FaultySettings
from adapter.exchange import Change, Verdict
from connectors import file
from connectors.cells import cell_of
from tests.suites import ConnectorSuite
from tests.support.clock import StandingClock
from tests.support.folder_side import HEADER, FolderSide, hamlet

CODE = "4052718396"
REFERENCE = "0e5f1c2a-7b3d-5e8f-9a10-000000000010"


@pytest.fixture
def side(tmp_path: Path) -> FolderSide:
    return FolderSide(tmp_path / "hamlet")


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[Any]]:
    with capture_logs() as events:
        yield events


class TestFile(ConnectorSuite):
    """Every test of the suite."""


async def told(system: System, cursor: str | None = None) -> list[Change]:
    """Everything behind a cursor, each page kept."""
    changes: list[Change] = []
    more = True
    while more:
        page = await system.changes(cursor)
        changes, cursor, more = [*changes, *page.changes], page.cursor, page.more
    return changes


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def report(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def sheet(*rows: tuple[Any, ...], merge: str | None = None, header: tuple[str, ...] = HEADER) -> bytes:
    book, content = Workbook(), io.BytesIO()
    page: Any = book.active
    page.title = "گزارش"
    for row in (header, *rows):
        page.append(row)
    if merge:
        page.merge_cells(merge)
    book.save(content)
    return content.getvalue()


# A file is taken when it is whole, and put away when it is kept


async def test_a_file_that_still_grows_waits_until_it_stands_still(tmp_path: Path) -> None:
    clock = StandingClock()
    side = FolderSide(tmp_path / "hamlet", timedelta(seconds=5), clock)
    system = side.connect()
    half = side.drop("a.csv", (CODE, "وضعیت", 10, "1405/08/30"), is_ready=False)
    first = await told(system)
    clock.advance(6)
    half.write_bytes(half.read_bytes() + b"4052718396,\xd9\x88\xd8\xb6\xd8\xb9\xdb\x8c\xd8\xaa,20,1405/09/01,,\r\n")
    grown = await told(system)
    clock.advance(4)
    early = await told(system)
    clock.advance(1)

    whole = await told(system)

    assert (first, grown, early) == ([], [], [])
    assert [change.record["status_code"] for change in whole] == [10, 20]


async def test_a_file_is_put_away_only_once_its_last_page_was_kept(side: FolderSide) -> None:
    await side.happen(6)
    system = side.connect()
    first = await system.changes(None)
    second = await system.changes(first.cursor)
    before = names(side.inbox)

    third = await system.changes(second.cursor)

    assert [len(page.changes) for page in (first, second, third)] == [4, 2, 0]
    assert before == ["0000.csv", "0000.csv.done"]
    assert names(side.inbox) == ["done"]
    assert names(side.inbox / "done") == ["0000.csv"]
    assert third.cursor == second.cursor


async def test_a_name_that_was_there_before_overwrites_nothing(side: FolderSide) -> None:
    system = side.connect()
    side.drop("a.csv", (CODE, "وضعیت", 10, "1405/08/30"))
    await told(system)
    side.drop("a.csv", (CODE, "وضعیت", 20, "1405/08/30"))

    later = await told(system)

    assert [change.record["status_code"] for change in later] == [20]
    assert len(names(side.inbox / "done")) == 2


async def test_the_same_row_in_another_file_is_the_same_event_and_twice_in_one_two(side: FolderSide) -> None:
    row = (CODE, "وضعیت", 10, "1405/08/30")
    side.drop("a.csv", row)
    side.drop("b.csv", row, row)

    changes = await told(side.connect())

    assert len(changes) == 3
    assert len({change.event_id for change in changes}) == 2


@pytest.mark.parametrize(
    ("name", "content", "told_why"),
    [
        ("a.csv", "کد رهگیری,نوع\r\n".encode("cp1256", "replace"), "is not UTF-8"),
        ("a.csv", "کد رهگیری,نوع\r\n1,2\r\n".encode(), "has no column وضعیت, تاریخ"),
        ("a.csv", b"", "is empty"),
        ("a.xlsx", b"PK\x03\x04 half a file", "is not a whole XLSX file"),
        ("a.pdf", b"%PDF-1.4", "is neither CSV nor XLSX"),
    ],
)
async def test_a_file_that_nobody_can_read_is_refused_with_a_report_beside_it(
    side: FolderSide, name: str, content: bytes, told_why: str
) -> None:
    side.lay(name, content)
    side.drop("b.csv", (CODE, "وضعیت", 10, "1405/08/30"))

    changes = await told(side.connect())

    assert len(changes) == 1
    assert names(side.inbox / "refused") == [name, f"{name}.report.csv"]
    assert told_why in report(side.inbox / "refused" / f"{name}.report.csv")[0]["fault"]


# A row that cannot be read stops no neighbour


async def test_a_bad_row_is_told_with_file_sheet_and_line_and_its_neighbours_go_on(
    side: FolderSide, logs: list[Any]
) -> None:
    rows = [
        (CODE, "وضعیت", 10, "1405/08/30"),
        (CODE, "وضعیت", "ده", "1405/08/30"),
        (None, "وضعیت", 20, "1405/08/30"),
        (CODE, "وضعیت", 30, "1404/12/30"),
        (CODE, "وضعیت", 40, "1405/08/30"),
    ]
    side.lay("a.xlsx", sheet(*rows))

    changes = await told(side.connect())

    assert [(change.kind, change.record.get("status_code")) for change in changes] == [
        ("status", 10),
        ("unreadable", None),
        ("unreadable", 30),
        ("status", 40),
    ]
    assert changes[1].record["why"] == "a.xlsx:3: status_code: a whole number was expected"
    found = report(side.inbox / "done" / "a.xlsx.report.csv")
    assert [(one["file"], one["sheet"], one["line"], one["column"]) for one in found] == [
        ("a.xlsx", "گزارش", "3", "status_code"),
        ("a.xlsx", "گزارش", "4", "tracking_code"),
        ("a.xlsx", "گزارش", "5", "changed_at"),
    ]
    assert [log["line"] for log in logs if log["event"] == "row_unreadable"] == [3, 4, 5]


@pytest.mark.parametrize(
    ("column", "cell", "value"),
    [
        ("کد رهگیری", 4052718396, "4052718396"),
        ("کد رهگیری", 4052718396.0, "4052718396"),
        ("وضعیت", "۴۰", 40),
        ("وضعیت", "٤٠", 40),
        ("وضعیت", 40.0, 40),
        ("مبلغ", "۴۸٬۵۰۰٬۰۰۰", 48_500_000),
        ("پرداخت شده", "بله", True),
        ("پرداخت شده", "خير", False),
        ("تاریخ", "۱۴۰۵/۰۸/۳۰", "2026-11-21T00:00:00+03:30"),
        ("تاریخ", "1405-08-30 10:05", "2026-11-21T10:05:00+03:30"),
        ("تاریخ", 14050830, "2026-11-21T00:00:00+03:30"),
        ("تاریخ", datetime(2026, 11, 21, 10, 5), "2026-11-21T10:05:00+03:30"),  # noqa: DTZ001 - a cell has no zone
    ],
)
async def test_what_people_write_is_understood_by_rule(side: FolderSide, column: str, cell: Any, value: Any) -> None:
    change = await the_change(side, **{column: cell})

    field = {"کد رهگیری": "tracking_code", "وضعیت": "status_code", "مبلغ": "amount_rial"}
    assert change.kind == "status"
    assert change.record[{**field, "پرداخت شده": "paid", "تاریخ": "changed_at"}[column]] == value


@pytest.mark.parametrize(
    ("column", "cell", "why"),
    [
        ("وضعیت", "=1+1", "a formula is not computed here"),
        ("وضعیت", 40.5, "a whole number was expected"),
        ("وضعیت", True, "a whole number was expected"),
        ("وضعیت", 0, "expected at least 1"),
        ("تاریخ", 46347, "a day was expected"),
        ("تاریخ", "1404/12/30", "there is no such day"),
        ("تاریخ", "دیروز", "a day was expected"),
        ("پرداخت شده", "شاید", "yes or no was expected"),
        ("مبلغ", "48,500,000", "a whole number was expected"),
    ],
)
async def test_what_no_rule_understands_is_refused_by_cell(side: FolderSide, column: str, cell: Any, why: str) -> None:
    change = await the_change(side, **{column: cell})

    assert change.kind == "unreadable"
    assert why in change.record["why"]


async def the_change(side: FolderSide, **cells: Any) -> Change:
    usual = dict(zip(HEADER, (CODE, "وضعیت", 10, "1405/08/30", None, None), strict=True))
    side.lay("a.xlsx", sheet(tuple({**usual, **cells}.values())))
    (change,) = await told(side.connect())
    return change


async def test_a_merged_cell_is_refused_in_every_row_that_it_covers(side: FolderSide) -> None:
    rows = [(CODE, "وضعیت", number, "1405/08/30") for number in (10, 20, 30)]
    side.lay("a.xlsx", sheet(*rows, merge="C2:C3"))

    changes = await told(side.connect())

    assert [change.kind for change in changes] == ["unreadable", "unreadable", "status"]


async def test_columns_are_known_in_any_order_and_with_arabic_letters(side: FolderSide) -> None:
    header = ("تاريخ", "نوع", "وضعيت", "كد رهگيري", "توضیح", "مبلغ", "پرداخت شده")
    side.drop("a.csv", ("1405/08/30", "وضعیت", 10, CODE, "x"), header=header)

    (change,) = await told(side.connect())

    assert (change.kind, change.reference, "توضیح" in change.record) == ("status", CODE, False)


# What goes out is whole, and known afterwards


async def test_what_was_taken_away_is_still_found(side: FolderSide) -> None:
    system = side.connect()
    frozen = system.freeze("RegisterRequest", side.message(REFERENCE))
    await system.deliver("RegisterRequest", frozen, reference=REFERENCE)
    (side.folder / "out" / f"{REFERENCE}.csv").unlink()

    sight = await side.connect().find("RegisterRequest", REFERENCE, frozen)
    again = await side.connect().deliver("RegisterRequest", frozen, reference=REFERENCE)

    assert sight.sighting.value == "found"
    assert (again.verdict, side.effects()) == (Verdict.IN_DOUBT, [])


async def test_what_was_begun_and_is_not_there_is_left_to_a_person(side: FolderSide) -> None:
    system = side.connect()
    frozen = system.freeze("RegisterRequest", side.message(REFERENCE))
    (side.folder / ".sent").mkdir()
    (side.folder / ".sent" / f"{REFERENCE}.begun").write_text('{"operation": "RegisterRequest", "record": {}}')

    sight = await system.find("RegisterRequest", REFERENCE, frozen)

    assert sight.sighting.value == "unclear"


async def test_a_text_that_a_program_would_compute_stays_a_text(side: FolderSide) -> None:
    system = side.connect()
    frozen = system.freeze("RegisterRequest", side.message(REFERENCE, "=HYPERLINK(1)"))

    await system.deliver("RegisterRequest", frozen, reference=REFERENCE)

    assert side.heard(REFERENCE) == "'=HYPERLINK(1)"


def test_an_address_that_is_no_absolute_path_is_a_faulty_setting() -> None:
    with pytest.raises(FaultySettings, match="is not an absolute path"):
        file.connect(hamlet(), "hamlet", clock=lambda: datetime.now(UTC))


def test_a_day_and_an_instant_go_out_as_people_there_write_them() -> None:
    zone = ZoneInfo("Asia/Tehran")

    assert cell_of("2026-11-21T06:00:00Z", Column("at", "تاریخ", "date-time"), zone) == "1405/08/30 09:30"
    assert cell_of("2026-11-21", Column("on", "روز", "date"), zone) == "1405/08/30"
    assert cell_of("2026-11-21", Column("text", "شرح", "string"), zone) == "2026-11-21"
    assert cell_of(None, Column("at", "تاریخ", "date-time"), zone) is None
