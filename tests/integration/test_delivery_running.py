"""Delivery at work: no fault ends a worker, and what is cancelled or drained at any moment is not lost or doubled."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from adapter.channels import Sight, Sighting
from adapter.errors import JournalFailed
from adapter.exchange import Claim, Exchange, Operation, Outcome, State, Verdict
from adapter.journal import Settlement
from tests.integration.journal_making import meddle
from tests.support.cancelling import cancelled_at
from tests.support.house import ASSESSED, House, Logs, Town, Weakened
from tests.support.lives import submission
from tests.support.records import toll
from tests.support.scripted import ScriptedSystem, Sent

pytest_plugins = ["tests.support.fixtures"]


# workers


class Running:
    """Delivery and follow-up at work, until the end of the block."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def __aenter__(self) -> House:
        flows = (self._house.delivery.run(), self._house.followup.run())
        self._tasks = [asyncio.create_task(flow) for flow in flows]
        return self._house

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def is_running(self) -> bool:
        return not any(task.done() for task in self._tasks)


async def until(house: House, operation: Operation, state: State, *, count: int = 1) -> None:
    async with asyncio.timeout(5):
        while [one.state for one in await house.exchanges(operation)].count(state) < count:
            await asyncio.sleep(0.005)


async def test_the_workers_deliver_what_comes_and_all_that_follows(house: House) -> None:
    async with Running(house):
        for number in range(20):
            await house.submit(toll(100 + number))
        await until(house, Operation.ISSUE_BILL, State.DONE, count=20)
    assert len(house.revenue.sent) == len(house.gateway.sent) == 20


async def test_what_raises_in_a_target_ends_no_worker_and_is_in_doubt_once_its_lease_is_over(
    house: House, logs: Logs
) -> None:
    house.delivery.workers = 2
    house.revenue.say(*[RuntimeError("a fault of the connector")] * 4)
    running = Running(house)
    async with running:
        for number in range(6):
            await house.submit(toll(100 + number))
        await until(house, Operation.SUBMIT_REQUEST, State.DONE, count=2)
        assert running.is_running
        async with asyncio.timeout(5):
            while len(await in_state(house, State.SENDING)) != 4:
                await asyncio.sleep(0.005)
        house.clock.advance(house.profile.lease + timedelta(seconds=1))
        async with asyncio.timeout(5):
            while len(await in_state(house, State.IN_DOUBT)) < 4:
                await house.journal.fall_expired()
                await asyncio.sleep(0.01)
    assert sum(event["event"] == "delivery_failed" for event in logs) == 4


async def in_state(house: House, state: State) -> list[Exchange]:
    return [one for one in await house.exchanges() if one.state is state]


