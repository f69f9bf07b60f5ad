"""What is asked of another side through its reading operations, whatever the wire: an earlier effect, its ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

import structlog

from adapter.callers.paging import MOST_PAGES, Asked, page_of
from adapter.channels import Sight, Sighting
from adapter.contract.instants import read_instant
from adapter.contract.model import StatementContract
from adapter.contract.outcomes import safe_code
from adapter.contract.paths import put, value_at
from adapter.contract.sighting import sight_of
from adapter.errors import GatewayUnreachable
from adapter.exchange import LedgerEntry, Payload, State, Verdict

_log = structlog.get_logger(__name__)


async def find_by_reference(asked: Asked, operation: str, reference: str, frozen: bytes | None) -> Sight:
    """What the contract's query operation tells of an earlier attempt; unclear where there is none, or no answer."""
    contract = asked.contract
    query = contract.operations[operation].query
    if query is None:
        return Sight(Sighting.UNCLEAR, reason=f"{contract.title} has no way to ask for {operation}")
    question: Payload = {}
    put(question, contract.finds[query].reference, reference)
    outcome = await asked.ask(query, question)
    if outcome.verdict is not Verdict.DONE or outcome.answer is None:
        return Sight(Sighting.UNCLEAR, reason=outcome.reason)
    sent = asked.thaw(operation, frozen) if frozen is not None else None
    return sight_of(contract, operation, outcome.answer, asked=sent)


async def ledger_of(asked: Asked, since: datetime, until: datetime) -> AsyncIterator[LedgerEntry]:
    """The other side's ledger for a period, up to its last page or an empty one.

    Raises GatewayUnreachable when a page cannot be read, or when it tells of more pages than MOST_PAGES.
    """
    said = asked.contract.statement
    if said is None:
        raise GatewayUnreachable(f"{asked.contract.title} has no statement to ask for")
    cursor = ""
    for number in range(1, MOST_PAGES + 1):  # noqa: B007 - the last one is told
        page = await page_of(asked, said, _question(said, since, until), cursor)
        for item in page.items:
            yield _ledger_entry(said, item)
        if not (page.items and page.leads_on):
            break
        cursor = page.cursor
    else:
        raise GatewayUnreachable(f"{said.operation}: more than {MOST_PAGES} pages", operation=said.operation)
    if page.leads_on:
        _log.warning("statement_ended_early", contract=asked.contract.title, page=number)


def _question(said: StatementContract, since: datetime, until: datetime) -> Payload:
    question: Payload = {}
    put(question, said.since, since.isoformat())
    put(question, said.until, until.isoformat())
    return question


def _ledger_entry(said: StatementContract, item: Payload) -> LedgerEntry:
    at = value_at(item, said.at) if said.at else None
    amount = value_at(item, said.amount_rial) if said.amount_rial else None
    word = str(value_at(item, said.state) or "") if said.state else ""
    return LedgerEntry(
        reference=str(value_at(item, said.reference)),
        operation=str(value_at(item, said.name)),
        tracking_code=value_at(item, said.tracking_code) if said.tracking_code else None,
        at=read_instant(at),
        state=said.states.get(word) if said.state else State.DONE,
        word=safe_code(word),
        amount_rial=int(amount) if amount is not None else None,
    )
