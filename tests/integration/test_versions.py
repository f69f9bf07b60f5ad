"""Two versions of one contract in one process: each service is called, and calls out, in its own and in no other."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapter.callers import HttpTarget
from adapter.channels import System, Target
from adapter.contract.model import Contract
from adapter.contract.outcomes import Observation, Seen, classify
from adapter.errors import FaultyTables
from adapter.exchange import Exchange, Operation, Outcome, State
from adapter.journal import Filter, reading
from connectors.polled import PolledSystem
from ops.cli.exits import Exit
from ops.cli.main import run_command
from ops.demo.installation import TENANT
from ops.serving import application
from ops.settings_file import load_settings
from ops.wiring import House, Parts, open_house
from tests.support.editing import edit
from tests.support.house import RECEIPT, USUAL
from tests.support.installed import install_alone
from tests.support.records import ROOT
from tests.support.scripted import NOBODY, ScriptedSystem, Sent

OLD, NEW = "window/1.0", "window/1.1"
NEW_DOOR = 'door = "/window/1.1"\n'
IDS = {OLD: "13042650207", NEW: "13042650399"}
"""The toll's own service id, and that of its copy."""

EXAMPLE = ROOT / "contracts/window/1.0/examples/valid/SubmitRequest.a_renovation_toll_of_two_years.json"


@dataclass
class Installed:
    """A house of both versions, its doors, and the two gateways as it sees them."""

    house: House
    doors: httpx.AsyncClient
    gateways: dict[str, ScriptedSystem]

    async def submit(self, door: str, binding: str, title: str, *, has_wish: bool, key: str) -> httpx.Response:
        """A toll for the service that speaks a version, sent to a door in a binding, with the new field or without."""
        headers = {"Idempotency-Key": f"key-{key:0>16}"}
        if binding == "rest":
            record = {**json.loads(EXAMPLE.read_bytes()), "service_id": IDS[title]}
            return await self.doors.post(
                f"{door}/v1/requests", json=record | ({"wish": "نو"} if has_wish else {}), headers=headers
            )
        text = EXAMPLE.with_suffix(".soap.xml").read_text(encoding="utf-8").replace(IDS[OLD], IDS[title])
        text = re.sub(r"(<IdempotencyKey[^>]*>)[^<]+", rf"\g<1>{headers['Idempotency-Key']}", text)
        if has_wish:
            text = text.replace("</SubmitRequest>", "<wish>نو</wish></SubmitRequest>")
        headers |= {"Content-Type": "text/xml; charset=utf-8"}
        return await self.doors.post(f"{door}/v1/soap", content=text.encode(), headers=headers)

    async def outward(self, *, at_least: int) -> list[Exchange]:
        """What went out, once so many exchanges have come to rest."""
        async with asyncio.timeout(10):
            while True:
                found = await self.house.journal.read(reading.list_exchanges, Filter(limit=100))
                out = [one for one in found if one.operation is Operation.ISSUE_BILL]
                if len(out) >= at_least and all(one.state in {State.DONE, State.PARKED} for one in found):
                    return list(reversed(out))
                await asyncio.sleep(0.01)


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """The shipped folders, window/1.1 with a new field and a renamed code, and a second toll that speaks it."""
    found = {name: Path(shutil.copytree(ROOT / name, tmp_path / name)) for name in ("contracts", "mappings")}
    newer = Path(shutil.copytree(found["contracts"] / OLD, found["contracts"] / NEW))
    edit(newer / "contract.toml", 'version = "1.0"\n', f'version = "1.1"\n{NEW_DOOR}')
    edit(newer / "outcomes.csv", "body,200,done", "body,210,done")
    document = json.loads((newer / "openapi.json").read_bytes())
    document["components"]["schemas"]["SubmitRequest"]["properties"]["wish"] = {"$ref": "#/components/schemas/Note"}
    (newer / "openapi.json").write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    text = (newer / "window.xsd").read_text(encoding="utf-8")
    before, name, after = text.partition('<xs:complexType name="SubmitRequest">')
    field = '<xs:element name="wish" type="tns:Note" minOccurs="0"/></xs:sequence>'
    (newer / "window.xsd").write_text(before + name + after.replace("</xs:sequence>", field, 1), encoding="utf-8")
    toll = found["mappings"] / "renovation_toll"
    copied = Path(shutil.copytree(toll, found["mappings"] / "newer_toll"))
    edit(copied / "service.toml", f'service_id = "{IDS[OLD]}"', f'service_id = "{IDS[NEW]}"')
    edit(copied / "service.toml", f'gateway = "{OLD}"', f'gateway = "{NEW}"')
    return found


def settings_in(folder: Path, folders: dict[str, Path]) -> tuple[Path, str]:
    """An installation of both tolls; its settings file and an API key."""
    made = install_alone(folder, ["renovation_toll", "newer_toll"], scale=0.001)
    text = made.settings.read_text(encoding="utf-8")
    named = "".join(f'{name} = "{path}"\n' for name, path in folders.items())
    endpoint = f'\n[tenants.{TENANT}.endpoints."{NEW}"]\naddress = "{NOBODY}"\nbinding = "rest"\n'
    made.settings.write_text(named + text + endpoint, encoding="utf-8")
    return made.settings, made.keys["counter"]


def answering(contract: Contract, binding: str, code: str) -> ScriptedSystem:
    """A gateway that answers with a code, which the contract's own table gives its meaning."""

    def answer(sent: Sent) -> Outcome:
        told = Observation(Seen.ANSWERED, 200, {**RECEIPT, "result_code": code})
        return classify(contract, contract.operations[sent.operation], told)

    return ScriptedSystem(contract, binding, {}, always=answer)


