"""`panjereh contract check` and `diff`: what is told of a contract, and what a newer one breaks."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops.cli.exits import Exit
from tests.support.editing import edit
from tests.support.few import mappings_with
from tests.support.records import ROOT

pytest_plugins = ["tests.support.command_fixtures"]

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def contracts(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "contracts", tmp_path / "contracts"))


@pytest.fixture
def mappings(tmp_path: Path) -> Path:
    return mappings_with(tmp_path, "renovation_toll", "building_permit")


# check


def test_the_shipped_contracts_have_no_fault_and_no_message_falls_back(run: Run) -> None:
    code, out, _ = run("check", "--json")
    told = json.loads(out)["contracts"]

    assert code == Exit.OK
    assert {one["contract"] for one in told} >= {"revenue/1.0", "urban_core/1.0", "window/1.0"}
    assert all(one["faults"] == [] == one["notes"] for one in told)
    assert {row["read by"] for one in told for row in one["operations"]} == {"compiled"}


def test_an_operation_is_told_with_its_bindings_direction_and_effect(run: Run) -> None:
    code, out, err = run("check", "window/1.0")

    assert code == Exit.OK
    assert "PushStatus       outward    queryable   rest soap  compiled" in out
    assert err.startswith("window/1.0: 0 faults, 0 notes; ")


def test_an_example_that_is_not_what_its_folder_says_is_told_with_the_field(run: Run, contracts: Path) -> None:
    examples = contracts / "window" / "1.0" / "examples"
    (examples / "valid" / "GetStatus.by_tracking_code.json").write_text("{}", encoding="utf-8")
    shutil.copy(examples / "valid" / "CheckHealth.without_a_word.json", examples / "invalid" / "CheckHealth.odd.json")

    code, out, _ = run("check", "window/1.0")

    assert code == Exit.FINDINGS
    place = "contracts/window/1.0/examples"
    assert f"{place}/valid/GetStatus.by_tracking_code.json: tracking_code: expected a value, found nothing" in out
    assert f"{place}/invalid/CheckHealth.odd.json: it stands among the invalid ones and is valid" in out


def test_a_message_without_an_example_is_told(run: Run, contracts: Path) -> None:
    for path in (contracts / "revenue" / "1.0" / "examples").glob("*/Ping.*"):
        path.unlink()

    _, out, _ = run("check", "revenue/1.0")

    assert "examples/valid: no valid request of Ping stands there, add Ping.a_sentence.json" in out
    assert "examples/valid: no valid answer of Ping stands there, add Ping.answer.a_sentence.json" in out
    assert "examples/invalid: no invalid message of Ping stands there" in out


def test_every_code_that_a_schema_lists_needs_a_row_and_a_row_for_no_code_is_noted(run: Run, contracts: Path) -> None:
    folder = contracts / "revenue" / "1.0"
    document = json.loads((folder / "openapi.json").read_bytes())
    document["components"]["schemas"]["ResultCode"] = {"type": "string", "enum": ["OK", "VALIDATION", "LATER"]}
    (folder / "openapi.json").write_text(json.dumps(document), encoding="utf-8")

    code, out, _ = run("check", "revenue/1.0")

    assert code == Exit.FINDINGS
    assert "contracts/revenue/1.0/outcomes.csv: code: 'LATER' has no row for body" in out
    assert "note: contracts/revenue/1.0/outcomes.csv:3: code: no schema knows 'DUPLICATE' for body" in out


def test_a_contract_that_does_not_load_is_told_beside_the_others(run: Run, contracts: Path) -> None:
    edit(contracts / "urban_core" / "1.0" / "contract.toml", 'query = "FindByReference"', 'query = "FindByName"')

    code, out, _ = run("check")

    assert code == Exit.FINDINGS
    assert "contracts/urban_core/1.0/contract.toml: operations.RegisterRequest.query: 'FindByName'" in out
    assert "window/1.0 (assumption)" in out


def test_an_unknown_contract_gets_the_near_one(run: Run) -> None:
    code, _, err = run("check", "windows/1.0")

    assert code == Exit.USAGE
    assert "did you mean 'window/1.0'?" in err


# diff


@pytest.fixture
def newer(contracts: Path) -> Path:
    """revenue/1.1, so far the same as revenue/1.0."""
    folder = Path(shutil.copytree(contracts / "revenue" / "1.0", contracts / "revenue" / "1.1"))
    edit(folder / "contract.toml", 'version = "1.0"', 'version = "1.1"')
    return folder


def changed_schema(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads((folder / "openapi.json").read_bytes())
    change(document["components"]["schemas"])
    (folder / "openapi.json").write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


@pytest.fixture
def diff(run: Run, mappings: Path) -> Callable[[], tuple[int, list[str], list[str]]]:
    def command() -> tuple[int, list[str], list[str]]:
        code, out, _ = run("diff", "revenue/1.0", "revenue/1.1", "--mappings", str(mappings), "--json")
        told = json.loads(out)
        changes = [" ".join(filter(None, one.values())) for one in told["changes"]]
        return code, changes, [one["fault"] for one in told["breaks"]]

    return command


@pytest.mark.usefixtures("newer")
def test_two_equal_contracts_differ_in_nothing(diff: Callable[[], tuple[int, list[str], list[str]]]) -> None:
    assert diff() == (Exit.OK, [], [])


def test_what_is_only_added_breaks_nothing(newer: Path, diff: Callable[[], tuple[int, list[str], list[str]]]) -> None:
    changed_schema(newer, lambda schemas: schemas["CreateAssessment"]["properties"].update(note={"type": "string"}))
    edit(newer / "outcomes.csv", "body,BUSY,retry", "body,BUSY,parked")

    code, changes, breaks = diff()

    assert (code, breaks) == (Exit.OK, [])
    assert changes == ["outcomes body,BUSY retry → parked", "CreateAssessment request note is new, optional"]


def test_a_field_that_went_and_one_that_must_stand_name_the_row_and_the_table(
    newer: Path, diff: Callable[[], tuple[int, list[str], list[str]]]
) -> None:
    def change(schemas: dict[str, Any]) -> None:
        properties = schemas["CreateAssessment"]["properties"]
        properties["phone"] = properties.pop("mobile")
        schemas["CreateAssessment"]["required"].append("phone")

    changed_schema(newer, change)

    code, changes, breaks = diff()

    assert code == Exit.FINDINGS
    assert changes == [
        "CreateAssessment request mobile is gone",
        "CreateAssessment request phone is new and required",
    ]
    assert any(
        fault.startswith("mappings/renovation_toll/revenue/submit.csv:1: target: no row fills 'phone'")
        for fault in breaks
    )
    assert any(
        "revenue/submit.csv:" in fault and "target: 'mobile' is not in CreateAssessment" in fault for fault in breaks
    )


def test_a_target_that_takes_less_breaks_the_row_that_fills_it(
    newer: Path, diff: Callable[[], tuple[int, list[str], list[str]]]
) -> None:
    def change(schemas: dict[str, Any]) -> None:
        schemas["RegisterPayment"]["properties"]["trace_no"] = {"type": "string", "maxLength": 4}

    changed_schema(newer, change)

    code, changes, breaks = diff()

    assert code == Exit.FINDINGS
    assert any(one.startswith("RegisterPayment request trace_no longest:") for one in changes)
    assert [fault for fault in breaks if "target: it takes less than before, 'trace_no' of RegisterPayment" in fault]


def test_an_operation_that_went_breaks_the_service_that_hands_to_it(
    newer: Path, diff: Callable[[], tuple[int, list[str], list[str]]]
) -> None:
    edit(newer / "contract.toml", "[operations.CancelAssessment]", "[operations.DropAssessment]")
    edit(newer / "openapi.json", '"operationId": "CancelAssessment"', '"operationId": "DropAssessment"')

    code, changes, breaks = diff()

    assert code == Exit.FINDINGS
    assert {"CancelAssessment is gone", "DropAssessment is new"} <= set(changes)
    assert any("'CancelAssessment' is not an inward operation of revenue/1.1" in fault for fault in breaks)


def test_both_bindings_of_a_contract_tell_a_change_once_and_a_new_status_that_no_table_knows(
    run: Run, contracts: Path, mappings: Path
) -> None:
    folder = contracts / "window" / "1.1"
    shutil.copytree(contracts / "window" / "1.0", folder)
    edit(folder / "contract.toml", 'version = "1.0"', 'version = "1.1"')
    changed_schema(folder, lambda schemas: schemas["ChannelCode"]["enum"].append("kiosk"))
    edit(
        folder / "window.xsd",
        '<xs:enumeration value="counter"/>',
        '<xs:enumeration value="counter"/><xs:enumeration value="kiosk"/>',
    )

    code, out, _ = run("diff", "window/1.0", "window/1.1", "--mappings", str(mappings))

    assert code == Exit.FINDINGS
    assert out.count("SubmitRequest    request  channel.code  takes 'kiosk' too") == 1
    assert "source: 'kiosk' of 'channel.code' has no row in mappings/building_permit/codes/" in out


def test_contracts_that_declare_other_things_are_told_place_by_place(run: Run, mappings: Path) -> None:
    code, out, _ = run("diff", "window/1.0", "revenue/1.0", "--mappings", str(mappings), "--json")

    assert code == Exit.FINDINGS
    told = {row["field"]: row["change"] for row in json.loads(out)["changes"] if not row["operation"]}
    assert told["statement.operation"] == "GetStatement → GetLedger"
    assert (told["changes"], told["finds.QueryExchange"]) == ("is new", "is gone")
    assert not any("Contract(" in change or "<" in change for change in told.values())
