"""A statements file says what a database is asked; each of its faults names its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from adapter.contract import load_contract
from adapter.errors import FaultyTables
from adapter.refusals import SchemaViolation
from adapter.service.fitting import misfits
from adapter.workbench.json_fields import json_messages
from adapter.workbench.reviewing import messages_of
from tests.support.editing import edit
from tests.support.few import copied_contract
from tests.support.records import ROOT

FOLDER = ROOT / "tests" / "contracts" / "petitions" / "1.0"


@pytest.fixture
def changed(tmp_path: Path) -> Callable[[str, str], Path]:
    folder = copied_contract(tmp_path, FOLDER)

    def change(old: str, new: str) -> Path:
        edit(folder / "statements.toml", old, new)
        return folder

    return change


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('time_zone = "Asia/Tehran"', 'time_zone = "Asia/Theran"', "time_zone: is not the name of a time zone"),
        ('insert = "petition_inbox"', 'insert = "petition; DROP"', "RegisterPetition.insert: String should match"),
        ('insert = "petition_inbox"', 'inserts = "petition_inbox"', "RegisterPetition.inserts: Extra inputs"),
        ('insert = "document_inbox"', "", "AttachDocument.view: is missing"),
        ('where = ["reference"]', 'where = ["referense"]', "RegisterPetition.where: 'referense' is not one of"),
        ('cursor = "change_no"', 'cursor = "number"', "GetChanges.cursor: 'number' is not one of its columns"),
        ('rows = "changes"', 'rows = "rows"', "GetChanges.cursor: contract.toml asks for no pages of GetChanges"),
        ('rows = "entries"\n', "", "GetLedger.rows: a view that is read in pages needs rows and key"),
        (":amount_rial)", ":amount)", "ConfirmPayment.call: ':amount' is not one of its parameters"),
        (":amount_rial)", "1000)", "ConfirmPayment.call: ':amount_rial' stands nowhere in it"),
        (":amount_rial)", ":amount_rial); DROP TABLE x", "ConfirmPayment.call: is more than one statement"),
        ('found = "found"', 'insert = "petition_inbox"', "FindByReference.insert: FindByReference only reads"),
        ('pattern = "^[0-9]{10}$"', 'pattern = "^[0-9{10}($"', "the schema cannot be compiled"),
        ("[GetLedger]", '[Strange]\ninsert = "x"\n\n[GetLedger]', "sql has Strange, which has no section here"),
    ],
)
def test_a_fault_names_its_place(changed: Callable[[str, str], Path], old: str, new: str, told: str) -> None:
    with pytest.raises(FaultyTables) as raised:
        load_contract(changed(old, new))
    assert told in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    folder = copied_contract(tmp_path, FOLDER)
    (folder / "statements.toml").unlink()
    with pytest.raises(FaultyTables, match=r"statements\.toml: is missing; contract\.toml: sql names it"):
        load_contract(folder)


def test_the_targets_of_tables_are_the_parameters_with_their_facets() -> None:
    contract = load_contract(FOLDER)

    assert contract.shapes["RegisterPetition"] == {
        "reference": True,
        "tracking_code": True,
        "text": False,
        "channel": False,
        "urgent": False,
    }
    assert contract.answer_shapes["GetChanges"]["changes[].status_code"]
    assert list(misfits(contract, "RegisterPetition", "tracking_code", ["4052718396", "12"])) == ["12"]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("tracking_code", "405271839", "text like"),
        ("text", "الف" * 1000, "at most 2000 characters"),
        ("channel", 7, "one of 1, 2, 5"),
        ("urgent", "بله", "yes or no"),
        ("tracking_code", None, "a value"),
        ("phone", "09000000011", "no such field"),
    ],
)
def test_what_breaks_a_parameter_is_never_frozen(field: str, value: object, expected: str) -> None:
    codec = load_contract(FOLDER).bindings["sql"]
    record = {"reference": "0e5f1c2a-7b3d-5e8f-9a10-000000000010", "tracking_code": "4052718396", field: value}
    with pytest.raises(SchemaViolation) as raised:
        codec.encode_request("RegisterPetition", {name: one for name, one in record.items() if one is not None})
    assert [(one.path, one.expected.startswith(expected)) for one in raised.value.violations] == [(field, True)]


def test_its_messages_are_told_in_the_words_of_every_binding() -> None:
    contract = load_contract(FOLDER)
    messages = messages_of(FOLDER, contract)["sql"]

    assert messages.keys() == contract.operations.keys()
    tracking_code = next(one for one in messages["RegisterPetition"].request.parts if one.name == "tracking_code")
    assert (tracking_code.is_required, tracking_code.limits.patterns) == (True, ("[0-9]{10}",))
    assert json_messages({}) == {}
