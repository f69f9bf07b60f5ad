"""Deferred answers over a real journal: fetched more and more seldom, and given once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapter.errors import GatewayUnreachable
from adapter.exchange import Operation, Outcome, Stage, State, Verdict
from tests.support.house import House, Logs
from tests.support.lives import LOST, UNSENT
from tests.support.records import core_status, question

pytest_plugins = ["tests.support.fixtures"]

DEFERRED: dict[str, Any] = {"ErrorResult": {}, "State": 2, "InquiryNo": "Q0001170002"}


async def deferred_inquiry(house: House) -> str:
    house.core.say(Outcome(Verdict.AWAITING, answer=DEFERRED))
    reply = await house.receive(Operation.INQUIRE, question())
    code: str = reply.body["tracking_code"]
    return code


async def test_a_deferred_answer_is_fetched_more_and_more_seldom_for_days(house: House) -> None:
    await deferred_inquiry(house)
    waits = []
    for _ in range(8):
        await house.followup.ask_unsettled()
        exchange = await house.only(Operation.INQUIRE)
        assert exchange.state is State.AWAITING
        waits.append((exchange.due_at - house.clock()).total_seconds())
        house.clock.now = exchange.due_at
    assert waits == [10, 30, 120, 600, 3600, 3600, 3600, 3600]
    house.clock.advance(timedelta(days=6))
    house.core.polls.append(house.core.done("AskProperty", InquiryNo=DEFERRED["InquiryNo"]))
    await house.settle_all()
    assert (await house.only(Operation.INQUIRE)).state is State.DONE
    assert len(house.gateway.sent_as("AnswerInquiry")) == 1


async def test_a_fetched_answer_brings_the_pattern_s_follower_and_ends_the_case(house: House) -> None:
    code = await deferred_inquiry(house)
    house.core.polls.append(house.core.done("AskProperty", InquiryNo=DEFERRED["InquiryNo"]))
    await house.settle_all()
    (answer,) = house.gateway.sent_as("AnswerInquiry")
    assert answer.says(house.gateway)["answer"]["code"] == "60"
    assert (await house.case(code)).stage is Stage.ENDED


async def test_a_fetched_refusal_is_answered_too(house: House) -> None:
    code = await deferred_inquiry(house)
    house.core.polls.append(Outcome(Verdict.REFUSED, "E350", "پلاک ثبتی نامعتبر است", DEFERRED))
    await house.settle_all()
    (answer,) = house.gateway.sent_as("AnswerInquiry")
    assert answer.says(house.gateway)["answer"]["code"] == "72"
    assert (await house.case(code)).stage is Stage.ENDED


async def test_an_answer_with_an_unknown_code_of_the_wire_is_parked(house: House) -> None:
    await deferred_inquiry(house)
    house.core.polls.append(Outcome(Verdict.PARKED, "E777", "contracts/urban_core/1.0/outcomes.csv: has no row"))
    await house.followup.ask_unsettled()
    assert (await house.only(Operation.INQUIRE)).state is State.PARKED


@pytest.mark.parametrize(
    "poll", [UNSENT, GatewayUnreachable("not now"), RuntimeError("a fault of the connector"), LOST], ids=str
)
async def test_an_answer_that_cannot_be_fetched_now_is_fetched_later(house: House, poll: Any, logs: Logs) -> None:
    await deferred_inquiry(house)
    house.core.polls.append(poll)
    await house.followup.ask_unsettled()
    assert (await house.only(Operation.INQUIRE)).state is State.AWAITING
    house.core.polls.append(house.core.done("AskProperty", InquiryNo=DEFERRED["InquiryNo"]))
    await house.settle_all()
    assert (await house.only(Operation.INQUIRE)).state is State.DONE


async def test_a_change_of_the_inquiry_makes_its_answer_due_at_once(house: House) -> None:
    await deferred_inquiry(house)
    await house.followup.ask_unsettled()
    answered = replace(core_status(DEFERRED["InquiryNo"], 1, 60), kind="answer")
    house.core.tell(answered)
    house.core.polls.append(house.core.done("AskProperty", InquiryNo=DEFERRED["InquiryNo"]))
    await house.take_changes()
    await house.followup.ask_unsettled()
    assert (await house.only(Operation.INQUIRE)).state is State.DONE
    assert [one.operation for one in await house.exchanges()] == [Operation.INQUIRE, Operation.ANSWER_INQUIRY]
