"""What operators may see of an exchange and do with it, over a house with a real SQLite journal."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any, cast

import pytest

from adapter.errors import NotFound, Refused
from adapter.exchange import Caller, Effect, Operation, Payload, State
from adapter.journal import reading
from adapter.settlement.machine import TRANSITIONS
from ops.demo.installation import TENANT
from ops.operators import Desk, perform
from ops.wiring import House
from tests.integration.journal_making import CORE, begun, claim_of, inside, new_case, new_exchange, opening, settlement
from tests.support.desk import ME, kept, state_of, told_of
from tests.support.records import permit

pytest_plugins = ["tests.support.desk_fixtures"]


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


@pytest.mark.parametrize("code", ["unreadable", "untranslatable"])
async def test_what_only_a_newer_version_knows_hides_nothing_else_and_can_be_closed(desk: Desk, code: str) -> None:
    """The journal of a version that was taken back in the night."""
    known, newer = await kept(desk.house, code="untranslatable"), await kept(desk.house, code=code)
    age = "UPDATE exchanges SET operation = 'TransferCase', direction = 'outward' WHERE id = ?"
    await inside(desk.house.journal, lambda unit: unit.connection.exec_driver_sql(age, (newer.id,)).rowcount)

    listed = (await perform(desk, "exchanges.list", {"state": "parked"}))["exchanges"]
    case = await perform(desk, "cases.show", {"tracking_code": listed[0]["tracking_code"]})
    reloaded = await perform(desk, "tables.reload", {})
    await perform(desk, "reconcile.run", {})
    await perform(desk, "exchanges.replay", {"state": "parked"})
    order = {"id": newer.id, "reason": "entered by hand", "apply": True}
    await perform(desk, "exchanges.withdraw", order)

    assert [(one["id"], one["operation"]) for one in listed] == [
        (newer.id, "TransferCase"),
        (known.id, "SubmitRequest"),
    ]
    assert [one["operation"] for one in case["exchanges"]] == ["TransferCase"]
    assert reloaded["faults"] == []
    assert (await perform(desk, "exchanges.show", {"id": newer.id}))["exchange"]["state"] == "withdrawn"


async def test_the_life_of_an_exchange_names_its_table_and_what_is_possible(desk: Desk) -> None:
    exchange = await kept(desk.house)

    told = await perform(desk, "exchanges.show", {"id": exchange.id[:12]})

    assert told["table"] == "mappings/building_permit/urban_core/submit.csv"
    assert told["possible"] == ["show", "replay", "resolve", "withdraw"]
    assert [row["event"] for row in told["audit"]] == ["accepted"]
    assert "body" not in told


async def test_what_a_list_shows_of_an_id_is_enough_though_others_that_it_leaves_out_begin_alike(desk: Desk) -> None:
    parked = await kept(desk.house, id="01993a5c7d10" + "7" * 20)
    done = await kept(desk.house, State.DONE, id="01993a5c7d10" + "78" * 10)

    listed = await perform(desk, "exchanges.list", {"state": "parked"})

    assert listed["beginnings"] == {parked.id: "01993a5c7d1077"}
    assert (await perform(desk, "exchanges.show", {"id": "01993a5c7d1077"}))["exchange"]["id"] == parked.id
    with pytest.raises(NotFound) as several:
        await perform(desk, "exchanges.show", {"id": "01993a5c7d107"})
    assert all(f"{one.id}  {one.state}" in several.value.detail for one in (parked, done))


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

    with pytest.raises(Refused, match="a look into a body needs a reason, which is recorded; give --reason"):
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


async def test_who_gives_a_tracking_code_for_an_exchange_or_an_exchange_for_a_case_is_told(desk: Desk) -> None:
    exchange = await kept(desk.house)
    (listed,) = (await perform(desk, "exchanges.list", {}))["exchanges"]
    code = listed["tracking_code"]

    with pytest.raises(NotFound, match=f"'{code}' is the tracking code of a case; see: panjereh cases show {code}"):
        await perform(desk, "exchanges.show", {"id": code})
    with pytest.raises(NotFound, match=r"cannot be one: .*; an exchange has an id: panjereh exchanges show$"):
        await perform(desk, "cases.show", {"tracking_code": exchange.id})


@pytest.mark.parametrize(("code", "is_misread"), [("477364780156", False), ("477364780157", True), ("47736478", True)])
async def test_a_tracking_code_that_was_misread_over_the_telephone_is_told_as_such(
    desk: Desk, code: str, *, is_misread: bool
) -> None:
    with pytest.raises(NotFound) as missing:
        await perform(desk, "cases.show", {"tracking_code": code})
    assert ("the last checks the others" in missing.value.detail) == is_misread


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
