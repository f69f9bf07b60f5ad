"""Who may work on what: heads of lanes, one node at a time, and only while that node lives."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from adapter.errors import LeaseLost
from adapter.exchange import Claim, State
from adapter.journal import Journal
from tests.integration.journal_making import (
    AT_ONCE,
    CORE,
    LONG,
    RECORD,
    TENANT,
    WINDOW,
    Opening,
    addition,
    begun,
    in_one_commit,
    inside,
    look,
    meddle,
    new_case,
    new_exchange,
    opening,
    outward,
    settlement,
    state_of,
    submitted,
)

SOON = timedelta(minutes=5)


def ids(claims: Iterable[Claim]) -> list[str]:
    return [claim.exchange.id for claim in claims]


async def given_back(journal: Journal, claim: Claim) -> None:
    """The claim released, due at once."""
    await journal.release(claim, datetime.now(UTC))


async def test_what_is_due_and_free_is_claimed_with_its_record_and_its_case(journal: Journal):
    case, claim = await submitted(journal)
    await given_back(journal, claim)

    (found,) = await journal.claim_ready(10)

    assert found.exchange.id == claim.exchange.id
    assert (found.record, found.frozen) == (RECORD, None)
    assert (found.case.id, found.case.tracking_code) == (case.id, case.tracking_code)
    assert found.fence > claim.fence


async def test_what_was_sent_before_is_claimed_with_its_frozen_bytes(journal: Journal):
    _, claim = await submitted(journal)
    await journal.settle(settlement(await begun(journal, claim, frozen=b"<as sent/>"), State.READY))

    (again,) = await journal.claim_ready(10)

    assert again.frozen == b"<as sent/>"
    assert again.exchange.attempts == 1


async def test_a_claimed_exchange_is_not_claimed_twice(journal: Journal):
    _, claim = await submitted(journal)
    await given_back(journal, claim)

    first, second = await asyncio.gather(journal.claim_ready(10), journal.claim_ready(10))

    assert sorted([len(first), len(second)]) == [0, 1]
    assert await journal.claim_ready(10) == []


async def test_an_exchange_claimed_at_its_acceptance_is_not_claimed_again(journal: Journal):
    await submitted(journal)

    assert await journal.claim_ready(10) == []


async def test_what_is_not_due_yet_is_left(journal: Journal):
    _, claim = await submitted(journal)
    await journal.release(claim, datetime.now(UTC) + SOON)

    assert await journal.claim_ready(10) == []


async def test_the_oldest_due_is_claimed_first_and_no_more_than_wished(journal: Journal):
    cases = [await submitted(journal) for _ in range(3)]
    now = datetime.now(UTC)
    for place, (_, claim) in enumerate(cases):
        await journal.release(claim, now - timedelta(seconds=place))

    claims = await journal.claim_ready(2)

    assert ids(claims) == [cases[2][1].exchange.id, cases[1][1].exchange.id]


async def test_only_the_head_of_a_lane_is_claimed(journal: Journal):
    case, claim = await submitted(journal)
    await journal.accept(addition(case))
    await journal.accept(addition(case))
    await given_back(journal, claim)

    assert ids(await journal.claim_ready(10)) == [claim.exchange.id]


async def test_the_next_of_a_lane_follows_when_the_head_is_done(journal: Journal):
    case, claim = await submitted(journal)
    second, third = addition(case), addition(case)
    await journal.accept(second)
    await journal.accept(third)
    await journal.settle(settlement(await begun(journal, claim)))

    assert ids(await journal.claim_ready(10)) == [second.exchange.id]


@pytest.mark.parametrize("state", [State.PARKED, State.IN_DOUBT, State.READY])
async def test_what_stands_at_the_head_holds_its_own_lane_only(journal: Journal, state: State):
    """READY here is a retry that is not due yet."""
    case, claim = await submitted(journal)
    await journal.accept(addition(case))
    await journal.settle(settlement(await begun(journal, claim), state, due_at=datetime.now(UTC) + SOON))
    _, beside = await submitted(journal)
    await given_back(journal, beside)

    assert ids(await journal.claim_ready(10)) == [beside.exchange.id]


@pytest.mark.parametrize("state", [State.AWAITING, State.DONE, State.REFUSED])
async def test_what_is_taken_or_ended_frees_its_lane(journal: Journal, state: State):
    case, claim = await submitted(journal)
    behind = addition(case)
    await journal.accept(behind)
    await journal.settle(settlement(await begun(journal, claim), state, due_at=datetime.now(UTC) + SOON))

    assert ids(await journal.claim_ready(10)) == [behind.exchange.id]


async def test_a_lane_towards_one_target_does_not_hold_up_another(journal: Journal):
    case, claim = await submitted(journal)
    pushed = outward(case)
    sending = await begun(journal, claim)

    settled = await journal.settle(settlement(sending, State.PARKED, following=((pushed, RECORD),)))

    assert ids(settled.claims) == [pushed.id]


async def test_a_closed_target_is_skipped_for_its_tenant_alone(journal: Journal):
    here, there = await submitted(journal), opening(case=new_case(tenant="another town"))
    accepted = await journal.accept(there)
    assert accepted.claim is not None
    await given_back(journal, here[1])
    await given_back(journal, accepted.claim)

    claims = await journal.claim_ready(10, frozenset({(TENANT, CORE), (TENANT, WINDOW)}))

    assert ids(claims) == [there.exchange.id]


async def test_a_hundred_cases_behind_a_closed_target_do_not_hide_an_open_one(journal: Journal):
    for _ in range(30):
        _, claim = await submitted(journal)
        await journal.release(claim, datetime.now(UTC) - SOON)
    case = new_case()
    call = opening(case=case, exchange=new_exchange(case, target=WINDOW))
    accepted = await journal.accept(call)
    assert accepted.claim is not None
    await given_back(journal, accepted.claim)

    assert ids(await journal.claim_ready(3, frozenset({(TENANT, CORE)}))) == [call.exchange.id]


async def test_an_unsettled_exchange_is_claimed_to_be_asked_for_when_its_time_has_come(journal: Journal):
    doubted, awaited, later = [(await submitted(journal))[1] for _ in range(3)]
    now = datetime.now(UTC)
    await journal.settle(settlement(await begun(journal, doubted), State.IN_DOUBT, due_at=now))
    await journal.settle(settlement(await begun(journal, awaited), State.AWAITING, due_at=now))
    await journal.settle(settlement(await begun(journal, later), State.IN_DOUBT, due_at=now + SOON))

    claims = await journal.claim_unsettled(10)

    assert sorted(ids(claims)) == sorted([doubted.exchange.id, awaited.exchange.id])
    assert await journal.claim_unsettled(10) == []
    assert await journal.claim_ready(10) == []


async def test_what_is_parked_is_claimed_by_nobody(journal: Journal):
    _, claim = await submitted(journal)
    await journal.settle(settlement(claim, State.PARKED))

    assert await journal.claim_ready(10) == []
    assert await journal.claim_unsettled(10) == []


async def test_two_nodes_share_what_is_due_and_never_the_same(postgres_journals: Opening):
    one, two = postgres_journals(node="one"), postgres_journals(node="two")
    mine = [(await submitted(one))[1] for _ in range(60)]
    await asyncio.gather(*(given_back(one, claim) for claim in mine))

    rounds = await asyncio.gather(*(node.claim_ready(7) for _ in range(10) for node in (one, two)))

    claimed = [found for claims in rounds for found in ids(claims)]
    assert sorted(claimed) == sorted(ids(mine))


async def test_a_living_nodes_claims_are_left_to_it(postgres_journals: Opening):
    one, two = postgres_journals(node="one"), postgres_journals(node="two", silence=LONG)
    await submitted(one)

    assert await two.claim_ready(10) == []


async def test_a_silent_nodes_claims_fall_to_another(postgres_journals: Opening):
    one = postgres_journals(node="one")
    _, claim = await submitted(one)
    two = postgres_journals(node="two", silence=AT_ONCE)

    (taken,) = await two.claim_ready(10)

    assert taken.exchange.id == claim.exchange.id
    with pytest.raises(LeaseLost):
        await begun(one, claim)
    await begun(two, taken)


async def test_a_heartbeat_keeps_a_nodes_claims(postgres_journals: Opening, postgres_url: str):
    one, two = postgres_journals(node="one"), postgres_journals(node="two")
    _, claim = await submitted(one)
    meddle(postgres_url, "UPDATE nodes SET seen_at = 1 WHERE name = 'one'")

    await one.beat()
    assert await two.claim_ready(10) == []

    meddle(postgres_url, "UPDATE nodes SET seen_at = 1 WHERE name = 'one'")
    assert ids(await two.claim_ready(10)) == [claim.exchange.id]


async def test_a_node_does_not_take_itself_for_dead(journal: Journal, journal_url: str):
    """After a pause longer than the silence its own claims are still its own."""
    await submitted(journal)
    meddle(journal_url, "UPDATE nodes SET seen_at = 1")

    assert await journal.claim_ready(10) == []


async def test_an_open_attempt_does_not_fall_with_the_heartbeat(postgres_journals: Opening):
    one = postgres_journals(node="one")
    _, claim = await submitted(one)
    await begun(one, claim)
    two = postgres_journals(node="two", silence=AT_ONCE)

    assert await two.claim_ready(10) == []
    assert await two.claim_unsettled(10) == []
    assert await two.fall_expired() == 0


async def test_an_attempt_whose_lease_has_ended_becomes_in_doubt_and_is_told(journal: Journal, journal_url: str):
    _, claim = await submitted(journal)
    await begun(journal, claim, lease=AT_ONCE, settle=SOON)
    before = datetime.now(UTC)

    assert await journal.fall_expired() == 1

    row = look(
        journal_url,
        "SELECT state, owner, lease_until, may_have_effect, due_at, code FROM exchanges WHERE id = :id",
        id=claim.exchange.id,
    )[0]
    assert (*row[:3], bool(row[3]), row[5]) == ("in_doubt", None, None, True, "lease_lost")
    assert row[4] >= (before + SOON).timestamp() * 1_000_000
    told = look(journal_url, "SELECT event FROM audit WHERE exchange_id = :id ORDER BY number", id=claim.exchange.id)
    assert told[-1] == ("lease_lost",)
    assert look(journal_url, "SELECT number, verdict, code FROM attempts") == [(1, "in_doubt", "lease_lost")]


async def test_an_attempt_within_its_lease_does_not_fall(journal: Journal, journal_url: str):
    _, claim = await submitted(journal)
    await begun(journal, claim)

    assert await journal.fall_expired() == 0
    assert state_of(journal_url, claim.exchange.id) == "sending"


async def test_a_worker_that_outlived_its_lease_can_write_nothing_more(journal: Journal, journal_url: str):
    _, claim = await submitted(journal)
    zombie = await begun(journal, claim, lease=AT_ONCE)
    await journal.fall_expired()

    with pytest.raises(LeaseLost):
        await journal.settle(settlement(zombie))

    assert state_of(journal_url, claim.exchange.id) == "in_doubt"


async def test_an_attempt_that_is_just_being_settled_by_its_node_does_not_fall(
    postgres_url: str, postgres_journals: Opening
):
    """The lease has ended; node one settles at the same moment as node two lets it fall: the settlement stays."""
    one, two = postgres_journals(node="one"), postgres_journals(node="two")
    _, claim = await submitted(one)
    sending = await begun(one, claim, lease=AT_ONCE)
    held = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hold(_unit: object) -> None:
        """In the settlement's transaction, behind it: the row is written and not yet committed."""
        loop.call_soon_threadsafe(held.set)
        time.sleep(0.3)

    settling = asyncio.create_task(in_one_commit(one, one.settle(settlement(sending)), inside(one, hold)))
    await held.wait()
    fell = await two.fall_expired()
    await settling

    assert (fell, state_of(postgres_url, claim.exchange.id)) == (0, "done")


