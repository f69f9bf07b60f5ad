"""What their entries say, of a state and of an amount, against ours: each divergence is found once and classed."""

from __future__ import annotations

import random  # noqa: TID251 - a seeded source makes the divergences repeatable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from adapter.exchange import State
from adapter.journal import Filter, Journal, inspecting, reading
from adapter.reconciliation import Period, reconcile
from tests.integration.journal_making import new_case, outward
from tests.support.statements import DAY, NOW, RUN, Statement, compare, kept, kinds, ledger, sent

pytest_plugins = ["tests.support.statement_fixtures"]

# what they say of it


@pytest.mark.parametrize("theirs", [State.REFUSED, State.WITHDRAWN])
async def test_what_we_call_done_and_they_refused_or_cancelled_is_a_state_that_differs(
    journal: Journal, gateway: Statement, theirs: State
) -> None:
    exchange = await kept(journal, State.DONE, code="200")
    gateway.has(exchange, state=theirs)

    (finding,) = (await compare(journal, gateway)).findings

    assert (finding.kind, finding.exchange_id) == ("state_differs", exchange.id)
    assert finding.detail == f"we say PushStatus is done (code 200); window/1.0 says it is {theirs}"
    assert finding.command == f"panjereh exchanges show {exchange.id}"


@pytest.mark.parametrize("ours", [State.REFUSED, State.WITHDRAWN])
async def test_what_neither_side_lets_stand_is_agreed(journal: Journal, gateway: Statement, ours: State) -> None:
    gateway.has(await kept(journal, ours), state=State.REFUSED)

    compared = await compare(journal, gateway)

    assert (compared.agreed, compared.findings) == (1, [])


async def test_an_entry_of_another_day_that_says_no_contradicts_what_was_done_in_the_period(
    journal: Journal, gateway: Statement
) -> None:
    two_days_ago = NOW - timedelta(days=2)
    exchange = await kept(journal, State.DONE, accepted_at=two_days_ago)
    gateway.has(exchange, at=two_days_ago, state=State.REFUSED)

    assert kinds(await compare(journal, gateway)) == [("state_differs", exchange.reference)]


async def test_a_word_that_the_contract_does_not_know_is_a_finding_that_names_it(
    journal: Journal, gateway: Statement
) -> None:
    exchange = await kept(journal, State.DONE)
    gateway.has(exchange, state=None, word="reversed")

    (finding,) = (await compare(journal, gateway)).findings

    assert finding.kind == "state_differs"
    assert "window/1.0 says reversed, which [statement.states] in its contract.toml does not know" in finding.detail
    assert finding.command == f"panjereh exchanges show {exchange.id}"


async def test_the_last_word_of_several_entries_counts_and_a_refusal_is_no_second_effect(
    journal: Journal, gateway: Statement
) -> None:
    retried, reversed_later = [await kept(journal, State.DONE) for _ in range(2)]
    for exchange, said in ((retried, State.REFUSED), (reversed_later, State.DONE)):
        gateway.has(exchange, state=said)
    for exchange, said in ((retried, State.DONE), (reversed_later, State.WITHDRAWN)):
        gateway.has(exchange, state=said)

    assert kinds(await compare(journal, gateway)) == [("state_differs", reversed_later.reference)]


# what it is worth


@pytest.mark.parametrize(("theirs", "by"), [(48_501_000, "1,000 rial more"), (48_000_000, "500,000 rial less")])
async def test_another_amount_is_found_and_neither_amount_is_told(
    journal: Journal, gateway: Statement, theirs: int, by: str
) -> None:
    exchange = await sent(journal, 48_500_000)
    gateway.has(exchange, amount_rial=theirs)

    compared = await compare(journal, gateway)

    (finding,) = compared.findings
    assert (finding.kind, finding.exchange_id, compared.agreed) == ("amount_differs", exchange.id, 0)
    assert finding.detail == f"window/1.0 has {by} for PushStatus than we sent"
    assert finding.command == (f'panjereh exchanges show {exchange.id} --body frozen --reason "reconciliation {RUN}"')


@pytest.mark.parametrize("theirs", [48_500_000, None])
async def test_an_amount_that_is_the_same_or_not_told_is_agreed(
    journal: Journal, gateway: Statement, theirs: int | None
) -> None:
    gateway.has(await sent(journal, 48_500_000), amount_rial=theirs)

    compared = await compare(journal, gateway)

    assert (compared.agreed, compared.findings) == (1, [])


class Unopened:
    """A journal whose seals nobody may open."""

    def __init__(self, journal: Journal) -> None:
        self._journal, self.sealer = journal, journal.sealer

    async def read(self, function: Any, *arguments: Any, **named: Any) -> Any:
        assert function is not inspecting.frozen_of
        return await self._journal.read(function, *arguments, **named)


async def test_nothing_is_opened_for_entries_that_carry_no_amount(journal: Journal, gateway: Statement) -> None:
    gateway.has(await sent(journal, 48_500_000))
    gateway.has(await sent(journal, 48_500_000), amount_rial=1, state=State.REFUSED)

    compared = await compare(cast("Journal", Unopened(journal)), gateway)

    assert (compared.agreed, [finding.kind for finding in compared.findings]) == (1, ["state_differs"])


async def test_amounts_that_the_contract_does_not_name_are_not_compared(journal: Journal, gateway: Statement) -> None:
    gateway.has(await sent(journal, 48_500_000), amount_rial=1)

    assert (await compare(journal, gateway, amount_of=lambda _exchange, _frozen: None)).findings == []


# all together

PLANTED = ("none", "missing_there", "missing_here", "parked", "refused", "unknown", "amount_differs", "twice")


async def plant(journal: Journal, gateway: Statement, what: str) -> tuple[str, str]:
    """One exchange or entry of this kind; what is to be found of it."""
    if what == "missing_here":
        exchange = outward(new_case())
    elif what == "parked":
        exchange = await kept(journal, State.PARKED)
    else:
        exchange = await sent(journal, 48_500_000)
    sayings: dict[str, dict[str, Any]] = {
        "refused": {"state": State.REFUSED},
        "unknown": {"state": None, "word": "reversed"},
        "amount_differs": {"amount_rial": 48_500_001},
        "twice": {"times": 2},
    }
    if what != "missing_there":
        gateway.has(exchange, **sayings.get(what, {"amount_rial": 48_500_000}))
    return "state_differs" if what in {"parked", "refused", "unknown"} else what, exchange.reference


async def test_every_injected_divergence_is_found_once_and_classed_and_looking_changes_nothing(
    journal: Journal, gateway: Statement
) -> None:
    chance = random.Random(20261121)
    planted = [await plant(journal, gateway, chance.choice(PLANTED)) for _ in range(160)]
    period = Period(DAY.since, datetime.now(UTC) + timedelta(seconds=1))

    async def look() -> Any:
        found = await reconcile(journal, ledger(gateway), period, run=RUN, now=NOW)
        kept_now = await journal.read(reading.list_exchanges, Filter(limit=1000))
        return kinds(found), found.agreed, kept_now, await journal.read(inspecting.audit_counts)

    first, second = await look(), await look()

    assert sorted(first[0]) == sorted(one for one in planted if one[0] != "none")
    assert {kind for kind, _ in first[0]} == {
        "missing_there",
        "missing_here",
        "state_differs",
        "amount_differs",
        "twice",
    }
    assert first[1] == sum(kind in {"none", "twice"} for kind, _ in planted)
    assert second == first
