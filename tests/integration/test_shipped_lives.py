"""Every shipped service lives a whole life in one house: a city and a village, and every kind of internal system."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapter.exchange import Caller, Exchange, Operation, Record, Stage, State
from adapter.journal import reading
from adapter.service import Service
from adapter.service.checks import PATTERNS
from ops.demo.installation import TENANT, VILLAGE, VILLAGE_SERVICES
from ops.sandbox.settings import STAND_INS
from ops.wiring import House
from tests.integration.test_reconciling import bills_of
from tests.support.house import services
from tests.support.records import ROOT, payment
from tests.support.sandboxed import Sandboxed, sandboxed

At = tuple[str, str]
"""A tenant and the name of a service."""

OFFERED: list[At] = [*((TENANT, name) for name in sorted(services())), *((VILLAGE, name) for name in VILLAGE_SERVICES)]
CALLERS = {TENANT: Caller("city_office", TENANT, "city_office"), VILLAGE: Caller("village", VILLAGE, "mobile")}
CHANNELS: Mapping[str, Record] = {
    TENANT: {"code": "city_office", "office_code": "72-41-1034", "operator_id": "op-17"},
    VILLAGE: {"code": "mobile"},
}
_SOON = 30.0


@dataclass(frozen=True)
class Life:
    """What became of one request."""

    kinds: frozenset[str]
    stage: Stage | None
    exchanges: tuple[Exchange, ...]


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Mapping[At, Life]:
    """One request for each service of each tenant, with whatever bills it brings paid."""
    return asyncio.run(_lived(tmp_path_factory.mktemp("lives")))


@pytest.mark.parametrize("at", OFFERED, ids="/".join)
def test_a_request_is_taken_lives_and_ends_with_everything_told(lives: Mapping[At, Life], at: At) -> None:
    life = lives[at]

    assert life.stage in _ends(at)
    assert {one.state for one in life.exchanges} == {State.DONE}
    spoken = {one.operation for one in life.exchanges}
    assert not life.kinds or spoken & {Operation.INQUIRE, Operation.PUSH_STATUS, Operation.ISSUE_BILL}


def test_only_the_seventh_case_of_the_core_is_refused(lives: Mapping[At, Life]) -> None:
    assert [at[0] for at, life in lives.items() if life.stage is Stage.REFUSED] == [TENANT]


def test_each_kind_of_internal_system_is_used_by_three_services_at_least(lives: Mapping[At, Life]) -> None:
    used = Counter(kind for life in lives.values() for kind in life.kinds)

    assert used.keys() == {"soap", "rest", "sql", "file", "webhook"}
    assert min(used.values()) >= 3, used


async def _lived(folder: Path) -> dict[At, Life]:
    async with sandboxed(folder, offers=sorted(services()), stand_ins=STAND_INS, tells=True) as town:
        codes = {at: await _ask(town, at) for at in OFFERED}
        async with asyncio.timeout(_SOON):
            paid: set[str] = set()
            while not await _is_over(town, codes):
                for at, code in codes.items():
                    for bill in bills_of(town, code):
                        if bill["payment_id"] not in paid:
                            paid.add(bill["payment_id"])
                            await town.receive(Operation.CONFIRM_PAYMENT, payment(code, **bill), CALLERS[at[0]])
                await asyncio.sleep(0.05)
        everything = await town.exchanges()
        return {at: await _life(town, at, code, everything) for at, code in codes.items()}


async def _ask(town: Sandboxed, at: At) -> str:
    """The tracking code of the first case that the service's own folder has, asked for as it stands there."""
    tenant, name = at
    service = town.house.offer.by_name[at]
    opening = PATTERNS[service.pattern].opening
    record: Record = {"service_id": service.service_id, "submitted_at": "2026-11-21T09:30:00+03:30"}
    if (route := service.inward.get(opening)) is not None:
        own = ROOT / "mappings" / ("" if tenant == TENANT else f"tenants/{tenant}") / name
        record = next(_ordinary(own / "cases", route.table))
    reply = await town.receive(opening, {**record, "channel": CHANNELS[tenant]}, CALLERS[tenant])
    code: str = reply.body["tracking_code"]
    return code


def _ordinary(folder: Path, table: str) -> Iterator[Record]:
    """What comes in the cases of a table that translate and stand for themselves."""
    for path in sorted(folder.glob("*.in.json")):
        given, expected = (json.loads(one.read_bytes()) for one in (path, path.with_name(path.stem[:-3] + ".out.json")))
        if given["table"] == table and not {"untranslatable", "each"} & expected.keys() and "parent" not in given:
            yield given["record"]


async def _is_over(town: Sandboxed, codes: Mapping[At, str]) -> bool:
    cases = [await town.house.journal.read(reading.case_by_tracking_code, at[0], code) for at, code in codes.items()]
    are_ended = all(case is not None and case.stage in _ends(at) for at, case in zip(codes, cases, strict=True))
    return are_ended and all(one.state is State.DONE for one in await town.exchanges())


def _ends(at: At) -> set[Stage]:
    """A toll that is paid and posted is through, though it can still be objected to; one case in ten is refused."""
    return {Stage.ENDED, Stage.APPROVED} if services()[at[1]].pattern == "bill" else {Stage.ENDED, Stage.REFUSED}


async def _life(town: Sandboxed, at: At, code: str, everything: list[Exchange]) -> Life:
    case = await town.house.journal.read(reading.case_by_tracking_code, at[0], code)
    assert case is not None
    mine = tuple(one for one in everything if one.case_id == case.id)
    return Life(frozenset(_kinds(town.house, at[0], town.house.offer.by_name[at])), case.stage, mine)


def _kinds(house: House, tenant: str, service: Service) -> Iterator[str]:
    """How the settings say that the service's internal system is spoken to, and whether it speaks by itself."""
    if service.system:
        endpoint: Any = house.settings.tenants[tenant].endpoints[service.system]
        yield endpoint.binding
        if endpoint.webhook_key_file is not None:
            yield "webhook"
