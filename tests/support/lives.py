"""Steps of a case's life that many tests begin with, and the outcomes that they script."""

from __future__ import annotations

from typing import Any

import pytest

from adapter.exchange import Event, Exchange, Operation, Outcome, State, Verdict
from adapter.journal import Command, reading
from adapter.refusals import RequestRefused
from tests.support.house import House
from tests.support.records import permit, toll

KEY = "key-of-the-caller-0001"
UNSENT = Outcome(Verdict.RETRY, "unsent", "the request never left", left=False)
LOST = Outcome(Verdict.IN_DOUBT, "lost", "the request may have arrived, no whole answer came")
REFUSED = Outcome(Verdict.REFUSED, "NO_PROPERTY", "ملکی یافت نشد", {"code": "NO_PROPERTY"})


async def submission(house: House) -> Exchange:
    return await house.only(Operation.SUBMIT_REQUEST)


async def kept(house: House, exchange: Exchange) -> Exchange:
    return await house.journal.read(reading.exchange, exchange.id)


async def filed_permit(house: House, house_no: int = 48) -> str:
    """A permit that the core has taken; its number there."""
    code = await house.submit(permit(house_no))
    await house.deliver_due()
    number = (await house.case(code)).internal_reference
    assert number is not None
    return number


async def resolve(house: House, exchange: Exchange) -> None:
    """A person has seen to it."""
    seen = await kept(house, exchange)
    await house.journal.command(Command(seen, Event.RESOLVED, State.DONE, "uid:1000", "seen to by hand"))


def told_codes(house: House) -> list[str]:
    """The status codes that the gateway was told, in their order."""
    return [sent.says(house.gateway)["status_code"] for sent in house.gateway.sent_as("PushStatus")]


async def doubtful_submission(house: House, record: dict[str, Any] | None = None) -> str:
    """A toll whose answer was lost; its tracking code."""
    house.revenue.say(LOST)
    code = await house.submit(record or toll())
    await house.deliver_due()
    assert (await house.exchanges(Operation.SUBMIT_REQUEST))[-1].state is State.IN_DOUBT
    return code


async def refusal_of(house: House, *arguments: Any, **named: Any) -> RequestRefused:
    """What this call at the intake is refused with."""
    with pytest.raises(RequestRefused) as refused:
        await house.receive(*arguments, **named)
    return refused.value
