"""Follow-up at work: no fault ends the flow, and what is cancelled at any moment is decided once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from adapter.channels import ChangePage, Sight, Sighting
from adapter.errors import GatewayUnreachable, JournalFailed
from adapter.exchange import Outcome, State
from adapter.journal import reading
from tests.support.cancelling import cancelled_at
from tests.support.house import ASSESSED, CORE, House, Logs, Town, Weakened
from tests.support.lives import LOST, doubtful_submission, filed_permit, told_codes
from tests.support.records import core_status, toll
from tests.support.scripted import ScriptedSystem, Sent

pytest_plugins = ["tests.support.fixtures"]


class Silent(ScriptedSystem):
    """A system that cannot be asked for changes until it is told to speak."""

    is_silent = True
    looks = 0

    async def changes(self, cursor: str | None) -> ChangePage:
        self.looks += 1
        if self.is_silent:
            raise GatewayUnreachable("GetChanges: the request never left")
        return await super().changes(cursor)


@asynccontextmanager
async def running(house: House) -> AsyncIterator[None]:
    """Both flows are at work meanwhile, and neither has ended by itself."""
    flows = [asyncio.create_task(flow) for flow in (house.delivery.run(), house.followup.run())]
    yield
    assert not any(flow.done() for flow in flows)
    for flow in flows:
        flow.cancel()
    await asyncio.gather(*flows, return_exceptions=True)


async def running_until(house: House, holds: Callable[[], bool]) -> None:
    """Both flows are at work until it holds, ten seconds at the most."""
    async with running(house), asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.01)


async def test_a_lost_system_is_logged_once_when_it_goes_and_once_when_it_returns(town: Town, logs: Logs) -> None:
    town.core = core = Silent(town.core.contract, town.core.binding, town.core.usual)
    house = town.open()

    def told() -> list[str]:
        return [event["event"] for event in logs if event.get("endpoint") == "urban_core/1.0"]

    async def looked(times: int = 3) -> None:
        async with asyncio.timeout(10):
            until = core.looks + times
            while core.looks < until:
                await asyncio.sleep(0.01)

    async with running(house):
        await looked()
    core.is_silent = False
    async with running(house):
        await looked()
    assert told() == ["endpoint_lost"], "each run of the flow begins anew"
    core.is_silent = True
    async with running(house):
        await looked()
        core.is_silent = False
        await looked()
    assert told() == ["endpoint_lost", "endpoint_lost", "endpoint_regained"]


async def test_a_page_that_breaks_everything_does_not_end_the_flow_and_is_told_until_one_is_taken(
    house: House, logs: Logs
) -> None:
    number = await filed_permit(house)
    house.core.told = [None, core_status(number, 1, 10)]  # type: ignore[list-item]
    await running_until(house, lambda: CORE in house.endpoints.lost)
    assert any(event["event"] == "changes_failed" for event in logs)
    assert house.endpoints.lost[CORE].reason.startswith("changes cannot be taken up: AttributeError")
    house.core.told = [core_status(number, 1, 10)]
    await running_until(house, lambda: told_codes(house) == ["010"] and not house.endpoints.lost)


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
    async with running(house):
        await asyncio.sleep(0.05)
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
