"""Their ledger and ours, each in the order of references: whole, paged, and side by side."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from adapter.channels import Target
from adapter.exchange import LedgerEntry, State
from adapter.journal import Journal, inspecting
from adapter.journal.inspecting import Kept
from adapter.reconciliation import Period
from adapter.reconciliation.ledgers import Entry, Theirs, merged
from tests.integration.journal_making import (
    TENANT,
    WINDOW,
    addition,
    begun,
    claim_of,
    new_case,
    opening,
    outward,
)
from tests.support.statements import DAY, NOW, Statement

pytest_plugins = ["tests.support.statement_fixtures"]

REFERENCES = st.sets(st.integers(0, 40).map(lambda number: f"{number:02d}"))


@given(ours=REFERENCES, theirs=REFERENCES)
async def test_both_ledgers_come_out_side_by_side_whatever_they_hold(ours: set[str], theirs: set[str]) -> None:
    case = new_case()

    async def pages() -> AsyncIterator[Kept]:
        for reference in sorted(ours):
            yield Kept(outward(case, reference=reference), "")

    entries = (Entry(reference, "PushStatus", "", times=1, is_in_period=True) for reference in sorted(theirs))

    pairs = [
        (kept and kept.exchange.reference, entry and entry.reference) async for kept, entry in merged(pages(), entries)
    ]

    both = ours | theirs
    assert pairs == [(one if one in ours else None, one if one in theirs else None) for one in sorted(both)]


async def test_their_ledger_comes_sorted_and_each_reference_once_whatever_its_order() -> None:
    early, late = NOW - timedelta(hours=2), NOW - timedelta(hours=1)
    far = Statement(
        [
            LedgerEntry("b", "PushStatus", "1", late),
            LedgerEntry("a-2", "PushStatus", None, late),
            LedgerEntry("a", "IssueBill", "2", early, amount_rial=0),
            LedgerEntry("b", "PushStatus", "1", early),
            LedgerEntry("b", "PushStatus", "1", early, state=None, word="reversed"),
        ]
    )

    theirs = await Theirs.read(cast("Target", far), DAY, Period(late, NOW))

    assert list(theirs.entries()) == [
        Entry("a", "IssueBill", "2", times=1, is_in_period=False, amount_rial=0),
        Entry("a-2", "PushStatus", "", times=1, is_in_period=True),
        Entry("b", "PushStatus", "1", times=2, is_in_period=True, state=None, word="reversed"),
    ]


async def test_a_page_of_our_ledger_begins_where_the_last_one_ended(journal: Journal) -> None:
    case = new_case()
    await journal.accept(opening(case=case))
    for _ in range(4):
        reference = str(uuid.uuid4())
        await journal.accept(addition(case, exchange=outward(case, reference=reference)))

    def page(after: str) -> Any:
        return journal.read(
            inspecting.ledger_page,
            TENANT,
            WINDOW,
            since=DAY.since,
            until=NOW + timedelta(hours=1),
            after=after,
            limit=3,
        )

    first = [one.exchange.reference for one in await page("")]
    second = [one.exchange.reference for one in await page(first[-1])]

    assert (len(first), len(second)) == (3, 1)
    assert first + second == sorted(first + second)


@given(states=st.lists(st.sampled_from([State.DONE, State.AWAITING, State.REFUSED, State.WITHDRAWN]), min_size=1))
async def test_of_one_reference_the_last_entry_speaks_and_effects_alone_are_counted(states: list[State]) -> None:
    far = Statement([LedgerEntry("a", "PushStatus", state=state, amount_rial=n) for n, state in enumerate(states)])

    (entry,) = (await Theirs.read(cast("Target", far), DAY, DAY)).entries()

    assert (entry.state, entry.amount_rial) == (states[-1], len(states) - 1)
    assert entry.times == sum(state in {State.DONE, State.AWAITING} for state in states)


async def test_what_was_frozen_is_opened_for_those_that_have_it(journal: Journal) -> None:
    case = new_case()
    claim = await begun(journal, claim_of(await journal.accept(opening(case=case))), frozen=b"as it was sent")
    never_sent = outward(case)
    await journal.accept(addition(case, exchange=never_sent))

    found = await journal.read(inspecting.frozen_of, journal.sealer, [claim.exchange, never_sent])

    assert found == {claim.exchange.id: b"as it was sent"}
