"""What a kind of system cannot do: no contract may promise it, and each service that asks for it is told so."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from adapter.contract import load_contract
from adapter.contract.abilities import CANNOT, Ability, lacking
from adapter.contract.model import Contract
from adapter.errors import FaultyTables
from adapter.service import load_services
from adapter.workbench.sides import fields_of
from tests.support.folder_side import hamlet
from tests.support.house import contracts
from tests.support.records import ROOT
from tests.support.sql_side import petitions

HAMLET, TREES = ROOT / "tests" / "contracts" / "hamlet" / "1.0", ROOT / "tests" / "contracts" / "trees" / "1.0"


@pytest.mark.parametrize("contract", [*contracts().values(), petitions(), hamlet()], ids=lambda one: str(one.title))
def test_every_binding_says_what_it_cannot_do(contract: Contract) -> None:
    assert contract.bindings.keys() <= CANNOT.keys()


def test_a_contract_of_several_bindings_can_what_one_of_them_can() -> None:
    assert all(lacking(hamlet(), ability) for ability in CANNOT["file"])
    assert not any(lacking(contracts()["revenue/1.0"], ability) for ability in Ability)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "[operations.FindByReference]",
            '[codes]\npaths = ["found"]\n[operations.FindByReference]',
            "codes.paths: a folder",
        ),
        (
            'query = "FindByReference"',
            'query = "FindByReference"\npoll = "FindByReference"',
            "operations.RegisterRequest.poll: a folder cannot be asked",
        ),
    ],
)
def test_a_contract_may_not_promise_what_its_kind_cannot_do(tmp_path: Path, old: str, new: str, told: str) -> None:
    shutil.copytree(HAMLET, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "contract.toml"
    path.write_text(path.read_text("utf-8").replace(old, new, 1), "utf-8")
    with pytest.raises(FaultyTables) as faulty:
        load_contract(tmp_path)
    assert told in str(faulty.value)


def faults(folder: Path, system: Contract, place: Path, **changes: str) -> list[str]:
    """The faults of the trees' service with another system behind it, and pieces of its service.toml replaced."""
    shutil.copytree(ROOT / "tests" / "mappings" / "tree_pruning", folder / "tree_pruning")
    path = folder / "tree_pruning" / "service.toml"
    text = path.read_text("utf-8").replace('"trees/1.0"', f'"{system.title}"')
    for old, new in changes.items():
        text = text.replace(old, new)
    path.write_text(text, "utf-8")
    places = {"window/1.0": ROOT / "contracts" / "window" / "1.0", system.title: place}
    known = {"window/1.0": contracts()["window/1.0"], system.title: system}
    fields = {title: fields_of(place, known[title]) for title, place in places.items()}
    return [str(one) for found in load_services(folder, known, fields=fields)[1].values() for one in found]


ATTACHING = '[inward.AttachDocument]\noperation = "RegisterRequest"\ntable = "submit"\n'


@pytest.mark.parametrize(
    ("old", "new", "key", "line"),
    [
        ("[outward]", f"{ATTACHING}[outward]", "inward.AttachDocument", "[inward.AttachDocument]"),
        ("[outward]", '[outward]\ndocument = "PushDocument"', "outward.document", 'document = "PushDocument"'),
        ('pattern = "case"', 'pattern = "bill"', "inward.SubmitRequest", "[inward.SubmitRequest]"),
    ],
)
def test_a_service_that_asks_a_folder_for_more_is_told_its_line_and_why(
    tmp_path: Path, old: str, new: str, key: str, line: str
) -> None:
    (told,) = (one for one in faults(tmp_path, hamlet(), HAMLET, **{old: new}) if "asks hamlet/1.0 for" in one)
    lines = (tmp_path / "tree_pruning" / "service.toml").read_text("utf-8").splitlines()
    assert f"tree_pruning/service.toml:{lines.index(line) + 1}: {key}: asks" in told


def test_a_service_whose_system_tells_nothing_is_told_that_its_statuses_never_come(tmp_path: Path) -> None:
    folder = tmp_path / "trees"
    shutil.copytree(TREES, folder)
    path = folder / "contract.toml"
    head, _, rest = path.read_text("utf-8").partition("[changes]")
    path.write_text(head + "[statement]" + rest.partition("[statement]")[2], "utf-8")
    told = faults(tmp_path / "mappings", load_contract(folder), folder)
    assert any("outward.status" in one and "neither [changes] nor [webhook]" in one for one in told), told
