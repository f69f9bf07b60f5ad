"""What comes after a request: objections, payments taken back, surveys, and a citizen's history."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from adapter.exchange import Operation, Outcome, Payload, Stage, State, Verdict
from adapter.intake import telling
from adapter.refusals import (
    AlreadyFiled,
    AmountDiffers,
    CaseClosed,
    OperationNotOffered,
    RequestRefused,
    UnknownPayment,
)
from tests.support.house import COUNTER, MOBILE, NEIGHBOUR, House, Logs, contracts, shipped_offer
from tests.support.records import (
    core_status,
    objection,
    payment,
    permit,
    question,
    reversal,
    survey,
    toll,
    toll_status,
    withdrawal,
)

pytest_plugins = ["tests.support.fixtures"]

KEY = "key-of-the-caller-0001"
CITIZEN = "0001172034"


async def refusal_of(house: House, *arguments: Any, **named: Any) -> RequestRefused:
    with pytest.raises(RequestRefused) as refused:
        await house.receive(*arguments, **named)
    return refused.value


async def paid_toll(house: House) -> str:
    code = await house.submit(toll())
    await house.deliver_due()
    await house.receive(Operation.CONFIRM_PAYMENT, payment(code))
    await house.settle_all()
    return code


async def refused_permit(house: House) -> str:
    code = await house.submit(permit())
    await house.deliver_due()
    house.core.tell(core_status("1405-1-1", 1, 900))
    await house.settle_all()
    assert (await house.case(code)).stage is Stage.REFUSED
    return code


async def history(house: House, caller: Any = COUNTER, **record: Any) -> Payload:
    asked = {"national_id": CITIZEN, "page": 1, **record}
    return (await house.intake.receive(caller, Operation.GET_HISTORY, asked, None)).body


# objections


async def test_an_objection_goes_inside_as_an_exchange_of_its_own_and_changes_no_stage(house: House) -> None:
    code = await refused_permit(house)

    reply = await house.receive(Operation.FILE_OBJECTION, objection(code))
    await house.settle_all()

    assert (reply.status, reply.body["tracking_code"]) == (202, code)
    assert (await house.only(Operation.FILE_OBJECTION)).state is State.DONE
    (sent,) = house.core.sent_as("RegisterObjection")
    said = sent.says(house.core)
    told = {name: said[name] for name in ("CaseNo", "TrackingCode", "ObjectionNo", "ReasonCode")}
    assert told == {"CaseNo": "1405-1-1", "TrackingCode": code, "ObjectionNo": "E-1405-31", "ReasonCode": "1"}
    assert (await house.case(code)).stage is Stage.REFUSED


async def test_only_a_status_from_inside_takes_a_case_up_again(house: House) -> None:
    code = await refused_permit(house)
    await house.receive(Operation.FILE_OBJECTION, objection(code))
    house.core.tell(core_status("1405-1-1", 2, 116))
    await house.settle_all()

    assert (await house.status(code))["stage"] == "in_progress"


async def test_an_objection_is_taken_until_the_last_moment_of_the_legal_period(house: House) -> None:
    code = await refused_permit(house)
    house.clock.advance(timedelta(days=59, hours=23))
    assert (await house.receive(Operation.FILE_OBJECTION, objection(code))).status == 202

    house.clock.advance(timedelta(days=1, hours=1))
    refused = await refusal_of(house, Operation.FILE_OBJECTION, objection(code, objection_no="E-2"))

    assert isinstance(refused, CaseClosed)
    assert "60 days" in refused.detail


async def test_a_withdrawn_case_takes_no_objection(house: House) -> None:
    code = await house.submit(toll())
    await house.deliver_due()
    await house.receive(Operation.WITHDRAW_REQUEST, withdrawal(code))
    await house.settle_all()

    assert isinstance(await refusal_of(house, Operation.FILE_OBJECTION, objection(code)), CaseClosed)


async def test_an_open_case_takes_an_objection_at_any_time(house: House) -> None:
    code = await house.submit(toll())
    await house.settle_all()
    house.clock.advance(timedelta(days=300))

    assert (await house.receive(Operation.FILE_OBJECTION, objection(code, reason_code="amount"))).status == 202


async def test_a_request_that_was_refused_at_once_is_objected_to_by_its_tracking_code(house: House) -> None:
    house.revenue.say(Outcome(Verdict.REFUSED, code="NO_PROPERTY", answer={"code": "NO_PROPERTY"}))
    code = await house.submit(toll())
    await house.settle_all()

    await house.receive(Operation.FILE_OBJECTION, objection(code))
    await house.settle_all()

    (sent,) = house.revenue.sent_as("RegisterObjection")
    said = sent.says(house.revenue)
    assert said["tracking_code"] == code
    assert "assessment_no" not in said


async def test_one_objection_is_kept_once_whoever_files_it(house: House) -> None:
    code = await refused_permit(house)
    first = await house.receive(Operation.FILE_OBJECTION, objection(code))
    again = await house.receive(Operation.FILE_OBJECTION, objection(code), caller=MOBILE)

    assert (again.replayed, again.body) == (True, first.body)
    other = objection(code, text="متن دیگر")
    assert isinstance(await refusal_of(house, Operation.FILE_OBJECTION, other), AlreadyFiled)


async def test_an_objection_refused_inside_is_told_to_the_gateway(house: House) -> None:
    code = await refused_permit(house)
    error = {"ErrorResult": {"BizErrors": [{"ErrorTitel": "closed", "ErrorKey": "E230", "ErrorAction": 0}]}}
    house.core.say(Outcome(Verdict.REFUSED, code="E230", answer=error))
    await house.receive(Operation.FILE_OBJECTION, objection(code))
    await house.settle_all()

    assert (await house.only(Operation.FILE_OBJECTION)).state is State.REFUSED
    assert house.gateway.sent_as("PushStatus")[-1].says(house.gateway)["status_code"] == "920"


# payments taken back


async def test_a_confirmed_payment_is_taken_back_once_and_the_gateway_is_told(house: House) -> None:
    code = await paid_toll(house)

    first = await house.receive(Operation.REVERSE_PAYMENT, reversal(code))
    again = await house.receive(Operation.REVERSE_PAYMENT, reversal(code), caller=MOBILE)
    await house.settle_all()

    assert (again.replayed, again.body) == (True, first.body)
    assert len(house.revenue.sent_as("RegisterReversal")) == 1
    assert house.gateway.sent_as("PushStatus")[-1].says(house.gateway)["status_code"] == "80"
    other = reversal(code, trace_no="999")
    assert isinstance(await refusal_of(house, Operation.REVERSE_PAYMENT, other), AlreadyFiled)


async def test_what_was_never_confirmed_cannot_be_taken_back(house: House) -> None:
    code = await house.submit(toll())
    await house.settle_all()

    refused = await refusal_of(house, Operation.REVERSE_PAYMENT, reversal(code))

    assert isinstance(refused, UnknownPayment)
    assert refused.status == 404
    assert await house.exchanges(Operation.REVERSE_PAYMENT) == []


async def test_a_payment_of_another_case_is_not_known_here(house: House) -> None:
    await paid_toll(house)
    other = await house.submit(toll(49))
    await house.settle_all()

    assert isinstance(await refusal_of(house, Operation.REVERSE_PAYMENT, reversal(other)), UnknownPayment)


async def test_a_payment_refused_inside_was_not_made(house: House) -> None:
    code = await house.submit(toll())
    await house.deliver_due()
    house.revenue.say(Outcome(Verdict.REFUSED, code="CANCELLED", answer={"code": "CANCELLED"}))
    await house.receive(Operation.CONFIRM_PAYMENT, payment(code))
    await house.settle_all()

    assert isinstance(await refusal_of(house, Operation.REVERSE_PAYMENT, reversal(code)), UnknownPayment)


async def test_a_payment_is_taken_back_whole(house: House) -> None:
    code = await paid_toll(house)

    refused = await refusal_of(house, Operation.REVERSE_PAYMENT, reversal(code, amount_rial=1000))

    assert isinstance(refused, AmountDiffers)
    assert refused.status == 422
    assert "1000" not in refused.detail


async def test_a_reversal_follows_a_payment_that_still_waits(house: House) -> None:
    code = await house.submit(toll())
    await house.deliver_due()
    await house.receive(Operation.CONFIRM_PAYMENT, payment(code))
    await house.receive(Operation.REVERSE_PAYMENT, reversal(code))
    await house.settle_all()

    sent = [one.operation for one in house.revenue.sent]
    assert sent == ["CreateAssessment", "RegisterPayment", "RegisterReversal"]


async def test_a_repeated_reversal_gets_its_first_answer_even_when_the_payment_was_refused_since(house: House) -> None:
    code = await house.submit(toll())
    await house.deliver_due()
    await house.receive(Operation.CONFIRM_PAYMENT, payment(code))
    first = await house.receive(Operation.REVERSE_PAYMENT, reversal(code), KEY)
    house.revenue.say(Outcome(Verdict.REFUSED, code="CANCELLED", answer={"code": "CANCELLED"}))
    await house.settle_all()

    again = await house.receive(Operation.REVERSE_PAYMENT, reversal(code), KEY)

    assert (again.replayed, again.body) == (True, first.body)


async def test_a_payment_is_taken_back_after_the_end_of_its_case_too(house: House) -> None:
    code = await paid_toll(house)
    house.revenue.tell(toll_status("1405-2-1", 9, 99))
    await house.settle_all()
    house.clock.advance(timedelta(days=400))

    assert (await house.case(code)).stage is Stage.ENDED
    assert (await house.receive(Operation.REVERSE_PAYMENT, reversal(code))).status == 202


async def test_a_lost_answer_to_a_reversal_is_asked_for_and_never_sent_again_blindly(house: House) -> None:
    code = await paid_toll(house)
    house.revenue.say(Outcome(Verdict.IN_DOUBT, reason="lost"))
    await house.receive(Operation.REVERSE_PAYMENT, reversal(code))
    await house.deliver_due()
    assert (await house.only(Operation.REVERSE_PAYMENT)).state is State.IN_DOUBT
    house.clock.advance(timedelta(minutes=10))
    await house.followup.ask_unsettled()

    assert len(house.revenue.sent_as("RegisterReversal")) == 1


# surveys


async def test_a_survey_goes_inside_after_the_end_of_its_case_and_once(house: House) -> None:
    code = await refused_permit(house)
    house.clock.advance(timedelta(days=200))

    await house.receive(Operation.SUBMIT_SURVEY, survey(code))
    refused = await refusal_of(house, Operation.SUBMIT_SURVEY, survey(code, score=1))
    await house.settle_all()

    assert isinstance(refused, AlreadyFiled)
    (sent,) = house.core.sent_as("RegisterSurvey")
    assert int(sent.says(house.core)["Score"]) == 4


@pytest.mark.parametrize(
    ("operation", "record"),
    [(Operation.FILE_OBJECTION, objection), (Operation.SUBMIT_SURVEY, survey), (Operation.REVERSE_PAYMENT, reversal)],
)
async def test_a_service_without_the_route_refuses_it_by_name(house: House, operation: Operation, record: Any) -> None:
    reply = await house.receive(Operation.INQUIRE, question())

    refused = await refusal_of(house, operation, record(reply.body["tracking_code"]))

    assert isinstance(refused, OperationNotOffered)


# history


async def test_a_citizen_s_cases_are_told_newest_first_with_nothing_but_what_a_gateway_may_know(house: House) -> None:
    first = await house.submit(toll(48))
    house.clock.advance(60)
    second = await house.submit(toll(49), caller=MOBILE)

    told = await history(house)

    assert (told["page"], told["pages"]) == (1, 1)
    assert [one["tracking_code"] for one in told["cases"]] == [second, first]
    assert set(told["cases"][0]) == {"tracking_code", "service_id", "stage", "opened_at", "changed_at"}
    for codec in contracts()["window/1.0"].bindings.values():
        assert codec.encode_answer("GetHistory", told)


async def test_another_tenant_sees_nothing_of_them_nor_that_there_is_anything(house: House) -> None:
    await house.submit(toll())

    elsewhere = await history(house, NEIGHBOUR)

    assert (
        elsewhere == await history(house, NEIGHBOUR, national_id="0009999990") == {"page": 1, "pages": 0, "cases": []}
    )


async def test_a_long_history_comes_by_pages(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "PAGE_SIZE", 2)
    codes = []
    for number in range(5):
        codes.append(await house.submit(toll(100 + number)))
        house.clock.advance(1)

    pages = [await history(house, page=page) for page in (1, 2, 3, 4)]

    assert [page["pages"] for page in pages] == [3] * 4
    told = [one["tracking_code"] for page in pages for one in page["cases"]]
    assert told == list(reversed(codes))
    assert pages[3]["cases"] == []


async def test_a_stopped_service_s_cases_are_told_without_its_id(house: House) -> None:
    code = await house.submit(toll())
    house.offer = shipped_offer("renovation_toll")

    (told,) = (await history(house))["cases"]

    assert told["tracking_code"] == code
    assert "service_id" not in told


async def test_asking_for_a_history_logs_and_keeps_nothing(house: House, logs: Logs) -> None:
    await history(house)

    assert CITIZEN not in str(logs)
    assert await house.exchanges() == []
