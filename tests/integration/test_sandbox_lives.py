"""Cases, inquiries and tolls live as the table of magic numbers says."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from lxml import etree

from adapter import identifiers
from ops.sandbox import Sandbox
from ops.sandbox.lives import INQUIRY_HOUSES, INQUIRY_REPLIES, PERMIT_HOUSES, TOLL_HOUSES, UNKNOWN_BLOCK
from tests.integration.sandbox_client import (
    FAR_AHEAD,
    LONG_AGO,
    SCHEMAS,
    URBAN,
    Start,
    assessment,
    call,
    changes,
    error_keys,
    pay_bills,
    payment_of,
    question,
    reference,
    request,
    revenue,
    texts,
    told,
    urban,
)

pytest_plugins = ("tests.integration.sandbox_fixtures",)


async def test_an_ordinary_permit_waits_for_all_its_bills_and_ends_with_a_permit(sandbox: Sandbox) -> None:
    case_no = texts((await urban(sandbox, "RegisterRequest", request())).soap(), "CaseNo")[0]
    page = await changes(sandbox)
    assert told(page)[:-1] == [("status", code) for code in ("10", "30", "40", "70", "110")]
    assert told(page)[-1][0] == "bill"
    cursor = texts(page, "NextCursor")[0]
    assert told(await changes(sandbox, cursor)) == []
    assert await pay_bills(sandbox, page, case_no) == [[], []]
    after = await changes(sandbox, cursor)
    assert told(after) == [
        *(("status", code) for code in ("120", "140")),
        ("document", None),
        *(("status", code) for code in ("150", "160")),
    ]
    SCHEMAS["/CaseService.svc"].assertValid(after)


async def test_the_bills_are_payable_as_they_stand(sandbox: Sandbox) -> None:
    await urban(sandbox, "RegisterRequest", request(house=800))
    bills = list((await changes(sandbox)).iter(f"{{{URBAN}}}Bills"))
    assert len(bills) == 4
    for bill in bills:
        values = {etree.QName(child).localname: child.text for child in bill}
        identifiers.bill_id(values["BillId"])
        identifiers.iban(values["Iban"])
        identifiers.payment_id(values["PaymentId"], values["BillId"])
        assert identifiers.amount_rial_of(values["PaymentId"]) == int(values["Price"])


async def test_a_payment_is_compared_with_its_bill(sandbox: Sandbox) -> None:
    case_no = texts((await urban(sandbox, "RegisterRequest", request())).soap(), "CaseNo")[0]
    bill = next((await changes(sandbox)).iter(f"{{{URBAN}}}Bills"))
    ids = {name: bill.findtext(f"{{{URBAN}}}{name}") for name in ("BillId", "PaymentId")}

    async def pay(price: int, **other: str) -> list[str]:
        payment = {"Reference": reference(), "CaseNo": case_no} | ids | {"Price": price} | other
        told_payment = {"PaidAt": "2026-11-21T12:00:00+03:30", "TraceNo": "9001"}
        return error_keys((await urban(sandbox, "RegisterPayment", payment | told_payment)).soap())

    right = int(bill.findtext(f"{{{URBAN}}}Price"))
    assert await pay(right + 1000) == ["E410"]
    assert await pay(right, BillId="1234567810164") == ["E420"]
    assert await pay(right, CaseNo="1405-1") == ["E220"]
    assert await pay(right) == []


async def test_every_case_whose_number_ends_in_seven_is_refused_late(sandbox: Sandbox) -> None:
    numbers = [texts((await urban(sandbox, "RegisterRequest", request())).soap(), "CaseNo")[0] for _ in range(10)]
    refused = {
        change.findtext(f"{{{URBAN}}}CaseNo")
        for change in (await changes(sandbox)).iterfind(f"{{{URBAN}}}Changes")
        if change.findtext(f"{{{URBAN}}}StatusCode") == "900"
    }
    assert refused == {number for number in numbers if number.endswith("7")} != set()


async def test_a_withdrawn_case_ends_and_then_takes_no_change(sandbox: Sandbox) -> None:
    case_no = texts((await urban(sandbox, "RegisterRequest", request())).soap(), "CaseNo")[0]
    cancel = {"Reference": reference(), "CaseNo": case_no, "Reason": "انصراف"}
    assert error_keys((await urban(sandbox, "CancelRequest", cancel)).soap()) == []
    assert told(await changes(sandbox))[-1] == ("status", "910")
    late = {"Reference": reference(), "CaseNo": case_no, "Reason": "دوباره"}
    assert error_keys((await urban(sandbox, "CancelRequest", late)).soap()) == ["E230"]


async def test_an_incomplete_case_waits_for_its_correction(sandbox: Sandbox) -> None:
    case_no = texts((await urban(sandbox, "RegisterRequest", request(house=20))).soap(), "CaseNo")[0]
    assert told(await changes(sandbox))[-1] == ("status", "20")
    correction = {"Reference": reference(), "CaseNo": case_no, "CorrectionNo": "c1", "PostalCode": "2020212345"}
    await urban(sandbox, "CorrectRequest", correction)
    assert told(await changes(sandbox))[-1][0] == "bill"


async def test_an_effect_is_found_by_its_reference_with_the_first_answers_numbers(sandbox: Sandbox) -> None:
    record = request()
    case_no = texts((await urban(sandbox, "RegisterRequest", record)).soap(), "CaseNo")[0]
    correction = {"Reference": reference(), "CaseNo": case_no, "CorrectionNo": "c1", "PostalCode": "2020212345"}
    rahgiri = texts((await urban(sandbox, "CorrectRequest", correction)).soap(), "RahgiriCode")
    first = (await urban(sandbox, "FindByReference", {"Reference": record["Reference"]})).soap()
    second = (await urban(sandbox, "FindByReference", {"Reference": correction["Reference"]})).soap()
    unknown = (await urban(sandbox, "FindByReference", {"Reference": reference()})).soap()
    assert texts(first, "Operation") + texts(first, "CaseNo") == ["RegisterRequest", case_no]
    assert texts(second, "CaseNo") + texts(second, "RahgiriCode") == [case_no, *rahgiri]
    assert texts(unknown, "Found") == ["false"]
    ledger = (await urban(sandbox, "GetLedger", {"Since": LONG_AGO, "Until": FAR_AHEAD, "Page": 1})).soap()
    assert texts(ledger, "Entries/Operation") == ["RegisterRequest", "CorrectRequest"]


@pytest.mark.parametrize("house", [house for house, magic in PERMIT_HOUSES.items() if magic.code])
async def test_a_magic_house_is_refused_at_once(sandbox: Sandbox, house: int) -> None:
    answer = (await urban(sandbox, "RegisterRequest", request(house))).soap()
    assert error_keys(answer) == [PERMIT_HOUSES[house].code]
    assert not texts(answer, "CaseNo")
    assert not sandbox.ledger("urban_core").entries


async def test_a_magic_house_is_busy_once(sandbox: Sandbox) -> None:
    for operation, record in (("RegisterRequest", request(503)), ("AskProperty", question(503))):
        keys = [error_keys((await urban(sandbox, operation, record)).soap()) for _ in range(2)]
        assert keys == [["E900"], []]
    record = assessment(503)
    assert [(await revenue(sandbox, "/v1/assessments", record)).json()["code"] for _ in range(2)] == ["BUSY", "OK"]


async def test_a_warning_stands_beside_success(sandbox: Sandbox) -> None:
    answer = (await urban(sandbox, "RegisterRequest", request(201))).soap()
    assert texts(answer, "ErrorResult/BizErrors/ErrorAction") == ["1"]
    assert texts(answer, "CaseNo")


async def test_the_magic_block_ends_in_a_status_that_no_table_knows(sandbox: Sandbox) -> None:
    await urban(sandbox, "RegisterRequest", request(block=UNKNOWN_BLOCK))
    await revenue(sandbox, "/v1/assessments", assessment(block=UNKNOWN_BLOCK))
    feed = (await call(sandbox.addresses["revenue"] + "/v1/changes?count=10")).json()
    assert told(await changes(sandbox))[-1] == ("status", "999")
    assert [change["status_code"] for change in feed["changes"]] == [999]


@pytest.mark.parametrize("house", [48, *(house for house, reply in INQUIRY_REPLIES.items() if not reply.is_deferred)])
async def test_an_inquiry_is_answered_at_once_by_its_house(sandbox: Sandbox, house: int) -> None:
    answer = (await urban(sandbox, "AskProperty", question(house))).soap()
    expected = INQUIRY_REPLIES[house].code if house in INQUIRY_REPLIES else 60
    assert (texts(answer, "State"), texts(answer, "Answer/Code")) == (["1"], [str(expected)])


@pytest.mark.parametrize("house", [house for house, magic in INQUIRY_HOUSES.items() if magic.code])
async def test_an_inquiry_about_a_magic_house_is_refused(sandbox: Sandbox, house: int) -> None:
    assert error_keys((await urban(sandbox, "AskProperty", question(house))).soap()) == [INQUIRY_HOUSES[house].code]


async def test_a_deferred_inquiry_is_answered_later_by_asking_and_by_a_change(start: Start) -> None:
    sandbox = await start(pace_seconds=0.02)
    record = question(203)
    first, again = [(await urban(sandbox, "AskProperty", record)).soap() for _ in range(2)]
    number = texts(first, "InquiryNo")[0]
    assert (texts(first, "State"), texts(again, "InquiryNo")) == (["2"], [number])
    await asyncio.sleep(0.1)
    answer = (await urban(sandbox, "GetAnswer", {"InquiryNo": number})).soap()
    page = await changes(sandbox)
    assert (texts(answer, "State"), texts(answer, "Answer/Debt")) == (["1"], ["48500000"])
    assert texts(page, "Changes/CaseNo") + texts(page, "Changes/Answer/Code") == [number, "30"]
    assert not sandbox.ledger("urban_core").entries


async def test_a_silent_inquiry_is_never_answered(sandbox: Sandbox) -> None:
    number = texts((await urban(sandbox, "AskProperty", question(204))).soap(), "InquiryNo")[0]
    assert texts((await urban(sandbox, "GetAnswer", {"InquiryNo": number})).soap(), "State") == ["2"]
    assert told(await changes(sandbox)) == []


async def test_a_toll_is_assessed_paid_receipted_and_entered(sandbox: Sandbox) -> None:
    record = assessment()
    assessed = await revenue(sandbox, "/v1/assessments", record)
    answer = assessed.json()
    assert (assessed.status, answer["status_code"]) == (201, 30)
    parts = (answer["debt_rial"], answer["waste_rial"], answer["penalty_rial"], -answer["reward_rial"])
    assert sum(parts) + answer["rounding_rial"] == answer["payable_rial"] == answer["bills"][0]["amount_rial"]
    identifiers.payment_id(answer["bills"][0]["payment_id"], answer["bills"][0]["bill_id"])
    receipt = (await revenue(sandbox, "/v1/payments", payment_of(answer))).json()
    assert (receipt["code"], receipt["status_code"]) == ("OK", 50)
    feed = (await call(sandbox.addresses["revenue"] + "/v1/changes?count=10")).json()
    assert [change["status_code"] for change in feed["changes"]] == [60]
    found = (await call(f"{sandbox.addresses['revenue']}/v1/exchanges/{record['reference']}")).json()
    assert (found["found"], found["operation"], found["result"]) == (True, "CreateAssessment", answer)


@pytest.mark.parametrize("house", [house for house, magic in TOLL_HOUSES.items() if magic.code])
async def test_a_magic_toll_is_refused_at_once(sandbox: Sandbox, house: int) -> None:
    seen = await revenue(sandbox, "/v1/assessments", assessment(house))
    assert (seen.status, seen.json()["code"]) == (200, TOLL_HOUSES[house].code)


async def test_a_property_without_debt_gets_no_bills(sandbox: Sandbox) -> None:
    answer = (await revenue(sandbox, "/v1/assessments", assessment(100))).json()
    assert (answer["code"], answer["status_code"], answer["payable_rial"], "bills" in answer) == ("OK", 10, 0, False)


async def test_a_large_toll_is_split_into_payable_bills(sandbox: Sandbox) -> None:
    answer = (await revenue(sandbox, "/v1/assessments", assessment(800))).json()
    amounts = [bill["amount_rial"] for bill in answer["bills"]]
    assert sum(amounts) == answer["payable_rial"]
    assert len(amounts) == 3
    assert max(amounts) == 99_999_999_000


async def test_the_banks_file_pays_without_a_confirmation(sandbox: Sandbox) -> None:
    answer = (await revenue(sandbox, "/v1/assessments", assessment(600))).json()
    feed = (await call(sandbox.addresses["revenue"] + "/v1/changes?count=10")).json()
    assert [change["status_code"] for change in feed["changes"]] == [40, 50, 60]
    late = (await revenue(sandbox, "/v1/payments", payment_of(answer))).json()
    assert late["code"] == "ALREADY_PAID"
    assert [entry.operation for entry in sandbox.ledger("revenue").entries] == ["CreateAssessment"]


@pytest.mark.parametrize(
    ("house", "other", "code"),
    [
        (48, {"amount_rial": 1000}, "AMOUNT_MISMATCH"),
        (48, {"bill_id": "1234567810164"}, "UNKNOWN_BILL"),
        (675, {}, "CANCELLED"),
    ],
)
async def test_a_payment_that_fits_no_bill_is_told_so(sandbox: Sandbox, house: int, other: Any, code: str) -> None:
    assessed = (await revenue(sandbox, "/v1/assessments", assessment(house))).json()
    assert (await revenue(sandbox, "/v1/payments", payment_of(assessed, **other))).json()["code"] == code


async def test_a_cancelled_assessment_takes_no_payment(sandbox: Sandbox) -> None:
    answer = (await revenue(sandbox, "/v1/assessments", assessment())).json()
    cancel = {"reference": reference(), "assessment_no": answer["assessment_no"], "reason": "کد اشتباه"}
    assert (await revenue(sandbox, "/v1/cancellations", cancel)).json()["status_code"] == 75
    assert (await revenue(sandbox, "/v1/payments", payment_of(answer))).json()["code"] == "CANCELLED"
    url = f"{sandbox.addresses['revenue']}/v1/ledger?since={LONG_AGO}&until={FAR_AHEAD}&page=1"
    entries = (await call(url)).json()["entries"]
    assert [entry["operation"] for entry in entries] == ["CreateAssessment", "CancelAssessment"]


async def test_a_permit_s_payment_is_taken_back_only_when_it_was_made(sandbox: Sandbox) -> None:
    case_no = texts((await urban(sandbox, "RegisterRequest", request())).soap(), "CaseNo")[0]
    bill = next((await changes(sandbox)).iter(f"{{{URBAN}}}Bills"))
    ids = {name: bill.findtext(f"{{{URBAN}}}{name}") for name in ("BillId", "PaymentId")}
    price = {"Price": bill.findtext(f"{{{URBAN}}}Price")}

    async def send(operation: str, told_when: str, **other: str) -> list[str]:
        record = {"Reference": reference(), "CaseNo": case_no, **ids, **price, **other}
        when = {told_when: "2026-11-21T12:00:00+03:30", "TraceNo": "9001"}
        return error_keys((await urban(sandbox, operation, record | when)).soap())

    assert await send("RegisterReversal", "ReversedAt") == ["E430"]
    assert await send("RegisterPayment", "PaidAt") == []
    assert await send("RegisterReversal", "ReversedAt", Price="1000") == ["E410"]
    assert await send("RegisterReversal", "ReversedAt") == []


async def test_an_objection_to_a_case_that_had_ended_is_heard_and_closed_again(sandbox: Sandbox) -> None:
    case_no = texts((await urban(sandbox, "RegisterRequest", request(house=900))).soap(), "CaseNo")[0]
    assert told(await changes(sandbox))[-1] == ("status", "900")
    objection = {
        "TrackingCode": "405271839600",
        "CaseNo": case_no,
        "ObjectionNo": "E-1",
        "ReasonCode": "1",
        "Text": "…",
    }
    await urban(sandbox, "RegisterObjection", {"Reference": reference(), **objection})
    assert told(await changes(sandbox))[-2:] == [("status", "116"), ("status", "920")]


async def test_a_survey_of_a_request_that_got_no_case_is_kept_and_found(sandbox: Sandbox) -> None:
    survey = {"Reference": reference(), "TrackingCode": "405271839600", "Score": 2}
    assert error_keys((await urban(sandbox, "RegisterSurvey", survey)).soap()) == []
    found = (await urban(sandbox, "FindByReference", {"Reference": survey["Reference"]})).soap()
    assert texts(found, "TrackingCode") + texts(found, "Score") == ["405271839600", "2"]
    ledger = (await urban(sandbox, "GetLedger", {"Since": LONG_AGO, "Until": FAR_AHEAD, "Page": 1})).soap()
    assert texts(ledger, "Entries/Operation") == ["RegisterSurvey"]


async def test_a_toll_s_payment_is_taken_back_and_told_by_its_reference(sandbox: Sandbox) -> None:
    answer = (await revenue(sandbox, "/v1/assessments", assessment())).json()
    paid = payment_of(answer)
    back = {name: paid[name] for name in ("assessment_no", "bill_id", "payment_id", "amount_rial", "trace_no")}
    back |= {"reference": reference(), "reversed_at": "2026-11-21T12:00:00+03:30"}
    assert (await revenue(sandbox, "/v1/reversals", back)).json()["code"] == "UNKNOWN_PAYMENT"
    await revenue(sandbox, "/v1/payments", paid)
    assert (await revenue(sandbox, "/v1/reversals", back)).json()["status_code"] == 80
    found = (await call(f"{sandbox.addresses['revenue']}/v1/exchanges/{back['reference']}")).json()
    assert (found["operation"], found["bill_id"], found["amount_rial"]) == (
        "RegisterReversal",
        back["bill_id"],
        back["amount_rial"],
    )


@pytest.mark.parametrize(("is_paid", "codes"), [(False, [92, 75]), (True, [92, 99])])
async def test_an_objection_to_a_toll_is_heard(sandbox: Sandbox, *, is_paid: bool, codes: list[int]) -> None:
    answer = (await revenue(sandbox, "/v1/assessments", assessment())).json()
    if is_paid:
        await revenue(sandbox, "/v1/payments", payment_of(answer))
    objection = {"reference": reference(), "tracking_code": "405271839600", "assessment_no": answer["assessment_no"]}
    await revenue(sandbox, "/v1/objections", objection | {"objection_no": "E-1", "reason_code": "2", "text": "…"})
    feed = (await call(sandbox.addresses["revenue"] + "/v1/changes?count=10")).json()
    assert [change["status_code"] for change in feed["changes"] if change["kind"] == "status"][-2:] == codes


@pytest.mark.parametrize(
    ("house", "expected"),
    [(30, [("status", "30"), ("visit", None), ("status", "40")]), (675, [("bill", None), ("bill_cancelled", None)])],
)
async def test_a_magic_house_tells_more_than_statuses(sandbox: Sandbox, house: int, expected: list[Any]) -> None:
    await urban(sandbox, "RegisterRequest", request(house=house))
    page = await changes(sandbox)
    seen = [(kind, code if kind == "status" else None) for kind, code in told(page)]
    assert any(seen[place : place + len(expected)] == expected for place in range(len(seen)))
    SCHEMAS["/CaseService.svc"].assertValid(page)


async def test_a_void_toll_s_bill_is_cancelled_with_its_sum(sandbox: Sandbox) -> None:
    answer = (await revenue(sandbox, "/v1/assessments", assessment(675))).json()
    feed = (await call(sandbox.addresses["revenue"] + "/v1/changes?count=10")).json()
    cancelled, status = feed["changes"]
    assert (cancelled["kind"], cancelled["bills"], status["status_code"]) == ("bill_cancelled", answer["bills"], 75)
