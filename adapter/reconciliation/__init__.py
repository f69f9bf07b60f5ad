"""Reconciliation: the other side's ledger and our journal, compared reference by reference."""

from __future__ import annotations

from datetime import datetime, timedelta

from adapter.errors import GatewayUnreachable
from adapter.journal import Finding, Findings, Journal, inspecting
from adapter.journal.operating import COMPARED
from adapter.reconciliation.judging import Compared, Judge, Ledger
from adapter.reconciliation.ledgers import Period, Theirs, merged, ours

__all__ = ["Compared", "Ledger", "Period", "keep", "reconcile"]

CLOCK_SKEW = timedelta(minutes=5)
"""So far their clock may stand from ours; entries outside the period prove an effect and are no findings."""


async def reconcile(journal: Journal, ledger: Ledger, period: Period, *, run: str, now: datetime) -> Compared:
    """Compare one ledger with ours; each difference is looked at again in the journal before it is a finding."""
    compared = Compared(ledger.tenant, ledger.name)
    oldest = await journal.read(
        inspecting.oldest_settled, ledger.tenant, ledger.name, since=period.since, until=period.until
    )
    reach = Period(min(period.since, oldest or period.since) - CLOCK_SKEW, period.until + CLOCK_SKEW)
    try:
        theirs = await Theirs.read(ledger.target, reach, period)
    except GatewayUnreachable as error:
        compared.unreachable = error.detail
        return compared
    compared.theirs = theirs.in_period
    judge = Judge(journal, ledger, period, run, now, compared)
    async for kept, entry in merged(ours(journal, ledger.tenant, ledger.name, period), theirs.entries()):
        await judge.look_at(kept, entry)
    await judge.finish()
    return compared


async def keep(journal: Journal, run: str, actor: str, results: list[Compared]) -> None:
    """Keep a run: its findings, and a row for each ledger that was compared."""
    found = [finding for compared in results for finding in (_told(compared), *compared.findings)]
    await journal.keep_findings(Findings(run=run, actor=actor, found=tuple(found)))


def _told(compared: Compared) -> Finding:
    counts = ("theirs", "ours", "agreed", "open", "left_out")
    told = ", ".join(f"{name} {getattr(compared, name)}" for name in counts)
    return Finding(
        tenant=compared.tenant,
        ledger=compared.ledger,
        kind=COMPARED,
        reference="",
        detail=(compared.unreachable and f"could not be read: {compared.unreachable}") or told,
        command="",
    )
