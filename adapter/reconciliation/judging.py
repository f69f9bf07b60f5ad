"""What a pair of entries means: agreed, still open, or a finding with the command that mends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from adapter.channels import Target
from adapter.exchange import Event, Exchange, State
from adapter.journal import Finding, Journal, inspecting
from adapter.journal.inspecting import Kept
from adapter.reconciliation.ledgers import Entry, Period
from adapter.settlement.machine import TRANSITIONS

MOST_FINDINGS = 10_000
"""Of one ledger and run; a ledger that differs in more has one cause, and the rest is only counted."""

_LOOKED_UP_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Ledger:
    """One ledger to compare: whose, and what is known of it.

    `missing` is the kind of a finding when they lack what we say is done (`missing_there` at a gateway,
    `missing_inside` in an internal system); `has_effect` tells the exchanges that leave a trace there at all.
    `patience` is how long after its last attempt an open exchange is still in its normal time.
    """

    tenant: str
    name: str
    target: Target
    missing: str
    has_effect: Callable[[Exchange], bool]
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
    """Turns pairs into counts and findings; what only they have is looked up in our whole journal first."""

    journal: Journal
    ledger: Ledger
    period: Period
    run: str
    now: datetime
    compared: Compared
    _unknown: list[Entry] = field(default_factory=list)

    async def look_at(self, kept: Kept | None, entry: Entry | None) -> None:
        if kept is None and entry is not None:
            self._unknown.append(entry)
            if len(self._unknown) >= _LOOKED_UP_AT_ONCE:
                await self.finish()
        elif kept is not None and self.ledger.has_effect(kept.exchange):
            self.compared.ours += 1
            await self._judge(kept, entry)

    async def finish(self) -> None:
        """Look up the references that our period does not hold."""
        waiting, self._unknown = self._unknown, []
        references = [entry.reference for entry in waiting]
        known = await self._known(references) if references else {}
        for entry in waiting:
            kept = known.get(entry.reference)
            if kept is not None and self.ledger.has_effect(kept.exchange):
                await self._judge(kept, entry)
            elif kept is None and entry.is_in_period:
                self._find("missing_here", entry.reference, _MISSING_HERE, _look_for(entry))

    async def _judge(self, kept: Kept, entry: Entry | None) -> None:
        kind = self._kind(kept.exchange, entry)
        if kind == "open" or (kind is not None and self._is_under_way(kept.exchange)):
            self.compared.open += 1
        elif kind is None:
            self.compared.agreed += 1
        else:
            await self._confirm(kind, kept, entry)
        if entry is not None and entry.times > 1 and entry.is_in_period:
            self._find_of("twice", kept.exchange)

    def _kind(self, exchange: Exchange, entry: Entry | None) -> str | None:
        """None when both say the same, or `open`, or the kind of the difference."""
        if entry is None:
            is_ours_alone = exchange.state is State.DONE and self.period.holds(exchange.settled_at)
            return self.ledger.missing if is_ours_alone else _WITHOUT_EFFECT[exchange.state]
        return _WITH_EFFECT[exchange.state] if entry.is_in_period else None

    def _is_under_way(self, exchange: Exchange) -> bool:
        """Whether the exchange is open and was tried so lately that the engine itself will settle it."""
        last = exchange.attempted_at if exchange.state in _UNDER_WAY else None
        return last is not None and self.now < last + self.ledger.patience

    async def _confirm(self, kind: str, kept: Kept, entry: Entry | None) -> None:
        """The journal went on while their pages were read: only what still differs is a finding."""
        latest = (await self._known([kept.exchange.reference])).get(kept.exchange.reference, kept)
        if self._kind(latest.exchange, entry) == kind:
            self._find_of(kind, latest.exchange)
        else:
            self.compared.agreed += 1

    async def _known(self, references: list[str]) -> Mapping[str, Kept]:
        return await self.journal.read(inspecting.kept_by_reference, self.ledger.tenant, self.ledger.name, references)

    def _find_of(self, kind: str, exchange: Exchange) -> None:
        detail = _DETAILS[kind].format(
            exchange=exchange, code=f" (code {exchange.code})" if exchange.code else "", ledger=self.ledger.name
        )
        command = (
            mending(exchange, ledger=self.ledger.name, run=self.run) if kind == "state_differs" else _show(exchange)
        )
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

_WITHOUT_EFFECT: Mapping[State, str | None] = {
    State.READY: "open",
    State.SENDING: "open",
    State.DONE: None,
    State.AWAITING: "open",
    State.REFUSED: None,
    State.IN_DOUBT: "open",
    State.PARKED: "open",
    State.BLOCKED: "open",
    State.WITHDRAWN: None,
}
"""They have nothing: only what we call done (in the period) differs."""

_WITH_EFFECT: Mapping[State, str | None] = {
    State.READY: "state_differs",
    State.SENDING: "open",
    State.DONE: None,
    State.AWAITING: None,
    State.REFUSED: "state_differs",
    State.IN_DOUBT: "state_differs",
    State.PARKED: "state_differs",
    State.BLOCKED: "state_differs",
    State.WITHDRAWN: "state_differs",
}
"""They have an effect of it."""

_MISSING_HERE = "they have an effect under a reference that was never ours"
_DETAILS: Mapping[str, str] = {
    "missing_there": "we say {exchange.operation} is done{code}; {ledger} has nothing under its reference",
    "missing_inside": "we say {exchange.operation} is done{code}; {ledger} has nothing under its reference",
    "state_differs": "we say {exchange.operation} is {exchange.state}{code}; {ledger} has its effect",
    "twice": "{ledger} has the effect of {exchange.operation} more than once under one reference",
}


def mending(exchange: Exchange, *, ledger: str, run: str) -> str:
    """The operator's command for an exchange whose effect they have and we do not call done.

    Where the target can be asked and its answer brings what follows, it is asked; else a person's word closes it.
    """
    reason = f'--reason "reconciliation {run}" --apply'
    if exchange.may_have_effect and exchange.state in {State.IN_DOUBT, State.PARKED} and exchange.code != "conflict":
        return f"panjereh exchanges replay {exchange.id} {reason}"
    if (exchange.state, Event.RESOLVED) in TRANSITIONS:
        return f'panjereh exchanges resolve {exchange.id} --as sent --evidence "statement of {ledger}" {reason}'
    if (exchange.state, Event.WITHDRAWN) in TRANSITIONS:
        return f"panjereh exchanges withdraw {exchange.id} {reason}"
    return _show(exchange)


def _show(exchange: Exchange) -> str:
    return f"panjereh exchanges show {exchange.id}"


def _look_for(entry: Entry) -> str:
    return f"panjereh cases show {entry.tracking_code}" if entry.tracking_code else "panjereh exchanges list"
