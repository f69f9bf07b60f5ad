"""Two ledgers side by side: every divergence is found, classed and given its command; nothing else is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest

from adapter.exchange import Claim, LedgerEntry, Operation, State
from adapter.journal import Journal, inspecting, reading
from adapter.journal.operating import COMPARED
from adapter.reconciliation import keep
from adapter.reconciliation.judging import MOST_FINDINGS
from tests.integration.journal_making import (
    CORE,
    WINDOW,
    begun,
    claim_of,
    new_case,
    new_exchange,
    opening,
    outward,
    settlement,
)
from tests.support.statements import NOW, WITHIN, Statement, compare, kept, kinds

pytest_plugins = ["tests.support.statement_fixtures"]


async def test_ledgers_that_say_the_same_have_no_findings(journal: Journal, gateway: Statement) -> None:
    for _ in range(3):
        gateway.has(await kept(journal, State.DONE))
    await kept(journal, State.REFUSED)

    compared = await compare(journal, gateway)

    assert (compared.theirs, compared.ours, compared.agreed, compared.findings) == (3, 4, 4, [])


async def test_what_we_call_done_and_the_gateway_lacks_is_missing_there(journal: Journal, gateway: Statement) -> None:
    exchange = await kept(journal, State.DONE, code="200")

    (finding,) = (await compare(journal, gateway)).findings

    assert (finding.kind, finding.exchange_id) == ("missing_there", exchange.id)
    assert finding.detail == "we say PushStatus is done (code 200); window/1.0 has nothing under its reference"
    assert finding.command == f"panjereh exchanges show {exchange.id}"


async def test_what_an_internal_system_lacks_is_missing_inside(journal: Journal, gateway: Statement) -> None:
    case = new_case()
    exchange = new_exchange(case, state=State.DONE, accepted_at=WITHIN, settled_at=WITHIN)
    await journal.accept(opening(case=case, exchange=exchange))

    compared = await compare(journal, gateway, name=CORE, missing="missing_inside")

    assert kinds(compared) == [("missing_inside", exchange.reference)]


async def test_an_effect_under_a_reference_that_was_never_ours_is_missing_here(
    journal: Journal, gateway: Statement
) -> None:
    stranger = outward(new_case())
    gateway.has(stranger)

    (finding,) = (await compare(journal, gateway)).findings

    assert (finding.kind, finding.reference, finding.exchange_id) == ("missing_here", stranger.reference, None)
    asked = f"ask {WINDOW} who sent {stranger.reference}"
    assert finding.command == f"{asked}: it names case 123, which is not ours"


async def test_an_entry_that_names_a_case_of_ours_leads_to_it(journal: Journal, gateway: Statement) -> None:
    exchange = await kept(journal, State.DONE)
    case = await journal.read(reading.case, exchange.case_id)
    stranger = outward(case)
    gateway.entries.append(LedgerEntry(stranger.reference, stranger.operation.value, case.tracking_code, WITHIN))

    command = next(one.command for one in (await compare(journal, gateway)).findings if one.kind == "missing_here")

    assert command.startswith(f"panjereh cases show {case.tracking_code}; then ask {WINDOW} who sent ")


@pytest.mark.parametrize("state", [State.PARKED, State.REFUSED, State.WITHDRAWN, State.BLOCKED])
async def test_an_effect_of_what_we_do_not_call_done_is_a_state_that_differs(
    journal: Journal, gateway: Statement, state: State
) -> None:
    exchange = await kept(journal, state)
    gateway.has(exchange)

    assert kinds(await compare(journal, gateway)) == [("state_differs", exchange.reference)]


async def test_an_effect_of_what_was_never_sent_is_a_finding_at_once(journal: Journal, gateway: Statement) -> None:
    exchange = await kept(journal, State.READY, accepted_at=NOW, attempts=0)
    gateway.has(exchange)

    assert kinds(await compare(journal, gateway)) == [("state_differs", exchange.reference)]


async def test_a_doubt_of_a_moment_ago_is_counted_as_open_and_one_of_yesterday_is_found(
    journal: Journal, gateway: Statement
) -> None:
    case = new_case()
    acceptance = opening(case=case, exchange=outward(case, accepted_at=WITHIN))
    claim = await begun(journal, claim_of(await journal.accept(acceptance)))
    await journal.settle(settlement(claim, State.IN_DOUBT, may_have_effect=True))
    gateway.has(claim.exchange)

    today = await compare(journal, gateway)
    tomorrow = await compare(journal, gateway, now=NOW + timedelta(days=1))

    assert (today.open, today.findings) == (1, [])
    assert kinds(tomorrow) == [("state_differs", claim.exchange.reference)]


@pytest.mark.parametrize("state", [State.SENDING, State.AWAITING])
async def test_an_attempt_under_way_and_what_awaits_its_answer_are_no_findings(
    journal: Journal, gateway: Statement, state: State
) -> None:
    exchange = await kept(journal, state)
    gateway.has(exchange)

    assert kinds(await compare(journal, gateway)) == []


@pytest.mark.parametrize("state", [State.READY, State.IN_DOUBT, State.PARKED, State.BLOCKED])
async def test_what_neither_side_calls_done_is_open(journal: Journal, gateway: Statement, state: State) -> None:
    await kept(journal, state)

    compared = await compare(journal, gateway)

    assert (compared.open, compared.findings) == (1, [])


async def test_two_effects_under_one_reference_are_found(journal: Journal, gateway: Statement) -> None:
    exchange = await kept(journal, State.DONE)
    gateway.has(exchange, times=2)

    assert kinds(await compare(journal, gateway)) == [("twice", exchange.reference)]


async def test_an_effect_before_the_period_belongs_to_what_was_settled_in_it(
    journal: Journal, gateway: Statement
) -> None:
    three_days_ago = NOW - timedelta(days=3)
    exchange = await kept(journal, State.DONE, accepted_at=three_days_ago)
    gateway.has(exchange, at=three_days_ago + timedelta(minutes=1))

    assert kinds(await compare(journal, gateway)) == []
    assert gateway.asked[0][0] < three_days_ago


async def test_what_was_settled_before_the_period_is_not_looked_for_in_it(journal: Journal, gateway: Statement) -> None:
    before = NOW - timedelta(days=2)
    await kept(journal, State.DONE, accepted_at=before, settled_at=before)

    assert kinds(await compare(journal, gateway)) == []


async def test_an_effect_in_the_period_of_what_we_settled_before_it_is_ours(
    journal: Journal, gateway: Statement
) -> None:
    before = NOW - timedelta(days=2)
    exchange = await kept(journal, State.DONE, accepted_at=before, settled_at=before)
    gateway.has(exchange)

    assert kinds(await compare(journal, gateway)) == []


async def test_questions_leave_no_trace_and_are_not_compared(journal: Journal, gateway: Statement) -> None:
    await kept(journal, State.DONE)

    compared = await compare(journal, gateway, has_effect=lambda exchange: exchange.operation is Operation.INQUIRE)

    assert (compared.ours, compared.findings) == (0, [])


async def test_another_tenants_exchange_does_not_explain_an_effect(journal: Journal, gateway: Statement) -> None:
    case = new_case(tenant="other")
    exchange = outward(case, state=State.DONE, accepted_at=WITHIN, settled_at=WITHIN)
    await journal.accept(opening(case=case, exchange=exchange))
    gateway.has(exchange)

    assert kinds(await compare(journal, gateway)) == [("missing_here", exchange.reference)]


async def test_a_ledger_that_can_not_be_read_whole_is_not_compared_at_all(journal: Journal, gateway: Statement) -> None:
    await kept(journal, State.DONE)
    gateway.fails = True

    compared = await compare(journal, gateway)

    assert (compared.unreachable, compared.findings) == ("GetStatement: no answer on page 2", [])


class GoingOn:
    """A journal that settles an exchange right after a page of its ledger was read."""

    def __init__(self, journal: Journal, claim: Claim) -> None:
        self._journal, self._claim = journal, claim

    async def read(self, function: Any, *arguments: Any, **named: Any) -> Any:
        result = await self._journal.read(function, *arguments, **named)
        if function is inspecting.ledger_page and not named["after"]:
            await self._journal.settle(settlement(await begun(self._journal, self._claim)))
        return result


async def test_what_was_settled_meanwhile_is_looked_at_again_before_it_is_a_finding(
    journal: Journal, gateway: Statement
) -> None:
    case = new_case()
    claim = claim_of(await journal.accept(opening(case=case, exchange=outward(case, accepted_at=WITHIN))))
    gateway.has(claim.exchange)

    compared = await compare(cast("Journal", GoingOn(journal, claim)), gateway, now=NOW + timedelta(days=1))

    assert (compared.agreed, compared.findings) == (1, [])


async def test_a_run_is_kept_with_its_findings_and_seen_even_when_it_was_clean(
    journal: Journal, gateway: Statement
) -> None:
    exchange = await kept(journal, State.PARKED)
    gateway.has(exchange)
    await keep(journal, "run-1", "uid:7", [await compare(journal, gateway)])
    gateway.entries.clear()
    await keep(journal, "run-2", "uid:7", [await compare(journal, gateway)])

    first = await journal.read(inspecting.findings_of, "run-1")
    newest = await journal.read(inspecting.findings_of, None)

    assert [row["kind"] for row in first] == [COMPARED, "state_differs"]
    assert [(row["run"], row["kind"]) for row in newest] == [("run-2", COMPARED)]
    assert newest[0]["detail"] == "theirs 0, ours 1, agreed 0, open 1, left_out 0"


async def test_more_findings_than_anyone_reads_are_counted_only(journal: Journal, gateway: Statement) -> None:
    for number in range(MOST_FINDINGS + 3):
        gateway.entries.append(LedgerEntry(f"stranger-{number}", "PushStatus"))

    compared = await compare(journal, gateway)

    assert (len(compared.findings), compared.left_out) == (MOST_FINDINGS, 3)
