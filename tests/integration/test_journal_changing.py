"""Changes of internal systems: the cursor moves with what was read, each event is kept once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from adapter.errors import LeaseLost
from adapter.exchange import Case, Change, State
from adapter.journal import Journal, Taken, inspecting, reading
from tests.integration.journal_making import (
    CORE,
    RECORD,
    TENANT,
    Opening,
    begun,
    counts,
    in_one_commit,
    look,
    outward,
    settlement,
    submitted,
)

FIRST = datetime(2026, 11, 21, 8, 30, 15, 123456, tzinfo=UTC)


def page(*cases_and_events: tuple[Case, str], before: str | None = None, cursor: str | None = "1", **more) -> Taken:
    """A page with one change for each of the cases."""
    drafts = tuple((outward(case, event_id=event), RECORD) for case, event in cases_and_events)
    return Taken(TENANT, CORE, before=before, cursor=cursor, drafts=drafts, **more)


def stray(event_id: str, reference: str = "1403-77", sequence: int = 1) -> Change:
    return Change(event_id, "status", reference, sequence, FIRST, record={"note": "گزارش بازدید"})


async def cursor(journal: Journal) -> str | None:
    return await journal.read(reading.cursor, TENANT, CORE)


async def test_the_cursor_moves_with_what_was_read(journal: Journal):
    case, _ = await submitted(journal)
    taken = page((case, "event 1"), (case, "event 2"), cursor="c1")

    assert await journal.take(taken) == 2

    assert await cursor(journal) == "c1"
    (claim,) = await journal.claim_ready(10)
    assert (claim.exchange.id, claim.record) == (taken.drafts[0][0].id, RECORD)


async def test_pages_are_kept_one_behind_the_other(journal: Journal):
    case, _ = await submitted(journal)
    await journal.take(page((case, "event 1"), cursor="c1"))

    assert await journal.take(page((case, "event 2"), before="c1", cursor="c2")) == 1

    assert await cursor(journal) == "c2"


async def test_an_event_told_twice_is_kept_once(journal: Journal, journal_url: str):
    case, _ = await submitted(journal)
    await journal.take(page((case, "event 1"), cursor="c1"))
    before = counts(journal_url)

    assert await journal.take(page((case, "event 1"), (case, "event 2"), (case, "event 2"), before="c1")) == 1

    assert counts(journal_url)["exchanges"] == before["exchanges"] + 1


async def test_the_same_event_of_two_cases_is_two_events(journal: Journal):
    (one, _), (two, _) = await submitted(journal), await submitted(journal)

    assert await journal.take(page((one, "event 1"), (two, "event 1"))) == 2


async def test_a_page_whose_cursor_was_moved_meanwhile_is_refused_whole(journal: Journal, journal_url: str):
    case, _ = await submitted(journal)
    await journal.take(page((case, "event 1"), cursor="c1"))
    await journal.take(page(before="c1", cursor="c2"))
    before = counts(journal_url)

    with pytest.raises(LeaseLost):
        await journal.take(page((case, "event 2"), before="c1", cursor="late", strays=(stray("s"),)))

    assert await cursor(journal) == "c2"
    assert counts(journal_url) == before


async def test_a_first_page_is_refused_when_there_was_one_already(journal: Journal, journal_url: str):
    case, _ = await submitted(journal)
    await journal.take(page(cursor="c1"))
    before = counts(journal_url)

    with pytest.raises(LeaseLost):
        await journal.take(page((case, "event 1"), before=None, cursor="c9"))

    assert await cursor(journal) == "c1"
    assert counts(journal_url) == before


async def test_two_readers_of_the_same_page_in_one_commit_keep_it_once(journal: Journal, journal_url: str):
    case, _ = await submitted(journal)
    await journal.take(page(cursor="c1"))

    answers = await in_one_commit(
        journal,
        journal.take(page((case, "event 1"), before="c1", cursor="c2")),
        journal.take(page((case, "event 1"), before="c1", cursor="c2")),
    )

    assert answers[0] == 1
    assert isinstance(answers[1], LeaseLost)
    assert counts(journal_url)["exchanges"] == 2


async def test_two_nodes_that_read_the_first_page_at_once_keep_it_once(postgres_journals: Opening, postgres_url: str):
    one, two = postgres_journals(node="one"), postgres_journals(node="two")
    case, _ = await submitted(one)

    async def both(before: str | None, cursor: str) -> list[int | BaseException]:
        taken = [page((case, f"event {cursor}"), before=before, cursor=cursor) for _ in range(2)]
        return list(await asyncio.gather(one.take(taken[0]), two.take(taken[1]), return_exceptions=True))

    before = None
    for number in range(10):
        answers = await both(before, f"c{number}")
        before = f"c{number}"
        assert sorted(type(answer).__name__ for answer in answers) == ["LeaseLost", "int"]
    assert counts(postgres_url)["exchanges"] == 11


async def test_what_is_told_moves_no_cursor_and_is_not_taken_again_when_it_is_asked_for(journal: Journal):
    case, _ = await submitted(journal)

    assert await journal.take(page((case, "event 1"), cursor=None)) == 1
    assert await cursor(journal) is None
    assert await journal.take(page((case, "event 1"), (case, "event 2"), cursor="c1")) == 1
    assert await journal.take(page((case, "event 2"), (case, "event 3"), cursor=None)) == 1

    assert await cursor(journal) == "c1"


async def test_what_one_node_is_told_and_another_asks_for_at_once_is_kept_once(
    postgres_journals: Opening, postgres_url: str
):
    one, two = postgres_journals(node="one"), postgres_journals(node="two")
    case, _ = await submitted(one)
    before = None
    for number in range(5):
        told = page((case, f"event {number}"), cursor=None, strays=(stray(f"s{number}"),))
        asked = page((case, f"event {number}"), before=before, cursor=f"c{number}", strays=(stray(f"s{number}"),))
        assert sorted(await asyncio.gather(one.take(told), two.take(asked))) == [0, 1]
        before = f"c{number}"

    assert counts(postgres_url)["exchanges"] == 6
    assert len(await one.strays(TENANT, CORE)) == 5


async def test_an_awaiting_exchange_that_a_page_answers_is_asked_for_at_once(journal: Journal):
    case, claim = await submitted(journal)
    later = datetime.now(UTC) + timedelta(hours=6)
    await journal.settle(settlement(await begun(journal, claim), State.AWAITING, due_at=later))
    awaiting = await journal.read(reading.awaiting_of_cases, [case.id])
    assert awaiting == {case.id: claim.exchange.id}

    await journal.take(page(answered=tuple(awaiting.values())))

    assert [it.exchange.id for it in await journal.claim_unsettled(10)] == [claim.exchange.id]


async def test_a_stray_change_is_kept_whole_and_once_until_it_is_gathered(journal: Journal, journal_url: str):
    strayed = (stray("s1"), stray("s2", sequence=2))
    await journal.take(page(cursor="c1", strays=strayed))
    await journal.take(page(before="c1", cursor="c2", strays=(stray("s1"),)))

    assert sorted(await journal.strays(TENANT, CORE), key=lambda change: change.event_id) == list(strayed)
    assert await journal.strays("another town", CORE) == []

    case, _ = await submitted(journal)
    await journal.take(page((case, "s1"), before="c2", cursor="c2", gathered=("s1",)))

    assert [change.event_id for change in await journal.strays(TENANT, CORE)] == ["s2"]
    assert look(journal_url, "SELECT count(*) FROM exchanges WHERE event_id = 's1'") == [(1,)]


async def test_a_stray_survives_a_restart(opening_journals: Opening):
    first = opening_journals()
    await first.take(page(strays=(stray("s1"),)))
    first.close()

    assert await opening_journals().strays(TENANT, CORE) == [stray("s1")]


async def test_what_changes_bring_is_told_in_the_audit(journal: Journal):
    case, _ = await submitted(journal)
    await journal.take(page((case, "event 1")))

    events = [row["event"] for row in await journal.read(inspecting.audit_of_case, case.id)]

    assert events == ["accepted", "drafted"]
