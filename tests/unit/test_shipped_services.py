"""What is true of every folder of `mappings/`, however many there are: its laws, its documents, its Persian."""

from __future__ import annotations

import csv
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.house import contracts, services
from tests.support.records import ROOT

FOLDERS = sorted(path.parent for path in (ROOT / "mappings").glob("*/service.toml"))
_OF_MACHINES = frozenset({"kind", "channels", "type", "url", "phone"})
_FOREIGN_LETTERS = re.compile("[يىك٠-٩]")
_LATIN_DIGITS = re.compile("[0-9]")


def _codes(folder: Path, name: str) -> list[dict[str, str]]:
    path = folder / "codes" / f"{name}.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _card(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "card.toml").read_text(encoding="utf-8"))


def _texts(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, name)
    elif isinstance(value, str) and name not in _OF_MACHINES:
        yield value


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_refusal_rests_on_a_law_and_tells_what_to_do(folder: Path) -> None:
    refusals = [*_codes(folder, "refusal"), *_codes(folder, "setback")]
    advised = {row["internal"] for row in _codes(folder, "advice")}

    assert [row["internal"] for row in refusals if not row["legal_basis"]] == []
    assert {row["internal"] for row in refusals} == advised


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_document_that_a_card_asks_for_can_be_attached(folder: Path) -> None:
    attached = {row["gateway"] for row in _codes(folder, "document")}
    asked = {one["kind"] for one in _card(folder)["documents"] if "kind" in one}

    assert not attached or asked <= attached | {"none"}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_card_is_written_with_persian_letters_and_digits(folder: Path) -> None:
    texts = list(_texts(_card(folder)))

    assert [text for text in texts if _FOREIGN_LETTERS.search(text)] == []
    assert [text for text in texts if _LATIN_DIGITS.search(text)] == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_what_a_case_expects_is_taken_by_the_contract_it_goes_to(folder: Path) -> None:
    service = services()[folder.name]
    goes_to = {name: (service.gateway, str(operation)) for name, operation in service.outward.items()}
    goes_to |= {route.table: (service.system, route.operation) for route in service.inward.values()}
    for table, payload in _expected(folder):
        contract, operation = goes_to[table]
        codecs = [one for one in contracts()[contract].bindings.values() if operation in one.operations]
        assert [bool(one.encode_request(operation, payload)) for one in codecs] == [True] * len(codecs) != []


def _expected(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The table and the payload of every case that translates, entry by entry where it tries many codes."""
    for path in (folder / "cases").glob("*.in.json"):
        given, expected = (json.loads(one.read_bytes()) for one in (path, path.with_name(path.stem[:-3] + ".out.json")))
        entries = expected.pop("each", [{}])
        if "untranslatable" not in expected:
            yield from ((given["table"], _laid_over(expected, entry)) for entry in entries)


def _laid_over(under: Any, over: Any) -> Any:
    if not isinstance(under, dict) or not isinstance(over, dict):
        return over
    return {**under, **{key: _laid_over(under.get(key), value) for key, value in over.items()}}


def test_no_two_services_share_an_id_or_a_title() -> None:
    told = [tomllib.loads((folder / "service.toml").read_text(encoding="utf-8")) for folder in FOLDERS]

    assert len({one["service_id"] for one in told}) == len({one["title"] for one in told}) == len(told)
