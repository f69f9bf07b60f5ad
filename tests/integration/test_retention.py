"""Retention: all that is due is retired a batch at a time, again and again, and a bad sweep is not the last one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapter.errors import JournalFailed
from adapter.journal import Journal
from adapter.loops import Loops
from adapter.retention import keep_retiring
from adapter.retry import Profile
from tests.integration.documents_making import attached, chunks, rows
from tests.integration.journal_making import Opening, ended, submitted
from tests.integration.test_journal_retiring import DAY, age, ended_case, multiply, retired_batches, tombstones
from tests.support.house import Logs

pytest_plugins = ["tests.support.fixtures"]

BRISK = replace(Profile(), idle=timedelta(milliseconds=1), sweep=timedelta(milliseconds=20))
RARE = replace(Profile(), idle=timedelta(milliseconds=1))


@asynccontextmanager
async def retiring(journal: Any, profile: Profile, loops: Loops | None = None) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(keep_retiring(journal, profile, loops or Loops()))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():
            await asyncio.sleep(0.01)


async def test_all_that_is_due_is_retired_at_the_start_and_not_only_a_batch(
    sqlite_journals: Opening, sqlite_url: str, logs: Logs
):
    journal = sqlite_journals()
    await ended_case(journal, "like all")
    multiply(sqlite_url, 450, "old")
    age(sqlite_url, 91 * DAY)

    async with retiring(journal, RARE):
        await until(lambda: tombstones(sqlite_url) == 451)

    assert retired_batches(sqlite_url) == [(200, 0), (200, 0), (51, 0)]
    assert logs == []


async def test_what_becomes_due_later_is_retired_by_a_later_sweep(sqlite_journals: Opening, sqlite_url: str):
    journal = sqlite_journals()
    async with retiring(journal, BRISK):
        await ended_case(journal, "later")
        await asyncio.sleep(0.1)
        assert tombstones(sqlite_url) == 0
        age(sqlite_url, 91 * DAY)
        await until(lambda: tombstones(sqlite_url) == 1)


async def test_documents_of_cases_that_ended_long_ago_go_with_their_keys(sqlite_journals: Opening, sqlite_url: str):
    journal = sqlite_journals()
    case, claim = await submitted(journal)
    await attached(journal, case=case)
    await ended(journal, case, claim)
    age(sqlite_url, 91 * DAY)

    async with retiring(journal, BRISK):
        await until(lambda: rows(sqlite_url) == 0)

    assert chunks(sqlite_url) == 0


class Faulty:
    """A journal whose sweeps fail so often before they work."""

    def __init__(self, journal: Journal, error: Exception, times: int) -> None:
        self._journal, self._error, self._times = journal, error, times
        self.documents = journal.documents

    async def retire_keys(self, kept: Any) -> bool:
        self._times -= 1
        if self._times >= 0:
            raise self._error
        return await self._journal.retire_keys(kept)


async def test_a_sweep_that_fails_is_told_until_the_next_one_works(
    sqlite_journals: Opening, sqlite_url: str, logs: Logs
):
    journal = sqlite_journals()
    await ended_case(journal, "same")
    age(sqlite_url, 91 * DAY)

    loops = Loops()
    async with retiring(Faulty(journal, ZeroDivisionError(), times=2), BRISK, loops):
        await until(lambda: loops.failing == {"retention": "ZeroDivisionError"})
        await until(lambda: tombstones(sqlite_url) == 1 and not loops.failing)

    assert [(event["event"], event["loop"]) for event in logs] == [("loop_failed", "retention")] * 2


async def test_a_journal_that_keeps_nothing_any_more_ends_the_flow(sqlite_journals: Opening):
    async with retiring(Faulty(sqlite_journals(), JournalFailed("no room"), times=9), BRISK) as task:
        with pytest.raises(JournalFailed):
            await asyncio.wait_for(task, 5)
