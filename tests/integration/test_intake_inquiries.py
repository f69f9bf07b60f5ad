"""Inquiries over a real journal: answered at once or later, and asked only once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from adapter.exchange import Operation, Outcome, Stage, State, Verdict
from adapter.refusals import KeyConflict, StillInFlight
from tests.support.house import TENANT, House, contracts
from tests.support.lives import KEY, refusal_of
from tests.support.records import question
from tests.support.scripted import Sent

pytest_plugins = ["tests.support.fixtures"]

DEFERRED = {"ErrorResult": {}, "State": 2, "InquiryNo": "Q0001170002"}


def impatient(house: House, seconds: float = 0.05) -> None:
    """Give inquiries less time than a test wants to wait."""
    known = house.offer.named(TENANT, "notary_inquiry")
    assert known is not None
    quick = replace(known, answer_within=timedelta(seconds=seconds))
    house.offer = replace(
        house.offer,
        by_id={**house.offer.by_id, (TENANT, quick.service_id): quick},
        by_name={**house.offer.by_name, (TENANT, quick.name): quick},
    )


async def test_an_inquiry_is_answered_at_once_and_its_case_has_ended(house: House) -> None:
    reply = await house.receive(Operation.INQUIRE, question())
    assert (reply.status, reply.body["answered"], reply.body["answer"]["code"]) == (200, True, "60")
    for codec in contracts()["window/1.0"].bindings.values():
        assert codec.encode_answer("Inquire", reply.body)
    (exchange,) = await house.exchanges()
    assert (exchange.state, exchange.attempts) == (State.DONE, 1)
    assert (await house.case(reply.body["tracking_code"])).stage is Stage.ENDED
    assert await house.deliver_due() == 0
    assert house.gateway.sent == []


async def test_a_refused_inquiry_is_answered_too(house: House) -> None:
    house.core.say(Outcome(Verdict.REFUSED, "E300", "ملک یافت نشد", {"ErrorResult": {}, "State": 1, "InquiryNo": "Q9"}))
    reply = await house.receive(Operation.INQUIRE, question())
    assert (reply.status, reply.body["answered"], reply.body["answer"]["code"]) == (200, True, "72")
    (exchange,) = await house.exchanges()
    assert (exchange.state, exchange.code) == (State.REFUSED, "E300")


async def test_a_repeated_inquiry_with_the_same_key_asks_only_once(house: House) -> None:
    first = await house.receive(Operation.INQUIRE, question(), KEY)
    again = await house.receive(Operation.INQUIRE, question(), KEY)
    assert again.replayed
    assert (again.status, again.body) == (first.status, first.body)
    assert len(house.core.sent) == 1


async def test_a_repeated_inquiry_with_other_content_is_a_conflict_and_asks_nothing(house: House) -> None:
    await house.receive(Operation.INQUIRE, question("1405/9/123"), KEY)
    assert isinstance(await refusal_of(house, Operation.INQUIRE, question("1405/9/124"), KEY), KeyConflict)
    assert len(house.core.sent) == 1


async def test_an_inquiry_at_once_with_one_that_is_still_asked_is_in_flight(house: House) -> None:
    async def slow(_: Sent) -> Outcome:
        await asyncio.sleep(0.03)
        return house.core.done("AskProperty")

    house.core.say(slow)
    asking = asyncio.create_task(house.receive(Operation.INQUIRE, question(), KEY))
    await asyncio.sleep(0.01)
    assert isinstance(await refusal_of(house, Operation.INQUIRE, question(), KEY), StillInFlight)
    assert (await asking).body["answered"]


async def test_an_inquiry_may_be_asked_again_under_a_new_key_once_it_was_answered(house: House) -> None:
    first = await house.receive(Operation.INQUIRE, question())
    again = await house.receive(Operation.INQUIRE, question())
    assert not again.replayed
    assert again.body["tracking_code"] != first.body["tracking_code"]


async def test_a_deferred_inquiry_awaits_and_its_answer_reaches_the_gateway(house: House) -> None:
    house.core.say(Outcome(Verdict.AWAITING, answer=DEFERRED))
    reply = await house.receive(Operation.INQUIRE, question(), KEY)
    assert (reply.status, reply.body["answered"]) == (202, False)
    for codec in contracts()["window/1.0"].bindings.values():
        assert codec.encode_answer("Inquire", reply.body)
    assert (await house.only(Operation.INQUIRE)).state is State.AWAITING
    assert (await house.case(reply.body["tracking_code"])).internal_reference == "Q0001170002"
    house.core.polls.append(house.core.done("AskProperty", InquiryNo="Q0001170002"))
    await house.settle_all()
    assert house.core.polled == [("AskProperty", "Q0001170002")]
    assert (await house.only(Operation.INQUIRE)).state is State.DONE
    (told,) = house.gateway.sent_as("AnswerInquiry")
    says = told.says(house.gateway)
    assert (says["tracking_code"], says["answer"]["code"]) == (reply.body["tracking_code"], "60")
    assert len(house.core.sent) == 1


async def test_a_late_inquiry_becomes_deferred_and_is_asked_again_by_delivery(house: House) -> None:
    impatient(house)

    async def hangs(_: Sent) -> Outcome:
        await asyncio.sleep(30)
        raise AssertionError("it is never awaited so long")

    house.core.say(hangs)
    reply = await house.receive(Operation.INQUIRE, question(), KEY)
    assert (reply.status, reply.body["answered"]) == (202, False)
    await house.settle_all()
    assert (await house.only(Operation.INQUIRE)).state is State.DONE
    (told,) = house.gateway.sent_as("AnswerInquiry")
    assert told.says(house.gateway)["tracking_code"] == reply.body["tracking_code"]


async def test_an_inquiry_while_the_internal_system_is_down_is_kept_and_answered_later(house: House) -> None:
    down = Outcome(Verdict.RETRY, "unsent", "the request never left", left=False)
    house.core.say(down, down, down)
    reply = await house.receive(Operation.INQUIRE, question(), KEY)
    assert (reply.status, reply.body["answered"]) == (202, False)
    await house.settle_all()
    assert len(house.core.sent) == 4
    assert len(house.gateway.sent_as("AnswerInquiry")) == 1
    assert (await house.case(reply.body["tracking_code"])).stage is Stage.ENDED


async def test_a_deferred_inquiry_about_the_same_subject_is_not_opened_twice(house: House) -> None:
    house.core.always = Outcome(Verdict.RETRY, "unsent", left=False)
    first = await house.receive(Operation.INQUIRE, question())
    again = await house.receive(Operation.INQUIRE, question())
    assert again.replayed
    assert again.body == first.body
    assert len(await house.exchanges()) == 1


async def test_an_inquiry_that_cannot_be_translated_is_kept_and_parked_by_name_not_lost(house: House) -> None:
    record = question()
    record["deal"]["letter_date"] = "1404/12/30"
    reply = await house.receive(Operation.INQUIRE, record)
    assert (reply.status, reply.body["answered"]) == (202, False)
    await house.deliver_due()
    exchange = await house.only(Operation.INQUIRE)
    assert (exchange.state, exchange.code) == (State.PARKED, "untranslatable")
    assert "mappings/notary_inquiry/urban_core/ask.csv:" in (exchange.reason or "")
    assert house.core.sent == []


async def test_an_answer_that_no_table_knows_is_not_given_but_kept_and_parked_by_name(house: House) -> None:
    unknown = {"Code": "999", "Title": "ناشناخته"}
    house.core.always = Outcome(
        Verdict.DONE, answer={"ErrorResult": {}, "State": 1, "InquiryNo": "Q1", "Answer": unknown}
    )
    reply = await house.receive(Operation.INQUIRE, question())
    assert (reply.status, reply.body["answered"]) == (202, False)
    await house.deliver_due()
    answer = await house.only(Operation.ANSWER_INQUIRY)
    assert (answer.state, answer.code) == (State.PARKED, "untranslatable")
    assert house.gateway.sent == []


async def test_an_inquiry_is_not_even_tried_while_the_endpoint_is_paused(house: House) -> None:
    house.endpoints.paused[TENANT, "urban_core/1.0"] = "they do not accept our credentials"
    reply = await house.receive(Operation.INQUIRE, question())
    assert (reply.status, reply.body["answered"]) == (202, False)
    assert house.core.sent == []


async def test_inquiries_count_for_the_breaker_and_heed_it(house: House) -> None:
    house.core.always = Outcome(Verdict.RETRY, "unsent", left=False)
    for number in range(12):
        assert (await house.receive(Operation.INQUIRE, question(f"1405/9/{number}"))).status == 202
    assert len(house.core.sent) == 10
