"""Follow-up over a real journal: asked before it is sent again, and decided once."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest

from adapter.channels import Sight, Sighting
from adapter.errors import GatewayUnreachable
from adapter.exchange import Effect, Event, Exchange, Operation, Stage, State
from adapter.journal import Command, Pause
from tests.support.house import ASSESSED, CORE, REVENUE, TENANT, WINDOW, House, Logs, Town
from tests.support.lives import LOST, doubtful_submission, told_codes
from tests.support.records import document, payment, permit, toll

pytest_plugins = ["tests.support.fixtures"]

NOT_FOUND = Sight(Sighting.NOT_FOUND)
UNCLEAR = Sight(Sighting.UNCLEAR, reason="they cannot be reached")


async def ask_when_due(house: House) -> Exchange:
    """Move to the moment when the submission is due, ask, and deliver what that brings."""
    house.clock.now = (await house.only(Operation.SUBMIT_REQUEST)).due_at
    await house.followup.ask_unsettled()
    await house.deliver_due()
    return await house.only(Operation.SUBMIT_REQUEST)


async def test_nothing_is_asked_before_the_other_side_can_know_the_truth(house: House) -> None:
    await doubtful_submission(house)
    house.clock.advance(timedelta(seconds=10) - timedelta(microseconds=1))
    assert await house.followup.ask_unsettled() == 0
    house.clock.advance(timedelta(microseconds=1))
    assert await house.followup.ask_unsettled() == 1
    assert house.revenue.asked == [(await house.only(Operation.SUBMIT_REQUEST)).reference]


async def test_what_is_found_is_adopted_with_all_that_follows_and_not_sent_again(house: House) -> None:
    code = await doubtful_submission(house)
    house.revenue.sights.append(Sight(Sighting.FOUND, ASSESSED))
    exchange = await ask_when_due(house)
    assert (exchange.state, exchange.code, exchange.may_have_effect) == (State.DONE, "found", False)
    case = await house.case(code)
    assert (case.internal_reference, case.stage) == ("1405-2", Stage.TO_PAY)
    assert len(house.revenue.sent) == 1
    assert len(house.gateway.sent_as("IssueBill")) == 1


async def test_an_adopted_message_to_the_gateway_moves_the_case_as_its_own_answer_would(house: House) -> None:
    house.gateway.say(LOST)
    code = await house.submit(toll())
    await house.deliver_due()
    assert (await house.case(code)).stage is Stage.RECEIVED
    house.gateway.sights.append(Sight(Sighting.FOUND, {"found": True}))
    await house.settle_all()
    assert (await house.case(code)).stage is Stage.TO_PAY
    assert len(house.gateway.sent) == 1


async def test_a_refusal_found_later_is_told_to_the_source(house: House) -> None:
    code = await doubtful_submission(house)
    house.revenue.sights.append(Sight(Sighting.FOUND, {"code": "NO_PROPERTY"}))
    exchange = await ask_when_due(house)
    assert (exchange.state, exchange.code) == (State.REFUSED, "NO_PROPERTY")
    assert told_codes(house) == ["90"]
    assert (await house.case(code)).stage is Stage.REFUSED


async def test_not_found_once_is_not_proof_and_twice_is_twice_the_settle_time_apart(house: House) -> None:
    await doubtful_submission(house)
    house.revenue.sights.extend([NOT_FOUND, NOT_FOUND])
    first = await ask_when_due(house)
    assert (first.state, len(house.revenue.sent)) == (State.IN_DOUBT, 1)
    assert first.due_at - house.clock() == timedelta(seconds=20)
    assert (await ask_when_due(house)).state is State.DONE
    assert len(house.revenue.asked) == 2


async def test_not_found_twice_sends_the_same_bytes_under_the_same_reference(house: House) -> None:
    await doubtful_submission(house)
    await house.settle_all(step=21)
    first, again = house.revenue.sent
    assert first == again
    assert (await house.only(Operation.SUBMIT_REQUEST)).attempts == 2


async def test_a_payment_in_doubt_is_given_a_minute_and_then_a_quarter_of_an_hour(house: House) -> None:
    code = await house.submit(toll())
    await house.deliver_due()
    house.revenue.say(LOST)
    await house.receive(Operation.CONFIRM_PAYMENT, payment(code))
    await house.deliver_due()
    lost = await house.only(Operation.CONFIRM_PAYMENT)
    assert lost.due_at - house.clock() == timedelta(seconds=60)
    house.clock.now = lost.due_at
    await house.followup.ask_unsettled()
    assert (await house.only(Operation.CONFIRM_PAYMENT)).due_at - house.clock() == timedelta(minutes=15)


async def test_a_payment_cut_off_by_a_crash_is_given_its_minute_too(town: Town) -> None:
    house = town.open()
    code = await house.submit(toll())
    await house.deliver_due()
    house.revenue.say(asyncio.CancelledError())
    await house.receive(Operation.CONFIRM_PAYMENT, payment(code))
    with suppress(asyncio.CancelledError):
        await house.deliver_due()
    house = town.open()
    cut_off = await house.only(Operation.CONFIRM_PAYMENT)
    assert (cut_off.state, cut_off.due_at - house.clock()) == (State.IN_DOUBT, timedelta(seconds=60))


async def test_found_after_it_was_not_found_once_is_adopted_too(house: House) -> None:
    await doubtful_submission(house)
    house.revenue.sights.extend([NOT_FOUND, Sight(Sighting.FOUND, ASSESSED)])
    await ask_when_due(house)
    assert (await ask_when_due(house)).state is State.DONE
    assert len(house.revenue.sent) == 1


async def test_unclear_is_asked_again_more_and_more_seldom_and_never_sent(house: House) -> None:
    await doubtful_submission(house)
    house.revenue.sights.extend([UNCLEAR] * 6)
    waits = []
    for _ in range(6):
        exchange = await ask_when_due(house)
        assert (exchange.state, exchange.reason) == (State.IN_DOUBT, "they cannot be reached")
        waits.append((exchange.due_at - house.clock()).total_seconds())
    assert waits == [30, 120, 600, 3600, 21600, 21600]
    assert len(house.revenue.sent) == 1


async def test_unclear_between_them_makes_two_not_founds_no_proof(house: House) -> None:
    await doubtful_submission(house)
    house.revenue.sights.extend([NOT_FOUND, UNCLEAR, NOT_FOUND])
    for _ in range(3):
        assert (await ask_when_due(house)).state is State.IN_DOUBT
    assert len(house.revenue.sent) == 1
    await ask_when_due(house)
    assert len(house.revenue.sent) == 2


async def test_known_there_with_other_content_is_parked_as_a_conflict(house: House) -> None:
    await doubtful_submission(house)
    house.revenue.sights.append(Sight(Sighting.DIFFERENT, reason="the reference is known there with another amount"))
    exchange = await ask_when_due(house)
    assert (exchange.state, exchange.code, exchange.may_have_effect) == (State.PARKED, "conflict", True)
    assert "another amount" in (exchange.reason or "")
    house.clock.advance(timedelta(days=30))
    assert await house.followup.ask_unsettled() == 0
    assert len(house.revenue.sent) == 1


async def test_what_is_idempotent_is_sent_again_unasked_under_the_same_key_by_the_schedule(town: Town) -> None:
    town.promise("revenue/1.0", "CreateAssessment", Effect.IDEMPOTENT)
    house = town.open()
    house.revenue.say(LOST)
    await doubtful_submission(house)
    exchange = await ask_when_due(house)
    assert exchange.state is State.READY
    house.clock.now = exchange.due_at
    await house.deliver_due()
    assert (await house.only(Operation.SUBMIT_REQUEST)).state is State.IN_DOUBT
    await house.settle_all()
    assert house.revenue.asked == []
    assert len(set(house.revenue.sent)) == 1
    assert len(house.revenue.sent) == 3


async def test_what_is_neither_stays_for_a_person_and_costs_nothing_while_it_stands(town: Town) -> None:
    town.promise("revenue/1.0", "CreateAssessment", Effect.NEITHER)
    house = town.open()
    await doubtful_submission(house)
    house.clock.advance(timedelta(days=10))
    looks = [await house.followup.ask_unsettled() for _ in range(20)]
    exchange = await house.only(Operation.SUBMIT_REQUEST)
    assert (exchange.state, exchange.may_have_effect) == (State.IN_DOUBT, True)
    assert sum(looks) <= 1, "it is not taken up again and again"
    assert (house.revenue.asked, len(house.revenue.sent)) == ([], 1)
    sent = Command(exchange, Event.RESOLVED, State.DONE, "uid:1000", "seen in their book", evidence="letter 12")
    await house.journal.command(sent)
    assert (await house.only(Operation.SUBMIT_REQUEST)).state is State.DONE


@pytest.mark.parametrize("failure", [RuntimeError("a fault of the connector"), GatewayUnreachable("not now")])
async def test_a_question_that_raises_is_asked_again_later_and_delays_no_other(
    house: House, failure: Exception, logs: Logs
) -> None:
    await doubtful_submission(house)
    house.core.say(LOST)
    await house.submit(permit())
    await house.deliver_due()
    house.clock.advance(10)
    house.revenue.sights.append(failure)
    house.core.sights.append(Sight(Sighting.FOUND, {"CaseNo": "1405-9"}))
    await house.followup.ask_unsettled()
    doubtful, found = await house.exchanges(Operation.SUBMIT_REQUEST)
    assert (doubtful.state, found.state) == (State.IN_DOUBT, State.DONE)
    assert any(event["event"] == "asking_failed" for event in logs)
    house.revenue.sights.append(Sight(Sighting.FOUND, ASSESSED))
    await house.settle_all()
    assert (await house.exchanges(Operation.SUBMIT_REQUEST))[0].state is State.DONE


async def test_what_is_in_doubt_at_a_paused_endpoint_is_asked_for_soon_after_it_is_resumed(house: House) -> None:
    await doubtful_submission(house)
    house.endpoints.paused[REVENUE] = "they do not accept our credentials"
    house.clock.advance(timedelta(hours=1))
    await house.followup.ask_unsettled()
    assert house.revenue.asked == []
    house.endpoints.resume(REVENUE)
    house.clock.advance(timedelta(minutes=5))
    await house.followup.ask_unsettled()
    assert len(house.revenue.asked) == 1


async def test_what_another_node_paused_is_paused_here_with_the_next_heartbeat_and_so_is_what_it_resumed(
    house: House,
) -> None:
    await house.journal.pause(Pause(*REVENUE, reason="they do not accept our credentials"))
    await house.followup.beat()
    await house.submit(toll())
    await house.deliver_due()
    assert house.revenue.sent == []

    await house.journal.pause(Pause(*REVENUE, reason=None, actor="uid:1001", why="they gave us new ones"))
    await house.followup.beat()
    house.clock.advance(60)
    await house.deliver_due()
    assert len(house.revenue.sent) == 1


async def test_an_open_attempt_whose_lease_is_over_is_in_doubt_and_asked_for(town: Town) -> None:
    house = town.open()
    house.revenue.say(asyncio.CancelledError())
    await house.submit(toll())
    with pytest.raises(asyncio.CancelledError):
        await house.deliver_due()
    house.clock.advance(house.profile.lease - timedelta(seconds=1))
    await house.followup.beat()
    assert (await house.only(Operation.SUBMIT_REQUEST)).state is State.SENDING
    house.clock.advance(2)
    await house.followup.beat()
    assert (await house.only(Operation.SUBMIT_REQUEST)).state is State.IN_DOUBT
    house.revenue.sights.append(Sight(Sighting.FOUND, ASSESSED))
    assert (await ask_when_due(house)).state is State.DONE


async def test_the_lane_moves_on_once_the_doubt_is_over(house: House) -> None:
    house.core.say(LOST)
    code = await house.submit(permit())
    await house.receive(Operation.ATTACH_DOCUMENT, document(code))
    await house.deliver_due()
    assert [sent.operation for sent in house.core.sent] == ["RegisterRequest"]
    house.core.sights.append(Sight(Sighting.FOUND, {"ErrorResult": {}, "CaseNo": "1405-7"}))
    await house.settle_all()
    (attached,) = house.core.sent_as("AddDocument")
    assert attached.says(house.core)["CaseNo"] == "1405-7"


async def test_each_side_is_asked_about_its_own(house: House) -> None:
    await doubtful_submission(house)
    house.clock.advance(10)
    await house.followup.ask_unsettled()
    assert (len(house.revenue.asked), house.core.asked, house.gateway.asked) == (1, [], [])
    assert {WINDOW, CORE, REVENUE} <= {endpoint for endpoint in house.endpoints.targets if endpoint[0] == TENANT}
