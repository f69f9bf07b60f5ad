"""Every shipped service whose cases live in the urban-planning core, beside its stand-in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapter.calendar import tehran_day
from adapter.exchange import Operation
from adapter.service import Service
from adapter.translator import Context
from ops.sandbox.calls import Call
from ops.sandbox.ledger import Ledger
from ops.sandbox.papers import Papers
from ops.sandbox.urban_core import UrbanCoreDesk
from tests.support.clock import MORNING
from tests.support.house import contracts, services
from tests.support.records import ROOT

CORE = "urban_core/1.0"
CASES = [one for one in services().values() if one.pattern == "case" and one.system == CORE]
LONG_AFTER = MORNING + timedelta(days=1)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[UrbanCoreDesk]:
    effects, inquiries = (Ledger(tmp_path / name, name) for name in ("urban_core", "inquiries"))
    yield UrbanCoreDesk(effects, inquiries, {}, pace=timedelta(0), dedupe=True, papers=Papers())
    effects.close()
    inquiries.close()


@pytest.mark.parametrize("service", CASES, ids=lambda service: service.name)
def test_an_ordinary_case_of_every_service_is_told_from_its_number_to_its_end(
    desk: UrbanCoreDesk, service: Service
) -> None:
    number = _ask(desk, "RegisterRequest", _ordinary(service))["CaseNo"]
    bills = [bill for change in _changes(desk) for bill in change.get("Bills", ())]
    for bill in bills:
        _ask(desk, "RegisterPayment", {"CaseNo": number, **bill})

    told = [(change["Kind"], _told(service, change)) for change in _changes(desk)]
    assert {kind for kind, _ in told} == {"status", "bill", "document"}
    assert [payload["stage"] for kind, payload in told if kind == "status"][-2:] == ["approved", "ended"]


def _ordinary(service: Service) -> dict[str, Any]:
    """What the service's first case sends to the core."""
    table = service.inward[Operation.SUBMIT_REQUEST].table
    return next(_sent(ROOT / "mappings" / service.name / "cases", table))


def _sent(folder: Path, table: str) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("*.in.json")):
        given, expected = (json.loads(one.read_bytes()) for one in (path, path.with_name(path.stem[:-3] + ".out.json")))
        if given["table"] == table and not expected.keys() & {"untranslatable", "each"}:
            yield expected


def _ask(desk: UrbanCoreDesk, operation: str, record: dict[str, Any]) -> dict[str, Any]:
    call = Call(
        operation, {"Reference": str(len(_changes(desk))) + operation + str(record.get("BillId")), **record}, ""
    )
    answer = desk.handlers[operation](call, LONG_AFTER)
    assert desk.is_done(answer), answer
    return answer


def _changes(desk: UrbanCoreDesk) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = desk.handlers["GetChanges"](Call("GetChanges", {"Count": 100}, ""), LONG_AFTER)[
        "Changes"
    ]
    return found


def _told(service: Service, change: dict[str, Any]) -> dict[str, Any]:
    """What the gateway is told of a change; its contract takes it."""
    exchange = {
        "reference": "0e5f1c2a-7b3d-5e8f-9a10-000000000001",
        "event_id": change["EventId"],
        "sequence": change["Sequence"],
        "changed_at": change["ChangedAt"],
    }
    case = {"tracking_code": "4052718396", "internal_reference": change["CaseNo"], "channel": "portal"}
    context = Context(tehran_day(MORNING), case=case, service={"service_id": service.service_id}, exchange=exchange)
    payload = service.tables[change["Kind"]].translate(change, context)
    for codec in contracts()[service.gateway].bindings.values():
        assert codec.encode_request(service.outward[change["Kind"]], payload)
    return payload
