"""Follow-up over a real journal: doubt is asked for, never guessed; answers are fetched; changes keep their order."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapter.channels import ChangePage, Sight, Sighting
from adapter.errors import GatewayUnreachable, JournalFailed
from adapter.exchange import Effect, Event, Exchange, Operation, Outcome, Stage, State, Verdict
from adapter.journal import Command, reading
from tests.support.cancelling import cancelled_at
from tests.support.house import ASSESSED, CORE, REVENUE, TENANT, WINDOW, House, Logs, Town, Weakened, shipped_offer
from tests.support.records import core_status, document, payment, permit, question, toll, toll_status
from tests.support.scripted import ScriptedSystem, Sent

pytest_plugins = ["tests.support.fixtures"]

LOST = Outcome(Verdict.IN_DOUBT, "lost", "the request may have arrived, no whole answer came")
UNSENT = Outcome(Verdict.RETRY, "unsent", "the request never left", left=False)
NOT_FOUND = Sight(Sighting.NOT_FOUND)
UNCLEAR = Sight(Sighting.UNCLEAR, reason="they cannot be reached")
DEFERRED: dict[str, Any] = {"ErrorResult": {}, "State": 2, "InquiryNo": "Q0001170002"}


async def doubtful_submission(house: House, record: dict[str, Any] | None = None) -> str:
    """A toll whose answer was lost; its tracking code."""
    house.revenue.say(LOST)
    code = await house.submit(record or toll())
    await house.deliver_due()
    assert (await house.exchanges(Operation.SUBMIT_REQUEST))[-1].state is State.IN_DOUBT
    return code


async def ask_when_due(house: House) -> Exchange:
    """Move to the moment when the submission is due, ask, and deliver what that brings."""
    house.clock.now = (await house.only(Operation.SUBMIT_REQUEST)).due_at
    await house.followup.ask_unsettled()
    await house.deliver_due()
    return await house.only(Operation.SUBMIT_REQUEST)


async def filed_permit(house: House, house_no: int = 48) -> str:
    """A permit that the core has taken; its number there."""
    code = await house.submit(permit(house_no))
    await house.deliver_due()
    number = (await house.case(code)).internal_reference
    assert number is not None
    return number


def told_codes(house: House) -> list[str]:
    return [sent.says(house.gateway)["status_code"] for sent in house.gateway.sent_as("PushStatus")]


# doubt


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


async def test_an_open_attempt_whose_lease_is_over_is_in_doubt_and_asked_for(town: Town) -> None:
    house = town.open()
    house.revenue.say(asyncio.CancelledError())
    await house.submit(toll())
    with pytest.raises(asyncio.CancelledError):
        await house.deliver_due()
    house.clock.advance(house.profile.lease - timedelta(seconds=1))
    await house.followup._beat()
    assert (await house.only(Operation.SUBMIT_REQUEST)).state is State.SENDING
    house.clock.advance(2)
    await house.followup._beat()
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


# deferred answers


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


# changes inside


async def test_the_changes_of_a_case_reach_the_gateway_in_the_source_s_order(house: House) -> None:
    number = await filed_permit(house)
    house.core.tell(*(core_status(number, sequence, code) for sequence, code in ((3, 40), (1, 10), (2, 30))))
    await house.settle_all()
    says = [sent.says(house.gateway) for sent in house.gateway.sent]
    assert [(told["sequence"], told["status_code"]) for told in says] == [(1, "010"), (2, "030"), (3, "040")]


async def test_the_order_is_the_sequence_and_never_the_code_s_number(house: House) -> None:
    number = await filed_permit(house)
    house.core.tell(*(core_status(number, sequence, code) for sequence, code in ((1, 30), (2, 35), (3, 30), (4, 40))))
    await house.settle_all()
    assert told_codes(house) == ["030", "035", "030", "040"]


async def test_a_change_told_twice_is_told_to_the_gateway_once(house: House) -> None:
    number = await filed_permit(house)
    change = core_status(number, 1, 10)
    house.core.tell(change, change)
    await house.settle_all()
    house.core.tell(change, core_status(number, 2, 30), change)
    await house.settle_all()
    assert told_codes(house) == ["010", "030"]


async def test_a_restart_takes_nothing_twice_and_misses_nothing(town: Town) -> None:
    house = town.open()
    number = await filed_permit(house)
    house.core.tell(core_status(number, 1, 10))
    await house.take_changes()
    house = town.open()
    house.core.tell(core_status(number, 2, 30))
    await house.settle_all()
    assert told_codes(house) == ["010", "030"]


async def test_pages_are_taken_one_after_the_other_until_there_is_no_more(house: House) -> None:
    number = await filed_permit(house)
    house.core.page_size = 2
    house.core.tell(*(core_status(number, sequence, 30) for sequence in range(1, 6)))
    await house.take_changes()
    assert len(await house.exchanges(Operation.PUSH_STATUS)) == 5
    assert await house.journal.read(reading.cursor, *CORE) == "5"


async def test_a_change_of_a_stranger_s_case_is_ignored(house: House) -> None:
    house.core.tell(core_status("1300-1", 1, 10))
    await house.settle_all()
    assert await house.exchanges() == []
    assert await house.journal.strays(*CORE) == []
    assert await house.journal.read(reading.cursor, *CORE) == "1"


async def test_changes_before_the_submission_is_settled_are_kept_and_told_later_in_order(house: House) -> None:
    house.core.say(LOST)
    await house.submit(permit())
    await house.deliver_due()
    house.core.tell(core_status("1405-7", 2, 30), core_status("1405-7", 1, 10))
    await house.take_changes()
    house.core.tell(core_status("1405-7", 3, 40))
    await house.take_changes()
    assert house.gateway.sent == []
    house.core.sights.append(Sight(Sighting.FOUND, {"ErrorResult": {}, "CaseNo": "1405-7"}))
    await house.settle_all()
    assert told_codes(house) == ["010", "030", "040"]
    assert await house.journal.strays(*CORE) == []


class Meanwhile(ScriptedSystem):
    """A system during whose answer something else happens in the house."""

    happens: Any = None

    async def changes(self, cursor: str | None) -> ChangePage:
        page = await super().changes(cursor)
        if self.happens is not None:
            await self.happens()
        return page


async def test_a_case_that_learns_its_number_while_a_page_is_read_does_not_overtake_what_was_kept(town: Town) -> None:
    town.core = core = Meanwhile(town.core.contract, town.core.binding, town.core.usual)
    house = town.open()
    core.say(LOST)
    await house.submit(permit())
    await house.deliver_due()
    core.tell(core_status("1405-7", 1, 10))
    await house.take_changes()
    core.sights.append(Sight(Sighting.FOUND, {"ErrorResult": {}, "CaseNo": "1405-7"}))
    house.clock.advance(60)
    core.tell(core_status("1405-7", 2, 30))
    core.happens = house.followup.ask_unsettled
    await house.take_changes()
    core.happens = None
    await house.settle_all()
    assert told_codes(house) == ["010", "030"]


async def test_kept_changes_survive_a_restart(town: Town) -> None:
    house = town.open()
    house.core.say(LOST)
    await house.submit(permit())
    await house.deliver_due()
    house.core.tell(core_status("1405-7", 1, 10))
    await house.take_changes()
    house = town.open()
    house.core.sights.append(Sight(Sighting.FOUND, {"ErrorResult": {}, "CaseNo": "1405-7"}))
    await house.settle_all()
    assert told_codes(house) == ["010"]


async def test_kept_changes_of_strangers_go_once_no_submission_can_still_claim_them(house: House) -> None:
    house.core.say(LOST)
    await house.submit(permit())
    await house.deliver_due()
    house.core.tell(core_status("1300-1", 1, 10), core_status("1405-7", 1, 10))
    await house.take_changes()
    assert len(await house.journal.strays(*CORE)) == 2
    house.core.sights.append(Sight(Sighting.FOUND, {"ErrorResult": {}, "CaseNo": "1405-7"}))
    await house.settle_all()
    await house.take_changes()
    assert told_codes(house) == ["010"]
    assert await house.journal.strays(*CORE) == []


async def test_a_change_waits_for_the_outcome_of_what_was_sent_there_whose_consequence_it_may_be(house: House) -> None:
    code = await house.submit(toll())
    await house.deliver_due()
    number = (await house.case(code)).internal_reference
    assert number is not None
    house.revenue.say(LOST)
    await house.receive(Operation.CONFIRM_PAYMENT, payment(code))
    await house.deliver_due()
    house.revenue.tell(toll_status(number, 9, 60))
    await house.take_changes()
    assert house.gateway.sent_as("PushStatus") == []
    receipt = {"code": "OK", "receipt_no": "R-1", "status_code": 50}
    house.revenue.sights.append(Sight(Sighting.FOUND, receipt))
    await house.settle_all()
    assert told_codes(house) == ["50", "60"]


async def test_another_system_s_case_of_the_same_number_is_not_touched(house: House) -> None:
    number = await filed_permit(house)
    await house.submit(toll())
    await house.deliver_due()
    house.revenue.tell(toll_status(number, 1, 60))
    await house.settle_all()
    assert await house.exchanges(Operation.PUSH_STATUS) == []


async def test_changes_while_their_service_is_stopped_are_told_in_order_when_it_is_mended(house: House) -> None:
    number = await filed_permit(house)
    house.offer = shipped_offer("building_permit")
    house.core.tell(core_status(number, 2, 30), core_status(number, 1, 10))
    await house.take_changes()
    house.core.tell(core_status(number, 3, 40))
    await house.take_changes()
    house.offer = shipped_offer()
    await house.settle_all()
    assert told_codes(house) == ["010", "030", "040"]


async def test_an_unknown_status_is_parked_with_table_and_file_and_the_next_ones_wait_behind_it(house: House) -> None:
    number, other = await filed_permit(house), await filed_permit(house, 49)
    house.core.tell(core_status(number, 1, 10), core_status(number, 2, 999), core_status(number, 3, 30))
    house.core.tell(core_status(other, 1, 10))
    await house.take_changes()
    await house.deliver_due()
    first, parked, waiting, of_the_other = await house.exchanges(Operation.PUSH_STATUS)
    assert (first.state, parked.state, waiting.state) == (State.DONE, State.PARKED, State.READY)
    assert (parked.code, parked.may_have_effect) == ("untranslatable", False)
    assert (parked.reason or "").startswith("mappings/building_permit/urban_core/status.csv:")
    assert "codes/status.csv" in (parked.reason or "")
    assert of_the_other.state is State.DONE
    assert told_codes(house) == ["010", "010"]


async def test_a_kind_that_no_table_knows_is_parked_by_name_and_not_forgotten(house: House) -> None:
    number = await filed_permit(house)
    house.core.tell(replace(core_status(number, 1, 10), kind="plan"))
    await house.take_changes()
    await house.deliver_due()
    (exchange,) = await house.exchanges(Operation.PUSH_STATUS)
    assert (exchange.state, exchange.code) == (State.PARKED, "untranslatable")
    assert "mappings/building_permit" in (exchange.reason or "")
    assert "'plan'" in (exchange.reason or "")
    assert house.gateway.sent == []


async def test_a_status_after_the_end_of_a_case_is_told_all_the_same(house: House) -> None:
    number = await filed_permit(house)
    house.core.tell(core_status(number, 1, 160), core_status(number, 2, 930))
    await house.settle_all()
    assert told_codes(house) == ["160", "930"]


async def test_a_page_that_another_node_has_taken_is_dropped_whole(house: House) -> None:
    number = await filed_permit(house)
    house.core.tell(core_status(number, 1, 10))
    taken = asyncio.gather(*(house.followup.take_changes(CORE, house.core) for _ in range(2)), return_exceptions=True)
    await taken
    await house.settle_all()
    assert told_codes(house) == ["010"]


# the flow


class Silent(ScriptedSystem):
    """A system that cannot be asked for changes until it is told to speak."""

    is_silent = True

    async def changes(self, cursor: str | None) -> ChangePage:
        if self.is_silent:
            raise GatewayUnreachable("GetChanges: the request never left")
        return await super().changes(cursor)


async def running_for(house: House, seconds: float = 0.15) -> None:
    flows = [asyncio.create_task(flow) for flow in (house.delivery.run(), house.followup.run())]
    await asyncio.sleep(seconds)
    assert not any(flow.done() for flow in flows)
    for flow in flows:
        flow.cancel()
    await asyncio.gather(*flows, return_exceptions=True)


async def test_a_lost_system_is_logged_once_when_it_goes_and_once_when_it_returns(town: Town, logs: Logs) -> None:
    town.core = Silent(town.core.contract, town.core.binding, town.core.usual)
    house = town.open()
    await running_for(house)
    town.core.is_silent = False
    await running_for(house)
    events = [event["event"] for event in logs if event.get("endpoint") == "urban_core/1.0"]
    assert events == ["endpoint_lost"], "each run of the flow begins anew"
    town.core.is_silent = True
    flow = asyncio.create_task(house.followup.run())
    await asyncio.sleep(0.05)
    town.core.is_silent = False
    await asyncio.sleep(0.05)
    flow.cancel()
    await asyncio.gather(flow, return_exceptions=True)
    events = [event["event"] for event in logs if event.get("endpoint") == "urban_core/1.0"]
    assert events == ["endpoint_lost", "endpoint_lost", "endpoint_regained"]


async def test_a_page_that_breaks_everything_does_not_end_the_flow(house: House, logs: Logs) -> None:
    number = await filed_permit(house)
    house.core.told = [None, core_status(number, 1, 10)]  # type: ignore[list-item]
    await running_for(house)
    assert any(event["event"] == "changes_failed" for event in logs)
    house.core.told = [core_status(number, 1, 10)]
    await running_for(house)
    assert told_codes(house) == ["010"]


async def test_a_failed_journal_ends_the_flow(town: Town) -> None:
    class Failed(Weakened):
        """A journal that cannot be written."""

        async def beat(self) -> None:
            raise JournalFailed("fsync: input/output error")

    house = town.open(journal=Failed)
    with pytest.raises(ExceptionGroup) as failed:
        async with asyncio.timeout(5):
            await house.followup.run()
    assert failed.group_contains(JournalFailed)


async def test_a_paused_system_is_not_asked_for_changes(house: House) -> None:
    house.endpoints.paused[CORE] = "they do not accept our credentials"
    house.core.tell(core_status("1405-1-1", 1, 10))
    await running_for(house, 0.05)
    assert await house.journal.read(reading.cursor, *CORE) is None


# cancellation


@pytest.mark.parametrize("lands", [True, False])
async def test_a_question_cancelled_at_any_await_decides_once(town: Town, *, lands: bool) -> None:
    for point in range(1, 12):
        town.close()
        town.folder.joinpath("journal.db").unlink(missing_ok=True)
        house = town.open()
        house.revenue.sent.clear()
        await doubtful_submission(house)
        house.clock.advance(10)
        house.revenue.sights.extend([Sight(Sighting.FOUND, ASSESSED)] * 2)
        (claim,) = await house.journal.claim_unsettled(1)
        came_so_far = await cancelled_at(house.followup._ask(claim), point, lands=lands)
        house = town.open()
        await house.settle_all()
        house.revenue.sights.clear()
        assert [one.state for one in await house.exchanges()] == [State.DONE, State.DONE]
        assert len(house.revenue.sent) == 1
        if not came_so_far:
            assert point > 1
            return
    pytest.fail("there are more awaits than this test thought")


@pytest.mark.parametrize("lands", [True, False])
async def test_taking_changes_cancelled_at_any_await_misses_and_doubles_nothing(town: Town, *, lands: bool) -> None:
    for point in range(1, 20):
        town.close()
        town.folder.joinpath("journal.db").unlink(missing_ok=True)
        house = town.open()
        house.core.told.clear()
        house.gateway.sent.clear()
        number = await filed_permit(house)
        house.core.tell(core_status(number, 1, 10), core_status(number, 2, 30))
        came_so_far = await cancelled_at(house.followup.take_changes(CORE, house.core), point, lands=lands)
        house = town.open()
        await house.settle_all()
        assert told_codes(house) == ["010", "030"]
        if not came_so_far:
            assert point > 3
            return
    pytest.fail("there are more awaits than this test thought")


async def test_a_flow_that_asks_and_delivers_settles_a_storm_of_lost_answers_once_each(town: Town) -> None:
    """Every second answer of both sides is lost, before or after its effect; the flows run for real."""
    effects: list[str] = []
    house = town.open()

    def stormy(system: ScriptedSystem, operation: str) -> Any:
        def answer(sent: Sent) -> Outcome:
            turn = len(system.sent) % 4
            if turn == 1:
                return LOST
            effects.append(sent.reference)
            outcome = system.done(operation)
            system.answered[sent.reference] = outcome.answer or {}
            return LOST if turn == 3 else outcome

        return answer

    house.revenue.always = stormy(house.revenue, "CreateAssessment")
    house.gateway.always = stormy(house.gateway, "IssueBill")
    house.revenue.knows = house.gateway.knows = True
    for number in range(40):
        await house.submit(toll(100 + number))
    await house.settle_all(rounds=200)
    exchanges = await house.exchanges()
    assert {one.state for one in exchanges} == {State.DONE}
    assert sorted(effects) == sorted(one.reference for one in exchanges)
    assert len(exchanges) == 80


async def test_each_side_is_asked_about_its_own(house: House) -> None:
    await doubtful_submission(house)
    house.clock.advance(10)
    await house.followup.ask_unsettled()
    assert (len(house.revenue.asked), house.core.asked, house.gateway.asked) == (1, [], [])
    assert {WINDOW, CORE, REVENUE} <= {endpoint for endpoint in house.endpoints.targets if endpoint[0] == TENANT}
