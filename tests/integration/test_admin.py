"""What operators are told of endpoints, health, periods and the audit, over a house with a real SQLite journal."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapter.errors import NotFound, Refused
from adapter.exchange import Direction, Operation, State
from adapter.journal import Journal, Pause, inspecting, reading
from ops.demo.installation import TENANT
from ops.operators import ACTIONS, Desk, perform
from tests.integration.journal_making import CORE, WINDOW, new_case, new_exchange, opening
from tests.support.desk import ME, kept

pytest_plugins = ["tests.support.desk_fixtures"]


async def test_a_misspelt_name_is_refused_and_not_taken_for_one_without_exchanges(desk: Desk) -> None:
    for command, wanted, name in [
        ("exchanges.list", {"service": "bulding_permit"}, "building_permit"),
        ("exchanges.list", {"tenant": "sampel-city"}, TENANT),
        ("reconcile.run", {"ledger": "windwo/1.0"}, WINDOW),
    ]:
        with pytest.raises(NotFound, match=f"there is no .*; did you mean '{name}'"):
            await perform(desk, command, wanted)


async def test_what_does_not_answer_is_degraded_wherever_one_looks_until_it_answers(desk: Desk) -> None:
    house = desk.house
    await kept(house, State.READY)
    house.endpoints.lose_changes((TENANT, CORE), "GetChanges: the request never left", house.clock())
    for _ in range(3):
        house.endpoints.remember((TENANT, WINDOW), succeeded=False, now=house.clock())

    listed = {one["endpoint"]: one for one in (await perform(desk, "endpoints.list", {}))["endpoints"]}
    told = await perform(desk, "health", {})
    house.endpoints.regain_changes((TENANT, CORE))
    house.endpoints.remember((TENANT, WINDOW), succeeded=True, now=house.clock())

    assert [listed[name]["state"] for name in (WINDOW, CORE, "revenue/1.0")] == ["degraded", "degraded", "up"]
    assert (listed[CORE]["reason"], bool(listed[CORE]["since"])) == ("GetChanges: the request never left", True)
    assert told["status"] == "warn"
    assert told["checks"][f"endpoint:{TENANT}/{CORE}"][0]["output"].startswith("GetChanges: the request never left")
    services = {one["service_id"]: one for one in told["tenants"][TENANT]["services"]}
    permit_service = services["13042650101"]
    assert (permit_service["state"], permit_service["name"]) == ("degraded", "building_permit")
    assert (permit_service["undelivered"], permit_service["pending_inside"]) == (0, 1)
    assert house.endpoints.lost == {}


async def test_a_loop_whose_last_turn_failed_is_told_until_one_succeeds(desk: Desk) -> None:
    loops = desk.house.loops
    with capture_logs(), loops.turn("questions"):
        raise KeyError("what nobody foresaw")
    failing = await perform(desk, "health", {})
    with loops.turn("questions"):
        pass
    mended = await perform(desk, "health", {})

    assert failing["checks"]["loop:questions"][0]["output"] == "its last turn failed: KeyError; the log has its place"
    assert (failing["status"], mended["status"]) == ("warn", "pass")


async def test_a_paused_endpoint_is_listed_with_its_reason_and_resumed_for_one(desk: Desk) -> None:
    house, name = desk.house, (TENANT, WINDOW)
    await house.journal.pause(Pause(*name, reason="401 from the gateway"))
    house.endpoints.paused[name] = "401 from the gateway"
    order = {"tenant": TENANT, "endpoint": WINDOW}

    listed = {one["endpoint"]: one for one in (await perform(desk, "endpoints.list", {}))["endpoints"]}
    dry = await perform(desk, "endpoints.resume", order)
    still_paused = dict(house.endpoints.paused)
    wet = await perform(desk, "endpoints.resume", {**order, "apply": True, "reason": "new key in place"})

    assert (listed[WINDOW]["state"], listed[WINDOW]["reason"]) == ("paused", "401 from the gateway")
    assert listed[CORE]["state"] == "up"
    assert (dry["is_changed"], name in still_paused) == (False, True)
    assert (wet["is_changed"], house.endpoints.paused) == (True, {})
    assert await house.journal.read(reading.paused_endpoints) == {}


async def test_a_resumed_endpoint_is_logged_as_regained_when_it_really_is(desk: Desk) -> None:
    name = (TENANT, WINDOW)
    order = {"tenant": TENANT, "endpoint": WINDOW, "reason": "new key in place"}
    desk.house.endpoints.paused[name] = "401 from the gateway"

    with capture_logs() as logs:
        for is_applied in (False, True, True):
            await perform(desk, "endpoints.resume", {**order, "apply": is_applied})

    assert logs == [
        {"event": "endpoint_regained", "log_level": "info", "tenant": TENANT, "endpoint": WINDOW, "actor": ME}
    ]


async def test_an_endpoint_that_does_not_exist_can_not_be_resumed(desk: Desk) -> None:
    with pytest.raises(NotFound, match="panjereh endpoints list"):
        await perform(desk, "endpoints.resume", {"tenant": TENANT, "endpoint": "window/9.9"})


async def test_health_warns_of_a_paused_endpoint_and_degrades_its_services(desk: Desk) -> None:
    house = desk.house
    await house.journal.pause(Pause(TENANT, "revenue/1.0", reason="403 for three exchanges"))
    house.endpoints.paused[TENANT, "revenue/1.0"] = "403 for three exchanges"

    told = await perform(desk, "health", {})

    services = {one["service_id"]: one["state"] for one in told["tenants"][TENANT]["services"]}
    assert (told["status"], told["checks"][f"endpoint:{TENANT}/revenue/1.0"][0]["output"]) == (
        "warn",
        "403 for three exchanges",
    )
    assert services == {"13042650101": "up", "13042650207": "degraded", "13042650304": "up"}
    assert told["tenants"][TENANT]["state"] == "degraded"


async def test_health_counts_what_the_gateway_was_not_given_yet(desk: Desk) -> None:
    await kept(desk.house, State.READY, direction=Direction.OUTWARD, target=WINDOW, operation=Operation.PUSH_STATUS)
    await kept(desk.house, State.DONE, direction=Direction.OUTWARD, target=WINDOW, operation=Operation.PUSH_STATUS)
    await kept(desk.house, State.READY)

    told = await perform(desk, "health", {})

    undelivered = {one["service_id"]: one["undelivered"] for one in told["tenants"][TENANT]["services"]}
    assert undelivered["13042650101"] == 1


async def test_the_audit_is_whole_until_someone_changes_a_record(desk: Desk) -> None:
    await kept(desk.house)

    told = await perform(desk, "journal.verify", {})

    assert (told["is_whole"], told["records"]) == (True, {"demo": 1})


async def test_a_ledger_that_does_not_answer_is_told_and_not_taken_for_an_empty_one(desk: Desk) -> None:
    await kept(desk.house, State.DONE)

    told = await perform(desk, "reconcile.run", {"ledger": CORE})

    assert told["findings"] == []
    assert told["ledgers"][0]["unreachable"].startswith("GetLedger: ")
    shown = await perform(desk, "reconcile.show", {})
    assert (shown["run"], shown["ledgers"][0]["told"][:22]) == (told["run"], "could not be read: Get")


async def test_a_period_is_told_in_iso_or_jalali(desk: Desk) -> None:
    spelt = [
        ("1405/08/30", "1405/09/01", 24),
        ("2026-11-20T20:30:00Z", "1405/08/30 12:00:00", 12),
        ("۱۴۰۵/۰۸/۲۹", "2026-11-21", 24),
    ]
    for since, until, hours in spelt:
        told = await perform(desk, "reconcile.run", {"ledger": CORE, "since": since, "until": until})

        begins, ends = (datetime.fromisoformat(told[name]) for name in ("since", "until"))
        assert ends - begins == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"since": "1404/12/30"}, "since: the Jalali calendar has no such day: Esfand of 1404 has 29 days"),
        ({"since": "1405/08/30", "until": "1405/08/29"}, "since: must lie before until"),
    ],
)
async def test_a_period_that_is_none_is_refused(desk: Desk, wanted: dict[str, str], sentence: str) -> None:
    with pytest.raises(Refused) as caught:
        await perform(desk, "reconcile.run", wanted)

    assert caught.value.detail == sentence


@pytest.mark.parametrize(
    ("command", "arguments", "sentence"),
    [
        ("exchanges.lst", {}, "'exchanges.lst' is not an action; did you mean 'exchanges.list'?"),
        ("exchanges.list", {"stat": "parked"}, "stat: extra inputs are not permitted"),
        ("exchanges.list", {"limit": 0}, "limit: input should be greater than or equal to 1"),
        ("exchanges.show", {}, "id: field required"),
    ],
)
async def test_what_is_not_understood_is_refused_with_its_place(
    desk: Desk, command: str, arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(Refused) as caught:
        await perform(desk, command, arguments)

    assert caught.value.detail == sentence


async def test_every_action_gives_plain_json(desk: Desk) -> None:
    exchange = await kept(desk.house)
    case = (await perform(desk, "exchanges.show", {"id": exchange.id}))["case"]
    enough: dict[str, dict[str, Any]] = {
        "cases.show": {"tracking_code": case["tracking_code"]},
        "endpoints.resume": {"tenant": TENANT, "endpoint": CORE},
        "exchanges.resolve": {"id": exchange.id, "was": "sent", "evidence": "x"},
        "exchanges.show": {"id": exchange.id},
        "exchanges.replay": {"ids": [exchange.id]},
        "exchanges.withdraw": {"id": exchange.id},
        "services.publish": {"service": "renovation_toll"},
        "tables.promoted": {"source": "/x", "parts": ["calendars"], "before": "0", "after": "1", "reason": "tried"},
    }
    of_what_this_desk_has_not = {"tables.signoff", "shadow.compare", "codes.add", "codes.approve", "codes.withdraw"}
    await perform(desk, "reconcile.run", {})

    for name in ACTIONS.keys() - of_what_this_desk_has_not:
        told = await perform(desk, name, enough.get(name, {}))
        assert json.loads(json.dumps(told)) == told


async def test_reconciliation_reads_both_databases_alike(journal: Journal) -> None:
    now = datetime.now(UTC)
    case = new_case()
    exchange = new_exchange(case, state=State.DONE, accepted_at=now, settled_at=now)
    await journal.accept(opening(case=case, exchange=exchange))
    period: dict[str, Any] = {"since": now - timedelta(hours=1), "until": now + timedelta(hours=1)}

    page = await journal.read(inspecting.ledger_page, case.tenant, CORE, **period)
    oldest = await journal.read(inspecting.oldest_settled, case.tenant, CORE, **period)
    found = await journal.read(inspecting.kept_by_reference, case.tenant, CORE, [exchange.reference])

    assert [(one.exchange.id, one.tracking_code) for one in page] == [(exchange.id, case.tracking_code)]
    assert oldest == now
    assert found == {exchange.reference: page[0]}
    assert await journal.read(inspecting.undelivered, case.tenant) == {}
    assert await journal.read(inspecting.pauses) == {}
    assert await journal.read(inspecting.audit_counts) == {"one": 1}
    assert await journal.read(inspecting.is_alive)