async def test_after_a_restart_claims_are_free_and_open_attempts_in_doubt(opening_journals: Opening, journal_url: str):
    first = opening_journals(node="one")
    _, claimed = await submitted(first)
    _, open_one = await submitted(first)
    sending = await begun(first, open_one, settle=SOON)
    _, doubted = await submitted(first)
    await first.settle(settlement(await begun(first, doubted), State.IN_DOUBT))
    asked = await first.claim_unsettled(10)
    first.close()

    second = opening_journals(node="one")

    assert ids(await second.claim_ready(10)) == [claimed.exchange.id]
    assert ids(await second.claim_unsettled(10)) == ids(asked) == [doubted.exchange.id]
    state, due_at, effect = look(
        journal_url, "SELECT state, due_at, may_have_effect FROM exchanges WHERE id = :id", id=open_one.exchange.id
    )[0]
    assert (state, bool(effect)) == ("in_doubt", True)
    assert due_at > (datetime.now(UTC) + SOON - timedelta(seconds=30)).timestamp() * 1_000_000
    told = look(journal_url, "SELECT event FROM audit WHERE exchange_id = :id ORDER BY number", id=open_one.exchange.id)
    assert told == [("accepted",), ("attempt_begun",), ("lease_lost",)]
    with pytest.raises(LeaseLost):
        await second.settle(settlement(sending))


