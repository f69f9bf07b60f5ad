"""`panjereh service`: a new folder, one cell followed, two folders compared; none of it needs an installation."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapter.contract import load_contract
from adapter.service.checks import PATTERNS
from adapter.tables import TO_FILL
from adapter.wsdl import read_wsdl
from ops.cli.exits import Exit
from ops.cli.main import run_command
from tests.support.few import mappings_with
from tests.support.records import ROOT

Captured = pytest.CaptureFixture[str]
Run = Callable[..., tuple[int, dict[str, Any]]]

NOTARY, PERMIT = "notary_inquiry", "building_permit"
CASE = ROOT / "mappings" / PERMIT / "cases" / "a_new_building_of_two_owners_and_three_floors.in.json"


@pytest.fixture
def mappings(tmp_path: Path) -> Path:
    return mappings_with(tmp_path, NOTARY)


@pytest.fixture
def run(mappings: Path, capsys: Captured) -> Run:
    def told(*tokens: str) -> tuple[int, dict[str, Any]]:
        code = run_command([*tokens, "--mappings", str(mappings), "--json"])
        out = capsys.readouterr().out
        return code, json.loads(out) if out else {}

    return told


def new(run: Run, name: str, pattern: str = "case", connector: str = "urban_core/1.0") -> tuple[int, dict[str, Any]]:
    return run("service", "new", name, "--contract", "window/1.0", "--connector", connector, "--pattern", pattern)


def test_a_new_folder_has_a_row_for_every_field_that_must_stand(run: Run, mappings: Path) -> None:
    code, told = new(run, "well_permit")

    assert code == Exit.OK
    assert {"service.toml", "card.toml", "urban_core/submit.csv", "urban_core/status.csv"} <= set(told["files"])
    shape = load_contract(ROOT / "contracts" / "urban_core" / "1.0", read_wsdl).shapes["RegisterRequest"]
    rows = (mappings / "well_permit" / "urban_core" / "submit.csv").read_text(encoding="utf-8").splitlines()[1:]
    targets = {row.partition(",")[0]: row for row in rows}
    needed = {path for path, is_required in shape.items() if is_required and "." not in path}
    assert needed <= {path.partition(".")[0] for path in targets}
    assert targets["NationalCode"].startswith("NationalCode,applicant.national_id,national_id,")
    assert targets["BirthDate"].startswith("BirthDate,applicant.birth_date,jalali_date,YYYYMMDD,")
    assert all("guess" in row for row in rows)


@pytest.mark.parametrize("pattern", ["bill", "case", "inquiry"])
def test_the_check_of_a_new_folder_tells_what_is_still_to_be_done_and_nothing_else(run: Run, pattern: str) -> None:
    assert pattern in PATTERNS
    new(run, "well_permit", pattern)

    code, told = run("check", "well_permit")

    assert code == Exit.FINDINGS
    still = ("still to be filled in", "the source is empty", "0 is not above 0")
    assert [fault for fault in told["faults"] if not any(word in fault for word in still)] == []
    assert any("card.toml" in fault and "complaint" in fault for fault in told["faults"])
    assert any("/codes/" in fault for fault in told["faults"])
    assert any("cases/an_ordinary_" in fault and TO_FILL in fault for fault in told["faults"])


def test_a_new_service_is_a_draft_whose_faults_are_its_clerks_alone(run: Run, mappings: Path, capsys: Captured) -> None:
    new(run, "well_permit")

    code, told = run("check")
    assert (code, told["faults"], list(told["drafts"])) == (Exit.OK, [], ["well_permit"])
    assert run_command(["check", "--mappings", str(mappings)]) == Exit.OK
    told_of_it = capsys.readouterr().err.splitlines()[0]
    assert told_of_it == (
        f"well_permit is a draft with {told['drafts']['well_permit']} faults: "
        f"panjereh check well_permit --mappings {mappings}"
    )
    assert run_command(["test", "--mappings", str(mappings)]) == Exit.FINDINGS
    assert f"run: panjereh check well_permit --mappings {mappings}\n" in capsys.readouterr().err


def test_a_folder_that_is_there_is_never_touched(run: Run, mappings: Path, capsys: Captured) -> None:
    before = (mappings / NOTARY / "service.toml").read_bytes()
    assert new(run, NOTARY)[0] == Exit.USAGE
    assert (mappings / NOTARY / "service.toml").read_bytes() == before


@pytest.mark.parametrize(
    ("tokens", "told"),
    [
        (["new", "x", "--contract", "windwo/1.0", "--connector", "urban_core/1.0"], "did you mean 'window/1.0'?"),
        (["new", "x", "--contract", "window/1.0", "--connector", "urban-core/1.0"], "did you mean 'urban_core/1.0'?"),
        (
            ["new", "x", "--contract", "window/1.0", "--connector", "urban_core/1.0", "--pattern", "cas"],
            "did you mean 'case'?",
        ),
        (["new", "X-1", "--contract", "window/1.0", "--connector", "urban_core/1.0"], "does not name a folder"),
        (["explain", "notary_inquiri", "ask.csv", "Area"], "did you mean 'notary_inquiry'?"),
        (["explain", NOTARY, "aks.csv", "Area"], "did you mean 'ask'?"),
        (["explain", NOTARY, "ask.csv", "Aera"], "did you mean 'Area'?"),
        (["explain", NOTARY, "ask.csv", "Area", "--record", "nowhere.json"], "there is no such file"),
        (["diff", NOTARY, "notary_inquiri"], "did you mean 'notary_inquiry'?"),
    ],
)
def test_a_misspelt_name_gets_the_near_one(mappings: Path, capsys: Captured, tokens: list[str], told: str) -> None:
    assert run_command(["service", *tokens, "--mappings", str(mappings)]) == Exit.USAGE
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("said", "meant"), [("service publish", "services publish"), ("services diff", "service diff")]
)
def test_who_mixes_up_a_folder_and_the_installation_is_told(capsys: Captured, said: str, meant: str) -> None:
    assert run_command([*said.split(), NOTARY]) == Exit.USAGE
    assert f"did you mean '{meant}'?" in capsys.readouterr().err


def test_a_cell_is_followed_from_the_gateway_to_the_internal_system(capsys: Captured) -> None:
    tokens = ["service", "explain", PERMIT, "submit.csv", "ApplicantCapacity", "--record", str(CASE), "--json"]
    assert run_command(tokens) == Exit.OK

    (passage,) = json.loads(capsys.readouterr().out)["passages"]
    assert passage["sources"][0][0] == "applicant.capacity"
    assert "one of owner, attorney" in passage["sources"][0][1]
    assert (passage["rule"], passage["argument"], passage["message"]) == ("code", "capacity", "RegisterRequest")
    assert passage["takes"].startswith("text, like ")
    (value,) = passage["values"]
    assert (value["given"], value["gives"]) == ("owner", "1")
    assert value["codes"][0].startswith(f"mappings/{PERMIT}/codes/capacity.csv:")
    assert any(code.endswith("owner → 1") for code in passage["codes"])


def test_a_repeated_cell_has_a_value_for_each_item(capsys: Captured) -> None:
    assert run_command(["service", "explain", PERMIT, "submit", "Floors[].Level", "--record", str(CASE)]) == Exit.OK
    out = capsys.readouterr().out
    assert [line.strip() for line in out.splitlines() if "value" in line] == [
        "value  -1 → -1",
        "value  0 → 0",
        "value  1 → 1",
    ]


def test_a_record_that_is_refused_is_told_with_its_row(tmp_path: Path, capsys: Captured) -> None:
    given = json.loads(CASE.read_text(encoding="utf-8"))
    given["record"]["applicant"]["capacity"] = "tenant"
    path = tmp_path / "record.json"
    path.write_text(json.dumps(given), encoding="utf-8")

    code = run_command(["service", "explain", PERMIT, "submit.csv", "ApplicantCapacity", "--record", str(path)])

    assert code == Exit.FINDINGS
    assert "refused: mappings/building_permit/urban_core/submit.csv:" in capsys.readouterr().out


def test_two_folders_are_compared_by_what_rows_are_for(run: Run, mappings: Path) -> None:
    shutil.copytree(mappings / NOTARY, mappings / "other")
    path = mappings / "other" / "urban_core" / "ask.csv"
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    rows = [row.replace("UnitNo,deal.unit_no,text,", "UnitNo,deal.unit_no,text,20") for row in reversed(rows)]
    rows = [row for row in rows if not row.startswith("Shop,")]
    path.write_text("\n".join([header, *rows, "Extra,deal.extra,text,,,,"]), encoding="utf-8")

    code, told = run("service", "diff", NOTARY, "other")

    assert code == Exit.FINDINGS
    found = {(one["key"], one["change"]): one for one in told["differences"]}
    assert set(found) == {("UnitNo", "changed"), ("Shop", "removed"), ("Extra", "added")}
    assert found["UnitNo", "changed"]["columns"] == {"argument": ["", "20"]}
    assert found["UnitNo", "changed"]["first"] == f"{NOTARY}/urban_core/ask.csv:32"


def test_codes_and_keys_are_compared_as_well_and_equal_folders_do_not_differ(run: Run, mappings: Path) -> None:
    shutil.copytree(mappings / NOTARY, mappings / "other")
    code, told = run("service", "diff", NOTARY, str(mappings / "other"))
    assert (code, told["differences"]) == (Exit.OK, [])

    for file, old, new_text in (
        ("codes/channel.csv", "تلفن و پیامک", "تلفن"),
        ("service.toml", "answer_within_seconds = 2", "answer_within_seconds = 3"),
    ):
        path = mappings / "other" / file
        path.write_text(path.read_text(encoding="utf-8").replace(old, new_text), encoding="utf-8")

    differences = run("service", "diff", NOTARY, "other")[1]["differences"]
    assert [(one["file"], one["key"], one["columns"]) for one in differences] == [
        ("service.toml", "answer_within_seconds", {"value": ["2", "3"]}),
        ("codes/channel.csv", "phone_sms 8", {"title": ["تلفن و پیامک", "تلفن"]}),
    ]
