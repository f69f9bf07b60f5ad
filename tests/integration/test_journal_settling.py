"""INTENT before the first byte, and an outcome with all that follows from it in one commit, or not at all."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import DBAPIError

from adapter.errors import JournalFailed, LeaseLost
from adapter.exchange import Stage, State
from adapter.journal import Journal, Settled, inspecting, reading
from adapter.journal.unit import Unit
from tests.integration.journal_making import (
    RECORD,
    TENANT,
    Opening,
    addition,
    begun,
    counts,
    digest,
    in_one_commit,
    inside,
    look,
    meddle,
    opening,
    outward,
    settlement,
    state_of,
    submitted,
    told,
)

ANSWER = {"code": "10", "number": "1403-77"}


async def test_an_intent_is_in_the_database_before_a_byte_may_leave(journal: Journal, journal_url: str):
    _, claim = await submitted(journal)

    sending = await begun(journal, claim, frozen=b"<as sent/>")

    row = look(
        journal_url,
        "SELECT state, attempts, may_have_effect, lease_until - attempted_at FROM exchanges WHERE id = :id",
        id=claim.exchange.id,
    )[0]
    assert (row[0], row[1], bool(row[2]), row[3]) == ("sending", 1, True, 120_000_000)
    assert await journal.content(sending.exchange, "frozen") == b"<as sent/>"


async def test_every_attempt_sends_the_bytes_that_were_frozen_first(journal: Journal):
    _, claim = await submitted(journal)
    await journal.settle(settlement(await begun(journal, claim, frozen=b"<first/>"), State.READY))
    (again,) = await journal.claim_ready(1)

    second = await begun(journal, again, frozen=b"<second/>")

    assert second.frozen == b"<first/>"
    assert await journal.content(second.exchange, "frozen") == b"<first/>"


async def test_an_intent_without_a_claim_is_refused_and_nothing_is_written(journal: Journal, journal_url: str):
    _, claim = await submitted(journal)
    await journal.release(claim, datetime.now(UTC))
    before = counts(journal_url)

    with pytest.raises(LeaseLost):
        await begun(journal, claim)

    assert counts(journal_url) == before
    assert state_of(journal_url, claim.exchange.id) == "ready"


async def test_one_claim_begins_one_attempt(journal: Journal, journal_url: str):
    _, claim = await submitted(journal)

    first, second = await in_one_commit(journal, begun(journal, claim), begun(journal, claim))

    assert isinstance(second, LeaseLost)
    assert not isinstance(first, Exception)
    assert look(journal_url, "SELECT attempts FROM exchanges") == [(1,)]


async def test_a_settled_exchange_shows_its_outcome_its_answer_and_its_attempt(journal: Journal, journal_url: str):
    _, claim = await submitted(journal)
    sending = await begun(journal, claim)

    await journal.settle(settlement(sending, code="200", reason="taken", answer=ANSWER))

    kept = await journal.read(reading.exchange, claim.exchange.id)
    assert (kept.state, kept.code, kept.reason, kept.may_have_effect) == (State.DONE, "200", "taken", False)
    assert kept.settled_at is not None
    assert await journal.content(kept, "answer") == b'{"code":"10","number":"1403-77"}'
    (attempt,) = await journal.read(reading.attempts_of, claim.exchange.id)
    assert (attempt["number"], attempt["verdict"], attempt["code"]) == (1, "done", "200")
    assert attempt["started_at"] <= attempt["ended_at"]
    assert look(journal_url, "SELECT owner, lease_until FROM exchanges") == [(None, None)]


async def test_a_retry_keeps_its_place_and_counts_its_attempts(journal: Journal):
    _, claim = await submitted(journal)
    for _ in range(3):
        await journal.settle(settlement(await begun(journal, claim), State.READY, code="busy"))
        (claim,) = await journal.claim_ready(1)

    attempts = await journal.read(reading.attempts_of, claim.exchange.id)

    assert [attempt["number"] for attempt in attempts] == [1, 2, 3]
    assert claim.exchange.attempts == 3


async def test_a_settlement_is_written_once(journal: Journal, journal_url: str):
    _, claim = await submitted(journal)
    sending = await begun(journal, claim)
    await journal.settle(settlement(sending))
    before = counts(journal_url)

    with pytest.raises(LeaseLost):
        await journal.settle(settlement(sending, State.PARKED, answer=ANSWER, told=told(5, Stage.ENDED)))

    assert counts(journal_url) == before
    assert state_of(journal_url, claim.exchange.id) == "done"


async def test_a_stale_fence_writes_nothing(journal: Journal, journal_url: str):
    case, claim = await submitted(journal)
    sending = await begun(journal, claim)
    before = counts(journal_url)
    stale = settlement(
        replace(sending, fence=sending.fence - 1),
        answer=ANSWER,
        internal_reference="1403-77",
        told=told(5, Stage.ENDED),
        following=((outward(case), RECORD),),
    )

    with pytest.raises(LeaseLost):
        await journal.settle(stale)

    assert counts(journal_url) == before
    assert state_of(journal_url, claim.exchange.id) == "sending"
    assert look(journal_url, "SELECT stage, internal_reference, status_sequence FROM cases") == [("received", None, -1)]


async def test_one_stale_settlement_fails_only_itself(journal: Journal, journal_url: str):
    claims = [await begun(journal, (await submitted(journal))[1]) for _ in range(3)]
    claims[1] = replace(claims[1], fence=99)

    first, stale, third = await in_one_commit(journal, *(journal.settle(settlement(claim)) for claim in claims))

    assert isinstance(stale, LeaseLost)
    assert first == third == Settled()
    assert [state_of(journal_url, claim.exchange.id) for claim in claims] == ["done", "sending", "done"]


async def test_one_stale_intent_fails_only_itself(journal: Journal, journal_url: str):
    claims = [(await submitted(journal))[1] for _ in range(3)]
    claims[1] = replace(claims[1], fence=99)

    answers = await in_one_commit(journal, *(begun(journal, claim) for claim in claims))

    assert [isinstance(answer, LeaseLost) for answer in answers] == [False, True, False]
    assert [state_of(journal_url, claim.exchange.id) for claim in claims] == ["sending", "ready", "sending"]


async def test_what_a_failing_step_of_the_same_commit_wrote_is_undone_and_the_others_hold(
    journal: Journal, journal_url: str
):
    _, claim = await submitted(journal)
    sending = await begun(journal, claim)

    def spoil(unit: Unit) -> None:
        unit.connection.exec_driver_sql("UPDATE cases SET stage = 'spoilt'")
        unit.connection.exec_driver_sql("UPDATE nothing SET here = 1")

    spoilt, settled, accepted = await in_one_commit(
        journal, inside(journal, spoil), journal.settle(settlement(sending)), journal.accept(opening())
    )

    assert isinstance(spoilt, DBAPIError)
    assert settled == Settled()
    assert not isinstance(accepted, Exception)
    assert {stage for (stage,) in look(journal_url, "SELECT stage FROM cases")} == {"received"}
    assert await journal.read(inspecting.first_broken_audit) is None


async def test_what_follows_is_kept_with_the_settlement_and_may_leave_at_once(journal: Journal, journal_url: str):
    case, claim = await submitted(journal)
    pushed, behind = outward(case), outward(case)
    sending = await begun(journal, claim)

    settled = await journal.settle(
        settlement(sending, internal_reference="1403-77", following=((pushed, RECORD), (behind, RECORD)))
    )

    (follower,) = settled.claims
    assert (follower.exchange, follower.record) == (pushed, RECORD)
    assert follower.case.internal_reference == "1403-77"
    assert state_of(journal_url, behind.id) == "ready"
    assert await journal.claim_ready(10) == []
    await begun(journal, follower)


async def test_what_follows_into_a_held_lane_waits(journal: Journal):
    case, claim = await submitted(journal)
    behind = addition(case)
    await journal.accept(behind)
    first, second = outward(case), outward(case)
    settled = await journal.settle(settlement(await begun(journal, claim), following=((first, RECORD),)))
    (next_claim,) = await journal.claim_ready(10)
    sending = await begun(journal, next_claim)

    later = await journal.settle(settlement(sending, following=((second, RECORD),)))

    assert [claim.exchange.id for claim in settled.claims] == [first.id]
    assert later.claims == ()


@pytest.fixture
def snagged(journal: Journal, journal_url: str) -> str:
    """The database where a row of `snag` lets the commit itself fail, when everything has been written."""
    meddle(
        journal_url,
        "CREATE TABLE snag (case_id VARCHAR(32) REFERENCES cases (id) DEFERRABLE INITIALLY DEFERRED)",
    )
    return journal_url


def catch_on(unit: Unit) -> None:
    unit.connection.exec_driver_sql("INSERT INTO snag VALUES ('no such case')")


async def test_a_commit_that_fails_leaves_nothing_of_the_settlement(journal: Journal, snagged: str):
    case, claim = await submitted(journal)
    sending = await begun(journal, claim)
    before = counts(snagged)

    answers = await in_one_commit(
        journal,
        journal.settle(
            settlement(
                sending,
                answer=ANSWER,
                internal_reference="1403-77",
                told=told(3, Stage.ENDED),
                following=((outward(case), RECORD),),
            )
        ),
        inside(journal, catch_on),
    )

    assert [type(answer) for answer in answers] == [JournalFailed, JournalFailed]
    assert counts(snagged) == before
    assert state_of(snagged, claim.exchange.id) == "sending"
    assert look(snagged, "SELECT stage, internal_reference FROM cases") == [("received", None)]


async def test_after_a_failed_commit_nothing_is_taken_any_more(journal: Journal, snagged: str):
    _, claim = await submitted(journal)
    commits = journal.commits

    with pytest.raises(JournalFailed):
        await inside(journal, catch_on)

    calls = (
        journal.accept(opening()),
        journal.claim_ready(1),
        journal.claim_unsettled(1),
        begun(journal, claim),
        journal.release(claim, datetime.now(UTC)),
        journal.beat(),
        journal.fall_expired(),
    )
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(answer) for answer in answers} == {JournalFailed}
    assert journal.failure is not None
    assert journal.commits == commits
    assert counts(snagged)["cases"] == 1


async def test_what_waits_behind_a_failed_commit_fails_too(journal: Journal, snagged: str):
    failing = asyncio.create_task(inside(journal, catch_on))
    waiting = [asyncio.create_task(journal.accept(opening())) for _ in range(5)]

    answers = await asyncio.wait_for(asyncio.gather(failing, *waiting, return_exceptions=True), 10)

    assert {type(answer) for answer in answers} == {JournalFailed}
    assert counts(snagged)["cases"] == 0


async def test_after_a_failed_commit_the_journal_opens_again_and_goes_on(opening_journals: Opening, journal_url: str):
    first = opening_journals()
    meddle(
        journal_url,
        "CREATE TABLE snag (case_id VARCHAR(32) REFERENCES cases (id) DEFERRABLE INITIALLY DEFERRED)",
    )
    with pytest.raises(JournalFailed):
        await inside(first, catch_on)
    first.close()

    second = opening_journals()

    await submitted(second)
    assert await second.read(inspecting.first_broken_audit) is None


async def test_what_the_gateway_was_told_never_goes_backwards(journal: Journal, journal_url: str):
    case, claim = await submitted(journal)
    await journal.settle(settlement(await begun(journal, claim)))
    for sequence, stage in ((7, Stage.TO_PAY), (4, Stage.IN_PROGRESS), (7, Stage.APPROVED), (6, Stage.ENDED)):
        pushed = addition(case)
        accepted = await journal.accept(pushed)
        assert accepted.claim is not None
        await journal.settle(settlement(await begun(journal, accepted.claim), told=told(sequence, stage)))

    assert look(journal_url, "SELECT status_sequence, stage, closed_at FROM cases") == [(7, "approved", None)]


async def test_several_news_of_one_case_in_one_commit_end_with_the_newest(journal: Journal, journal_url: str):
    case, claim = await submitted(journal)
    pushed = outward(case)
    settled = await journal.settle(settlement(await begun(journal, claim), following=((pushed, RECORD),)))
    accepted = await journal.accept(addition(case))
    assert accepted.claim is not None
    one, two = await begun(journal, settled.claims[0]), await begun(journal, accepted.claim)

    await in_one_commit(
        journal,
        journal.settle(settlement(one, told=told(9, Stage.APPROVED))),
        journal.settle(settlement(two, told=told(3, Stage.IN_PROGRESS))),
    )

    assert look(journal_url, "SELECT status_sequence, stage FROM cases") == [(9, "approved")]


async def test_an_old_end_that_comes_late_does_not_free_the_subject_of_a_case_that_goes_on(journal: Journal):
    subject = digest("subject", "1")
    case, claim = await submitted(journal, business_key=subject)
    await journal.settle(settlement(await begun(journal, claim), told=told(9, Stage.IN_PROGRESS)))
    late = await journal.accept(addition(case))
    assert late.claim is not None

    await journal.settle(settlement(await begun(journal, late.claim), told=told(2, Stage.ENDED)))

    again = await journal.accept(opening("again", business_key=subject))
    assert again.is_replay


async def test_an_end_is_dated(journal: Journal, journal_url: str):
    _, claim = await submitted(journal)

    await journal.settle(settlement(await begun(journal, claim), told=told(1, Stage.REFUSED)))

    ((closed_at,),) = look(journal_url, "SELECT closed_at FROM cases")
    assert closed_at > 0


async def test_the_internal_number_is_kept_and_finds_the_case(journal: Journal):
    case, claim = await submitted(journal)
    await journal.settle(settlement(await begun(journal, claim), internal_reference="1403-77"))

    found = await journal.read(reading.cases_by_internal_reference, TENANT, ["1403-77", "other"])

    assert {number: it.id for number, it in found.items()} == {"1403-77": case.id}


async def test_a_released_claim_is_free_and_untouched(journal: Journal):
    _, claim = await submitted(journal)
    due_at = datetime.now(UTC) + timedelta(minutes=1)

    await journal.release(claim, due_at)

    kept = await journal.read(reading.exchange, claim.exchange.id)
    assert kept == replace(claim.exchange, due_at=due_at)
    with pytest.raises(LeaseLost):
        await journal.release(claim, due_at)


@pytest.mark.parametrize(
    "long",
    [{"code": "x" * 200}, {"internal_reference": "1" * 100}, {"told": told(1, status_code="s" * 40)}],
    ids=["a code", "a number", "a status code"],
)
async def test_what_the_other_side_made_too_long_can_still_be_settled(journal: Journal, journal_url: str, long):
    """PostgreSQL holds a column to its length, SQLite does not: an outcome must not be lost for it."""
    _, claim = await submitted(journal)

    await journal.settle(settlement(await begun(journal, claim), **long))

    assert state_of(journal_url, claim.exchange.id) == "done"
