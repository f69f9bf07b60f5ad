"""A call is kept exactly once, under its key and under its subject; a refused one leaves nothing."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from typing import Any

import pytest

from adapter.exchange import Caller, Operation, Stage, State
from adapter.journal import Accepted, Journal, reading
from adapter.journal.unit import Unit
from adapter.refusals import AlreadyFiled, CaseClosed, KeyConflict, StillInFlight
from tests.integration.journal_making import (
    RECORD,
    TENANT,
    Opening,
    addition,
    begun,
    claim_of,
    counts,
    digest,
    ended,
    in_one_commit,
    inside,
    look,
    new_case,
    new_exchange,
    opening,
    settlement,
    submitted,
    told,
)

SUBJECT = digest("subject", "12-345")
OTHER = digest("content", "other")


async def test_a_call_is_answered_with_its_body_and_its_exchange_is_claimed(journal: Journal):
    call = opening("first")

    accepted = await journal.accept(call)

    assert (accepted.status, accepted.body, accepted.is_replay) == (202, call.body, False)
    assert claim_of(accepted).exchange == call.exchange
    assert claim_of(accepted).record == call.record


async def test_everything_of_a_call_is_in_the_database_when_it_is_answered(journal: Journal, journal_url: str):
    await journal.accept(opening("first", business_key=SUBJECT, search={"national_id": digest("id")}))

    assert counts(journal_url) == {
        **dict.fromkeys(("attempts", "cursors", "strays"), 0),
        **dict.fromkeys(("cases", "exchanges", "payloads", "audit"), 1),
        **dict.fromkeys(("idempotency_keys", "business_keys", "search_keys"), 1),
    }


async def test_a_repeated_call_gets_the_first_answer_and_keeps_nothing(journal: Journal, journal_url: str):
    first = opening("same")
    await journal.accept(first)
    before = counts(journal_url)

    again = await journal.accept(opening("same", body={"tracking_code": "another"}, status=299))

    assert again == Accepted(status=202, body=first.body, is_replay=True)
    assert counts(journal_url) == before


async def test_the_first_answer_is_given_after_a_restart_too(opening_journals: Opening):
    journal, first = opening_journals(), opening("same")
    await journal.accept(first)
    journal.close()

    again = await opening_journals().accept(opening("same"))

    assert (again.body, again.is_replay, again.claim) == (first.body, True, None)


async def test_the_first_answer_is_given_after_the_case_has_ended_too(journal: Journal):
    first = opening("same")
    accepted = await journal.accept(first)
    assert first.case is not None
    await ended(journal, first.case, claim_of(accepted))

    assert (await journal.accept(opening("same"))).body == first.body


async def test_a_key_used_with_another_payload_is_a_conflict(journal: Journal, journal_url: str):
    await journal.accept(opening("same"))
    before = counts(journal_url)

    with pytest.raises(KeyConflict):
        await journal.accept(opening("same", fingerprint=OTHER))

    assert counts(journal_url) == before


async def test_the_same_key_of_another_tenant_is_another_call(journal: Journal):
    elsewhere = Caller("portal", "another town", "portal")
    await journal.accept(opening("same"))

    accepted = await journal.accept(opening("same", new_case(tenant="another town"), caller=elsewhere))

    assert not accepted.is_replay


async def test_a_key_that_is_still_being_accepted_is_in_flight(journal: Journal, journal_url: str):
    first, second = await in_one_commit(journal, journal.accept(opening("same")), journal.accept(opening("same")))

    assert isinstance(first, Accepted)
    assert isinstance(second, StillInFlight)
    assert second.context["retry_after"] == 1
    assert counts(journal_url)["cases"] == 1


async def test_a_subject_that_is_still_being_accepted_is_in_flight(journal: Journal, journal_url: str):
    calls = (opening("one", business_key=SUBJECT), opening("two", business_key=SUBJECT))

    first, second = await in_one_commit(journal, *(journal.accept(call) for call in calls))

    assert isinstance(first, Accepted)
    assert isinstance(second, StillInFlight)
    assert counts(journal_url)["cases"] == 1


async def test_a_refused_call_does_not_touch_the_others_of_its_commit(journal: Journal, journal_url: str):
    await journal.accept(opening("known"))
    commits = journal.commits

    good, bad, also_good = await in_one_commit(
        journal,
        journal.accept(opening("new")),
        journal.accept(opening("known", fingerprint=OTHER)),
        journal.accept(opening("newer")),
    )

    assert isinstance(good, Accepted)
    assert isinstance(bad, KeyConflict)
    assert isinstance(also_good, Accepted)
    assert counts(journal_url)["cases"] == 3
    assert journal.commits == commits + 2


async def test_the_same_subject_with_equal_content_gets_the_first_answer(journal: Journal, journal_url: str):
    first = opening("one", business_key=SUBJECT)
    await journal.accept(first)

    again = await journal.accept(opening("two", business_key=SUBJECT))

    assert (again.body, again.is_replay) == (first.body, True)
    assert counts(journal_url)["cases"] == 1


async def test_the_same_subject_with_other_content_is_told_the_first_tracking_code(journal: Journal, journal_url: str):
    first = opening("one", business_key=SUBJECT)
    await journal.accept(first)
    before = counts(journal_url)

    with pytest.raises(AlreadyFiled) as refused:
        await journal.accept(opening("two", business_key=SUBJECT, fingerprint=OTHER))

    assert first.case is not None
    assert refused.value.context["tracking_code"] == first.case.tracking_code
    assert first.case.tracking_code in refused.value.detail
    assert counts(journal_url) == before


async def test_a_parallel_call_is_kept_beside_the_first_where_the_service_wants_that(
    journal: Journal, journal_url: str
):
    first = opening("one", business_key=SUBJECT)
    await journal.accept(first)
    marking: dict[str, Any] = {"business_key": SUBJECT, "fingerprint": OTHER, "marks_parallel": True}
    assert first.case is not None

    told = await journal.accept(opening("two", tells_parallel=True, **marking))
    silent = await journal.accept(opening("three", **marking))

    assert told.body["parallel_tracking_code"] == first.case.tracking_code
    assert "parallel_tracking_code" not in silent.body
    assert (await journal.accept(opening("two", **marking))).body == told.body
    details = [json.loads(detail) for (detail,) in look(journal_url, "SELECT detail FROM audit ORDER BY number")]
    assert [one.get("parallel_to") for one in details] == [None, first.case.id, first.case.id]
    assert counts(journal_url)["business_keys"] == 1


async def test_the_same_content_is_the_same_call_even_where_parallel_ones_are_kept(journal: Journal):
    first = opening("one", business_key=SUBJECT)
    await journal.accept(first)

    again = await journal.accept(opening("two", business_key=SUBJECT, marks_parallel=True))

    assert again == Accepted(status=202, body=first.body, is_replay=True)


async def test_a_refused_key_is_not_burnt(journal: Journal):
    await journal.accept(opening("one", business_key=SUBJECT))
    with pytest.raises(AlreadyFiled):
        await journal.accept(opening("two", business_key=SUBJECT, fingerprint=OTHER))

    accepted = await journal.accept(opening("two", fingerprint=OTHER))

    assert not accepted.is_replay


async def test_a_subject_is_free_again_once_its_case_has_ended(journal: Journal):
    case, claim = await submitted(journal, business_key=SUBJECT)
    await ended(journal, case, claim)

    accepted = await journal.accept(opening("next year", business_key=SUBJECT, fingerprint=OTHER))

    assert not accepted.is_replay


async def test_a_subject_is_not_free_while_its_case_goes_on(journal: Journal):
    _, claim = await submitted(journal, business_key=SUBJECT)
    await journal.settle(settlement(await begun(journal, claim), told=told(1, Stage.TO_PAY)))

    with pytest.raises(AlreadyFiled):
        await journal.accept(opening("too soon", business_key=SUBJECT, fingerprint=OTHER))


async def test_a_permanent_subject_stays_taken_after_its_case_has_ended(journal: Journal):
    case, claim = await submitted(journal)
    await journal.accept(addition(case, "payment", business_key=SUBJECT))
    await ended(journal, case, claim)

    with pytest.raises(AlreadyFiled):
        await journal.accept(opening("again", business_key=SUBJECT, fingerprint=OTHER))


@pytest.mark.parametrize("stage", [Stage.ENDED, Stage.REFUSED, Stage.WITHDRAWN])
async def test_a_closed_case_takes_nothing_more(journal: Journal, journal_url: str, stage: Stage):
    case, claim = await submitted(journal)
    await ended(journal, case, claim, stage)
    before = counts(journal_url)

    with pytest.raises(CaseClosed, match=stage.value):
        await journal.accept(addition(case))

    assert counts(journal_url) == before


async def test_an_addition_waits_while_its_lane_is_held(journal: Journal):
    case, _ = await submitted(journal)

    accepted = await journal.accept(addition(case))

    assert accepted.claim is None


async def test_an_addition_is_delivered_at_once_when_its_lane_is_free(journal: Journal):
    case, claim = await submitted(journal)
    await journal.settle(settlement(await begun(journal, claim)))

    accepted = await journal.accept(addition(case))

    assert claim_of(accepted).case.tracking_code == case.tracking_code


async def test_two_additions_of_one_commit_are_not_both_delivered_at_once(journal: Journal):
    case, claim = await submitted(journal)
    await journal.settle(settlement(await begun(journal, claim)))

    first, second = await in_one_commit(journal, journal.accept(addition(case)), journal.accept(addition(case)))

    assert [first.claim is not None, second.claim is not None] == [True, False]


async def test_what_settles_and_what_is_accepted_in_one_commit_do_not_share_a_lane(journal: Journal):
    """A follower and an addition in the same lane, in the same commit: only one may leave at once."""
    case, claim = await submitted(journal)
    sending = await begun(journal, claim)
    follower = new_exchange(case, operation=Operation.CORRECT_REQUEST)

    settled, accepted = await in_one_commit(
        journal,
        journal.settle(settlement(sending, following=((follower, RECORD),))),
        journal.accept(addition(case)),
    )

    assert len(settled.claims) + (accepted.claim is not None) == 1


async def test_an_answered_inquiry_is_kept_with_its_answer_and_not_claimed(journal: Journal):
    call = opening("inquiry")
    answered = replace(call.exchange, state=State.DONE, attempts=1, settled_at=call.exchange.accepted_at)

    accepted = await journal.accept(replace(call, exchange=answered, answer={"code": "10"}))

    assert accepted.claim is None
    assert await journal.content(answered, "answer") == b'{"code":"10"}'
    assert await journal.claim_ready(10) == []


async def test_a_call_kept_before_is_recalled_without_keeping_anything(journal: Journal, journal_url: str):
    first = opening("same")
    assert await journal.repeated(first) is None
    await journal.accept(first)
    before = counts(journal_url)

    recalled = await journal.repeated(opening("same"))

    assert recalled == Accepted(status=202, body=first.body, is_replay=True)
    with pytest.raises(KeyConflict):
        await journal.repeated(opening("same", fingerprint=OTHER))
    assert counts(journal_url) == before


async def test_calls_of_one_turn_of_the_loop_share_a_commit(journal: Journal, journal_url: str):
    before = journal.commits

    await asyncio.gather(*(journal.accept(opening(f"call {number}")) for number in range(50)))

    assert counts(journal_url)["exchanges"] == 50
    assert journal.commits == before + 1


async def test_a_hundred_calls_at_once_are_all_kept_in_few_commits(journal: Journal, journal_url: str):
    before = journal.commits
    calls = [opening(f"call {number}") for number in range(100)]

    answers = await in_one_commit(journal, *(journal.accept(call) for call in calls))

    assert [answer.body for answer in answers] == [call.body for call in calls]
    assert counts(journal_url)["exchanges"] == 100
    assert journal.commits - before <= 2


async def test_a_kept_case_is_found_by_its_code_its_tenant_and_its_searched_value(journal: Journal):
    case, _ = await submitted(journal, search={"national_id": digest("id")})

    found = await journal.read(reading.case_by_tracking_code, TENANT, case.tracking_code)
    by_search, count = await journal.read(reading.cases_by_search, TENANT, "national_id", digest("id"), limit=9)

    assert found is not None
    assert (found.id, [it["tracking_code"] for it in by_search], count) == (case.id, [case.tracking_code], 1)
    assert await journal.read(reading.case_by_tracking_code, "another town", case.tracking_code) is None
    elsewhere = await journal.read(reading.cases_by_search, "another town", "national_id", digest("id"), limit=9)
    assert elsewhere == ([], 0)


async def test_a_caller_who_hangs_up_does_not_keep_its_exchange_from_being_delivered(journal: Journal):
    """Cancelled at the await: the commit happens all the same, so the claim must not stay with nobody."""
    call = opening("hangs up")
    waiting = asyncio.create_task(journal.accept(call))

    async def hang_up() -> None:
        waiting.cancel()

    await in_one_commit(journal, hang_up())
    with pytest.raises(asyncio.CancelledError):
        await waiting
    claims = await journal.claim_ready(10)

    kept = await journal.read(reading.case_by_tracking_code, TENANT, str(call.body["tracking_code"]))
    assert (kept is not None) == (len(claims) == 1)


async def test_two_nodes_that_accept_the_same_key_at_once_both_give_the_first_answer(
    postgres_journals: Opening, postgres_url: str
):
    one, two = postgres_journals(node="one"), postgres_journals(node="two")

    for number in range(30):
        calls = opening(f"race {number}"), opening(f"race {number}")
        first, second = await asyncio.gather(one.accept(calls[0]), two.accept(calls[1]))
        assert first.body == second.body
        assert sorted([first.is_replay, second.is_replay]) == [False, True]

    assert look(postgres_url, "SELECT count(*) FROM cases") == [(30,)]


async def test_a_key_that_another_node_has_kept_but_not_committed_is_waited_for(
    postgres_journals: Opening, postgres_url: str
):
    """The other node's transaction is open behind its insert; ours must answer as a repeated call, not fail."""
    one, two = postgres_journals(node="one"), postgres_journals(node="two")
    first, loop, written = opening("same"), asyncio.get_running_loop(), asyncio.Event()

    def linger(unit: Unit) -> None:
        unit.flush()
        loop.call_soon_threadsafe(written.set)
        time.sleep(0.3)

    keeping = asyncio.create_task(in_one_commit(one, one.accept(first), inside(one, linger)))
    await written.wait()
    second = await two.accept(opening("same"))

    assert (second.body, second.is_replay) == (first.body, True)
    await keeping
    assert counts(postgres_url)["cases"] == 1
