"""The catalogue of all services that are known of: taken in whole or not at all, and counted for the duty."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest
from openpyxl import Workbook

from adapter.catalogue import FIELDS, Entry, catalogue_text, coverage_of, merge, read_catalogue
from ops.cli.main import run_command
from tests.figures import HOUSE

_TODAY = date(2026, 11, 22)
_HEADER = "service_id,title,province,city,tier,kind,stage,maturity,most_used,own_window,national_window,planned_date"
_ROW = "13042650101,پروانه,کرمان,کرمان,general,service,live,transaction,yes,yes,yes,1405/06/31"
_ENTRY = Entry(
    "13042650101", "پروانه", "", "", "کرمان", "کرمان", "", "general", "service", "live", "transaction",
    most_used=True, own_window=True, national_window=True, planned_date=date(2026, 9, 22), note="",
)  # fmt: skip


@pytest.fixture
def house(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mappings").mkdir()
    return ["--mappings", "mappings"]


def _rows(count: int) -> list[str]:
    return [_ROW.replace("13042650101", str(13042000000 + number)) for number in range(count)]


def test_the_shipped_catalogue_is_sound_and_spelt_as_it_is_written():
    path = HOUSE / "mappings/catalogue.csv"

    entries, faults = read_catalogue(path, "catalogue.csv")

    assert faults == []
    assert catalogue_text(sorted(entries, key=lambda one: one.key)) == path.read_text(encoding="utf-8")
    shipped = {one.name for one in (HOUSE / "mappings").glob("*/service.toml")}
    assert len(entries) > len(shipped)


def test_thousands_of_rows_are_taken_and_taken_again_without_a_change(house, tmp_path, capsys):
    (tmp_path / "all.csv").write_text("\n".join([_HEADER, *_rows(2500)]) + "\n", encoding="utf-8")

    assert run_command(["services", "import", "all.csv", *house]) == 0
    assert not (tmp_path / "mappings/catalogue.csv").exists()
    assert run_command(["services", "import", "all.csv", *house, "--apply"]) == 0
    first = (tmp_path / "mappings/catalogue.csv").read_bytes()
    capsys.readouterr()
    assert run_command(["services", "import", "all.csv", *house, "--apply", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)

    assert (told["rows"], told["added"], told["changed"], told["total"]) == (2500, [], [], 2500)
    assert (tmp_path / "mappings/catalogue.csv").read_bytes() == first


def test_every_fault_is_told_and_then_nothing_is_taken(house, tmp_path, capsys):
    bad = [
        _ROW.replace("live", "alive"),
        _ROW.replace("13042650101", "1304"),
        _ROW.replace("yes,yes,yes", "yes,perhaps,yes"),
        _ROW.replace("1405/06/31", "2026-09-22"),
        _ROW.replace("transaction", "transactional"),
        _ROW.replace("live", "planned").replace("1405/06/31", ""),
        _ROW,
        _ROW.replace("کرمان,کرمان", "كرمان,کرمان"),
    ]
    (tmp_path / "bad.csv").write_text("\n".join([_HEADER, *bad]) + "\n", encoding="utf-8")

    assert run_command(["services", "import", "bad.csv", *house, "--apply"]) == 1

    places = [line.partition(": ")[0] + ": " + line.split(": ")[1] for line in capsys.readouterr().err.splitlines()]
    assert places == [
        "bad.csv:2: stage", "bad.csv:3: service_id", "bad.csv:4: own_window", "bad.csv:5: planned_date",
        "bad.csv:6: maturity", "bad.csv:7: planned_date", "bad.csv:9: service_id",
    ]  # fmt: skip
    assert not (tmp_path / "mappings/catalogue.csv").exists()


def test_a_changed_row_is_told_with_its_columns_and_what_is_not_given_stays():
    other = replace(_ENTRY, city="رفسنجان")

    merged, added, changed = merge([_ENTRY, other], [replace(other, stage="shadow", maturity="")])

    assert (len(merged), added, changed) == (2, [], {other.key: ["stage", "maturity"]})


def test_a_workbook_is_taken_like_the_csv_and_what_a_program_spoilt_is_told_by_row_and_column(house, tmp_path, capsys):
    workbook = Workbook()
    sheet = workbook.active
    for row in (_HEADER.split(","), *(line.split(",") for line in _rows(2))):
        sheet.append(row)
    sheet["A2"] = 13042000000.0
    workbook.save("all.xlsx")
    assert run_command(["services", "import", "all.xlsx", *house, "--apply"]) == 0
    text = (tmp_path / "mappings/catalogue.csv").read_text(encoding="utf-8")
    assert [line.partition(",")[0] for line in text.splitlines()] == ["service_id", "13042000000", "13042000001"]

    sheet["B3"] = "=A1"
    workbook.save("all.xlsx")
    capsys.readouterr()
    assert run_command(["services", "import", "all.xlsx", *house, "--apply"]) == 1
    assert capsys.readouterr().err.startswith("all.xlsx:3: title: a formula is not read")


def test_the_duty_counts_services_that_are_most_used_and_done_without_a_visit():
    entries = [
        _ENTRY,
        replace(_ENTRY, district="۲", national_window=False),
        replace(_ENTRY, district="۳", maturity="interaction"),
        replace(_ENTRY, district="۴", stage="shadow"),
        replace(_ENTRY, district="۵", most_used=False),
        replace(_ENTRY, district="۶", kind="area"),
    ]

    found = coverage_of(entries, _TODAY)

    assert (found.services, found.areas, found.connected, found.most_used) == (5, 1, 4, 4)
    assert (found.online_national, found.online_own, found.overdue) == (1, 2, 1)
    assert (found.national_percent, found.own_percent) == (25.0, 50.0)


def test_a_planned_day_is_overdue_from_the_next_day_on():
    planned = replace(_ENTRY, stage="planned")

    assert not planned.is_overdue(date(2026, 9, 22))
    assert planned.is_overdue(date(2026, 9, 23))


def test_the_list_and_the_coverage_are_told_per_city(house, tmp_path, capsys):
    entries = [_ENTRY, replace(_ENTRY, city="رفسنجان", stage="planned")]
    (tmp_path / "mappings/catalogue.csv").write_text(catalogue_text(entries), encoding="utf-8")

    assert run_command(["services", "list", "--city", "رفسنجان", "--json", *house]) == 0
    listed = json.loads(capsys.readouterr().out)["services"]
    assert [(one["city"], one["planned_date"]) for one in listed] == [("رفسنجان", "1405/06/31")]
    assert set(listed[0]) == set(FIELDS)
    assert run_command(["services", "list", "--stage", "plannd", *house]) == 2
    assert "did you mean 'planned'?" in capsys.readouterr().err

    assert run_command(["services", "coverage", "--today", "1405/09/01", "--json", *house]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(one["city"], one["national_percent"], one["duty_met"], one["overdue"]) for one in told["cities"]] == [
        ("رفسنجان", 0.0, False, 1),
        ("کرمان", 100.0, True, 0),
    ]
    assert told["total"]["national_percent"] == 50.0
    assert [one["city"] for one in told["overdue"]] == ["رفسنجان"]