async def test_a_restart_does_not_touch_another_nodes_attempts(postgres_url: str, postgres_journals: Opening):
    """Nor those of a node whose name begins alike."""
    one, neighbour = postgres_journals(node="one"), postgres_journals(node="one-b")
    _, claim = await submitted(neighbour)
    await begun(neighbour, claim)
    one.close()

    postgres_journals(node="one")

    assert state_of(postgres_url, claim.exchange.id) == "sending"


async def test_on_sqlite_all_of_a_dead_process_falls_whatever_its_name_was(sqlite_url: str, sqlite_journals: Opening):
    first = sqlite_journals(node="yesterday")
    _, claimed = await submitted(first)
    _, open_one = await submitted(first)
    await begun(first, open_one)
    first.close()

    second = sqlite_journals(node="today")

    assert ids(await second.claim_ready(10)) == [claimed.exchange.id]
    assert state_of(sqlite_url, open_one.exchange.id) == "in_doubt"


async def test_one_unreadable_record_delays_no_other_case(journal: Journal, journal_url: str):
    """A flipped byte in one sealed payload: the others are claimed all the same, and the bad one stands visible."""
    (_, bad), (_, good) = await submitted(journal), await submitted(journal)
    await given_back(journal, bad)
    await given_back(journal, good)
    spoil = "UPDATE payloads SET sealed = :sealed WHERE exchange_id = :id"
    meddle(journal_url, spoil, sealed=bytes(40), id=bad.exchange.id)

    claims = await journal.claim_ready(10)

    assert ids(claims) == [good.exchange.id]
    assert state_of(journal_url, bad.exchange.id) == "parked"
