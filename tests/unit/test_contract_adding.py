"""`panjereh contract add`: how a foreign document is taken in, and which one is not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.cli.exits import Exit
from tests.support.editing import edit
from tests.support.few import copied_contract
from tests.support.records import ROOT

pytest_plugins = ["tests.support.command_fixtures"]

Run = Callable[..., tuple[int, str, str]]

FOREIGN = Path(__file__).parents[1] / "support" / "foreign"
"""Documents in the style of public services that nobody of us runs."""


@pytest.fixture
def contracts(tmp_path: Path) -> Path:
    """A folder with one contract that is there already."""
    copied_contract(tmp_path / "contracts", ROOT / "contracts" / "revenue" / "1.0")
    return tmp_path / "contracts"


@pytest.mark.parametrize(
    "document",
    [
        "contracts/window/1.0/window.wsdl",
        "contracts/window/1.0/openapi.json",
        "contracts/urban_core/1.0/urban_core.wsdl",
        "contracts/revenue/1.0/openapi.json",
        "tests/support/foreign/tax/TaxService.wsdl",
        "tests/support/foreign/parcels.json",
    ],
)
def test_a_document_becomes_a_folder_that_the_check_finds_whole_at_once(document: str, run: Run) -> None:
    code, out, err = run("add", str(ROOT / document), "partner/2.1", "--direction", "inward", "--apply")
    assert (code, "panjereh contract check partner/2.1" in err) == (Exit.OK, True), out

    code, out, _ = run("check", "partner/2.1", "--json")
    told = json.loads(out)["contracts"][0]
    assert (code, told["faults"]) == (Exit.OK, [])
    assert {row["effect"] for row in told["operations"]} == {"neither"}
    assert told["examples"]["valid"] >= 2 * len(told["operations"]) <= told["examples"]["invalid"]


def test_a_foreign_wsdl_brings_its_schemas_its_path_its_faults_and_its_codes(run: Run, contracts: Path) -> None:
    run("add", str(FOREIGN / "tax" / "TaxService.wsdl"), "tax/1.0", "--apply")
    folder = contracts / "tax" / "1.0"

    assert {path.name for path in folder.glob("*.xsd")} == {"messages.xsd", "data.xsd", "faults.xsd"}
    text = (folder / "contract.toml").read_text(encoding="utf-8")
    assert 'soap_path = "/Tax/TaxService.svc"' in text
    assert 'paths = ["Result.ResultCode"]' in text
    assert "effect = \"neither\"  # by its name it reads: then 'read'" in text
    rows = (folder / "outcomes.csv").read_text(encoding="utf-8").splitlines()
    assert [",".join(row.split(",")[:3]) for row in rows[1:]] == [
        "body,ACCEPTED,parked",
        "body,DUPLICATE,parked",
        "body,REJECTED,parked",
        "fault,PayerNotFound,parked",
        "fault,TAX-01,parked",
        "fault,TAX-02,parked",
    ]


def test_rows_that_nobody_has_decided_are_noted(run: Run) -> None:
    run("add", str(FOREIGN / "tax" / "TaxService.wsdl"), "tax/1.0", "--apply")

    code, out, _ = run("check", "tax/1.0")

    assert code == Exit.OK
    assert "note: contracts/tax/1.0/outcomes.csv:2: en: 'ACCEPTED' has no sentence yet" in out


def test_without_apply_nothing_is_written_and_an_existing_folder_is_never_touched(run: Run, contracts: Path) -> None:
    document = str(FOREIGN / "parcels.json")

    code, out, err = run("add", document, "parcels/1.0")
    assert (code, (contracts / "parcels").exists()) == (Exit.OK, False)
    assert "contract.toml" in out
    assert "nothing was written: repeat with --apply" in err

    before = (contracts / "revenue" / "1.0" / "contract.toml").read_bytes()
    code, _, err = run("add", document, "revenue/1.0", "--apply")
    assert (code, "is there already" in err) == (Exit.USAGE, True)
    assert (contracts / "revenue" / "1.0" / "contract.toml").read_bytes() == before


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ("http://tax.example/data.xsd", "is on the network, which is never asked"),
        ("//tax.example/data.xsd", "is on the network, which is never asked"),
        ("../data.xsd", "leads out of the folder"),
        ("/etc/data.xsd", "leads out of the folder"),
        ("missing.xsd", "cannot be read"),
    ],
)
def test_a_reference_that_leads_elsewhere_is_named_and_nothing_is_made(
    where: str, why: str, run: Run, contracts: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(FOREIGN / "tax", tmp_path / "theirs"))
    edit(folder / "messages.xsd", 'schemaLocation="data.xsd"', f'schemaLocation="{where}"')

    code, _, err = run("add", str(folder / "TaxService.wsdl"), "tax/1.0", "--apply")

    assert code == Exit.FINDINGS
    assert why in err
    assert not (contracts / "tax").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("openapi: 3.0.0", "is neither XML nor JSON"),
        ('{"swagger": "2.0"}', "openapi: is nothing; only 3.0 and 3.1 are read"),
        ('{"openapi": "3.1.0", "paths": {}, "x": {"$ref": "other.json#/A"}}', "'other.json#/A' leads out"),
        ("<definitions", "cannot be read as XML"),
    ],
)
def test_a_document_that_is_no_contract_says_why(content: str, told: str, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "document"
    path.write_text(content, encoding="utf-8")

    code, _, err = run("add", str(path), "partner/1.0", "--apply")

    assert code == Exit.FINDINGS
    assert told in err


def test_a_name_that_is_no_title_is_refused(run: Run) -> None:
    code, _, err = run("add", str(FOREIGN / "parcels.json"), "Parcels", "--apply")

    assert (code, "write NAME/VERSION" in err) == (Exit.USAGE, True)
