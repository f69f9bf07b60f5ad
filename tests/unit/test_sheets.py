"""A sheets file says which files go out and which come in; each of its faults names its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapter.contract import load_contract
from adapter.errors import FaultyTables
from adapter.workbench.reviewing import messages_of
from tests.support.editing import edit
from tests.support.few import copied_contract
from tests.support.records import ROOT

FOLDER = ROOT / "tests" / "contracts" / "hamlet" / "1.0"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('time_zone = "Asia/Tehran"', 'time_zone = "Tehran"', "time_zone: is not the name of a time zone"),
        ('out = "out"', 'out = "../out"', "RegisterRequest.out: String should match"),
        ('out = "out"', "", "RegisterRequest.out: a sheet goes out, comes in by folder, or tells what was found"),
        ('form = "csv"', 'form = "ods"', "RegisterRequest.form: Input should be 'csv' or 'xlsx'"),
        ('answer = ["tracking_code"]', 'answer = ["number"]', "RegisterRequest.answer: 'number' is not one of"),
        ('rows = "changes"', 'rows = "rows"', "GetChanges.folder: contract.toml asks for no pages of it"),
        ("paid = {", "line = {", "GetChanges.columns.line: every row has it already"),
        ('pattern = "^[0-9]{10}$"', 'pattern = "("', "cannot be compiled"),
        ("[FindByReference]", '[Strange]\nout = "x"\n\n[FindByReference]', "file has Strange, which has no section"),
    ],
)
def test_a_fault_names_its_place(tmp_path: Path, old: str, new: str, told: str) -> None:
    folder = copied_contract(tmp_path, FOLDER)
    edit(folder / "sheets.toml", old, new)

    with pytest.raises(FaultyTables) as raised:
        load_contract(folder)

    assert told in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    folder = copied_contract(tmp_path, FOLDER)
    (folder / "sheets.toml").unlink()
    with pytest.raises(FaultyTables, match=r"sheets\.toml: is missing; contract\.toml: file names it"):
        load_contract(folder)


def test_its_messages_have_the_fields_of_the_sheets_and_those_that_every_row_has() -> None:
    contract = load_contract(FOLDER)

    assert contract.shapes["RegisterRequest"] == {"reference": True, "tracking_code": True, "text": False}
    assert {"changes[].row_id", "changes[].status_code"} <= contract.answer_shapes["GetChanges"].keys()
    assert messages_of(FOLDER, contract)["file"].keys() == contract.operations.keys()
