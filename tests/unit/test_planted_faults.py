"""Faults such as clerks make, planted one by one in the shipped folders: each is told at its cell, alone."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from adapter.contract import load_contract
from adapter.contract.model import Contract
from adapter.service import load_services
from adapter.tables import Fault
from adapter.workbench.sides import Fields, fields_of
from adapter.wsdl import read_wsdl
from ops.cli.exits import Exit
from ops.cli.main import run_command
from tests.support.few import mappings_with
from tests.support.records import ROOT

NOTARY, TOLL, PERMIT = "notary_inquiry", "renovation_toll", "building_permit"

Check = Callable[[str], list[Fault]]


class Plant(NamedTuple):
    """A row of planted_faults.csv: `old` becomes `new` in a file of a service, or the file is added or removed."""

    service: str
    file: str
    kind: str
    old: str
    new: str
    line: str
    column: str
    told: str


with (Path(__file__).parent / "planted_faults.csv").open(encoding="utf-8", newline="") as _file:
    PLANTS = [Plant(*row) for row in list(csv.reader(_file))[1:]]


@pytest.fixture(scope="module")
def known() -> tuple[dict[str, Contract], dict[str, Fields]]:
    folders = [path.parent for path in (ROOT / "contracts").glob("*/*/contract.toml")]
    contracts = {one.title: one for one in (load_contract(folder, read_wsdl) for folder in folders)}
    return contracts, {title: fields_of(ROOT / "contracts" / title, one) for title, one in contracts.items()}


@pytest.fixture(scope="module")
def mappings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mappings_with(tmp_path_factory.mktemp("planted"), NOTARY, TOLL, PERMIT)


@pytest.fixture
def check(mappings: Path, known: tuple[dict[str, Contract], dict[str, Fields]]) -> Check:
    contracts, fields = known
    return lambda service: load_services(mappings, contracts, only={service}, fields=fields)[1].get(service, [])


def test_there_are_sixty_different_faults_and_more() -> None:
    assert len({one[:5] for one in PLANTS}) == len(PLANTS) >= 60
    assert len({one.told for one in PLANTS}) >= 60


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: f"{plant.file}: {plant.told}")
def test_a_planted_fault_is_told_at_its_cell_and_nothing_else_is(mappings: Path, check: Check, plant: Plant) -> None:
    path = mappings / plant.service / plant.file
    before = path.read_bytes() if path.exists() else None
    try:
        put(path, before, plant)
        (fault,) = check(plant.service)
    finally:
        path.unlink(missing_ok=True)
        if before is not None:
            path.write_bytes(before)

    place = (f"mappings/{plant.service}/{plant.file}", plant.line, plant.column)
    assert (fault.file, str(fault.line), fault.column) == place
    assert plant.told in str(fault)


def put(path: Path, before: bytes | None, plant: Plant) -> None:
    if plant.kind == "remove":
        path.unlink()
        return
    content = before.decode() if before is not None else ""
    assert plant.old in content
    path.write_text(content.replace(plant.old, plant.new, 1) if plant.old else plant.new, encoding="utf-8")


def test_without_a_fault_nothing_is_told(check: Check) -> None:
    assert [check(name) for name in (NOTARY, TOLL, PERMIT)] == [[], [], []]


def test_a_row_of_empty_cells_that_a_spreadsheet_left_behind_is_no_fault(mappings: Path, check: Check) -> None:
    path = mappings / NOTARY / "urban_core" / "ask.csv"
    before = path.read_bytes()
    path.write_bytes(before + b",,,,,,\n")
    found = check(NOTARY)
    path.write_bytes(before)
    assert found == []


@pytest.mark.parametrize(
    ("content", "told"),
    [({"never": 1}, "no case is refused"), ({"untranslatable": "never"}, "no case is ordinary")],
)
def test_a_service_has_ordinary_and_refused_cases(mappings: Path, check: Check, content: Any, told: str) -> None:
    before = {path: path.read_bytes() for path in (mappings / TOLL / "cases").glob("*.out.json")}
    for path in before:
        path.write_text(json.dumps(content), encoding="utf-8")
    (fault,) = check(TOLL)
    for path, kept in before.items():
        path.write_bytes(kept)
    assert (fault.file, fault.line) == (f"mappings/{TOLL}/cases", 0)
    assert told in str(fault)


def test_only_the_service_that_was_asked_for_is_looked_at(mappings: Path, check: Check) -> None:
    check(NOTARY)
    began = time.process_time()
    check(NOTARY)
    one = time.process_time() - began
    began = time.process_time()
    check(PERMIT)
    assert one < (time.process_time() - began)


def test_the_command_tells_each_fault_on_a_line(mappings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = mappings / NOTARY / "codes" / "channel.csv"
    before = path.read_bytes()
    path.write_bytes(before.replace(b"walk_in,", b"walkin,").replace(b"portal,4", b"portal,four"))
    code = run_command(["check", NOTARY, "--mappings", str(mappings)])
    path.write_bytes(before)

    assert code == Exit.FINDINGS
    lines = capsys.readouterr().out.splitlines()
    assert [line.rpartition("channel.csv:")[2].partition(",")[0] for line in lines] == [
        "7: internal: does not fit",
        "9: gateway: 'walkin' never comes",
    ]