@pytest.fixture
async def installed(tmp_path: Path, folders: dict[str, Path]) -> AsyncIterator[Installed]:
    gateways: dict[str, ScriptedSystem] = {}

    def target(real: Target) -> Target:
        assert isinstance(real, HttpTarget)
        title = real.contract.title
        gateways[title] = answering(real.contract, {OLD: "soap", NEW: "rest"}[title], {OLD: "200", NEW: "210"}[title])
        return gateways[title]

    def system(real: System) -> System:
        assert isinstance(real, PolledSystem)
        contract = real.target.contract
        return ScriptedSystem(contract, next(iter(contract.bindings)), USUAL[contract.title])

    path, key = settings_in(tmp_path / "installation", folders)
    house = await open_house(load_settings(path), Parts(target=target, system=system))
    flows = [asyncio.create_task(flow) for flow in (house.delivery.run(), house.followup.run())]
    transport = httpx.ASGITransport(application(house))
    async with httpx.AsyncClient(transport=transport, base_url="http://door", headers={"X-Api-Key": key}) as doors:
        yield Installed(house, doors, gateways)
    for flow in flows:
        flow.cancel()
    await asyncio.gather(*flows, return_exceptions=True)
    await house.aclose()


@pytest.mark.parametrize("binding", ["rest", "soap"])
async def test_each_version_takes_its_own_record_at_its_own_door(binding: str, installed: Installed) -> None:
    old = await installed.submit("/window", binding, OLD, has_wish=False, key="1")
    new = await installed.submit("/window/1.1", binding, NEW, has_wish=True, key="2")
    strange = await installed.submit("/window", binding, OLD, has_wish=True, key="3")

    accepted = {"rest": 202, "soap": 200}[binding]
    assert [one.status_code for one in (old, new, strange)] == [accepted] * 3, (old.text, new.text, strange.text)
    drift = {title: dict(installed.house.contracts[title].drift.counts) for title in (OLD, NEW)}
    assert drift == {OLD: {("SubmitRequest", "wish"): 1}, NEW: {}}


async def test_what_goes_out_goes_to_the_services_own_version_and_its_codes_mean_what_that_version_says(
    installed: Installed,
) -> None:
    await installed.submit("/window", "soap", OLD, has_wish=False, key="1")
    await installed.submit("/window/1.1", "rest", NEW, has_wish=True, key="2")

    out = await installed.outward(at_least=2)

    assert {one.state for one in out} == {State.DONE}
    assert [(title, [one.operation for one in its.sent]) for title, its in sorted(installed.gateways.items())] == [
        (OLD, ["IssueBill"]),
        (NEW, ["IssueBill"]),
    ]
    assert installed.gateways[OLD].sent[0].frozen.startswith(b"<?xml")
    assert installed.gateways[NEW].sent[0].frozen.startswith(b"POST ")


async def test_a_code_that_only_the_other_version_knows_is_parked(installed: Installed) -> None:
    told = Observation(Seen.ANSWERED, 200, {**RECEIPT, "result_code": "200"})
    contract = installed.house.contracts[NEW]
    installed.gateways[NEW].always = classify(contract, contract.operations["IssueBill"], told)

    await installed.submit("/window/1.1", "rest", NEW, has_wish=False, key="1")

    (only,) = await installed.outward(at_least=1)
    assert only.state is State.PARKED
    assert "contracts/window/1.1/outcomes.csv: has no row for body,200" in str(only.reason)


@pytest.mark.parametrize(("door", "title"), [("/window", NEW), ("/window/1.1", OLD)])
async def test_a_service_is_not_served_at_the_other_versions_door(door: str, title: str, installed: Installed) -> None:
    refused = await installed.submit(door, "rest", title, has_wish=False, key="1")

    assert refused.status_code == 404
    assert f"speaks {title}" in refused.json()["detail"]


async def test_a_case_is_reached_through_its_own_door_only(installed: Installed) -> None:
    kept = await installed.submit("/window/1.1", "rest", NEW, has_wish=False, key="1")
    code = kept.json()["tracking_code"]

    assert (await installed.doors.get(f"/window/1.1/v1/requests/{code}")).status_code == 200
    assert (await installed.doors.get(f"/window/v1/requests/{code}")).status_code == 404


async def test_each_door_publishes_its_own_wsdl(installed: Installed) -> None:
    old, new = [(await installed.doors.get(f"{door}/v1/soap?wsdl")).text for door in ("/window", "/window/1.1")]
    schema = (await installed.doors.get("/window/1.1/v1/soap?xsd=window.xsd")).text

    assert "http://door/window/v1/soap" in old
    assert "http://door/window/1.1/v1/soap" in new
    assert '<xs:element name="wish" type="tns:Note" minOccurs="0"/></xs:sequence>' in schema


async def test_two_versions_behind_one_door_stop_the_start_and_the_check_says_so(
    tmp_path: Path, folders: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    edit(folders["contracts"] / NEW / "contract.toml", NEW_DOOR, "")
    path, _ = settings_in(tmp_path / "installation", folders)

    with pytest.raises(FaultyTables) as caught:
        await open_house(load_settings(path))

    assert caught.value.faults[0].startswith("contracts/window/1.1/contract.toml: door: ")
    assert 'door = "/window/1.1"' in caught.value.faults[0]
    named: list[Any] = [f"--{name}={path}" for name, path in folders.items()]
    assert run_command(["check", *named]) == Exit.FINDINGS
    assert caught.value.faults[0] in capsys.readouterr().out
