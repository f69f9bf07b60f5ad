"""Requests that stay in their office: answered at once with the way there, kept, counted, and sent nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from adapter.exchange import Operation, Stage, State
from adapter.journal import reading
from adapter.offer import offer_of
from adapter.service import NATIONAL_ID, Service, referral_of
from tests.support.house import COUNTER, MOBILE, TENANT, House, contracts, services
from tests.support.records import document, permit, question

pytest_plugins = ["tests.support.fixtures"]

KEY = "key-of-the-caller-0001"
OFFICE = {
    "why": "این خدمت تخصصی است و در دفتر خدمات الکترونیک شهر انجام می‌شود",
    "office": "دفتر خدمات الکترونیک شهر، منطقهٔ ۳",
    "address": "خیابان نمونه، نبش کوچهٔ بهار",
    "hours": "شنبه تا چهارشنبه ۷:۳۰ تا ۱۴",
    "phone": "034-00000137",
    "url": "https://example.ir/services/permit",
}


def referring(name: str = "building_permit", **changes: Any) -> Service:
    service = services()[name]
    return replace(service, card={**service.card, "referral": OFFICE}, **changes)


def offer(house: House, *offered: Service) -> None:
    known: Mapping[str, Service] = {**services(), **{one.name: one for one in offered}}
    house.offer = offer_of({TENANT: sorted(known), "other-city": []}, known, {})


def brought_by(channel: str) -> dict[str, Any]:
    return {"channel": {"code": channel}}


async def test_a_specialised_service_answers_with_the_office_and_the_documents(house: House) -> None:
    offer(house, referring(pattern="referral", system="", inward={}))
    reply = await house.receive(Operation.SUBMIT_REQUEST, permit())
    assert (reply.status, reply.body["state"]) == (200, "referred")
    told = reply.body["referral"]
    assert (told["office"], told["card_url"]) == (OFFICE["office"], OFFICE["url"])
    assert [one["title"] for one in told["documents"]] == [
        one["title"] for one in services()["building_permit"].card["documents"]
    ]


async def test_a_referred_request_is_kept_and_counted_and_goes_nowhere(house: House) -> None:
    offer(house, referring(pattern="referral", system="", inward={}))
    code = (await house.receive(Operation.SUBMIT_REQUEST, permit())).body["tracking_code"]
    await house.settle_all()
    exchange = await house.only(Operation.SUBMIT_REQUEST)
    assert (exchange.state, exchange.code, exchange.target) == (State.DONE, "referred", "referral")
    assert (await house.case(code)).stage is Stage.ENDED
    assert (house.core.sent, house.gateway.sent) == ([], [])


async def test_a_citizen_finds_a_referred_request_in_the_history(house: House) -> None:
    offer(house, referring(pattern="referral", system="", inward={}))
    code = (await house.receive(Operation.SUBMIT_REQUEST, permit())).body["tracking_code"]
    asked = {NATIONAL_ID: permit()["applicant"]["national_id"], "page": 1}
    history = (await house.intake.receive(COUNTER, Operation.GET_HISTORY, asked, None)).body
    assert [(one["tracking_code"], one["stage"]) for one in history["cases"]] == [(code, "ended")]


async def test_a_repeated_call_gets_the_first_referral_and_is_counted_once(house: House) -> None:
    offer(house, referring(pattern="referral", system="", inward={}))
    first = await house.receive(Operation.SUBMIT_REQUEST, permit(), KEY)
    again = await house.receive(Operation.SUBMIT_REQUEST, permit(), KEY)
    assert (again.status, again.body, again.replayed) == (200, first.body, True)
    assert len(await house.exchanges()) == 1


async def test_an_inquiry_may_be_referred_too_and_nobody_is_asked(house: House) -> None:
    offer(house, referring("notary_inquiry", channels={"national_window": "referral"}))
    reply = await house.receive(Operation.INQUIRE, question(**brought_by("national_window")))
    assert (reply.status, reply.body["answered"], reply.body["state"]) == (200, False, "referred")
    assert house.core.sent == []


async def test_one_channel_refers_and_another_opens_a_case(house: House) -> None:
    offer(house, referring(channels={"national_window": "referral", "city_office": "case"}))
    window = await house.receive(Operation.SUBMIT_REQUEST, permit(**brought_by("national_window")))
    office = await house.receive(Operation.SUBMIT_REQUEST, permit(**brought_by("city_office")))
    await house.deliver_due()
    assert (window.body["state"], office.body["state"]) == ("referred", "accepted")
    assert [one.operation for one in house.core.sent] == ["RegisterRequest"]


async def test_the_caller_s_channel_counts_where_the_record_names_none(house: House) -> None:
    offer(house, referring(channels={"mobile": "referral"}))
    record = {name: value for name, value in permit().items() if name != "channel"}
    reply = await house.receive(Operation.SUBMIT_REQUEST, record, caller=MOBILE)
    assert reply.body["state"] == "referred"


async def test_nothing_is_added_to_a_referred_case(house: House) -> None:
    offer(house, referring(channels={"national_window": "referral"}))
    code = await house.submit(permit(**brought_by("national_window")))
    with pytest.raises(Exception, match="the case is ended"):
        await house.receive(Operation.ATTACH_DOCUMENT, document(code))
    assert await house.journal.read(reading.case_by_tracking_code, TENANT, code) is not None


@pytest.mark.parametrize("operation", [Operation.SUBMIT_REQUEST, Operation.INQUIRE])
async def test_the_answer_fits_the_contract_in_both_bindings(house: House, operation: Operation) -> None:
    offer(house, referring(pattern="referral", system="", inward={}), referring("notary_inquiry", pattern="referral"))
    record = permit() if operation is Operation.SUBMIT_REQUEST else question()
    reply = await house.receive(operation, record)
    for codec in contracts()["window/1.0"].bindings.values():
        wire = codec.encode_answer(operation, reply.body)
        assert codec.decode_answer(operation, wire) == reply.body


def test_a_card_without_an_address_refers_all_the_same() -> None:
    card = {"referral": {"why": "تخصصی است", "office": "دفتر"}, "documents": [{"title": "سند", "kind": "title_deed"}]}
    assert referral_of(card) == {
        "why": "تخصصی است",
        "office": "دفتر",
        "documents": [{"title": "سند", "kind": "title_deed"}],
    }
