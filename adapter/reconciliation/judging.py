"""Pairs of entries, judged: agreed, still open, or a finding with the command that mends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from adapter.channels import Target
from adapter.exchange import Exchange, State
from adapter.journal import Finding, Journal, inspecting, reading
from adapter.journal.inspecting import Kept
from adapter.reconciliation.differences import (
    DIFFERS,
    OPEN,
    amount_sentence,
    asking_for,
    mending,
    opening,
    sentence,
    showing,
    with_entry,
    without_entry,
)
from adapter.reconciliation.ledgers import Entry, Period

MOST_FINDINGS = 10_000
"""Of one ledger and run; a ledger that differs in more has one cause, and the rest is only counted."""

_LOOKED_UP_AT_ONCE = 500
_WEIGHED_AT_ONCE = 100
"""So many sealed payloads are opened and read before anything else in this process has its turn."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """One ledger to compare: whose, and what is known of it.

    `missing` is the kind of a finding when they lack what we say is done (`missing_there` at a gateway,
    `missing_inside` in an internal system); `has_effect` tells the exchanges that leave a trace there at all.
    `amount_of` is what these frozen bytes of an exchange are worth in rial, None where the contract names no amount.
    `patience` is how long after its last attempt an open exchange is still in its normal time.
    """

    tenant: str
    name: str
    target: Target
    missing: str
    has_effect: Callable[[Exchange], bool]
    amount_of: Callable[[Exchange, bytes], int | None]
    patience: timedelta


@dataclass(slots=True)
class Compared:
    """What came of one ledger. `unreachable` tells why it could not be read; then nothing is known of it."""

    tenant: str
    ledger: str
    theirs: int = 0
    ours: int = 0
    agreed: int = 0
    open: int = 0
    findings: list[Finding] = field(default_factory=list)
    left_out: int = 0
    unreachable: str | None = None


@dataclass(slots=True)
class Judge:
    """Turns pairs into counts and findings.

    What only they have is looked up in our whole journal first; where both agree and their entry carries an amount,
    ours is opened and compared with it.
    """

    journal: Journal
    ledger: Ledger
    period: Period
    run: str
    now: datetime
    compared: Compared
    _unknown: list[Entry] = field(default_factory=list)
    _valued: list[tuple[Exchange, int]] = field(default_factory=list)

    async def look_at(self, kept: Kept | None, entry: Entry | None) -> None:
        if kept is None and entry is not None:
            self._unknown.append(entry)
            if len(self._unknown) >= _LOOKED_UP_AT_ONCE:
                await self._look_up()
        elif kept is not None and self.ledger.has_effect(kept.exchange):
            self.compared.ours += 1
            await self._judge(kept, entry)

    async def finish(self) -> None:
        """Judge what was put off."""
        await self._look_up()
        await self._weigh()

    async def _look_up(self) -> None:
        """The references that our period does not hold."""
        waiting, self._unknown = self._unknown, []
        references = [entry.reference for entry in waiting]
        known = await self._known(references) if references else {}
        for entry in waiting:
            kept = known.get(entry.reference)
            if kept is not None and self.ledger.has_effect(kept.exchange):
                await self._judge(kept, entry)
            elif kept is None and entry.is_in_period:
                self._find("missing_here", entry.reference, _MISSING_HERE, await self._asking_for(entry))

    async def _asking_for(self, entry: Entry) -> str:
        code, tenant = entry.tracking_code, self.ledger.tenant
        case = await self.journal.read(reading.case_by_tracking_code, tenant, code) if code else None
        return asking_for(entry, ledger=self.ledger.name, is_ours=case is not None)

    async def _judge(self, kept: Kept, entry: Entry | None) -> None:
        exchange = kept.exchange
        kind = self._kind(exchange, entry)
        if kind == OPEN or (kind is not None and self._is_under_way(exchange)):
            self.compared.open += 1
        elif kind is not None:
            await self._confirm(kind, kept, entry)
        elif entry is not None and entry.has_effect and entry.amount_rial is not None:
            await self._weigh_later(exchange, entry.amount_rial)
        else:
            self.compared.agreed += 1
        if entry is not None and entry.times > 1 and entry.is_in_period:
            self._find_of("twice", exchange, entry, showing(exchange))

    def _kind(self, exchange: Exchange, entry: Entry | None) -> str | None:
        """None when both say the same, OPEN, or the kind of the difference."""
        is_settled_here = exchange.settled_at is not None and self.period.holds(exchange.settled_at)
        if entry is None:
            is_missed = exchange.state is State.DONE and is_settled_here
            return self.ledger.missing if is_missed else without_entry(exchange.state)
        return with_entry(exchange.state, entry.state) if entry.is_in_period or is_settled_here else None

    def _is_under_way(self, exchange: Exchange) -> bool:
        """Whether the exchange is open and was tried so lately that the engine itself will settle it."""
        last = exchange.attempted_at if exchange.state in _UNDER_WAY else None
        return last is not None and self.now < last + self.ledger.patience

    async def _confirm(self, kind: str, kept: Kept, entry: Entry | None) -> None:
        """The journal went on while their pages were read: only what still differs is a finding."""
        latest = (await self._known([kept.exchange.reference])).get(kept.exchange.reference, kept).exchange
        if self._kind(latest, entry) != kind:
            self.compared.agreed += 1
        elif kind == DIFFERS and entry is not None:
            command = mending(latest, ledger=self.ledger.name, run=self.run, has_effect=entry.has_effect)
            self._find_of(kind, latest, entry, command)
        else:
            self._find_of(kind, latest, entry, showing(latest))

    async def _weigh_later(self, exchange: Exchange, theirs_rial: int) -> None:
        self._valued.append((exchange, theirs_rial))
        if len(self._valued) >= _WEIGHED_AT_ONCE:
            await self._weigh()

    async def _weigh(self) -> None:
        """Open what we had sent, and compare the amounts; where there is none of ours, there is nothing to compare."""
        waiting, self._valued = self._valued, []
        if not waiting:
            return
        frozen = await self.journal.read(
            inspecting.frozen_of, self.journal.sealer, [exchange for exchange, _ in waiting]
        )
        for exchange, theirs_rial in waiting:
            ours_rial = self.ledger.amount_of(exchange, frozen[exchange.id]) if exchange.id in frozen else None
            if ours_rial is None or ours_rial == theirs_rial:
                self.compared.agreed += 1
                continue
            detail = amount_sentence(exchange, theirs_rial - ours_rial, ledger=self.ledger.name)
            command = opening(exchange, run=self.run)
            self._find("amount_differs", exchange.reference, detail, command, exchange_id=exchange.id)

    async def _known(self, references: list[str]) -> Mapping[str, Kept]:
        return await self.journal.read(inspecting.kept_by_reference, self.ledger.tenant, self.ledger.name, references)

    def _find_of(self, kind: str, exchange: Exchange, entry: Entry | None, command: str) -> None:
        detail = sentence(kind, exchange, entry, ledger=self.ledger.name)
        self._find(kind, exchange.reference, detail, command, exchange_id=exchange.id)

    def _find(self, kind: str, reference: str, detail: str, command: str, *, exchange_id: str | None = None) -> None:
        if len(self.compared.findings) >= MOST_FINDINGS:
            self.compared.left_out += 1
            return
        finding = Finding(
            tenant=self.ledger.tenant,
            ledger=self.ledger.name,
            kind=kind,
            reference=reference[:_LONGEST_REFERENCE],
            detail=detail,
            command=command,
            exchange_id=exchange_id,
        )
        self.compared.findings.append(finding)


_LONGEST_REFERENCE = 64
_UNDER_WAY = frozenset({State.READY, State.IN_DOUBT})
"""With an attempt behind them these two are the engine's own business for a while."""

_MISSING_HERE = "they have an entry under a reference that was never ours"
