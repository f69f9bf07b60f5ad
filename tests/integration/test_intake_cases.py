"""Intake over a real journal: services, cases and their subjects; what is refused is refused by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from adapter.calendar import Days, spell_day, tehran_day
from adapter.exchange import Operation, Outcome, Parallel, Stage, Verdict
from adapter.journal import reading
from adapter.offer import offer_of
from adapter.promise import Promise
from adapter.refusals import (
    AlreadyFiled,
    CaseClosed,
    OperationNotOffered,
    ServiceStopped,
    TooBusy,
    UnknownCase,
    UnknownService,
)
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
from tests.support.lives import KEY, refusal_of
from tests.support.records import (
    core_status,
    correction,
    document,
    payment,
    permit,
    question,
    toll,
    toll_status,
    withdrawal,
)

pytest_plugins = ["tests.support.fixtures"]


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


async def test_an_open_case_tells_the_day_of_its_promise_which_moves_while_the_citizen_is_awaited(house: House) -> None:
    code = await house.submit(permit())
    await house.deliver_due()
    promised = (await house.status(code))["promised_on"]
    assert services()["building_permit"].promise == Promise(working_days=21)
    assert promised == spell_day(Days().of(TENANT).after(tehran_day(house.clock()), 21))

    await _told_by_the_core(house, code, 1, 20)
    house.clock.advance(timedelta(days=14))
    awaiting = await house.status(code)
    assert awaiting["awaited_party"] == "citizen"
    assert awaiting["promised_on"] == spell_day(Days().of(TENANT).after(tehran_day(house.clock()), 21))
    for codec in contracts()["window/1.0"].bindings.values():
        assert codec.encode_answer("GetStatus", awaiting)

    await _told_by_the_core(house, code, 2, 160)
    ended = await house.status(code)
    assert (ended["stage"], ended.get("promised_on")) == ("ended", None)


async def _told_by_the_core(house: House, tracking_code: str, sequence: int, status: int) -> None:
    number = (await house.case(tracking_code)).internal_reference
    assert number is not None
    house.core.tell(core_status(number, sequence, status, at=house.clock()))
    await house.settle_all()


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
