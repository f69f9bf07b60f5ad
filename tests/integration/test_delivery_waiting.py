"""What waits in delivery: behind its lane, behind an open breaker, a pause or a stopped service, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapter.exchange import Operation, Outcome, State, Verdict
from adapter.journal import reading
from tests.support.house import REVENUE, House, Logs, Town, shipped_offer
from tests.support.lives import LOST, REFUSED, UNSENT, submission
from tests.support.records import correction, document, payment, permit, toll, withdrawal

pytest_plugins = ["tests.support.fixtures"]

FORBIDDEN = Outcome(Verdict.RETRY, "http-403", "they forbid this to us", pause="forbidden")
UNAUTHORISED = Outcome(Verdict.RETRY, "http-401", "they do not accept our credentials", pause="credentials")
CERTIFICATE = Outcome(
    Verdict.PARKED, "certificate", "their certificate was not accepted", left=False, pause="certificate"
)


# lanes


async def test_within_a_lane_everything_goes_in_the_order_in_which_it_was_accepted(house: House) -> None:
    code = await house.submit(permit())
    await house.receive(Operation.ATTACH_DOCUMENT, document(code))
    await house.receive(Operation.CORRECT_REQUEST, correction(code))
    await house.receive(Operation.WITHDRAW_REQUEST, withdrawal(code))
    house.core.say(UNSENT)
    await house.settle_all()
    assert [sent.operation for sent in house.core.sent] == [
        "RegisterRequest",
        "RegisterRequest",
        "AddDocument",
        "CorrectRequest",
        "CancelRequest",
    ]


async def test_what_comes_behind_uses_the_number_that_the_first_one_brought(house: House) -> None:
    code = await house.submit(permit())
    await house.receive(Operation.ATTACH_DOCUMENT, document(code))
    await house.deliver_due()
    number = (await house.case(code)).internal_reference
    (attached,) = house.core.sent_as("AddDocument")
    assert attached.says(house.core)["CaseNo"] == number


@pytest.mark.parametrize("first", [UNSENT, LOST, Outcome(Verdict.PARKED, "E200", "the core found the content wrong")])
async def test_what_waits_doubts_or_is_parked_holds_up_its_own_lane_and_no_other(house: House, first: Outcome) -> None:
    house.core.say(first)
    held = await house.submit(permit(48))
    await house.receive(Operation.ATTACH_DOCUMENT, document(held))
    free = await house.submit(permit(49))
    await house.receive(Operation.ATTACH_DOCUMENT, document(free))
    await house.deliver_due()
    assert [sent.operation for sent in house.core.sent] == ["RegisterRequest", "RegisterRequest", "AddDocument"]
    states = {exchange.case_id: exchange.state for exchange in await house.exchanges(Operation.ATTACH_DOCUMENT)}
    assert states[(await house.case(held)).id] is State.READY
    assert states[(await house.case(free)).id] is State.DONE


async def test_a_refused_exchange_frees_its_lane(house: House) -> None:
    code = await house.submit(permit())
    await house.receive(Operation.ATTACH_DOCUMENT, document(code))
    await house.receive(Operation.CORRECT_REQUEST, correction(code))
    house.core.say(house.core.done("RegisterRequest"), Outcome(Verdict.REFUSED, "E230", "پرونده بسته است", {}))
    await house.deliver_due()
    assert [sent.operation for sent in house.core.sent] == ["RegisterRequest", "AddDocument", "CorrectRequest"]


async def test_the_two_directions_of_a_case_do_not_hold_each_other_up(house: House) -> None:
    house.gateway.always = UNSENT
    code = await house.submit(toll())
    await house.receive(Operation.CONFIRM_PAYMENT, payment(code))
    await house.deliver_due()
    assert [sent.operation for sent in house.revenue.sent] == ["CreateAssessment", "RegisterPayment"]


# when nothing may be sent there


async def test_while_the_breaker_is_open_no_attempt_is_burnt_and_afterwards_one_probes(house: House) -> None:
    house.revenue.always = UNSENT
    for number in range(15):
        await house.submit(toll(100 + number))
    await house.deliver_due()
    assert len(house.revenue.sent) == 10
    exchanges = await house.exchanges()
    assert sorted(exchange.attempts for exchange in exchanges) == [0] * 5 + [1] * 10
    waits = {exchange.due_at - house.clock() for exchange in exchanges if exchange.attempts == 0}
    assert waits == {house.profile.breaker_open}, "not taken up again and again meanwhile"
    house.clock.advance(29)
    assert await house.deliver_due() == 0
    house.clock.advance(3)
    await house.deliver_due()
    assert len(house.revenue.sent) == 11, "one probe, and it failed"
    house.revenue.always = None
    await house.settle_all(step=61)
    assert {exchange.state for exchange in await house.exchanges()} == {State.DONE}


async def test_another_group_and_another_endpoint_go_on_while_a_breaker_is_open(house: House) -> None:
    code = await house.submit(toll(1))
    await house.deliver_due()
    house.revenue.say(*[UNSENT] * 10)
    for number in range(12):
        await house.submit(toll(100 + number))
    await house.deliver_due()
    assert house.endpoints.breaker(REVENUE, "assessment").is_open(house.clock())
    await house.receive(Operation.CONFIRM_PAYMENT, payment(code))
    await house.submit(permit())
    await house.deliver_due()
    assert len(house.revenue.sent_as("RegisterPayment")) == 1
    assert len(house.core.sent_as("RegisterRequest")) == 1


@pytest.mark.parametrize("outcome", [REFUSED, Outcome(Verdict.PARKED, "VALIDATION", "the content is wrong")])
async def test_business_answers_of_any_kind_do_not_open_the_breaker(house: House, outcome: Outcome) -> None:
    house.revenue.always = outcome
    for number in range(25):
        await house.submit(toll(100 + number))
    await house.deliver_due()
    assert len(house.revenue.sent) == 25


@pytest.mark.parametrize("outcome", [UNAUTHORISED, CERTIFICATE])
async def test_wrong_credentials_or_certificate_pause_the_endpoint_at_once_and_across_restarts(
    town: Town, logs: Logs, outcome: Outcome
) -> None:
    house = town.open()
    house.revenue.say(outcome)
    for number in range(3):
        await house.submit(toll(100 + number))
    await house.deliver_due()
    assert len(house.revenue.sent) == 1
    assert house.endpoints.paused == {REVENUE: outcome.reason}
    assert await house.journal.read(reading.paused_endpoints) == {REVENUE: outcome.reason}
    lost = [event for event in logs if event["event"] == "endpoint_lost"]
    assert [(event["endpoint"], event["reason"]) for event in lost] == [("revenue/1.0", outcome.reason)]
    house.clock.advance(timedelta(days=1))
    assert await house.deliver_due() == 0
    house.endpoints.resume(REVENUE)
    await house.deliver_due()
    assert len(house.revenue.sent) >= 3


async def test_a_paused_endpoint_does_not_keep_others_waiting(house: House) -> None:
    house.endpoints.paused[REVENUE] = "they do not accept our credentials"
    await house.submit(toll())
    await house.submit(permit())
    await house.deliver_due()
    assert house.revenue.sent == []
    assert len(house.core.sent) == 1


async def test_what_waits_for_a_paused_endpoint_is_translated_once_it_may_be_sent(house: House) -> None:
    house.endpoints.paused[REVENUE] = "they do not accept our credentials"
    await house.submit(toll(applicant={**toll()["applicant"], "national_id": "0001172035"}))
    assert await house.deliver_due() == 0
    assert (await submission(house)).state is State.READY
    house.endpoints.resume(REVENUE)
    house.clock.advance(60)
    await house.deliver_due()
    assert (await submission(house)).state is State.PARKED


async def test_one_exchange_forbidden_many_times_pauses_nothing(house: House) -> None:
    house.revenue.always = FORBIDDEN
    await house.submit(toll())
    for _ in range(5):
        await house.deliver_due()
        house.clock.now = (await submission(house)).due_at
    assert house.endpoints.paused == {}


async def test_three_distinct_exchanges_forbidden_pause_the_endpoint(house: House) -> None:
    house.revenue.always = FORBIDDEN
    for number in range(2):
        await house.submit(toll(100 + number))
    await house.deliver_due()
    assert house.endpoints.paused == {}
    await house.submit(toll(102))
    await house.deliver_due()
    assert set(house.endpoints.paused) == {REVENUE}


# services that come and go


async def test_what_belongs_to_a_stopped_service_waits_unburnt_and_goes_on_when_it_is_mended(house: House) -> None:
    await house.submit(toll())
    house.offer = shipped_offer("renovation_toll")
    await house.deliver_due()
    exchange = await submission(house)
    assert (exchange.state, exchange.attempts) == (State.READY, 0)
    house.offer = shipped_offer()
    house.clock.advance(60)
    await house.deliver_due()
    assert (await submission(house)).state is State.DONE
