"""The admin socket and the operators' actions behind it, over a house with a real SQLite journal."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import uvloop
from structlog.testing import capture_logs

from adapter.errors import (
    DaemonUnreachable,
    FaultySettings,
    GatewayUnreachable,
    NotFound,
    PanjerehError,
    Refused,
)
from adapter.exchange import Caller, Direction, Effect, Exchange, Operation, Payload, State
from adapter.journal import Journal, Pause, inspecting, reading
from adapter.settlement.machine import TRANSITIONS
from ops import admin
from ops.admin import call, serving
from ops.demo.installation import TENANT, install
from ops.operators import ACTIONS, Desk, perform
from ops.settings import load_settings
from ops.wiring import House, open_house
from tests.integration.journal_making import CORE, WINDOW, begun, claim_of, new_case, new_exchange, opening, settlement
from tests.support.records import permit

NOBODY = dict.fromkeys(("gateway", "urban_core", "revenue"), "http://127.0.0.1:9")
ME = f"uid:{os.getuid()}"
BIRTH = "۱۳۶۰/۰۷/۱۵"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "admin.sock"


async def echo(command: str, arguments: Mapping[str, Any], actor: str, progress: admin.Progress) -> Payload:
    for number in range(arguments.get("steps", 0)):
        progress({"step": number})
    return {"command": command, "actor": actor, "given": dict(arguments)}


async def raw(path: Path, line: bytes) -> Any:
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(line)
    answer = await reader.readline()
    writer.close()
    return json.loads(answer)


# The socket itself


async def test_the_actor_is_the_uid_that_the_kernel_tells(path: Path) -> None:
    async with serving(path, echo):
        told = await call(path, "health", {"uid": 0, "actor": "uid:12345"})

    assert told == {"command": "health", "actor": ME, "given": {"uid": 0, "actor": "uid:12345"}}


def test_the_uid_is_known_on_the_daemons_own_loop_too(path: Path) -> None:
    async def ask() -> Payload:
        async with serving(path, echo):
            return await call(path, "health", {})

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(ask())["actor"] == ME


async def test_only_the_daemons_user_and_group_may_open_it(path: Path) -> None:
    async with serving(path, echo):
        mode = stat.S_IMODE(path.stat().st_mode)

    assert mode == 0o660


async def test_progress_comes_before_the_answer(path: Path) -> None:
    seen: list[Payload] = []
    async with serving(path, echo):
        await call(path, "reconcile.run", {"steps": 3}, progress=seen.append)

    assert seen == [{"step": 0}, {"step": 1}, {"step": 2}]


async def test_many_operators_are_answered_each_with_his_own(path: Path) -> None:
    async with serving(path, echo):
        told = await asyncio.gather(*(call(path, f"action-{number}", {}) for number in range(20)))

    assert [one["command"] for one in told] == [f"action-{number}" for number in range(20)]


async def test_the_socket_is_gone_when_the_daemon_is(path: Path) -> None:
    async with serving(path, echo):
        assert path.is_socket()

    assert not path.exists()
    with pytest.raises(DaemonUnreachable, match="no daemon answers on"):
        await call(path, "health", {})


async def test_a_socket_that_a_killed_daemon_left_behind_is_replaced(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    async with serving(path, echo):
        assert (await call(path, "health", {}))["command"] == "health"


async def test_a_socket_on_which_a_daemon_answers_is_refused_and_left_alone(path: Path) -> None:
    async with serving(path, echo):
        with pytest.raises(FaultySettings, match="another daemon answers on"):
            async with serving(path, echo):
                pass
        assert (await call(path, "health", {}))["command"] == "health"


async def test_a_file_in_the_sockets_place_is_never_removed(path: Path) -> None:
    path.write_text("somebody's notes", encoding="utf-8")

    with pytest.raises(FaultySettings, match="is no socket"):
        async with serving(path, echo):
            pass
    assert path.read_text(encoding="utf-8") == "somebody's notes"


async def test_a_path_that_no_socket_can_have_names_its_setting(tmp_path: Path) -> None:
    with pytest.raises(FaultySettings, match=r"admin_socket: .* cannot be used"):
        async with serving(tmp_path / ("long" * 40), echo):
            pass


@pytest.mark.parametrize("line", [b"nonsense\n", b"[]\n", b'{"command": 1, "arguments": {}}\n', b'{"command": "x"}\n'])
async def test_what_is_no_question_is_refused_and_the_daemon_goes_on(path: Path, line: bytes) -> None:
    async with serving(path, echo):
        told = await raw(path, line)
        assert told["error"]["kind"] == "Refused"
        assert (await call(path, "health", {}))["command"] == "health"


async def test_an_endless_question_ends_its_own_connection_only(path: Path) -> None:
    async with serving(path, echo):
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b"x" * (2 * 1024 * 1024))
        with suppress(ConnectionError):
            await writer.drain()
            assert await reader.read() == b""
        writer.close()
        assert (await call(path, "health", {}))["command"] == "health"


@pytest.mark.parametrize("error", [Refused("not so"), NotFound("not here"), GatewayUnreachable("not now")])
async def test_an_actions_error_comes_back_as_itself(path: Path, error: PanjerehError) -> None:
    async def refuse(*_: Any) -> Payload:
        raise error

    async with serving(path, refuse):
        with pytest.raises(type(error), match=error.detail):
            await call(path, "exchanges.replay", {})


async def test_what_breaks_inside_is_told_without_its_text(path: Path) -> None:
    async def fail(*_: Any) -> Payload:
        raise KeyError("0012345678")

    async with serving(path, fail):
        with pytest.raises(PanjerehError, match=r"exchanges\.show failed inside") as caught:
            await call(path, "exchanges.show", {})

    assert "0012345678" not in str(caught.value)


async def test_a_daemon_that_goes_away_before_it_answers_is_unreachable(path: Path) -> None:
    begun_to_answer = asyncio.Event()

    async def never(*_: Any) -> Payload:
        begun_to_answer.set()
        await asyncio.sleep(60)
        return {}

    async with serving(path, never):
        asking = asyncio.create_task(call(path, "reconcile.run", {}))
        await begun_to_answer.wait()

    with pytest.raises(DaemonUnreachable, match="went away before it answered"):
        await asking


# The actions


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    services = ["building_permit", "renovation_toll", "notary_inquiry"]
    installation = install(tmp_path, NOBODY, services=services, scale=0.01, port=0)
    house = await open_house(load_settings(installation.settings))
    yield house
    await house.aclose()


@pytest.fixture
def desk(house: House) -> Desk:
    return Desk(house, ME)


async def kept(house: House, state: State = State.PARKED, **changes: Any) -> Exchange:
    """An exchange that stands so, of a case of its own, towards the urban core unless said otherwise."""
    case = new_case(tenant=TENANT)
    exchange = new_exchange(case, state=state, **changes)
    acceptance = replace(opening(case=case, exchange=exchange), caller=Caller("counter", TENANT, "counter"))
    claim = (await house.journal.accept(acceptance)).claim
    if claim is not None:
        await house.journal.release(claim, exchange.due_at)
    return exchange


async def state_of(house: House, exchange: Exchange) -> State:
    return (await house.journal.read(reading.exchange, exchange.id)).state


async def told_of(house: House, exchange: Exchange) -> list[dict[str, Any]]:
    rows = await house.journal.read(reading.audit_of_case, exchange.case_id)
    return [{**row, "detail": json.loads(row["detail"])} for row in rows]


async def test_exchanges_are_listed_newest_first_by_whatever_narrows_them(desk: Desk) -> None:
    parked = await kept(desk.house, code="untranslatable")
    done = await kept(desk.house, State.DONE)

    everything = await perform(desk, "exchanges.list", {})
    by_state = await perform(desk, "exchanges.list", {"state": "parked"})
    by_code = await perform(desk, "exchanges.list", {"code": "untranslatable"})
    by_case = await perform(desk, "exchanges.list", {"tracking_code": everything["exchanges"][0]["tracking_code"]})

    assert [one["id"] for one in everything["exchanges"]] == [done.id, parked.id]
    assert [one["id"] for one in by_state["exchanges"]] == [parked.id]
    assert [one["id"] for one in by_code["exchanges"]] == [parked.id]
    assert [one["id"] for one in by_case["exchanges"]] == [done.id]


async def test_the_life_of_an_exchange_names_its_table_and_what_is_possible(desk: Desk) -> None:
    exchange = await kept(desk.house)

    told = await perform(desk, "exchanges.show", {"id": exchange.id[:12]})

    assert told["table"] == "mappings/building_permit/urban_core/submit.csv"
    assert told["possible"] == ["show", "replay", "resolve", "withdraw"]
    assert [row["event"] for row in told["audit"]] == ["accepted"]
    assert "body" not in told


async def test_an_exchange_behind_another_in_its_lane_names_what_holds_it_up(desk: Desk) -> None:
    first = await kept(desk.house)
    case = await desk.house.journal.read(reading.case, first.case_id)
    second = new_exchange(case, state=State.READY, operation=Operation.ATTACH_DOCUMENT)
    acceptance = replace(opening(case=case, exchange=second), case=None, caller=Caller("counter", TENANT, "counter"))
    await desk.house.journal.accept(acceptance)

    told = await perform(desk, "exchanges.show", {"id": second.id})

    assert told["held_up_by"] == first.id


async def test_a_body_is_opened_only_for_a_reason_and_the_audit_tells_it(desk: Desk) -> None:
    exchange = await kept(desk.house)

    with pytest.raises(Refused, match="--reason"):
        await perform(desk, "exchanges.show", {"id": exchange.id, "body": "record"})
    told = await perform(desk, "exchanges.show", {"id": exchange.id, "body": "record", "reason": "the citizen called"})

    assert "نیلوفر" in told["body"]["content"]
    last = (await told_of(desk.house, exchange))[-1]
    assert (last["event"], last["actor"], last["detail"]) == (
        "body_shown",
        ME,
        {"what": "record", "why": "the citizen called"},
    )


async def test_a_body_that_is_not_there_is_told_and_not_told_as_shown(desk: Desk) -> None:
    exchange = await kept(desk.house)

    with pytest.raises(NotFound, match="no answer yet"):
        await perform(desk, "exchanges.show", {"id": exchange.id, "body": "answer", "reason": "why not"})
    assert [row["event"] for row in await told_of(desk.house, exchange)] == ["accepted"]


async def test_nothing_but_a_body_shows_who_the_citizen_is(desk: Desk) -> None:
    exchange = await kept(desk.house)

    shown = await perform(desk, "exchanges.show", {"id": exchange.id})
    case = await perform(desk, "cases.show", {"tracking_code": shown["exchange"]["tracking_code"]})

    told = json.dumps([shown, case, await perform(desk, "exchanges.list", {})], ensure_ascii=False)
    assert "نیلوفر" not in told
    assert "data_key" not in told


async def test_replay_without_apply_tells_what_would_happen_and_changes_nothing(desk: Desk) -> None:
    exchange = await kept(desk.house)

    told = await perform(desk, "exchanges.replay", {"ids": [exchange.id]})

    row = told["exchanges"][0]
    assert (told["applied"], row["becomes"], row["is_changed"]) == (False, "ready", False)
    assert await state_of(desk.house, exchange) is State.PARKED


async def test_a_change_needs_a_reason(desk: Desk) -> None:
    exchange = await kept(desk.house)

    for reason in (None, "", "  "):
        with pytest.raises(Refused, match="--reason"):
            await perform(desk, "exchanges.replay", {"ids": [exchange.id], "apply": True, "reason": reason})
    assert await state_of(desk.house, exchange) is State.PARKED


async def test_a_replay_of_what_never_left_makes_it_ready_and_is_told_with_who_and_why(desk: Desk) -> None:
    exchange = await kept(desk.house)

    await perform(desk, "exchanges.replay", {"ids": [exchange.id], "apply": True, "reason": "code added"})

    assert await state_of(desk.house, exchange) is State.READY
    last = (await told_of(desk.house, exchange))[-1]
    assert (last["event"], last["actor"], last["detail"]["why"]) == ("replayed", ME, "code added")


@pytest.mark.parametrize("state", [State.PARKED, State.IN_DOUBT])
async def test_a_replay_of_what_may_have_had_an_effect_asks_the_target_first(desk: Desk, state: State) -> None:
    exchange = await kept(desk.house, state, may_have_effect=True, attempts=1)

    told = await perform(desk, "exchanges.replay", {"ids": [exchange.id], "apply": True, "reason": "morning list"})

    assert told["exchanges"][0]["note"] == "the target is asked first"
    found = await desk.house.journal.read(reading.exchange, exchange.id)
    assert (found.state, found.may_have_effect) == (State.IN_DOUBT, True)
    assert [claim.exchange.id for claim in await desk.house.journal.claim_unsettled(5)] == [exchange.id]


@pytest.mark.parametrize("state", [State.DONE, State.REFUSED, State.WITHDRAWN, State.AWAITING, State.READY])
async def test_what_can_not_be_replayed_is_refused_with_what_is_possible(desk: Desk, state: State) -> None:
    exchange = await kept(desk.house, state)

    with pytest.raises(Refused, match=f"{exchange.id} is {state} and cannot be replayed; possible now: show"):
        await perform(desk, "exchanges.replay", {"ids": [exchange.id], "apply": True, "reason": "try"})


async def test_a_bulk_replay_takes_what_fits_and_leaves_the_rest(desk: Desk) -> None:
    fitting = [await kept(desk.house, code="unknown_code") for _ in range(3)]
    other = await kept(desk.house, code="conflict", may_have_effect=True)
    order = {"state": "parked", "code": "unknown_code", "reason": "the vendor's new status is in the table"}

    dry = await perform(desk, "exchanges.replay", order)
    wet = await perform(desk, "exchanges.replay", {**order, "apply": True})
    again = await perform(desk, "exchanges.replay", {**order, "apply": True})

    assert {row["id"] for row in dry["exchanges"]} == {one.id for one in fitting}
    assert all(row["is_changed"] for row in wet["exchanges"])
    assert again["exchanges"] == []
    assert await state_of(desk.house, other) is State.PARKED


async def test_a_bulk_replay_of_everything_is_not_understood(desk: Desk) -> None:
    with pytest.raises(Refused, match="--state parked"):
        await perform(desk, "exchanges.replay", {"service": "building_permit", "apply": True, "reason": "all"})


@pytest.mark.parametrize(
    ("state", "was", "becomes"),
    [
        (State.IN_DOUBT, "sent", State.DONE),
        (State.IN_DOUBT, "not-sent", State.READY),
        (State.PARKED, "sent", State.DONE),
        (State.PARKED, "not-sent", State.READY),
        (State.AWAITING, "sent", State.DONE),
    ],
)
async def test_a_persons_word_settles_a_doubt_and_its_evidence_is_kept(
    desk: Desk, state: State, was: str, becomes: State
) -> None:
    exchange = await kept(desk.house, state, may_have_effect=True)
    order = {"id": exchange.id, "was": was, "evidence": "letter 117", "reason": "month's end", "apply": True}

    await perform(desk, "exchanges.resolve", order)

    found = await desk.house.journal.read(reading.exchange, exchange.id)
    assert (found.state, found.may_have_effect) == (becomes, becomes is State.DONE)
    last = (await told_of(desk.house, exchange))[-1]
    assert (last["actor"], last["detail"]["evidence"], last["detail"]["why"]) == (ME, "letter 117", "month's end")


async def test_a_word_without_evidence_is_refused(desk: Desk) -> None:
    exchange = await kept(desk.house, State.IN_DOUBT)

    with pytest.raises(Refused, match="--evidence"):
        await perform(desk, "exchanges.resolve", {"id": exchange.id, "was": "sent", "evidence": " "})


async def test_resolving_as_sent_warns_when_an_answer_would_have_gone_on(desk: Desk) -> None:
    exchange = await kept(
        desk.house, State.IN_DOUBT, service="renovation_toll", target="revenue/1.0", may_have_effect=True
    )

    told = await perform(desk, "exchanges.resolve", {"id": exchange.id, "was": "sent", "evidence": "a receipt"})

    assert "nothing is told to the gateway (assessed, bill)" in told["exchanges"][0]["note"]


async def test_a_withdrawn_exchange_frees_its_lane(desk: Desk) -> None:
    exchange = await kept(desk.house)

    await perform(desk, "exchanges.withdraw", {"id": exchange.id, "reason": "filed again on paper", "apply": True})

    assert await state_of(desk.house, exchange) is State.WITHDRAWN


@pytest.mark.parametrize(
    ("operation", "stage"), [(Operation.SUBMIT_REQUEST, "withdrawn"), (Operation.WITHDRAW_REQUEST, "received")]
)
async def test_a_case_ends_when_what_opened_it_is_withdrawn_and_who_decides_is_told_so(
    desk: Desk, operation: Operation, stage: str
) -> None:
    exchange = await kept(desk.house, operation=operation)

    dry = await perform(desk, "exchanges.withdraw", {"id": exchange.id})
    await perform(desk, "exchanges.withdraw", {"id": exchange.id, "reason": "on paper", "apply": True})

    note = dry["exchanges"][0]["note"]
    assert note.startswith("nobody is told; who asks for the status of case ")
    assert note.endswith("becomes withdrawn" if stage == "withdrawn" else "stays received")
    case = await desk.house.journal.read(reading.case, exchange.case_id)
    assert case.stage == stage


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


async def test_of_two_operators_at_once_one_decides_and_the_other_is_told(desk: Desk) -> None:
    exchange = await kept(desk.house)
    resolve = {"id": exchange.id, "was": "sent", "evidence": "x", "reason": "one", "apply": True}
    withdraw = {"id": exchange.id, "reason": "two", "apply": True}

    told = await asyncio.gather(
        perform(desk, "exchanges.resolve", resolve),
        perform(desk, "exchanges.withdraw", withdraw),
        return_exceptions=True,
    )

    changed = [one for one in told if isinstance(one, dict) and one["exchanges"][0]["is_changed"]]
    assert len(changed) == 1


async def test_every_action_in_every_state_is_a_legal_step_or_refused_with_what_is_possible(desk: Desk) -> None:
    orders: list[tuple[str, dict[str, Any]]] = [
        ("exchanges.replay", {}),
        ("exchanges.resolve", {"was": "sent", "evidence": "x"}),
        ("exchanges.resolve", {"was": "not-sent", "evidence": "x"}),
        ("exchanges.withdraw", {}),
    ]
    for state in State:
        for action, order in orders:
            exchange = await kept(desk.house, state)
            named = {"ids": [exchange.id]} if action == "exchanges.replay" else {"id": exchange.id}
            refusal, told = await tried(desk, action, {**named, **order, "apply": True, "reason": "every state"})

            after = await state_of(desk.house, exchange)
            if told is None:
                assert (after, "possible now: show" in refusal) == (state, True)
            else:
                assert told["exchanges"][0]["becomes"] == after.value
                assert after in {becomes for (before, _), becomes in TRANSITIONS.items() if before is state}


async def tried(desk: Desk, action: str, order: dict[str, Any]) -> tuple[str, Payload | None]:
    try:
        return "", await perform(desk, action, order)
    except Refused as refusal:
        return refusal.detail, None


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
    }
    of_tenants_that_sign_and_services_in_shadow = {"tables.signoff", "shadow.compare"}
    await perform(desk, "reconcile.run", {})

    for name in ACTIONS.keys() - of_tenants_that_sign_and_services_in_shadow:
        told = await perform(desk, name, enough.get(name, {}))
        assert json.loads(json.dumps(told)) == told


async def test_a_real_records_refusal_names_the_cell_that_an_operator_mends(desk: Desk) -> None:
    house = desk.house
    record = permit()
    record["request_kind"] = "a_kind_of_tomorrow"
    caller = Caller("counter", TENANT, "counter")
    reply = await house.intake.receive(caller, Operation.SUBMIT_REQUEST, record, "k" * 16)
    await house.delivery.deliver(house.delivery._queue.get_nowait())

    listed = await perform(desk, "exchanges.list", {"tracking_code": reply.body["tracking_code"]})

    (one,) = listed["exchanges"]
    assert (one["state"], one["code"]) == ("parked", "untranslatable")
    assert one["reason"].startswith("mappings/building_permit/urban_core/submit.csv:")


async def test_a_doubt_that_no_one_can_be_asked_about_goes_to_a_person(desk: Desk) -> None:
    """No shipped contract has an operation that is neither idempotent nor queryable, so this house gets one."""
    house = desk.house
    contract = house.contracts[CORE]
    operations = {**contract.operations}
    operations["RegisterRequest"] = replace(operations["RegisterRequest"], effect=Effect.NEITHER)
    cast("dict[str, Any]", house.contracts)[CORE] = replace(contract, operations=operations)
    claim = claim_of(await accepted(house))
    await house.journal.settle(settlement(await begun(house.journal, claim), State.IN_DOUBT, may_have_effect=True))

    with pytest.raises(Refused, match=r"resolve \w+ --as sent\|not-sent --evidence"):
        await perform(desk, "exchanges.replay", {"ids": [claim.exchange.id], "apply": True, "reason": "try"})


async def accepted(house: House) -> Any:
    case = new_case(tenant=TENANT)
    acceptance = opening(case=case, exchange=new_exchange(case))
    return await house.journal.accept(replace(acceptance, caller=Caller("counter", TENANT, "counter")))


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