async def test_what_raises_before_the_intent_is_given_back_and_tried_again_later(
    house: House, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    freezes = house.revenue.freeze
    failures = [RuntimeError("not now")]

    def fails_once(self: ScriptedSystem, operation: str, payload: Any) -> bytes:
        if failures:
            raise failures.pop()
        return freezes(operation, payload)

    monkeypatch.setattr(ScriptedSystem, "freeze", fails_once)
    running = Running(house)
    async with running:
        await house.submit(toll())
        async with asyncio.timeout(5):
            while failures or (await submission(house)).due_at == house.clock():
                await asyncio.sleep(0.005)
        assert (await submission(house)).attempts == 0
        house.clock.advance(60)
        await until(house, Operation.SUBMIT_REQUEST, State.DONE)
        assert running.is_running
    assert sum(event["event"] == "delivery_failed" for event in logs) == 1


async def test_what_cannot_be_given_back_while_the_database_is_away_is_given_back_when_it_is_there(
    town: Town, logs: Logs
) -> None:
    """Nothing leaves without its INTENT, and what is claimed does not stay with a node that cannot say so."""
    house, database = town.open(), f"sqlite:///{town.folder / 'journal.db'}"
    await house.submit(toll())
    meddle(database, "CREATE TRIGGER away BEFORE UPDATE ON exchanges BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    async with Running(house):
        async with asyncio.timeout(5):
            while not any(event["event"] == "claim_not_given_back" for event in logs):
                await asyncio.sleep(0.005)
        meddle(database, "DROP TRIGGER away")
        async with asyncio.timeout(5):
            while (await submission(house)).state is not State.DONE:
                house.clock.advance(1)
                await asyncio.sleep(0.01)


async def test_a_search_that_fails_once_ends_nothing(town: Town, logs: Logs) -> None:
    class Stumbling(Weakened):
        """A journal whose first searches fail, as when a database is being failed over."""

        failures = 3

        async def claim_ready(self, *arguments: Any) -> list[Claim]:
            if self.failures:
                self.failures -= 1
                raise ConnectionError("the database went away")
            return await self.kept.claim_ready(*arguments)

    house = town.open(journal=Stumbling)
    await house.submit(toll())
    house.delivery._queue.get_nowait()
    house.delivery._under_way = 0
    house = town.open(journal=Stumbling)
    async with Running(house):
        await until(house, Operation.ISSUE_BILL, State.DONE)


async def test_a_failed_journal_ends_the_run_rather_than_go_on(town: Town) -> None:
    class Failed(Weakened):
        """A journal whose commits fail."""

        async def settle(self, settlement: Settlement) -> None:
            raise JournalFailed("fsync: input/output error")

    house = town.open(journal=Failed)
    await house.submit(toll())
    with pytest.raises(ExceptionGroup) as failed:
        async with asyncio.timeout(5):
            await house.delivery.run()
    assert failed.group_contains(JournalFailed)


# cancellation


@pytest.mark.parametrize("lands", [True, False])
@pytest.mark.parametrize("arrives", [True, False])
async def test_a_delivery_cancelled_at_any_await_loses_and_doubles_nothing(
    town: Town, *, lands: bool, arrives: bool
) -> None:
    """The effect happens before the answer's await when `arrives`, so that a cancelled call may have had one."""

    def answering(system: ScriptedSystem, operation: str) -> Any:
        async def answer(sent: Sent) -> Outcome:
            outcome = system.done(operation)
            if arrives:
                effects.append(sent.reference)
                system.answered[sent.reference] = outcome.answer or {}
            await asyncio.sleep(0)
            if not arrives:
                effects.append(sent.reference)
            return outcome

        return answer

    effects: list[str] = []
    for point in range(1, 30):
        town.close()
        town.folder.joinpath("journal.db").unlink(missing_ok=True)
        effects.clear()
        house = town.open()
        house.revenue.always = answering(house.revenue, "CreateAssessment")
        house.gateway.always = answering(house.gateway, "PushStatus")
        let_them_know(house)
        await house.submit(toll())
        came_so_far = await cancelled_at(house.deliver_due(), point, lands=lands)
        house = town.open()
        await house.settle_all(step=200)
        exchanges = await house.exchanges()
        assert [one.operation for one in exchanges] == [Operation.SUBMIT_REQUEST, Operation.ISSUE_BILL]
        assert [one.state for one in exchanges] == [State.DONE, State.DONE], (point, exchanges)
        assert sorted(effects) == sorted(one.reference for one in exchanges), point
        if not came_so_far:
            assert point > 4
            return
    pytest.fail("there are more awaits than this test thought")


def let_them_know(house: House) -> None:
    """Both other sides answer questions by what has arrived there."""
    for system in (house.revenue, house.gateway, house.core):
        system.knows = True


@pytest.mark.parametrize("seed", range(6))
async def test_a_run_cancelled_at_a_random_moment_loses_and_doubles_nothing(town: Town, seed: int) -> None:
    effects: list[str] = []

    def answering(system: ScriptedSystem, operation: str) -> Any:
        async def answer(sent: Sent) -> Outcome:
            effects.append(sent.reference)
            outcome = system.done(operation)
            system.answered[sent.reference] = outcome.answer or {}
            await asyncio.sleep(0.001)
            return outcome

        return answer

    house = town.open()
    house.revenue.always = answering(house.revenue, "CreateAssessment")
    house.gateway.always = answering(house.gateway, "PushStatus")
    let_them_know(house)
    async with Running(house):
        for number in range(12):
            await house.submit(toll(100 + number))
        await asyncio.sleep(0.002 + 0.004 * seed)
    house = town.open()
    await house.settle_all(step=200)
    exchanges = await house.exchanges()
    assert len(exchanges) == 24
    assert {one.state for one in exchanges} == {State.DONE}
    assert sorted(effects) == sorted(one.reference for one in exchanges)


async def test_nothing_new_is_begun_while_draining_and_it_is_all_there_after_the_restart(town: Town) -> None:
    house = town.open()

    async def slow(_: Sent) -> Outcome:
        await asyncio.sleep(0.05)
        return Outcome(Verdict.DONE, answer=ASSESSED)

    house.revenue.say(slow)
    async with Running(house):
        await house.submit(toll(100))
        await asyncio.sleep(0.02)
        draining = asyncio.create_task(house.delivery.drain(timedelta(seconds=5)))
        await asyncio.sleep(0)
        await house.submit(toll(101))
        await draining
    assert len(house.revenue.sent) == 1
    assert [one.state for one in await house.exchanges(Operation.SUBMIT_REQUEST)] == [State.DONE, State.READY]
    house = town.open()
    await house.settle_all()
    assert {one.state for one in await house.exchanges()} == {State.DONE}


async def test_a_drain_waits_no_longer_than_its_grace(house: House) -> None:
    async def hangs(_: Sent) -> Outcome:
        await asyncio.sleep(30)
        raise AssertionError("it is never awaited so long")

    house.revenue.say(hangs)
    async with Running(house):
        await house.submit(toll())
        await asyncio.sleep(0.02)
        async with asyncio.timeout(1):
            await house.delivery.drain(timedelta(milliseconds=30))


async def test_a_clock_set_forward_during_a_slow_call_sends_nothing_twice(house: House) -> None:
    sent, gate = [], asyncio.Event()

    async def slow(call: Sent) -> Outcome:
        sent.append(call.reference)
        await gate.wait()
        return Outcome(Verdict.DONE, answer=ASSESSED)

    house.revenue.always = slow
    await house.submit(toll())
    calling = asyncio.create_task(house.deliver_due())
    while not sent:
        await asyncio.sleep(0.005)
    house.clock.advance(timedelta(days=1))
    for _ in range(2):  # asked for twice, it would be proven to have had no effect: it is still on its way
        await house.followup.beat()
        house.revenue.sights.append(Sight(Sighting.NOT_FOUND))
        await house.followup.ask_unsettled()
        house.clock.advance(25)
    again = asyncio.create_task(house.deliver_due())
    await asyncio.sleep(0.05)
    gate.set()
    await asyncio.gather(calling, again)

    assert len(sent) == 1
    assert (await house.only(Operation.SUBMIT_REQUEST)).state is State.DONE
