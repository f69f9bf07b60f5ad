"""What a person decides is guarded by what the person saw, and the audit chain tells it, unalterably."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adapter.errors import LeaseLost
from adapter.exchange import Claim, Event, Exchange, State
from adapter.journal import Command, Finding, Findings, Journal, Pause, inspecting, reading
from tests.integration.journal_making import (
    CORE,
    TENANT,
    Opening,
    begun,
    counts,
    in_one_commit,
    look,
    meddle,
    opening,
    settlement,
    state_of,
    submitted,
)

ACTOR = "uid:1000"


async def parked(journal: Journal, **changes: Any) -> Exchange:
    """An exchange that stands and waits for a person, as that person sees it."""
    _, claim = await submitted(journal)
    await journal.settle(settlement(await begun(journal, claim), State.PARKED, code="validation", **changes))
    return await journal.read(reading.exchange, claim.exchange.id)


def replay(shown: Exchange) -> Command:
    return Command(shown, Event.REPLAYED, State.READY, actor=ACTOR, why="tables mended")


async def claimed(journal: Journal) -> Claim:
    (claim,) = await journal.claim_ready(10)
    return claim


async def test_a_replayed_exchange_is_due_at_once_with_its_whole_deadline(journal: Journal):
    shown = await parked(journal)

    await journal.command(replay(shown))

    again = (await claimed(journal)).exchange
    assert again.id == shown.id
    assert again.deadline_at - again.due_at == shown.deadline_at - shown.accepted_at
    assert (again.attempts, again.asked) == (1, 0)


async def test_a_decision_is_told_with_who_and_why_and_on_what_evidence(journal: Journal):
    shown = await parked(journal, may_have_effect=True)
    order = Command(shown, Event.RESOLVED, State.DONE, actor=ACTOR, why="called them", evidence="letter 1403/77")

    await journal.command(order)

    told = (await journal.read(inspecting.audit_of_case, shown.case_id))[-1]
    assert (told["actor"], told["event"], told["exchange_id"]) == (ACTOR, "resolved", shown.id)
    assert told["detail"] == '{"state":"done","why":"called them","evidence":"letter 1403/77"}'
    kept = await journal.read(reading.exchange, shown.id)
    assert kept.settled_at is not None


async def test_the_same_decision_twice_is_carried_out_once(journal: Journal, journal_url: str):
    shown = await parked(journal)
    await journal.command(replay(shown))
    before = counts(journal_url)

    with pytest.raises(LeaseLost, match="look again"):
        await journal.command(replay(shown))

    assert counts(journal_url) == before


async def test_of_two_people_who_decide_at_once_one_is_told_to_look_again(journal: Journal, journal_url: str):
    shown = await parked(journal)
    withdrawal = Command(shown, Event.WITHDRAWN, State.WITHDRAWN, actor="uid:1001", why="by letter")

    answers = await in_one_commit(journal, journal.command(replay(shown)), journal.command(withdrawal))

    assert answers[0] is None
    assert isinstance(answers[1], LeaseLost)
    assert state_of(journal_url, shown.id) == "ready"
    assert look(journal_url, "SELECT count(*) FROM audit WHERE event = 'withdrawn'") == [(0,)]


async def test_what_a_worker_holds_is_not_decided_upon(journal: Journal, journal_url: str):
    _, claim = await submitted(journal)

    with pytest.raises(LeaseLost):
        await journal.command(Command(claim.exchange, Event.WITHDRAWN, State.WITHDRAWN, actor=ACTOR, why="x"))

    assert state_of(journal_url, claim.exchange.id) == "ready"


async def test_a_worker_from_before_the_decision_can_write_nothing(journal: Journal):
    _, claim = await submitted(journal)
    sending = await begun(journal, claim)
    await journal.settle(settlement(sending, State.PARKED))
    await journal.command(replay(await journal.read(reading.exchange, claim.exchange.id)))
    await claimed(journal)

    with pytest.raises(LeaseLost):
        await begun(journal, claim)
    with pytest.raises(LeaseLost):
        await journal.settle(settlement(sending))


async def test_a_pause_is_kept_across_restarts_until_it_is_ended(opening_journals: Opening):
    first = opening_journals()
    await first.pause(Pause(TENANT, CORE, reason="certificate expired"))
    await first.pause(Pause(TENANT, CORE, reason="certificate revoked"))
    first.close()
    second = opening_journals()

    assert await second.read(reading.paused_endpoints) == {(TENANT, CORE): "certificate revoked"}

    await second.pause(Pause(TENANT, CORE, reason=None, actor=ACTOR))
    assert await second.read(reading.paused_endpoints) == {}


async def test_findings_of_the_newest_run_are_shown(journal: Journal):
    found = Finding(TENANT, "gateway", "missing_there", "ref-1", detail="never arrived", command="panjereh …")
    await journal.keep_findings(Findings("run 1", ACTOR, (found, replace(found, reference="ref-2"))))
    await journal.keep_findings(Findings("run 2", ACTOR, (replace(found, kind="twice"),)))

    newest = await journal.read(inspecting.findings_of, None)
    older = await journal.read(inspecting.findings_of, "run 1")

    assert [row["kind"] for row in newest] == ["twice"]
    assert [row["reference"] for row in older] == ["ref-1", "ref-2"]


async def lived(journal: Journal) -> None:
    """Enough of a life that the chain has some links."""
    for _ in range(3):
        _, claim = await submitted(journal)
        await journal.settle(settlement(await begun(journal, claim)))


async def broken(journal: Journal) -> tuple[str, int] | None:
    row = await journal.read(inspecting.first_broken_audit)
    return None if row is None else (row["writer"], row["number"])


async def test_an_untouched_chain_holds(journal: Journal):
    await lived(journal)

    assert await broken(journal) is None


async def test_the_chain_goes_on_over_a_restart(opening_journals: Opening, journal_url: str):
    first = opening_journals()
    await lived(first)
    first.close()
    second = opening_journals()
    await lived(second)

    assert await broken(second) is None
    numbers = [number for (number,) in look(journal_url, "SELECT number FROM audit ORDER BY number")]
    assert numbers == list(range(1, 19))


async def test_each_node_has_a_chain_of_its_own(postgres_journals: Opening, postgres_url: str):
    one, two = postgres_journals(node="one"), postgres_journals(node="two")
    await lived(one)
    await lived(two)

    assert await broken(one) is None
    assert look(postgres_url, "SELECT writer, max(number) FROM audit GROUP BY writer ORDER BY writer") == [
        ("one", 9),
        ("two", 9),
    ]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor", "'somebody else'"),
        ("event", "'nothing'"),
        ("at", "at + 1"),
        ("detail", "'{}'"),
        ("tenant", "NULL"),
        ("case_id", "'another'"),
        ("exchange_id", "NULL"),
        ("writer", "'two'"),
        ("number", "99"),
    ],
)
async def test_a_changed_audit_row_is_found(journal: Journal, journal_url: str, column: str, value: str):
    await lived(journal)

    meddle(journal_url, f"UPDATE audit SET {column} = {value} WHERE number = 4")

    assert await broken(journal) is not None


async def test_the_first_changed_row_is_named(journal: Journal, journal_url: str):
    await lived(journal)

    meddle(journal_url, "UPDATE audit SET actor = 'x' WHERE number IN (4, 7)")

    assert await broken(journal) == ("one", 4)


@pytest.mark.parametrize("number", [1, 4, 8])
async def test_a_removed_audit_row_is_found(journal: Journal, journal_url: str, number: int):
    await lived(journal)

    meddle(journal_url, "DELETE FROM audit WHERE number = :number", number=number)

    assert await broken(journal) == ("one", number + 1)


async def test_two_swapped_audit_rows_are_found(journal: Journal, journal_url: str):
    await lived(journal)

    meddle(
        journal_url,
        "UPDATE audit SET number = -4 WHERE number = 4",
        "UPDATE audit SET number = 4 WHERE number = 5",
        "UPDATE audit SET number = 5 WHERE number = -4",
    )

    assert await broken(journal) == ("one", 4)


async def test_an_invented_row_at_the_end_is_found(journal: Journal, journal_url: str):
    await lived(journal)

    meddle(
        journal_url,
        "INSERT INTO audit SELECT writer, 10, at, actor, event, tenant, case_id, exchange_id, detail, hash"
        " FROM audit WHERE number = 9",
    )

    assert await broken(journal) == ("one", 10)


async def test_every_change_of_an_exchange_is_told(journal: Journal):
    call = opening()
    accepted = await journal.accept(call)
    assert accepted.claim is not None
    await journal.settle(settlement(await begun(journal, accepted.claim), State.IN_DOUBT))
    (asked,) = await journal.claim_unsettled(1)
    await journal.settle(settlement(asked, State.READY, asked=0, event="not_found"))
    await journal.settle(settlement(await begun(journal, await claimed(journal))))

    told = [row["event"] for row in await journal.read(inspecting.audit_of_case, call.exchange.case_id)]

    assert told == ["accepted", "attempt_begun", "in_doubt", "not_found", "attempt_begun", "done"]
