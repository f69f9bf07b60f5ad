"""Intake over a real journal: kept once, answered as the first time, refused by name, asked only once."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapter.contract.strict_json import read_json
from adapter.errors import (
    AlreadyFiled,
    CaseClosed,
    KeyConflict,
    KeyMissing,
    KeyUnusable,
    OperationNotOffered,
    RequestRefused,
    ServiceStopped,
    StillInFlight,
    TooBusy,
    UnknownCase,
    UnknownService,
)
from adapter.exchange import Direction, Operation, Outcome, Parallel, Record, Stage, State, Verdict
from adapter.idempotency import canonical
from adapter.journal import reading
from adapter.offer import offer_of
from adapter.settlement.drafting import is_tracking_code
from tests.support.cancelling import cancelled_at
from tests.support.house import (
    ASSESSED,
    COUNTER,
    MOBILE,
    NEIGHBOUR,
    TENANT,
    House,
    Town,
    contracts,
    services,
    shipped_offer,
)
from tests.support.records import (
    EXAMPLES,
    correction,
    document,
    payment,
    permit,
    question,
    toll,
    toll_status,
    withdrawal,
)
from tests.support.scripted import Sent

pytest_plugins = ["tests.support.fixtures"]

KEY = "key-of-the-caller-0001"
DEFERRED = {"ErrorResult": {}, "State": 2, "InquiryNo": "Q0001170002"}


async def refusal_of(house: House, *arguments: Any, **named: Any) -> RequestRefused:
    with pytest.raises(RequestRefused) as refused:
        await house.receive(*arguments, **named)
    return refused.value


# the key


@pytest.mark.parametrize("key", [None, ""])
async def test_a_call_without_a_key_is_refused(house: House, key: str | None) -> None:
    with pytest.raises(KeyMissing) as missing:
        await house.intake.receive(COUNTER, Operation.SUBMIT_REQUEST, toll(), key)
    assert missing.value.status == 400
    assert await house.exchanges() == []


@pytest.mark.parametrize(
    "key",
    [
        "x" * 15,
        "x" * 256,
        "has a space in it",
        "کلید-یکتای-درخواست-ما",
        "x" * 20 + "\n",
        "slash/slash/slash",
        "x" * 16 + "²",
    ],
)
async def test_an_unusable_key_is_refused(house: House, key: str) -> None:
    refused = await refusal_of(house, Operation.SUBMIT_REQUEST, toll(), key)
    assert isinstance(refused, KeyUnusable)
    assert refused.status == 400
    assert await house.exchanges() == []


@pytest.mark.parametrize("key", ["x" * 16, "x" * 255, "Az09._:-Az09._:-"])
async def test_a_usable_key_is_taken(house: House, key: str) -> None:
    assert (await house.receive(Operation.SUBMIT_REQUEST, toll(), key)).status == 202


# the first answer


async def test_a_request_is_acknowledged_with_a_tracking_code_after_it_is_kept(house: House) -> None:
    reply = await house.receive(Operation.SUBMIT_REQUEST, toll())
    assert (reply.status, reply.body["state"], reply.replayed) == (202, "accepted", False)
    code = reply.body["tracking_code"]
    assert is_tracking_code(code)
    assert reply.location == f"requests/{code}"
    exchange = await house.only(Operation.SUBMIT_REQUEST)
    assert (exchange.state, exchange.direction) == (State.READY, Direction.INWARD)
    assert (await house.case(code)).stage is Stage.RECEIVED


async def test_the_acknowledgement_fits_the_contract_in_both_bindings(house: House) -> None:
    reply = await house.receive(Operation.SUBMIT_REQUEST, toll())
    for codec in contracts()["window/1.0"].bindings.values():
        assert codec.encode_answer("SubmitRequest", reply.body)


async def test_what_was_kept_is_delivered_at_once_without_waiting_for_a_search(house: House) -> None:
    await house.submit(toll())
    assert house.delivery._queue.qsize() == 1
    assert await house.journal.claim_ready(10) == []


async def test_the_same_call_gets_the_first_answer_word_for_word_however_the_case_stands_now(house: House) -> None:
    first = await house.receive(Operation.SUBMIT_REQUEST, toll(), KEY)
    await house.deliver_due()
    house.clock.advance(timedelta(days=1))
    again = await house.receive(Operation.SUBMIT_REQUEST, toll(), KEY)
    assert (again.status, again.body, again.location) == (first.status, first.body, first.location)
    assert again.replayed
    assert len(await house.exchanges(Operation.SUBMIT_REQUEST)) == 1
    await house.deliver_due()
    assert len(house.revenue.sent) == 1


async def test_the_first_answer_survives_a_restart(town: Town) -> None:
    first = await town.open().receive(Operation.SUBMIT_REQUEST, toll(), KEY)
    again = await town.open().receive(Operation.SUBMIT_REQUEST, toll(), KEY)
    assert again.replayed
    assert again.body == first.body


async def test_a_later_time_of_sending_is_no_other_content(house: House) -> None:
    first = await house.receive(Operation.SUBMIT_REQUEST, toll(), KEY)
    later = toll(submitted_at="2026-11-21T09:31:00+03:30")
    assert (await house.receive(Operation.SUBMIT_REQUEST, later, KEY)).body == first.body


async def test_the_same_key_with_another_payload_is_a_conflict_and_keeps_nothing(house: House) -> None:
    await house.submit(toll(), KEY)
    refused = await refusal_of(house, Operation.SUBMIT_REQUEST, toll(49), KEY)
    assert isinstance(refused, KeyConflict)
    assert refused.status == 422
    assert len(await house.exchanges()) == 1


async def test_a_key_belongs_to_its_caller_and_operation(house: House) -> None:
    code = await house.submit(toll(48), KEY)
    await house.deliver_due()
    other = await house.submit(toll(49), KEY, MOBILE)
    neighbour = await house.submit(toll(50), KEY, NEIGHBOUR)
    assert len({code, other, neighbour}) == 3
    assert (await house.receive(Operation.WITHDRAW_REQUEST, withdrawal(code), KEY)).status == 202


async def test_a_refused_call_is_not_stored_and_its_key_is_still_free(house: House) -> None:
    await refusal_of(house, Operation.SUBMIT_REQUEST, toll(service_id="13042650270"), KEY)
    assert (await house.receive(Operation.SUBMIT_REQUEST, toll(), KEY)).status == 202


async def test_two_calls_at_once_with_one_key_keep_one_and_the_other_is_in_flight(house: House) -> None:
    answers = await asyncio.gather(
        *(house.receive(Operation.SUBMIT_REQUEST, toll(), KEY) for _ in range(5)), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, StillInFlight)]
    assert len(refused) == 4
    assert refused[0].status == 409
    assert refused[0].context["retry_after"] >= 1
    assert len(await house.exchanges()) == 1
    assert (await house.receive(Operation.SUBMIT_REQUEST, toll(), KEY)).replayed


async def test_two_callers_at_once_about_one_subject_open_one_case(house: House) -> None:
    answers = await asyncio.gather(
        *(house.receive(Operation.SUBMIT_REQUEST, toll(), caller=caller) for caller in (COUNTER, MOBILE) * 3),
        return_exceptions=True,
    )
    codes = {answer.body["tracking_code"] for answer in answers if not isinstance(answer, BaseException)}
    assert len(codes) == 1
    assert all(isinstance(answer, StillInFlight) for answer in answers if isinstance(answer, BaseException))
    assert len(await house.exchanges()) == 1


# the business key


async def test_the_same_subject_under_another_key_gets_the_first_answer(house: House) -> None:
    first = await house.receive(Operation.SUBMIT_REQUEST, toll())
    again = await house.receive(Operation.SUBMIT_REQUEST, toll())
    assert again.replayed
    assert again.body == first.body
    assert len(await house.exchanges()) == 1


async def test_the_same_subject_with_other_content_names_the_first_tracking_code(house: House) -> None:
    code = await house.submit(toll())
    other = toll()
    other["applicant"]["mobile"] = "09000000099"
    refused = await refusal_of(house, Operation.SUBMIT_REQUEST, other)
    assert isinstance(refused, AlreadyFiled)
    assert (refused.status, refused.context["tracking_code"]) == (409, code)
    assert code in refused.detail
    assert len(await house.exchanges()) == 1


async def test_a_service_may_have_a_parallel_request_marked_instead_of_refused(house: House) -> None:
    code = await house.submit(toll())
    marking = {name: replace(one, parallel=Parallel.MARK) for name, one in services().items()}
    house.offer = offer_of({TENANT: sorted(marking)}, marking, {})
    other = toll()
    other["applicant"]["mobile"] = "09000000099"

    reply = await house.receive(Operation.SUBMIT_REQUEST, other)

    assert (reply.status, reply.body["parallel_tracking_code"]) == (202, code)
    assert reply.body["tracking_code"] != code
    for codec in contracts()["window/1.0"].bindings.values():
        assert codec.encode_answer("SubmitRequest", reply.body)


async def test_another_subject_is_another_case(house: House) -> None:
    assert await house.submit(toll(48)) != await house.submit(toll(49))


async def test_one_tenant_s_subject_is_nothing_to_another_tenant(house: House) -> None:
    assert await house.submit(toll()) != await house.submit(toll(), caller=NEIGHBOUR)


async def test_a_payment_is_kept_once_however_many_channels_confirm_it(house: House) -> None:
    code = await house.submit(toll())
    await house.deliver_due()
    first = await house.receive(Operation.CONFIRM_PAYMENT, payment(code))
    again = await house.receive(Operation.CONFIRM_PAYMENT, payment(code), caller=MOBILE)
    assert again.replayed
    assert again.body == first.body
    refused = await refusal_of(house, Operation.CONFIRM_PAYMENT, payment(code, amount_rial=1))
    assert isinstance(refused, AlreadyFiled)
    await house.deliver_due()
    assert len(house.revenue.sent_as("RegisterPayment")) == 1


async def test_a_payment_confirmed_under_another_case_is_told_with_the_first_tracking_code(house: House) -> None:
    first, second = await house.submit(toll(48)), await house.submit(toll(49))
    await house.deliver_due()
    await house.receive(Operation.CONFIRM_PAYMENT, payment(first))

    refused = await refusal_of(house, Operation.CONFIRM_PAYMENT, payment(second))

    assert isinstance(refused, AlreadyFiled)
    assert refused.context["tracking_code"] == first
    await house.deliver_due()
    assert len(house.revenue.sent_as("RegisterPayment")) == 1


async def test_a_subject_is_free_again_when_its_case_has_ended(house: House) -> None:
    house.revenue.say(Outcome(Verdict.DONE, answer={**ASSESSED, "bills": [], "status_code": 10}))
    first = await house.submit(toll())
    await house.deliver_due()
    assert (await house.case(first)).stage is Stage.ENDED
    assert await house.submit(toll()) != first


async def test_a_payment_s_subject_is_never_free_again_not_even_when_its_case_has_ended(house: House) -> None:
    code = await house.submit(toll())
    await house.deliver_due()
    first = await house.receive(Operation.CONFIRM_PAYMENT, payment(code))
    await house.settle_all()
    number = (await house.case(code)).internal_reference
    assert number is not None
    house.revenue.tell(toll_status(number, 9, 99))
    await house.settle_all()
    assert (await house.case(code)).stage is Stage.ENDED
    again = await house.receive(Operation.CONFIRM_PAYMENT, payment(code), caller=MOBILE)
    assert again.replayed
    assert again.body == first.body
    assert len(house.revenue.sent_as("RegisterPayment")) == 1


# one fingerprint for one content

_PAIRS = sorted(
    path.name.removesuffix(".json")
    for path in EXAMPLES.glob("*.json")
    if ".answer." not in path.name
    and path.name.partition(".")[0]
    in {
        "SubmitRequest",
        "AttachDocument",
        "CorrectRequest",
        "WithdrawRequest",
        "ConfirmPayment",
        "ReversePayment",
        "FileObjection",
        "SubmitSurvey",
        "Inquire",
    }
)


@pytest.mark.parametrize("name", _PAIRS)
def test_the_same_content_over_soap_and_rest_has_one_fingerprint(name: str) -> None:
    operation = name.partition(".")[0]
    window = contracts()["window/1.0"]
    by_soap = window.bindings["soap"].decode_request((EXAMPLES / f"{name}.soap.xml").read_bytes())
    by_rest = read_json((EXAMPLES / f"{name}.json").read_bytes())
    assert by_soap.operation == operation
    assert canonical(by_soap.content) == canonical(by_rest)


def test_there_are_pairs_to_compare() -> None:
    assert len(_PAIRS) >= 10


@pytest.mark.parametrize(
    "spelling",
    [
        lambda record: dict(reversed(list(record.items()))),
        lambda record: {**record, "note": unicodedata.normalize("NFD", record["note"])},
        lambda record: {**record, "note": record["note"].replace("1405", "۱۴۰۵")},
        lambda record: {**record, "note": record["note"].replace("1405", "١٤٠٥")},
        lambda record: {**record, "submitted_at": "2030-01-01T00:00:00Z"},
    ],
    ids=["order of fields", "decomposed letters", "Persian digits", "Arabic digits", "time of sending"],
)
async def test_another_spelling_of_the_same_content_is_the_same_call(
    house: House, spelling: Callable[[Record], Record]
) -> None:
    record = toll(note="آیا عوارض سال 1405 هم هست؟ مؤدّی در سفر است.")
    first = await house.receive(Operation.SUBMIT_REQUEST, record, KEY)
    again = await house.receive(Operation.SUBMIT_REQUEST, spelling(record), KEY)
    assert again.replayed
    assert again.body == first.body


@pytest.mark.parametrize(
    "change",
    [
        {"note": "آیا عوارض سال 1406 هم هست؟"},
        {"toll": {"year_from": 1404, "year_to": 1406}},
        {"channel": {"code": "counter"}},
    ],
    ids=["a word", "a figure", "a channel"],
)
async def test_other_content_is_another_call(house: House, change: Record) -> None:
    await house.submit(toll(), KEY)
    assert isinstance(await refusal_of(house, Operation.SUBMIT_REQUEST, toll(**change), KEY), KeyConflict)


# services and cases


async def test_an_unknown_service_is_refused_with_near_names(house: House) -> None:
    refused = await refusal_of(house, Operation.SUBMIT_REQUEST, toll(service_id="13042650270"))
    assert isinstance(refused, UnknownService)
    assert refused.status == 404
    assert "13042650207" in refused.detail


async def test_a_stopped_service_says_when_to_come_again_and_stops_alone(town: Town) -> None:
    house = town.open(shipped_offer("renovation_toll"))
    refused = await refusal_of(house, Operation.SUBMIT_REQUEST, toll())
    assert isinstance(refused, ServiceStopped)
    assert (refused.status, refused.context["retry_after"]) == (503, 300)
    assert await house.submit(permit())


async def test_a_case_of_a_stopped_service_takes_nothing_and_says_when_to_come_again(house: House) -> None:
    code = await house.submit(toll())
    await house.deliver_due()
    house.offer = shipped_offer("renovation_toll")
    refused = await refusal_of(house, Operation.CONFIRM_PAYMENT, payment(code))
    assert isinstance(refused, ServiceStopped)
    assert (refused.status, refused.context["retry_after"]) == (503, 300)
    status = await refusal_of(house, Operation.GET_STATUS, {"tracking_code": code})
    assert isinstance(status, ServiceStopped)


async def test_an_operation_that_the_service_does_not_offer_is_refused(house: House) -> None:
    code = await house.submit(toll())
    refused = await refusal_of(house, Operation.CORRECT_REQUEST, correction(code))
    assert isinstance(refused, OperationNotOffered)
    assert refused.status == 404
    assert isinstance(
        await refusal_of(house, Operation.INQUIRE, question(service_id="13042650207")), OperationNotOffered
    )
    assert len(await house.exchanges()) == 1


async def test_what_belongs_to_a_case_goes_into_its_lane_behind_the_request(house: House) -> None:
    code = await house.submit(permit())
    for operation, record in (
        (Operation.ATTACH_DOCUMENT, document(code)),
        (Operation.CORRECT_REQUEST, correction(code)),
        (Operation.WITHDRAW_REQUEST, withdrawal(code)),
    ):
        reply = await house.receive(operation, record)
        assert (reply.status, reply.body["tracking_code"]) == (202, code)
    lanes = {exchange.lane for exchange in await house.exchanges()}
    assert len(lanes) == 1


async def test_a_tracking_code_in_persian_digits_is_the_same_case(house: House) -> None:
    code = await house.submit(toll())
    persian = code.translate({ord(str(digit)): "۰۱۲۳۴۵۶۷۸۹"[digit] for digit in range(10)})
    reply = await house.receive(Operation.WITHDRAW_REQUEST, withdrawal(persian))
    assert reply.body["tracking_code"] == code
    assert (await house.status(persian))["tracking_code"] == code


async def test_a_case_that_nobody_opened_is_unknown(house: House) -> None:
    refused = await refusal_of(house, Operation.CONFIRM_PAYMENT, payment("000000000003"))
    assert isinstance(refused, UnknownCase)
    assert refused.status == 404


@pytest.mark.parametrize("operation", [Operation.CONFIRM_PAYMENT, Operation.WITHDRAW_REQUEST, Operation.GET_STATUS])
async def test_another_tenant_s_case_is_unknown_whatever_is_asked_of_it(house: House, operation: Operation) -> None:
    code = await house.submit(toll())
    records = {Operation.CONFIRM_PAYMENT: payment(code), Operation.WITHDRAW_REQUEST: withdrawal(code)}
    record = records.get(operation, {"tracking_code": code})
    refused = await refusal_of(house, operation, record, caller=NEIGHBOUR)
    assert isinstance(refused, UnknownCase)
    assert refused.status == 404


async def test_a_closed_case_takes_nothing_more_but_still_replays_its_first_answers(house: House) -> None:
    code = await house.submit(toll(), KEY)
    await house.deliver_due()
    await house.receive(Operation.CONFIRM_PAYMENT, payment(code), "key-of-the-payment-01")
    number = (await house.case(code)).internal_reference
    assert number is not None
    house.revenue.tell(toll_status(number, 9, 99))
    await house.settle_all()
    assert (await house.case(code)).stage is Stage.ENDED
    refused = await refusal_of(house, Operation.WITHDRAW_REQUEST, withdrawal(code))
    assert isinstance(refused, CaseClosed)
    assert (refused.status, refused.context["stage"]) == (409, "ended")
    assert (await house.receive(Operation.SUBMIT_REQUEST, toll(), KEY)).replayed
    assert (await house.receive(Operation.CONFIRM_PAYMENT, payment(code), "key-of-the-payment-01")).replayed


async def test_too_much_waiting_is_told_before_anything_is_kept(house: House) -> None:
    busy = replace(house.intake, most_waiting=-1)
    with pytest.raises(TooBusy) as refused:
        await busy.receive(COUNTER, Operation.SUBMIT_REQUEST, toll(), KEY)
    assert (refused.value.status, refused.value.context["retry_after"]) == (503, 2)
    assert await house.exchanges() == []


async def test_the_citizen_can_be_found_again_by_hash_and_no_value_stands_open(house: House) -> None:
    code = await house.submit(toll())
    digest = house.journal.sealer.hash(TENANT, "national_id", "0001172034")
    (found,), count = await house.journal.read(reading.cases_by_search, TENANT, "national_id", digest, limit=9)
    assert (found["tracking_code"], count) == (code, 1)


# what may be known


async def test_the_status_tells_stage_and_last_status_and_fits_the_contract(house: House) -> None:
    code = await house.submit(toll())
    first = await house.status(code)
    assert (first["stage"], first["held"]) == ("received", False)
    await house.deliver_due()
    number = (await house.case(code)).internal_reference
    assert number is not None
    house.revenue.tell(toll_status(number, 4, 50))
    await house.settle_all()
    status = await house.status(code)
    assert (status["stage"], status["status_code"], status["status_title"]) == ("in_progress", "50", "پرداخت تأیید شد")
    for codec in contracts()["window/1.0"].bindings.values():
        assert codec.encode_answer("GetStatus", status)
        assert codec.encode_answer("GetStatus", first)


async def test_the_status_tells_that_something_of_the_case_is_held(house: House) -> None:
    record = toll()
    record["applicant"]["national_id"] = "0001172035"
    code = await house.submit(record)
    await house.deliver_due()
    status = await house.status(code)
    assert (status["held"], status["held_reason"]) == (True, "parked")


async def test_the_status_of_a_mistyped_code_is_unknown(house: House) -> None:
    code = await house.submit(toll())
    wrong = f"{code[:-1]}{(int(code[-1]) + 1) % 10}"
    assert isinstance(await refusal_of(house, Operation.GET_STATUS, {"tracking_code": wrong}), UnknownCase)


async def test_reading_needs_no_key_and_keeps_nothing(house: House) -> None:
    reply = await house.intake.receive(COUNTER, Operation.CHECK_HEALTH, {}, None)
    assert (reply.status, reply.body["tenant"]) == (200, TENANT)
    assert await house.exchanges() == []


# inquiries


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


# cancellation


@pytest.mark.parametrize("lands", [True, False])
@pytest.mark.parametrize("operation", [Operation.SUBMIT_REQUEST, Operation.INQUIRE])
async def test_a_call_cancelled_at_any_await_is_kept_once_when_it_comes_again(
    town: Town, operation: Operation, *, lands: bool
) -> None:
    record = toll if operation is Operation.SUBMIT_REQUEST else question
    for point in range(1, 20):
        town.close()
        town.folder.joinpath("journal.db").unlink(missing_ok=True)
        house = town.open()
        came_so_far = await cancelled_at(house.receive(operation, record(), KEY), point, lands=lands)
        await asyncio.sleep(0.01)
        assert house.intake.in_flight == set(), "the key is free again"
        reply = await house.receive(operation, record(), KEY)
        again = await house.receive(operation, record(), KEY)
        assert again.body == reply.body
        house = town.open()
        await house.settle_all()
        (exchange,) = await house.exchanges(operation)
        assert exchange.state is State.DONE
        if not came_so_far:
            assert point > 1
            return
    pytest.fail("there are more awaits than this test thought")
