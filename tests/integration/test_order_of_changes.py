"""What changes inside reaches the gateway behind what our own message brought about, never before it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapter.channels import Sight, Sighting
from adapter.exchange import Operation, Outcome, Verdict
from tests.support.house import House, Town, found_town
from tests.support.records import payment, toll, toll_status

RECEIPT = {"code": "OK", "receipt_no": "R-1", "status_code": 50}


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = found_town(tmp_path)
    yield town
    town.close()


def statuses(town: Town) -> list[str]:
    return [sent.says(town.gateway)["status_code"] for sent in town.gateway.sent_as("PushStatus")]


async def told_amid_a_doubt(town: Town, house: House, *, paid: str, changed: str) -> None:
    """A payment of one case is in doubt when the system tells a change of the same case, or of another."""
    number = (await house.case(changed)).internal_reference or ""
    town.revenue.say(Outcome(Verdict.IN_DOUBT, code="lost", reason="no answer came"))
    await house.receive(Operation.CONFIRM_PAYMENT, payment(paid))
    await house.deliver_due()
    town.revenue.tell(toll_status(number, 1, 60))
    await house.take_changes()
    await house.deliver_due()


async def test_a_change_waits_for_the_receipt_of_the_payment_in_doubt_that_may_have_caused_it(town: Town) -> None:
    house = town.open()
    code = await house.submit(toll())
    await house.deliver_due()
    await told_amid_a_doubt(town, house, paid=code, changed=code)
    assert statuses(town) == []
    town.revenue.sights.append(Sight(Sighting.FOUND, answer=RECEIPT))
    await house.settle_all()
    await house.take_changes()
    await house.deliver_due()
    assert statuses(town) == ["50", "60"]


async def test_a_change_of_another_case_does_not_wait(town: Town) -> None:
    house = town.open()
    code, other = await house.submit(toll(48)), await house.submit(toll(49, note="another"))
    await house.deliver_due()
    await told_amid_a_doubt(town, house, paid=code, changed=other)
    assert statuses(town) == ["60"]
