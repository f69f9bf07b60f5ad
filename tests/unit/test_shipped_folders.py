"""The shipped services hold, and their copies with one thing changed are told."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapter.contract import load_contract
from adapter.contract.model import Contract
from adapter.pattern import STEPS
from adapter.service import Service, load_services, run_cases
from adapter.service.checks import PATTERNS
from adapter.wsdl import read_wsdl
from tests.support.editing import edit
from tests.support.few import mappings_with

ROOT = Path(__file__).parents[2]


def test_every_table_that_a_pattern_sends_is_asked_of_its_services_but_a_document_that_not_all_of_them_give() -> None:
    assert set(STEPS) == set(PATTERNS)
    for pattern, steps in STEPS.items():
        for step in steps:
            needing = PATTERNS[pattern].outward[step.table]
            assert step.after in needing or (step.table, needing) == ("document", frozenset()), step


@pytest.fixture(scope="module")
def known() -> dict[str, Contract]:
    folders = [path.parent for path in (ROOT / "contracts").glob("*/*/contract.toml")]
    return {one.title: one for one in (load_contract(folder, read_wsdl) for folder in folders)}


@pytest.fixture(scope="module")
def shipped(known: dict[str, Contract]) -> tuple[dict[str, Service], dict[str, list[Any]]]:
    return load_services(ROOT / "mappings", known)


def test_the_shipped_services_have_no_fault(shipped: tuple[dict[str, Service], dict[str, list[Any]]]) -> None:
    services, faults = shipped
    assert [str(fault) for found in faults.values() for fault in found] == []
    assert {"building_permit", "renovation_toll", "notary_inquiry"} <= set(services)
    assert services["notary_inquiry"].answer_within == timedelta(seconds=2)


def test_the_shipped_cases_hold(shipped: tuple[dict[str, Service], dict[str, list[Any]]]) -> None:
    failed = [
        (name, result.name, result.differences)
        for name, service in shipped[0].items()
        for result in run_cases(ROOT / "mappings" / name, service)
        if not result.is_passed
    ]
    assert failed == []


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        (
            "building_permit/codes/status.csv",
            "010,10,",
            "ABC,10,",
            "status.csv:2: gateway: does not fit, status_code of PushStatus takes text like ^[0-9]{2,4}$, mend",
        ),
        (
            "building_permit/codes/status.csv",
            "ثبت درخواست,",
            f"{'ب' * 500},",
            "status.csv:2: title: does not fit, status_title of PushStatus takes at most ",
        ),
        (
            "building_permit/codes/usage.csv",
            "agricultural,42,",
            "agricultural,042,",
            "usage.csv:2: internal: does not fit, Floors[].Use of CorrectRequest takes text like 0|[1-9][0-9]{0,4}",
        ),
        (
            "renovation_toll/codes/pay_channel.csv",
            "app,3,",
            "app,seventy,",
            "pay_channel.csv:2: internal: does not fit, pay_channel of RegisterPayment takes ",
        ),
        (
            "building_permit/codes/status.csv",
            "ثبت درخواست,",
            ",",
            "status.csv:2: title: empty, a required row takes it, fill the cell",
        ),
    ],
)
def test_a_code_that_the_other_side_would_refuse_is_told_in_its_codes_file(
    tmp_path: Path, known: dict[str, Contract], file: str, old: str, new: str, *, expected: str
) -> None:
    name = file.partition("/")[0]
    mappings = mappings_with(tmp_path, name)
    edit(mappings / file, old, new)
    faults = [str(fault) for fault in load_services(mappings, known)[1][name]]
    assert any(fault.startswith(f"mappings/{file.rpartition('/')[0]}/{expected}") for fault in faults), faults


def test_a_code_that_stands_twice_is_told_once(tmp_path: Path, known: dict[str, Contract]) -> None:
    folder = mappings_with(tmp_path, "building_permit")
    with (folder / "building_permit/codes/status.csv").open("a", encoding="utf-8") as file:
        file.write("999,10,دیگر,approved,citizen,,,قانون,\n")
    (fault,) = load_services(folder, known)[1]["building_permit"]
    assert "internal: '10' has two meanings, see line 2" in str(fault)


def test_a_codes_file_with_semicolons_has_one_fault(tmp_path: Path, known: dict[str, Contract]) -> None:
    folder = mappings_with(tmp_path, "building_permit")
    path = folder / "building_permit/codes/status.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",", ";"), encoding="utf-8")
    (fault,) = load_services(folder, known)[1]["building_permit"]
    assert str(fault).endswith("status.csv:1: the cells are separated by semicolons, save it with commas")


def test_a_shipped_service_copied_under_another_name_stops_both(
    tmp_path: Path, shipped: tuple[dict[str, Service], Any]
) -> None:
    folder = tmp_path / "mappings"
    for name in ("renovation_toll", "renovation_toll_copy"):
        shutil.copytree(ROOT / "mappings" / "renovation_toll", folder / name)
    contracts = {
        one.title: one
        for one in (load_contract(ROOT / "contracts" / path, read_wsdl) for path in ("window/1.0", "revenue/1.0"))
    }
    assert load_services(folder, contracts)[0] == {}
