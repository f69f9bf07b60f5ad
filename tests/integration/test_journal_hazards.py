"""What lies below the journal's design: a thread that dies, an answer that nobody took, a row that cannot be read."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import pytest

from adapter.errors import JournalFailed, LeaseLost
from adapter.exchange import Event, State
from adapter.journal import Command, Journal, reading
from adapter.journal.unit import Unit
from tests.integration.journal_making import (
    Opening,
    begun,
    in_one_commit,
    inside,
    meddle,
    opening,
    outward,
    settlement,
    state_of,
    submitted,
)
from tests.support.house import Logs

pytest_plugins = ["tests.support.fixtures"]


async def cancelled_once_answered(journal: Journal, call: Coroutine[Any, Any, Any]) -> None:
    """A caller who is cancelled when the answer is already his, but before he runs again."""
    answered: asyncio.Future[Any] = call.send(None)
    await asyncio.wait([answered])
    with suppress(asyncio.CancelledError):
        call.throw(asyncio.CancelledError)
    await inside(journal, lambda _unit: None)  # what that gave back is committed


async def test_an_answer_that_its_caller_was_cancelled_before_taking_leaves_no_claim_with_nobody(journal: Journal):
    await cancelled_once_answered(journal, journal.accept(opening()))

    assert len(await journal.claim_ready(10)) == 1


async def test_a_writer_that_dies_of_what_nobody_foresaw_says_so_and_lets_nobody_wait_for_ever(
    postgres_journals: Opening, logs: Logs
):
    """A rollback that fails in its turn: the connection broke under a step's own error."""
    journal = postgres_journals()

    def step(unit: Unit) -> None:
        broken: Any = unit.connection.connection.driver_connection
        broken.close()
        raise ZeroDivisionError

    answers = await asyncio.wait_for(in_one_commit(journal, inside(journal, step), journal.accept(opening())), 5)

    assert {type(answer) for answer in answers} == {JournalFailed}
    assert journal.failure is not None
    with pytest.raises(JournalFailed):
        await asyncio.wait_for(journal.beat(), 5)
    assert [told["log_level"] for told in logs if told["event"] == "journal_writer_failed"] == ["error"]


@pytest.mark.parametrize(
    "harm",
    [
        "DELETE FROM payloads WHERE exchange_id = :id",
        "UPDATE exchanges SET operation = 'FromTheNextVersion' WHERE id = :id",
    ],
    ids=["its record is gone", "its operation is unknown"],
)
async def test_a_row_that_cannot_be_read_is_parked_and_delays_no_other(journal: Journal, journal_url: str, harm: str):
    (_, poisoned), (_, sound) = await submitted(journal), await submitted(journal)
    for claim in (poisoned, sound):
        await journal.release(claim, claim.exchange.due_at)
    meddle(journal_url, harm, id=poisoned.exchange.id)

    claims = await journal.claim_ready(10)

    assert [claim.exchange.id for claim in claims] == [sound.exchange.id]
    assert state_of(journal_url, poisoned.exchange.id) == "parked"


async def test_a_decision_about_an_attempt_is_none_about_the_next(journal: Journal, journal_url: str):
    """Two operators see what was parked before it ever left; the first one's replay is sent, and parked again."""
    case, claim = await submitted(journal)
    pushed = outward(case)
    settled = await journal.settle(settlement(await begun(journal, claim), following=((pushed, {}),)))
    (follower,) = settled.claims
    await journal.settle(settlement(follower, State.PARKED))
    seen = await journal.read(reading.exchange, pushed.id)
    replay = Command(seen, Event.REPLAYED, State.READY, actor="uid:1000", why="mended")
    await journal.command(replay)
    (again,) = await journal.claim_ready(10)
    await journal.settle(settlement(await begun(journal, again), State.PARKED, may_have_effect=True))

    with pytest.raises(LeaseLost, match="look again"):
        await journal.command(replay)

    assert state_of(journal_url, pushed.id) == "parked"
