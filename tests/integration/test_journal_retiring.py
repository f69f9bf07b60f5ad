"""Keys are kept by the end of their case: 90 days of answers, 10 years of a tombstone; an open case keeps its own."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import timedelta

import pytest

from adapter.exchange import Case, Stage
from adapter.journal import Journal, Retention, inspecting
from adapter.journal.retiring import retire
from adapter.journal.unit import Unit
from adapter.refusals import AlreadyFiled, KeyRetired
from adapter.retry import Profile
from tests.integration.journal_making import (
    Opening,
    Overheard,
    addition,
    begun,
    claim_of,
    counts,
    digest,
    ended,
    in_one_commit,
    inside,
    look,
    meddle,
    opening,
    settlement,
    submitted,
    told,
)
from tests.integration.test_journal_cost import counted_steps, plan

AGE = Retention(keys=Profile().keys_kept, tombstones=Profile().tombstones_kept)
DAY = timedelta(days=1)
SUBJECT = digest("subject", "payment 12-345")
OTHER = digest("content", "other")
_MICROSECOND = timedelta(microseconds=1)


async def ended_case(journal: Journal, key: str, stage: Stage = Stage.ENDED) -> Case:
    """A case opened under this key, and ended now."""
    call = opening(key)
    accepted = await journal.accept(call)
    assert call.case is not None
    await ended(journal, call.case, claim_of(accepted), stage)
    return call.case


def age(url: str, wait: timedelta) -> None:
    """So much time goes by for everything that counts from a moment kept in the journal."""
    micros = wait // _MICROSECOND
    meddle(
        url,
        "UPDATE cases SET opened_at = opened_at - :micros, changed_at = changed_at - :micros,"
        " closed_at = closed_at - :micros",
        "UPDATE idempotency_keys SET kept_at = kept_at - :micros",
        micros=micros,
    )


async def sweep(journal: Journal) -> int:
    """Retire all that is due; how many batches said that there was more."""
    more = 0
    while await journal.retire_keys(AGE):
        more += 1
    return more


def multiply(url: str, count: int, mark: str) -> None:
    """So many cases more like the one there is, each with its key."""
    scope = "CAST('{0}' || i AS BLOB)" if url.startswith("sqlite") else "convert_to('{0}' || i, 'UTF8')"
    numbers = f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
    meddle(
        url,
        f"""INSERT INTO cases (id, tenant, service, tracking_code, stage, channel, caller, status_sequence, opened_at,
                changed_at, closed_at, data_key)
            {numbers} SELECT '{mark}' || i, tenant, service, '{mark}' || i, stage, channel, caller, status_sequence,
                opened_at, changed_at, closed_at, data_key FROM n, (SELECT * FROM cases LIMIT 1) AS one""",
        f"""INSERT INTO idempotency_keys (tenant, scope, fingerprint, case_id, status, sealed, kept_at)
            {numbers} SELECT tenant, {scope.format(mark)}, scope, '{mark}' || i, 202, scope, kept_at
            FROM n, (SELECT * FROM idempotency_keys LIMIT 1) AS one""",
    )


def retired_batches(url: str) -> list[tuple[int, int]]:
    """What the audit tells: how many keys became tombstones and how many tombstones went, batch by batch."""
    rows = look(url, "SELECT detail FROM audit WHERE event = 'keys_retired' ORDER BY writer, number")
    return [(told["retired"], told["removed"]) for told in (json.loads(detail) for (detail,) in rows)]


def tombstones(url: str) -> int:
    ((found,),) = look(url, "SELECT count(*) FROM idempotency_keys WHERE status = 410")
    return int(found)


def test_keys_are_kept_ninety_days_and_tombstones_ten_years():
    assert Retention(keys=90 * DAY, tombstones=3650 * DAY) == AGE


@pytest.mark.parametrize("stage", [Stage.ENDED, Stage.REFUSED, Stage.WITHDRAWN])
async def test_ninety_days_after_the_end_a_key_gives_its_first_answer_and_then_no_more(
    journal: Journal, journal_url: str, stage: Stage
):
    case = await ended_case(journal, "same", stage)
    age(journal_url, 90 * DAY - timedelta(minutes=5))
    await sweep(journal)
    assert (await journal.accept(opening("same"))).is_replay

    age(journal_url, timedelta(minutes=10))
    await sweep(journal)
    before = counts(journal_url)

    with pytest.raises(KeyRetired) as refused:
        await journal.accept(opening("same"))
    assert refused.value.context["tracking_code"] == case.tracking_code
    assert counts(journal_url) == before


async def test_a_tombstone_is_the_same_refusal_for_other_content_and_for_a_question_asked_again(
    journal: Journal, journal_url: str
):
    await ended_case(journal, "same")
    age(journal_url, 91 * DAY)
    await sweep(journal)

    with pytest.raises(KeyRetired):
        await journal.accept(opening("same", fingerprint=OTHER))
    with pytest.raises(KeyRetired):
        await journal.repeated(opening("same"))


async def test_a_tombstone_holds_nothing_that_could_be_replayed(journal: Journal, journal_url: str):
    case = await ended_case(journal, "same")
    age(journal_url, 91 * DAY)

    await sweep(journal)

    ((scope, fingerprint, sealed, status, case_id),) = look(
        journal_url, "SELECT scope, fingerprint, sealed, status, case_id FROM idempotency_keys"
    )
    assert (bytes(scope), bytes(fingerprint), bytes(sealed)) == (opening("same").scope, b"", b"")
    assert (status, case_id) == (410, case.id)


async def test_a_tombstone_tells_no_tracking_code_once_its_case_is_not_known_any_more(
    journal: Journal, journal_url: str
):
    await ended_case(journal, "same")
    age(journal_url, 91 * DAY)
    await sweep(journal)
    meddle(journal_url, "UPDATE idempotency_keys SET case_id = 'nobody'")

    with pytest.raises(KeyRetired) as refused:
        await journal.accept(opening("same"))
    assert refused.value.context["tracking_code"] is None


async def test_a_tombstone_stands_ten_years_and_then_the_key_is_like_new(journal: Journal, journal_url: str):
    await ended_case(journal, "same")
    age(journal_url, 91 * DAY)
    await sweep(journal)

    age(journal_url, 3650 * DAY - timedelta(minutes=5))
    await sweep(journal)
    assert tombstones(journal_url) == 1

    age(journal_url, timedelta(minutes=10))
    await sweep(journal)
    assert counts(journal_url)["idempotency_keys"] == 0
    assert not (await journal.accept(opening("same"))).is_replay


async def test_the_keys_of_an_open_case_are_kept_however_old_they_are(journal: Journal, journal_url: str):
    """The one that would be noticed last: a permit takes years, and its callers still get their first answers."""
    call = opening("open")
    claim = claim_of(await journal.accept(call))
    assert call.case is not None
    await journal.accept(addition(call.case, "paper"))
    await journal.settle(settlement(await begun(journal, claim), told=told(1, Stage.APPROVED)))
    await ended_case(journal, "ended")
    age(journal_url, 20 * 365 * DAY)

    await sweep(journal)

    assert tombstones(journal_url) == 1
    assert (await journal.accept(opening("open"))).is_replay
    assert (await journal.accept(addition(call.case, "paper"))).is_replay


async def test_a_case_that_goes_on_after_its_end_keeps_its_keys_until_its_later_end(journal: Journal, journal_url: str):
    case, claim = await submitted(journal)
    await journal.settle(settlement(await begun(journal, claim), told=told(1, Stage.ENDED)))
    await ended_case(journal, "other")
    age(journal_url, 89 * DAY)
    meddle(journal_url, "UPDATE cases SET closed_at = NULL, stage = 'in_progress' WHERE id = :id", id=case.id)
    later = await journal.accept(addition(case, "later"))
    age(journal_url, 2 * DAY)
    await sweep(journal)
    assert tombstones(journal_url) == 1

    await ended(journal, case, claim_of(later))
    age(journal_url, 91 * DAY)
    await sweep(journal)

    assert tombstones(journal_url) == 3


async def test_a_permanent_subject_stays_taken_when_its_answer_is_gone_whatever_is_filed(
    journal: Journal, journal_url: str
):
    call = opening("one")
    claim = claim_of(await journal.accept(call))
    assert call.case is not None
    await journal.accept(addition(call.case, "payment", business_key=SUBJECT))
    await ended(journal, call.case, claim)

    for wait in (91 * DAY, 3651 * DAY):
        age(journal_url, wait)
        await sweep(journal)
        before = counts(journal_url)
        for content in (call.fingerprint, OTHER):
            with pytest.raises(AlreadyFiled) as refused:
                await journal.accept(opening("again", business_key=SUBJECT, fingerprint=content))
            assert refused.value.context["tracking_code"] == call.case.tracking_code
        assert counts(journal_url) == before
    assert before["idempotency_keys"] == 0
    assert before["business_keys"] == 1


async def test_a_key_used_anew_after_its_tombstone_gives_no_answer_for_the_subject_it_once_had(
    journal: Journal, journal_url: str
):
    call = opening("one")
    claim = claim_of(await journal.accept(call))
    assert call.case is not None
    payment = addition(call.case, "payment", business_key=SUBJECT)
    await journal.accept(payment)
    await ended(journal, call.case, claim)
    for wait in (91 * DAY, 3651 * DAY):
        age(journal_url, wait)
        await sweep(journal)
    await journal.accept(opening(scope=payment.scope))

    with pytest.raises(AlreadyFiled):
        await journal.accept(opening("again", business_key=SUBJECT))


async def test_more_than_a_batch_is_retired_in_several_commits_even_when_all_ended_at_once(
    journal: Journal, journal_url: str
):
    await ended_case(journal, "like all")
    multiply(journal_url, 450, "old")
    age(journal_url, 91 * DAY)

    assert await sweep(journal) == 2

    assert tombstones(journal_url) == 451
    assert retired_batches(journal_url) == [(200, 0), (200, 0), (51, 0)]

    age(journal_url, 3651 * DAY)
    await sweep(journal)

    assert counts(journal_url)["idempotency_keys"] == 0
    assert retired_batches(journal_url)[3:] == [(0, 200), (0, 200), (0, 51)]


async def test_a_sweep_that_finds_nothing_tells_nothing(journal: Journal, journal_url: str):
    await ended_case(journal, "young")
    before = counts(journal_url)

    assert not await journal.retire_keys(AGE)

    assert counts(journal_url) == before
    assert await journal.read(inspecting.first_broken_audit) is None


async def test_the_walk_goes_on_after_a_restart(opening_journals: Opening, journal_url: str):
    journal = opening_journals()
    await ended_case(journal, "first")
    age(journal_url, 91 * DAY)
    await sweep(journal)
    journal.close()
    journal = opening_journals()
    await ended_case(journal, "second")
    age(journal_url, 91 * DAY)

    await sweep(journal)

    assert tombstones(journal_url) == 2


async def test_a_batch_that_fails_leaves_its_keys_and_its_place_as_they_were(journal: Journal, journal_url: str):
    await ended_case(journal, "same")
    age(journal_url, 91 * DAY)

    def retire_and_fail(unit: Unit) -> None:
        retire(unit, [AGE])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await inside(journal, retire_and_fail)
    assert tombstones(journal_url) == 0

    await sweep(journal)
    assert tombstones(journal_url) == 1


async def test_a_batch_shares_its_commit_with_calls_and_does_not_touch_them(journal: Journal, journal_url: str):
    await ended_case(journal, "old")
    age(journal_url, 91 * DAY)

    more, accepted = await in_one_commit(journal, journal.retire_keys(AGE), journal.accept(opening("new")))

    assert (more, accepted.is_replay) == (False, False)
    assert tombstones(journal_url) == 1
    assert (await journal.accept(opening("new"))).is_replay


async def test_two_nodes_that_sweep_at_once_retire_everything_once(postgres_journals: Opening, postgres_url: str):
    """While one is at it the other has nothing to do, and waits for nobody."""
    one, two = postgres_journals(node="one"), postgres_journals(node="two")
    await ended_case(one, "same")
    age(postgres_url, 91 * DAY)
    loop, is_at_it, gate = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def retire_slowly(unit: Unit) -> None:
        retire(unit, [AGE])
        loop.call_soon_threadsafe(is_at_it.set)
        gate.wait(10)

    sweeping = asyncio.create_task(inside(one, retire_slowly))
    await is_at_it.wait()
    assert not await asyncio.wait_for(two.retire_keys(AGE), 5)
    gate.set()
    await sweeping

    assert tombstones(postgres_url) == 1
    assert retired_batches(postgres_url) == [(1, 0)]


# its cost


async def test_a_sweep_looks_at_what_is_due_alone(journal: Journal, journal_url: str):
    """On both databases: by the index of ends and the index of tombstones, never by the tables."""
    await ended_case(journal, "like all")
    multiply(journal_url, 3000, "old")
    age(journal_url, 91 * DAY)
    await sweep(journal)
    if not journal_url.startswith("sqlite"):
        meddle(journal_url, "ANALYZE")

    with Overheard(journal) as heard:
        await journal.retire_keys(AGE)

    plans = "\n".join(plan(journal_url, sql, given) for sql, given in heard.statements if "closed_at" in sql)
    assert "case_closed" in plans
    assert "SCAN cases" not in plans
    assert "Seq Scan" not in plans
    (removal,) = [plan(journal_url, sql, given) for sql, given in heard.statements if sql.startswith("DELETE")]
    assert "idempotency_tombstone" in removal
    assert "SCAN" not in removal.replace("SCAN CONSTANT ROW", "")


async def test_an_idle_sweep_costs_the_same_after_thousands_of_retired_cases(sqlite_journals: Opening, sqlite_url: str):
    journal = sqlite_journals()
    await ended_case(journal, "like all")

    async def idle_cost() -> int:
        await sweep(journal)
        steps = await inside(journal, counted_steps)
        before = steps[0]
        await journal.retire_keys(AGE)
        return int(steps[0] - before)

    multiply(sqlite_url, 10, "few")
    age(sqlite_url, 91 * DAY)
    cost_of_few = await idle_cost()
    multiply(sqlite_url, 5000, "many")
    cost_of_many = await idle_cost()

    assert 0 < cost_of_few < 400
    assert cost_of_many <= cost_of_few * 1.1
