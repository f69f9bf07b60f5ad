"""Other spellings of real partners: replaced before anything is checked, and only where the table says so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from adapter.contract import load_contract
from adapter.contract.aliases import AliasRow, aliases_of, rename_json
from adapter.contract.model import Contract
from adapter.errors import FaultyTables
from adapter.refusals import SchemaViolation
from adapter.wsdl import read_wsdl
from tests.support.records import ROOT

WINDOW = ROOT / "contracts" / "window" / "1.0"
HEADER = "partner,operation,accepted,meaning,note\n"


def window(tmp_path: Path, rows: str) -> Contract:
    folder = tmp_path / "window" / "1.0"
    shutil.copytree(WINDOW, folder, dirs_exist_ok=True)
    (folder / "aliases.csv").write_text(HEADER + rows, encoding="utf-8")
    return load_contract(folder, read_wsdl)


def withdrawal(name: str) -> dict[str, str]:
    record = json.loads((WINDOW / "examples/valid/WithdrawRequest.the_applicant_gives_up.json").read_bytes())
    return {name if key == "tracking_code" else key: value for key, value in record.items()}


def in_xml(name: str) -> bytes:
    text = (WINDOW / "examples/valid/WithdrawRequest.the_applicant_gives_up.soap.xml").read_text(encoding="utf-8")
    return text.replace("tracking_code>", f"{name}>").encode()


def test_a_spelling_is_read_as_the_name_in_the_envelope_and_in_a_parameter_of_the_path(tmp_path: Path) -> None:
    bindings = window(tmp_path, "*,*,trackingCode,tracking_code,\n").bindings
    record = withdrawal("tracking_code")
    body = {name: value for name, value in record.items() if name != "tracking_code"}

    by_soap = bindings["soap"].decode_request(in_xml("trackingCode"))
    by_rest = bindings["rest"].decode_request(
        json.dumps(body).encode(), operation="WithdrawRequest", parameters={"trackingCode": record["tracking_code"]}
    )

    assert by_soap.content == by_rest.content == record


def test_a_partners_spelling_is_its_own(tmp_path: Path) -> None:
    codec = window(tmp_path, "land,WithdrawRequest,trakingCode,tracking_code,\n").bindings["soap"]

    assert codec.decode_request(in_xml("trakingCode"), partner="land").content == withdrawal("tracking_code")
    for partner in (None, "counter"):
        with pytest.raises(SchemaViolation):
            codec.decode_request(in_xml("trakingCode"), partner=partner)


def test_the_other_sides_answer_may_be_spelt_otherwise_too(tmp_path: Path) -> None:
    bindings = window(tmp_path, "*,*,resultCode,result_code,\n").bindings
    answer = json.loads((WINDOW / "examples/valid/PushStatus.answer.received.json").read_bytes())
    written = {"resultCode" if key == "result_code" else key: value for key, value in answer.items()}

    assert bindings["rest"].decode_answer("PushStatus", json.dumps(written).encode()) == answer
    envelope = bindings["soap"].encode_answer("PushStatus", answer).replace(b"result_code", b"resultCode")
    assert bindings["soap"].decode_answer("PushStatus", envelope) == answer


def test_both_spellings_at_once_are_refused_rather_than_chosen_from(tmp_path: Path) -> None:
    codec = window(tmp_path, "*,*,trackingCode,tracking_code,\n").bindings["rest"]
    record = {**withdrawal("tracking_code"), "trackingCode": "1"}
    code = record.pop("tracking_code")

    with pytest.raises(SchemaViolation):
        codec.decode_request(
            json.dumps(record).encode(), operation="WithdrawRequest", parameters={"tracking_code": code}
        )


def test_names_are_replaced_at_every_depth_and_a_space_at_the_end_is_a_spelling() -> None:
    rows = [AliasRow("*", "*", "msg ", "msg", 2), AliasRow("land", "*", "msg ", "message", 3)]
    aliases = aliases_of(rows, ["Tell"])

    assert rename_json({"all": [{"msg ": 1}]}, aliases.names(None, "Tell")) == {"all": [{"msg": 1}]}
    assert rename_json({"msg ": 1}, aliases.names("land", "Tell")) == {"message": 1}
    assert aliases.names(None, "Other") == {}


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("*,*,trackingKode,tracking_kode,", "aliases.csv:2: meaning: 'tracking_kode' is not a field there"),
        ("*,Withdraw,trackingCode,tracking_code,", "aliases.csv:2: operation: 'Withdraw' is not an operation"),
        ("*,*,reason,tracking_code,", "aliases.csv:2: accepted: 'reason' is a field itself"),
        ("*,*,,tracking_code,", "aliases.csv:2: accepted: is empty"),
        ("*,*,a", "aliases.csv:2: has 3 cells, the header 5"),
    ],
)
def test_a_row_that_means_nothing_names_its_cell(row: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(FaultyTables) as caught:
        window(tmp_path, f"{row}\n")

    assert told in caught.value.faults[0]
