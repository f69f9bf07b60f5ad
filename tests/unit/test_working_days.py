from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from adapter.calendar import jalali_day, read_calendars, weekday_of, with_closure
from adapter.errors import Unfit
from ops.cli.exits import Exit
from ops.cli.main import run_command
from tests.support.installed import install_alone
from tests.support.records import ROOT

HEADER = "date,tenant,kind,opens,closes,title,note\n"
SHIPPED = ROOT / "mappings" / "calendars"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Mappings with calendars alone."""
    calendars = tmp_path / "mappings" / "calendars"
    calendars.mkdir(parents=True)
    (calendars / "ir-1405.csv").write_text(
        HEADER + "1405/08/23,*,holiday,,,شهادت حضرت فاطمه (س),assumption\n"
        "1405/08/24,kavir,open,08:00,12:00,جبران تعطیلی,\n"
        "1405/08/24,*,closure,,,آلودگی هوا,\n"
        "thursday,*,holiday,,,پنجشنبه,\n"
        "thursday,kavir,open,07:30,13:00,پنجشنبهٔ کاری,\n",
        encoding="utf-8",
    )
    return calendars


def test_the_shipped_calendars_have_no_fault_and_mark_every_lunar_holiday_as_an_assumption() -> None:
    days, faults = read_calendars(SHIPPED)
    assert faults == []
    assert set(days.spans) == {1404, 1405}
    assert not days.of("any").is_working(jalali_day(1405, 1, 13))
    for path in SHIPPED.glob("ir-*.csv"):
        rows = path.read_text(encoding="utf-8").splitlines()
        assert all("assumption" in row for row in rows if any(word in row for word in ("عاشورا", "عید فطر", "مبعث")))


def test_the_week_begins_on_saturday_and_friday_is_closed_even_without_a_table(tmp_path: Path) -> None:
    days, faults = read_calendars(tmp_path / "calendars")
    assert faults == []
    working = days.of("any")
    saturday = date(2026, 11, 21)
    assert weekday_of(saturday) == "saturday"
    assert [working.is_working(date(2026, 11, 21 + step)) for step in range(7)] == [True] * 6 + [False]


def test_a_tenant_works_on_thursdays_and_days_on_which_everybody_else_does_not(folder: Path) -> None:
    days, faults = read_calendars(folder)
    assert faults == []
    thursday, smog = jalali_day(1405, 8, 28), jalali_day(1405, 8, 24)
    assert weekday_of(thursday) == "thursday"
    assert [days.of(tenant).is_working(thursday) for tenant in ("kavir", "other")] == [True, False]
    assert [days.of(tenant).is_working(smog) for tenant in ("kavir", "other")] == [True, False]
    row = days.of("kavir").row(smog)
    assert row is not None
    assert row.closes is not None


def test_working_days_are_counted_over_holidays_closures_and_weekends(folder: Path) -> None:
    days, _ = read_calendars(folder)
    friday = jalali_day(1405, 8, 22)
    assert weekday_of(friday) == "friday"
    other, kavir = days.of("other"), days.of("kavir")
    assert other.after(friday, 3) == jalali_day(1405, 8, 27)
    assert kavir.after(friday, 3) == jalali_day(1405, 8, 26)
    assert other.between(friday, jalali_day(1405, 8, 29)) == 3
    assert kavir.between(friday, jalali_day(1405, 8, 29)) == 5
    assert other.between(friday, friday) == 0
    assert other.after(friday, 0) == friday


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("1405/13/01,*,holiday,,,x,", "ir-1405.csv:2: date: '1405/13/01' is neither a day nor a weekday"),
        ("1404/01/01,*,holiday,,,x,", "ir-1405.csv:2: date: '1404/01/01' is not a day of 1405"),
        ("1405-01-01,*,holiday,,,x,", "ir-1405.csv:2: date: '1405-01-01' is not a day of 1405 spelt as YYYY/MM/DD"),
        ("1405/01/01,,holiday,,,x,", "ir-1405.csv:2: tenant: the tenant is empty"),
        ("1405/01/01,*,holliday,,,x,", "ir-1405.csv:2: kind: 'holliday' is not a kind of day, did you mean 'holiday'?"),
        ("1405/01/01,*,holiday,,,,", "ir-1405.csv:2: title: the title is empty"),
        ("1405/01/01,*,open,7:30,,x,", "ir-1405.csv:2: opens: '7:30' is not a time"),
        ("1405/01/01,*,open,13:00,07:30,x,", "ir-1405.csv:2: closes: the office closes before it opens"),
        ("1405/01/01,*,closure,07:30,,x,", "ir-1405.csv:2: opens: a closure has no hours"),
    ],
)
def test_each_mistake_in_a_calendar_names_its_cell(folder: Path, row: str, expected: str) -> None:
    (folder / "ir-1405.csv").write_text(f"{HEADER}{row}\n", encoding="utf-8")
    _, faults = read_calendars(folder)
    assert len(faults) == 1
    assert f"mappings/calendars/{expected}" in str(faults[0])


def test_all_mistakes_of_the_calendars_are_told_at_once_and_by_check(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "ir-1405.csv").write_text(HEADER + "1405/01/02,*,x,,,,\n1405/01/01,*,holiday,,,y,\n", encoding="utf-8")
    (folder / "1406.csv").write_text(HEADER, encoding="utf-8")
    _, faults = read_calendars(folder)
    assert len(faults) == 4
    assert run_command(["check", "--mappings", str(folder.parent)]) == Exit.FINDINGS
    assert sum("mappings/calendars/" in line for line in capsys.readouterr().out.splitlines()) == 4


def test_a_closure_stands_in_its_place_and_changes_no_other_line(folder: Path) -> None:
    text = (folder / "ir-1405.csv").read_text(encoding="utf-8")
    changed = with_closure(text, jalali_day(1405, 8, 24), tenant="other", why="قطعی برق، تا ظهر")
    (folder / "ir-1405.csv").write_text(changed, encoding="utf-8")
    days, faults = read_calendars(folder)
    assert faults == []
    row = days.of("other").row(jalali_day(1405, 8, 24))
    assert row is not None
    assert row.title == "قطعی برق، تا ظهر"
    assert [line for line in changed.splitlines() if line in text.splitlines()] == text.splitlines()
    with pytest.raises(Unfit, match="already has a row"):
        with_closure(changed, jalali_day(1405, 8, 24), tenant="other", why="x")


def test_a_day_is_closed_from_the_command_line_only_when_applied(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["calendar", "close", "1405/09/02", "--tenant", "kavir", "--why", "آلودگی هوا"]
    command += ["--mappings", str(folder.parent)]
    before = (folder / "ir-1405.csv").read_bytes()
    assert run_command(command) == Exit.OK
    assert (folder / "ir-1405.csv").read_bytes() == before
    assert run_command([*command, "--apply"]) == Exit.OK
    assert not read_calendars(folder)[0].of("kavir").is_working(jalali_day(1405, 9, 2))
    assert "closed; take it up with: panjereh tables reload --apply --reason …" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []
    assert run_command([*command, "--apply"]) == Exit.USAGE
    assert "already has a row" in capsys.readouterr().err


def test_a_month_is_shown_day_by_day(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--mappings", str(folder.parent), "--tenant", "kavir"]
    assert run_command(["calendar", "show", "1405/08", *where, "--json"]) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert len(told["days"]) == 30
    assert told["days"][23] == {
        "date": "1405/08/24",
        "weekday": "sunday",
        "working": True,
        "opens": "08:00",
        "closes": "12:00",
        "title": "جبران تعطیلی",
    }
    assert told["working_days"] == 24
    assert run_command(["calendar", "show", "۱۴۰۵-۸", *where, "--json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out) == told
    for month in ("1405/13", "1405/08/01", "2026/11"):
        assert run_command(["calendar", "show", month, *where]) == Exit.USAGE
        assert capsys.readouterr().err == f"'{month}' is not a month of the Jalali calendar; spell it 1405/09\n"


def test_a_month_of_a_year_without_a_calendar_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["calendar", "show", "1407/01", "--mappings", str(folder.parent)]
    assert run_command(command) == Exit.OK
    assert capsys.readouterr().err == "no calendar of 1407 is there; only its Fridays are known\n"
    assert run_command([*command, "--json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["has_calendar"] is False


def test_a_tenant_whom_nobody_knows_is_neither_shown_nor_closed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = install_alone(folder.parent.parent).settings
    command = ["calendar", "close", "1405/09/02", "--why", "x", "--apply", "--mappings", str(folder.parent)]
    before = (folder / "ir-1405.csv").read_bytes()

    assert run_command([*command, "--tenant", "kavr"]) == Exit.USAGE
    assert capsys.readouterr().err.startswith("there is no tenant 'kavr'; did you mean 'kavir'?")
    assert run_command([*command, "--tenant", "sample_city", "--config", str(settings)]) == Exit.USAGE
    assert capsys.readouterr().err == "there is no tenant 'sample_city'; did you mean 'sample-city'?\n"
    assert (folder / "ir-1405.csv").read_bytes() == before
    assert run_command([*command, "--tenant", "sample-city", "--config", str(settings)]) == Exit.OK


def test_a_closure_of_a_year_without_a_calendar_is_refused(folder: Path) -> None:
    command = ["calendar", "close", "1406/01/05", "--tenant", "*", "--why", "x", "--mappings", str(folder.parent)]
    assert run_command(command) == Exit.USAGE
