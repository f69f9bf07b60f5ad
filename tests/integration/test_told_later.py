"""What an internal system tells beside statuses: bills that are cancelled, and visits that are proposed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapter.exchange import Operation, Outcome, State, Verdict
from tests.support.house import House, contracts
from tests.support.records import core_change, core_status, permit

pytest_plugins = ["tests.support.fixtures"]

FICHE = {
    "FicheNo": "F1-1405-100001-1",
    "FicheType": "11",
    "Title": "عوارض زیربنا",
    "Price": 48500000,
    "BillId": "117000100069",
    "PaymentId": "4850050723",
}
VISIT = {
    "VisitNo": "V-1",
    "Place": "نشانی ملک موضوع درخواست",
    "Slots": [{"Start": "2026-11-24T09:00:00+03:30", "End": "2026-11-24T10:00:00+03:30"}],
}


async def opened(house: House) -> tuple[str, str]:
    code = await house.submit(permit())
    await house.deliver_due()
    number = (await house.case(code)).internal_reference
    assert number is not None
    return code, number


async def test_a_cancelled_bill_is_told_with_its_ids_and_its_sum(house: House) -> None:
    code, number = await opened(house)
    house.core.tell(core_change(number, 5, "bill_cancelled", Bills=[FICHE], Note="قبض تازه صادر می‌شود"))
    await house.settle_all()

    (sent,) = house.gateway.sent_as("CancelBill")
    told = sent.says(house.gateway)
    assert told["tracking_code"] == code
    assert told["bills"] == [{"amount_rial": 48500000, "bill_id": "117000100069", "payment_id": "4850050723"}]
    assert (await house.only(Operation.CANCEL_BILL)).state is State.DONE


async def test_a_proposed_visit_is_told_with_its_times_and_place(house: House) -> None:
    code, number = await opened(house)
    house.core.tell(core_change(number, 2, "visit", Visit=VISIT))
    await house.settle_all()

    (sent,) = house.gateway.sent_as("ProposeVisit")
    told = sent.says(house.gateway)
    assert (told["tracking_code"], told["visit_no"], told["place"]) == (code, "V-1", VISIT["Place"])
    assert told["slots"] == [{"starts_at": "2026-11-24T09:00:00+03:30", "ends_at": "2026-11-24T10:00:00+03:30"}]


async def test_they_stand_in_the_order_in_which_they_happened(house: House) -> None:
    _, number = await opened(house)
    house.core.tell(core_change(number, 2, "visit", Visit=VISIT))
    house.core.tell(core_status(number, 1, 30))
    house.core.tell(core_status(number, 3, 40))
    await house.settle_all()

    assert [one.operation for one in house.gateway.sent] == ["PushStatus", "ProposeVisit", "PushStatus"]


@pytest.mark.parametrize(("operation", "kind"), [("CancelBill", "bill_cancelled"), ("ProposeVisit", "visit")])
async def test_a_lost_answer_is_asked_for_and_not_sent_again(house: House, operation: str, kind: str) -> None:
    _, number = await opened(house)
    house.gateway.say(Outcome(Verdict.IN_DOUBT, reason="lost"))
    house.core.tell(core_change(number, 2, kind, Visit=VISIT, Bills=[FICHE]))
    await house.take_changes()
    await house.deliver_due()
    house.clock.advance(timedelta(minutes=5))
    await house.followup.ask_unsettled()

    assert len(house.gateway.sent_as(operation)) == 1
    assert len(house.gateway.asked) == 1


@pytest.mark.parametrize("binding", ["rest", "soap"])
def test_what_is_compared_is_all_that_makes_it_that_message(binding: str) -> None:
    window = contracts()["window/1.0"]
    compared = {name: {path for path, _ in window.operations[name].compare} for name in ("CancelBill", "ProposeVisit")}

    assert "bills[].amount_rial" in compared["CancelBill"]
    assert compared["ProposeVisit"] == {"tracking_code", "event_id", "visit_no"}
    assert compared.keys() <= window.bindings[binding].operations
