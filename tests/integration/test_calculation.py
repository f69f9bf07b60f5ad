"""Calculations, bills that end with a document, and inquiries that bring a bill: over a real journal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from adapter.exchange import Direction, Operation, Outcome, Record, Stage, State, Verdict
from adapter.offer import offer_of
from adapter.service import Route, Service
from adapter.translator import Context
from tests.support.house import ASSESSED, TENANT, House, services
from tests.support.records import example, payment, toll

pytest_plugins = ["tests.support.fixtures"]

COMPUTED = {
    "ErrorResult": {},
    "CalculationNo": "C-1405-000117",
    "Results": [{"Kind": "2", "Title": "زیربنای مجاز", "Value": "750.00", "Unit": "متر مربع"}],
}
DOCUMENT: Record = {
    "document_no": "CL-1405-000117",
    "kind": "31",
    "title": "مفاصاحساب",
    **{
        name: value
        for name, value in example("PushDocument.a_permit.json").items()
        if name in {"media_type", "content", "sha256", "issued_at"}
    },
}


def done(answer: Record) -> Outcome:
    return Outcome(Verdict.DONE, code="OK", answer=answer)


class Rows:
    """A table that a test writes as a function from the record and the context to the payload."""

    def __init__(self, payload: Any) -> None:
        self._payload = payload

    def translate(self, record: Record, context: Context) -> Record:
        filled: Record = self._payload(record, context)
        return filled

    def missing(self, _record: Record) -> list[str]:
        return []


def own(context: Context) -> Record:
    return {
        "reference": context.exchange["reference"],
        "tracking_code": context.case["tracking_code"],
        "service_id": context.service["service_id"],
    }


def ask(record: Record, context: Context) -> Record:
    return {
        "Reference": context.exchange["reference"],
        "TrackingCode": context.case["tracking_code"],
        "Kind": "1",
        "LandArea": record["measures"]["land_area_m2"],
    }


def computed(record: Record, context: Context) -> Record:
    results = [
        {"name": "allowed_area", "title": one["Title"], "value": one["Value"], "unit": one["Unit"]}
        for one in record["Results"]
    ]
    return {**own(context), "answer": {"code": "60", "title": "محاسبه شد", "results": results}}


def refused(_record: Record, context: Context) -> Record:
    return {**own(context), "answer": {"code": "72", "title": "محاسبه نشد"}}


def calculation() -> Service:
    return replace(
        services()["notary_inquiry"],
        pattern="calculation",
        inward={Operation.INQUIRE: Route("Calculate", "ask")},
        tables={"ask": Rows(ask), "answer": Rows(computed), "refused_answer": Rows(refused)},  # type: ignore[dict-item]
        business_key={},
    )


def offer(house: House, service: Service) -> None:
    house.offer = offer_of({TENANT: [service.name], "other-city": []}, {service.name: service}, {})


def measures() -> Record:
    return {**example("Inquire.how_much_may_be_built.json"), "service_id": services()["notary_inquiry"].service_id}


async def test_a_calculation_is_answered_at_once_and_leaves_nothing_open(house: House) -> None:
    offer(house, calculation())
    house.core.say(done(COMPUTED))
    reply = await house.receive(Operation.INQUIRE, measures())
    assert (reply.status, reply.body["answered"]) == (200, True)
    assert [one["value"] for one in reply.body["answer"]["results"]] == ["750.00"]
    assert (await house.case(reply.body["tracking_code"])).stage is Stage.ENDED
    assert (await house.only(Operation.INQUIRE)).state is State.DONE


async def test_a_calculation_that_is_refused_says_so_at_once(house: House) -> None:
    offer(house, calculation())
    house.core.say(Outcome(Verdict.REFUSED, code="E370"))
    reply = await house.receive(Operation.INQUIRE, measures())
    assert (reply.body["answered"], reply.body["answer"]["code"]) == (True, "72")
    assert (await house.only(Operation.INQUIRE)).code == "E370"


async def test_a_calculation_while_the_system_fails_is_kept_and_answered_when_it_is_back(house: House) -> None:
    offer(house, calculation())
    house.core.say(Outcome(Verdict.RETRY, code="E900"), done(COMPUTED))
    reply = await house.receive(Operation.INQUIRE, measures())
    assert (reply.status, reply.body["answered"]) == (202, False)
    await house.settle_all()
    assert [one.operation for one in house.gateway.sent] == ["AnswerInquiry"]
    assert (await house.case(reply.body["tracking_code"])).stage is Stage.ENDED


def with_document(service: Service) -> Service:
    def pushed(record: Record, context: Context) -> Record:
        return {
            **own(context),
            "event_id": context.exchange["event_id"],
            **record["document"],
            "kind": "clearance",
        }

    return replace(
        service,
        tables={**service.tables, "document": Rows(pushed)},  # type: ignore[dict-item]
        outward={**service.outward, "document": Operation.PUSH_DOCUMENT},
    )


async def test_a_bill_ends_with_a_document_once_it_is_paid(house: House) -> None:
    offer(house, with_document(services()["renovation_toll"]))
    code = await house.submit(toll())
    await house.deliver_due()
    house.revenue.say(done({"code": "OK", "receipt_no": "R-1", "status_code": 50, "document": DOCUMENT}))
    await house.receive(Operation.CONFIRM_PAYMENT, payment(code))
    await house.settle_all()
    assert [one.operation for one in house.gateway.sent] == ["IssueBill", "PushStatus", "PushDocument"]
    assert (await house.only(Operation.PUSH_DOCUMENT)).direction is Direction.OUTWARD


async def test_where_nothing_is_owed_the_document_comes_with_the_assessment(house: House) -> None:
    offer(house, with_document(services()["renovation_toll"]))
    house.revenue.say(done({**ASSESSED, "status_code": 10, "bills": [], "document": DOCUMENT}))
    await house.submit(toll())
    await house.settle_all()
    assert sorted(one.operation for one in house.gateway.sent) == ["PushDocument", "PushStatus"]


async def test_an_answer_at_once_that_brings_a_bill_leaves_the_case_to_be_paid_under_its_number(house: House) -> None:
    bill = example("IssueBill.one_sum_in_three_bills.json")["bills"][0]

    def answered(record: Record, context: Context) -> Record:
        told = {"code": "65", "title": "پاسخ مشروط", "bills": [bill]} if "Answer" in record else {}
        return {**own(context), "answer": told}

    service = services()["notary_inquiry"]
    offer(house, replace(service, tables={**service.tables, "answer": Rows(answered)}))  # type: ignore[dict-item]
    record = example("Inquire.a_notary_before_a_sale.json") | {"service_id": service.service_id}
    reply = await house.receive(Operation.INQUIRE, record)
    case = await house.case(reply.body["tracking_code"])
    assert (case.stage, case.internal_reference) == (Stage.TO_PAY, "Q1-1")
