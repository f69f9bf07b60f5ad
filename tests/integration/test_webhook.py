"""Services whose internal system tells its changes by itself, over real wires: pushed, asked for, or both."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapter.channels import ChangePage, System
from adapter.errors import FaultySettings
from adapter.exchange import Exchange, Operation, Record, State
from ops.settings import Settings
from ops.settings_file import load_settings
from ops.webhooks import webhooks_of
from ops.wiring import Parts
from tests.support.house import contracts
from tests.support.installed import install_alone
from tests.support.records import ROOT
from tests.support.sandboxed import Sandboxed, let_tell, sandboxed
from tests.support.telling import SECRET, change, message

PAID_BY_BANK = "3-2-117-600-0-0-0"
"""A property whose bill the bank's file pays: three statuses that nobody here brought about."""
EVENTS = 3 * 3
SETTLED = {State.DONE, State.PARKED, State.REFUSED}


def filed(service: str, case: str, **fields: dict[str, Any]) -> Record:
    """What one of the service's cases files, for a subject that the bank's file pays."""
    record: Record = json.loads((ROOT / "mappings" / service / "cases" / f"{case}.in.json").read_bytes())["record"]
    return {**record, **{name: {**record.get(name, {}), **more} for name, more in fields.items()}}


REQUESTS = {
    "renovation_toll": filed(
        "renovation_toll", "a_short_renovation_code_is_filled_with_zeros", property={"renovation_code": PAID_BY_BANK}
    ),
    "business_toll": filed("business_toll", "a_grocery_with_its_licence", property={"renovation_code": PAID_BY_BANK}),
    "vehicle_toll": filed("vehicle_toll", "a_car_of_a_public_body", vehicle={"plate": "11الف600-65"}),
}


@dataclass
class Silent:
    """A system whose changes are never asked for."""

    system: System

    def __getattr__(self, name: str) -> Any:
        return getattr(self.system, name)

    async def changes(self, cursor: str | None) -> ChangePage:
        return ChangePage((), cursor or "")


NEVER_ASKED = Parts(system=Silent)


async def live(town: Sandboxed) -> list[Exchange]:
    """Every service's request, until what the bank's file brought about has been told of each, and all is settled."""
    for record in REQUESTS.values():
        await town.receive(Operation.SUBMIT_REQUEST, record)
    async with asyncio.timeout(10):
        while len(statuses(found := await town.exchanges())) < EVENTS or any(one.state not in SETTLED for one in found):
            await asyncio.sleep(0.02)
    return found


def statuses(found: list[Exchange]) -> list[tuple[str, str]]:
    """By service and event, what was told of changes of status."""
    return sorted((one.service, str(one.event_id)) for one in found if one.table == "status")


async def test_three_services_live_by_what_their_system_tells_whatever_befalls_its_messages(tmp_path: Path) -> None:
    """Signed wrongly or long ago, told twice and the last first; nothing is ever asked for."""
    modes = ("wrong_signature", "old_timestamp", "duplicate_callbacks", "out_of_order_callbacks")
    faults = [{"mode": mode, "operation": "TellChanges", "stand_in": "revenue", "times": 1} for mode in modes]
    async with sandboxed(tmp_path, faults=faults, parts=NEVER_ASKED, tells=True, offers=sorted(REQUESTS)) as town:
        found = await live(town)
        assert town.teller is not None
        answers = [status for _, status in town.teller.told]
    assert {one.state for one in found} == {State.DONE}
    assert len(set(statuses(found))) == len(statuses(found)) == EVENTS
    assert {service for service, _ in statuses(found)} == set(REQUESTS)
    assert (answers.count(401), set(answers)) == (2, {200, 401})


async def test_what_is_told_and_asked_for_as_well_is_taken_once_and_a_broken_row_parks_alone(tmp_path: Path) -> None:
    async with sandboxed(tmp_path, tells=True, offers=sorted(REQUESTS)) as town:
        found = await live(town)
        broken, sound = sorted({str(one.event_id).rpartition("-")[0] for one in found if one.table == "status"})[:2]
        told = message([change(71, broken, status_code="x"), change(72, sound)], at=datetime.now(UTC))
        async with httpx.AsyncClient(trust_env=False) as client:
            sent = {"Content-Type": "application/json", **told.headers}
            answer = await client.post(town.ear, content=told.body, headers=sent)
        after = {str(one.event_id): one for one in await town.until_settled(at_least=len(found) + 2)}
    assert len(set(statuses(found))) == len(statuses(found)) == EVENTS
    assert len(set(town.effects())) == len(town.effects())
    assert (answer.status_code, answer.json()) == (200, {"told": 2, "taken": 2})
    assert (after[f"{broken}-71"].state, after[f"{broken}-71"].table) == (State.PARKED, "unreadable")
    assert after[f"{sound}-72"].state is State.DONE


# As the settings say


def settings_of(folder: Path, contract: str, secret: bytes, mode: int = 0o600) -> Settings:
    installation = install_alone(folder, sorted(REQUESTS), scale=0.001)
    let_tell(installation.settings, contract, secret)
    (folder / "webhook.key").chmod(mode)
    return load_settings(installation.settings)


@pytest.mark.parametrize(
    ("contract", "secret", "mode", "told"),
    [
        ("urban_core/1.0", SECRET, 0o600, "contracts/urban_core/1.0 has no [webhook]: nothing can be told by it"),
        ("revenue/1.0", b"short", 0o600, "a secret has less than 16 bytes"),
        ("revenue/1.0", SECRET, 0o644, "can be read by others"),
    ],
)
def test_a_secret_that_is_none_or_for_nothing_stops_the_start(
    tmp_path: Path, contract: str, secret: bytes, mode: int, told: str
) -> None:
    with pytest.raises(FaultySettings) as faulty:
        webhooks_of(settings_of(tmp_path, contract, secret, mode), contracts(), lambda: datetime.now(UTC))
    assert f"tenants.sample-city.endpoints.{contract}.webhook_key_file: " in str(faulty.value)
    assert told in str(faulty.value)
