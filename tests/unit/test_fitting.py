"""What a contract takes at a path: asked once for all services, and the answers stay what they are."""

from __future__ import annotations

import pytest

from adapter.contract import load_contract
from adapter.service import load_services
from adapter.service.fitting import asking_once, misfits
from adapter.wsdl import read_wsdl
from tests.figures import HOUSE
from tests.support.many import write_services

_PLACE = ("PushStatus", "status_code")


@pytest.fixture(scope="module")
def contracts():
    folders = sorted(path.parent for path in (HOUSE / "contracts").glob("*/*/contract.toml"))
    return {one.title: one for one in (load_contract(folder, read_wsdl) for folder in folders)}


def test_what_was_asked_before_is_answered_alike_and_among_other_values(contracts):
    window = contracts["window/1.0"]
    values = {"010", "a code that is none", ""}
    ask = asking_once()

    first, again = ask(window, *_PLACE, values), ask(window, *_PLACE, values)

    assert first == again == misfits(window, *_PLACE, values)
    assert first
    assert ask(window, *_PLACE, {"010"}) == {}
    assert ask(window, *_PLACE, {"another"}) == misfits(window, *_PLACE, {"another"})


def test_a_copy_of_a_service_has_the_faults_of_its_own_codes(contracts, tmp_path):
    write_services(tmp_path, 2, of="building_permit")
    codes = tmp_path / "building_permit_001/codes/status.csv"
    codes.write_text(codes.read_text(encoding="utf-8").replace("\n010,", "\nmuch too long for a status,", 1), "utf-8")

    services, faults = load_services(tmp_path, contracts)

    assert set(services) == {"building_permit_000"}
    assert {fault.what for fault in faults["building_permit_001"]} == {"does not fit"}
