"""Codes with a first and a last day: which row counts on which day in Tehran, both ways, and days that have none."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from adapter.errors import Unfit
from adapter.exchange import Case, Direction, Exchange, Operation, Stage, State
from adapter.service import Service, load_services, run_cases
from adapter.service.coverage import coverage_of
from adapter.settlement.rendering import render
from adapter.tables import Fault
from adapter.translator import CodeBook, read_codes
from adapter.workbench.sides import fields_of
from ops.cli.main import run_command
from tests.support.editing import edit
from tests.support.few import mappings_with
from tests.support.house import contracts
from tests.support.records import ROOT, permit

NAME = "building_permit"
KINDS, CHANNELS, STATUS = (f"codes/{name}.csv" for name in ("request_kind", "channel", "status"))
HEADER = "gateway,internal,title,valid_from,valid_to,taken_out\n"
LAST_SECOND, MIDNIGHT = datetime(2027, 3, 20, 20, 29, 59, tzinfo=UTC), datetime(2027, 3, 20, 20, 30, tzinfo=UTC)
"""Of 1405, whose last day is 12/29, and the first of 1406: in Tehran it is three and a half hours later."""

CASE = Case("c" * 32, "sample-city", NAME, "20000004", Stage.RECEIVED, "counter", LAST_SECOND)
LAST, FIRST = date(2027, 3, 20), date(2027, 3, 21)
BEGIN = "add a row that begins then"
MEET = f"see mappings/{NAME}/{KINDS}:8, end it on the day before the next one begins"
Read = Callable[..., tuple[CodeBook, list[Fault]]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return mappings_with(tmp_path, NAME) / NAME


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def book(shared: str, own: str | None = None) -> tuple[CodeBook, list[Fault]]:
        (tmp_path / "a.csv").write_text("gateway,internal,title,valid_from,valid_to\n" + shared, encoding="utf-8")
        if own is None:
            return read_codes(tmp_path / "a.csv", "codes/a.csv")
        (tmp_path / "own.csv").write_text(HEADER + own, encoding="utf-8")
        return read_codes(tmp_path / "a.csv", "codes/a.csv", (tmp_path / "own.csv", "own/a.csv"))

    return book


def loaded(folder: Path) -> Service:
    services, faults = load_services(folder.parent, contracts())
    assert not faults, faults
    return services[NAME]


def exchange(operation: Operation, direction: Direction, table: str) -> Exchange:
    return Exchange(
        id="e" * 32,
        tenant="sample-city",
        service=NAME,
        case_id=CASE.id,
        operation=operation,
        direction=direction,
        table=table,
        target="any/1.0",
        lane="any",
        state=State.READY,
        reference="r-1",
        accepted_at=LAST_SECOND,
        due_at=LAST_SECOND,
        deadline_at=LAST_SECOND,
    )


def doubts(folder: Path) -> list[str]:
    known = contracts()
    fields = {title: fields_of(ROOT / "contracts" / title, one) for title, one in known.items()}
    return [str(fault) for fault in load_services(folder.parent, known, fields=fields)[1].get(NAME, [])]


def test_a_code_changes_at_midnight_in_tehran_in_both_directions(folder: Path) -> None:
    edit(folder / KINDS, "new_building,1,نوساز,,,", "new_building,1,نوساز,,1405/12/29,")
    edit(folder / KINDS, "repair,", "new_building,21,نوساز,1406/01/01,,\nrepair,")
    edit(
        folder / STATUS,
        "010,10,ثبت درخواست,received,municipality,,,,",
        "010,10,ثبت درخواست,received,municipality,,1405/12/29,,",
    )
    edit(folder / STATUS, "020,20,", "011,10,ثبت درخواست,received,municipality,1406/01/01,,,\n020,20,")
    service = loaded(folder)
    inward = exchange(Operation.SUBMIT_REQUEST, Direction.INWARD, "submit")
    outward = exchange(Operation.PUSH_STATUS, Direction.OUTWARD, "status")
    told = {"content": {"StatusCode": 10, "StatusDate": "1405/12/29", "StatusTime": "12:00"}, "sequence": 1}

    kinds = [render(inward, CASE, permit(), service, now=now)["RequestKind"] for now in (LAST_SECOND, MIDNIGHT)]
    codes = [render(outward, CASE, told, service, now=now)["status_code"] for now in (LAST_SECOND, MIDNIGHT)]

    assert kinds == ["1", "21"]
    assert codes == ["010", "011"]


def test_both_ends_of_a_period_are_in_force_and_the_days_beside_them_are_not(read: Read) -> None:
    book, faults = read("a,1,x,1405/12/28,1405/12/29\n")
    find, _ = book.lookup("gateway", "internal")
    back, _ = book.lookup("internal", "gateway")

    assert faults == []
    for day in (date(2027, 3, 19), LAST):
        assert (find("a", day), back("1", day)) == ("1", "a")
    for day in (date(2027, 3, 18), FIRST):
        with pytest.raises(Unfit, match=r"'a' is not in force on 140[56]/.* by codes/a\.csv:2"):
            find("a", day)


def test_periods_that_overlap_by_one_day_are_a_fault_whichever_way_they_are_read(read: Read) -> None:
    book, _ = read("a,1,x,,1406/01/01\na,2,x,1406/01/01,\nb,3,x,,1406/01/01\nc,3,x,1406/01/01,\n")

    (inward,) = book.lookup("gateway", "internal")[1]
    (outward,) = book.lookup("internal", "gateway")[1]

    assert str(inward).startswith("codes/a.csv:3: gateway: 'a' has two meanings, see line 2")
    assert str(outward).startswith("codes/a.csv:5: internal: '3' has two meanings, see line 4")


def test_a_tenants_own_row_counts_from_its_first_day_and_the_shared_one_until_then(read: Read) -> None:
    book, faults = read(
        "a,1,x,,\nb,2,x,,\nc,3,x,,\n", "a,11,x,1406/01/01,,\nb,12,x,,1405/12/29,\nc,,,1406/01/01,,yes\n"
    )
    find, ambiguous = book.lookup("gateway", "internal")

    assert [*faults, *ambiguous] == []
    assert (find("a", LAST), find("a", FIRST)) == ("1", "11")
    assert (find("b", LAST), find("c", LAST)) == ("12", "3")
    for ended in "bc":
        with pytest.raises(Unfit, match="is not in force on 1406/01/01"):
            find(ended, FIRST)


def test_what_is_taken_out_has_no_last_day(read: Read) -> None:
    _, (fault,) = read("a,1,x,,\n", "a,,,,1405/12/29,yes\n")

    assert str(fault).startswith("own/a.csv:2: valid_to: what is taken out does not come back")


def test_days_without_a_row_are_told_where_a_code_had_one_or_may_still_come(folder: Path) -> None:
    edit(folder / KINDS, "new_building,1,نوساز,,,", "new_building,1,نوساز,,1405/12/28,")
    edit(folder / KINDS, "repair,", "new_building,21,نوساز,1406/01/01,,\nrepair,")
    edit(folder / KINDS, "extension,6,تمدید پروانه,,,", "extension,6,تمدید پروانه,1406/01/01,1406/12/29,")
    edit(folder / CHANNELS, "walk_in,7,مراجعهٔ حضوری,,,", "walk_in,7,مراجعهٔ حضوری,,1405/12/29,")

    assert [fault.removeprefix(f"mappings/{NAME}/") for fault in doubts(folder)] == [
        f"{CHANNELS}:9: valid_to: 'walk_in' has no row after 1405/12/29, window/1.0 may send it, {BEGIN}",
        f"{KINDS}:7: valid_to: 'new_building' has no row after 1405/12/28 and before 1406/01/01, {MEET}",
    ]


def test_a_code_that_has_ended_need_not_fit_its_contract_any_more(folder: Path) -> None:
    edit(folder / KINDS, "repair,4,تعمیرات,,,", "repair,four,تعمیرات,,1405/12/29,")

    told = {day: load_services(folder.parent, contracts(), today=day)[1].get(NAME, []) for day in (LAST, FIRST)}

    assert f"{KINDS}:8: internal: does not fit" in str(told[LAST][0])
    assert told[FIRST] == []


def test_a_case_says_its_day_and_touches_the_row_of_that_day(folder: Path) -> None:
    edit(folder / KINDS, "repair,4,تعمیرات,,,", "repair,4,تعمیرات,,1406/12/29,")
    with (folder / KINDS).open("a", encoding="utf-8") as table:
        table.write("repair,14,تعمیرات,1407/01/01,,\n")
    name = "every_kind_channel_capacity_and_structure_has_its_number"
    service = loaded(folder)
    before = coverage_of(service, run_cases(folder, service)).codes.untouched
    for end, change in (
        (".in.json", ("{", '{"today": "1407/01/01",')),
        (".out.json", ('"RequestKind": "4"', '"RequestKind": "14"')),
    ):
        shutil.copy(folder / "cases" / f"{name}{end}", folder / "cases" / f"next_year{end}")
        edit(folder / "cases" / f"next_year{end}", *change)

    service = loaded(folder)
    results = run_cases(folder, service)

    assert [one.name for one in results if not one.is_passed] == []
    place = f"mappings/{NAME}/{KINDS}:9"
    assert place in before
    assert place not in coverage_of(service, results).codes.untouched


def test_a_cell_that_is_followed_tells_from_when_to_when_its_codes_are_in_force(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(folder / KINDS, "repair,4,تعمیرات,,,", "repair,4,تعمیرات,1405/01/01,1405/12/29,")

    assert run_command(["service", "explain", NAME, "submit.csv", "RequestKind", "--mappings", str(folder.parent)]) == 0

    assert f"{KINDS}:8: repair → 4 (from 1405/01/01 to 1405/12/29)" in capsys.readouterr().out
