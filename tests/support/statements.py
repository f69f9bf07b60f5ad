"""Another side's ledger for reconciliation, and our journal beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from adapter.channels import Target
from adapter.errors import GatewayUnreachable
from adapter.exchange import Exchange, LedgerEntry, State
from adapter.journal import Journal
from adapter.reconciliation import Compared, Ledger, Period, reconcile
from tests.integration.journal_making import TENANT, WINDOW, begun, claim_of, new_case, opening, outward, settlement

NOW = datetime.now(UTC)
DAY = Period(NOW - timedelta(hours=24), NOW + timedelta(seconds=1))
WITHIN = NOW - timedelta(hours=1)
RUN = "0" * 32


@dataclass
class Statement:
    """The other side: what its ledger has, and for which period it was asked."""

    entries: list[LedgerEntry] = field(default_factory=list)
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)
    fails: bool = False

    async def statement(self, since: datetime, until: datetime) -> AsyncIterator[LedgerEntry]:
        self.asked.append((since, until))
        for entry in self.entries:
            if entry.at is None or since <= entry.at < until:
                yield entry
        if self.fails:
            raise GatewayUnreachable("GetStatement: no answer on page 2")

    def has(self, exchange: Exchange, *, at: datetime = WITHIN, times: int = 1, **said: Any) -> None:
        self.entries += [LedgerEntry(exchange.reference, exchange.operation.value, "123", at, **said)] * times


def ledger(target: Statement, **changes: Any) -> Ledger:
    window = Ledger(
        tenant=TENANT,
        name=WINDOW,
        target=cast("Target", target),
        missing="missing_there",
        has_effect=lambda _exchange: True,
        amount_of=lambda _exchange, frozen: int(frozen),
        patience=timedelta(hours=1),
    )
    return replace(window, **changes)


async def kept(journal: Journal, state: State, **changes: Any) -> Exchange:
    """An exchange towards the gateway that stands so since an hour."""
    case = new_case()
    settled = WITHIN if state in {State.DONE, State.REFUSED, State.WITHDRAWN} else None
    usual: dict[str, Any] = {"accepted_at": WITHIN, "settled_at": settled, "attempts": 1}
    exchange = outward(case, state=state, **{**usual, **changes})
    await journal.accept(opening(case=case, exchange=exchange))
    return exchange


async def sent(journal: Journal, amount_rial: int) -> Exchange:
    """An exchange that is done, whose frozen bytes are its amount."""
    case = new_case()
    claim = claim_of(await journal.accept(opening(case=case, exchange=outward(case, accepted_at=WITHIN))))
    await journal.settle(settlement(await begun(journal, claim, frozen=str(amount_rial).encode())))
    return claim.exchange


async def compare(journal: Journal, gateway: Statement, now: datetime = NOW, **changes: Any) -> Compared:
    return await reconcile(journal, ledger(gateway, **changes), DAY, run=RUN, now=now)


def kinds(compared: Compared) -> list[tuple[str, str]]:
    return [(finding.kind, finding.reference) for finding in compared.findings]
