"""Several nodes at work on the same few cases: no call fails, no lane is shared, nothing is claimed twice."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any

import pytest

from adapter.errors import LeaseLost
from adapter.exchange import Case, Claim, Stage, State
from adapter.journal import Journal, Taken, inspecting, reading
from adapter.journal.unit import Unit
from adapter.refusals import CaseClosed
from tests.integration.journal_making import (
    CORE,
    RECORD,
    TENANT,
    Opening,
    addition,
    begun,
    counts,
    in_one_commit,
    inside,
    look,
    new_exchange,
    outward,
    settlement,
    submitted,
    told,
)

_STEPS = 25
_ENDS = (State.DONE, State.READY, State.AWAITING, State.IN_DOUBT, State.DONE)


@dataclass
class Race:
    """What the workers of all nodes have in common, and what went wrong among them."""

    cases: Sequence[Case]
    in_lane: Counter[str] = field(default_factory=Counter)
    claimed: Counter[tuple[str, int]] = field(default_factory=Counter)
    shared_lanes: int = 0
    settled: int = 0
    accepted: int = 0

    def __post_init__(self) -> None:
        self._ends = cycle(_ENDS)
        self._turns = cycle(self.cases)

    async def deliver(self, node: Journal, claim: Claim) -> None:
        lane = claim.exchange.lane
        self.claimed[claim.exchange.id, claim.fence] += 1
        self.in_lane[lane] += 1
        self.shared_lanes += self.in_lane[lane] > 1
        sending = await begun(node, claim)
        await asyncio.sleep(0.001)
        self.in_lane[lane] -= 1
        following = ((outward(claim.case), RECORD),) if claim.exchange.target == CORE else ()
        done = settlement(sending, next(self._ends), following=following, told=told(self.settled))
        settled = await node.settle(done)
        self.settled += 1
        for follower in settled.claims:
            await self.deliver(node, follower)

    async def add(self, node: Journal) -> None:
        accepted = await node.accept(addition(next(self._turns)))
        self.accepted += 1
        if accepted.claim is not None:
            await self.deliver(node, accepted.claim)

    async def claim(self, node: Journal) -> None:
        for claim in await node.claim_ready(3):
            await self.deliver(node, claim)

    async def ask(self, node: Journal) -> None:
        for claim in await node.claim_unsettled(3):
            self.claimed[claim.exchange.id, claim.fence] += 1
            await node.settle(settlement(claim))

    async def take(self, node: Journal) -> None:
        """Another node may have read the same page: then this one is refused, which is no failure."""
        before = await node.read(reading.cursor, TENANT, CORE)
        drafts = tuple((outward(case), RECORD) for case in islice(self._turns, 3))
        try:
            await node.take(Taken(TENANT, CORE, before=before, cursor=f"{before} +", drafts=drafts))
        except LeaseLost:
            return

    async def beat(self, node: Journal) -> None:
        await node.beat()
        await node.fall_expired()


async def test_three_nodes_work_on_the_same_cases_without_a_fault(postgres_journals: Opening, postgres_url: str):
    nodes = [postgres_journals(node=name) for name in ("one", "two", "three")]
    race = Race([await _idle_case(nodes[0]) for _ in range(4)])
    steps: tuple[Callable[[Journal], Awaitable[None]], ...] = (
        race.add,
        race.claim,
        race.take,
        race.add,
        race.ask,
        race.claim,
        race.beat,
    )

    async def work(node: Journal, first: int) -> None:
        for place in range(first, first + _STEPS):
            await steps[place % len(steps)](node)

    await asyncio.gather(*(work(node, first) for node in nodes for first in range(4)))

    assert race.settled > 50
    assert race.shared_lanes == 0
    assert max(race.claimed.values()) == 1
    assert counts(postgres_url)["idempotency_keys"] == race.accepted + len(race.cases)
    assert look(postgres_url, "SELECT count(*) FROM exchanges WHERE state = 'sending'") == [(0,)]
    assert await nodes[0].read(inspecting.first_broken_audit) is None


async def lingering(node: Journal, *calls: Awaitable[Any]) -> asyncio.Task[list[Any]]:
    """The calls in one commit that has written its rows and is still open for a moment."""
    loop, written = asyncio.get_running_loop(), asyncio.Event()

    def linger(unit: Unit) -> None:
        unit.flush()
        loop.call_soon_threadsafe(written.set)
        time.sleep(0.3)

    keeping = asyncio.create_task(in_one_commit(node, *calls, inside(node, linger)))
    await written.wait()
    return keeping


async def test_two_nodes_that_add_to_one_case_at_once_do_not_both_deliver(postgres_journals: Opening):
    one, two = postgres_journals(node="one"), postgres_journals(node="two")
    case = await _idle_case(one)

    keeping = await lingering(one, one.accept(addition(case)))
    second = await two.accept(addition(case))

    first = (await keeping)[0]
    assert [first.claim is not None, second.claim is not None] == [True, False]


async def test_two_nodes_that_settle_into_one_lane_at_once_do_not_both_deliver(postgres_journals: Opening):
    one, two = postgres_journals(node="one"), postgres_journals(node="two")
    case, claim = await submitted(one)
    elsewhere = await two.accept(addition(case, exchange=new_exchange(case, target="revenue/1.0")))
    assert elsewhere.claim is not None
    mine, other = await begun(one, claim), await begun(two, elsewhere.claim)

    settling = await lingering(one, one.settle(settlement(mine, following=((outward(case), RECORD),))))
    second = await two.settle(settlement(other, following=((outward(case), RECORD),)))

    first = (await settling)[0]
    assert [len(first.claims), len(second.claims)] == [1, 0]


async def test_a_case_that_another_node_is_just_closing_takes_nothing_more(postgres_journals: Opening):
    one, two = postgres_journals(node="one"), postgres_journals(node="two")
    case, claim = await submitted(one)
    sending = await begun(one, claim)

    closing = await lingering(one, one.settle(settlement(sending, told=told(1, Stage.ENDED))))
    with pytest.raises(CaseClosed):
        await two.accept(addition(case))

    await closing


async def _idle_case(node: Journal) -> Case:
    case, claim = await submitted(node)
    await node.settle(settlement(await begun(node, claim)))
    return case
