"""What two ledgers say of one exchange, side by side: agreed, open, or a difference with its sentence and command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from adapter.exchange import Event, Exchange, State
from adapter.reconciliation.ledgers import Entry
from adapter.settlement.machine import TRANSITIONS

Kinds: TypeAlias = Mapping[State, str | None]
"""Our state → the kind of the difference, OPEN, or None where both say the same."""

OPEN = "open"
DIFFERS = "state_differs"

_NOTHING: Kinds = {
    State.READY: OPEN,
    State.SENDING: OPEN,
    State.DONE: None,
    State.AWAITING: OPEN,
    State.REFUSED: None,
    State.IN_DOUBT: OPEN,
    State.PARKED: OPEN,
    State.BLOCKED: OPEN,
    State.WITHDRAWN: None,
}
"""They have nothing of it; whether they should have what we call done depends on the period."""

_ITS_EFFECT: Kinds = {
    State.READY: DIFFERS,
    State.SENDING: OPEN,
    State.DONE: None,
    State.AWAITING: None,
    State.REFUSED: DIFFERS,
    State.IN_DOUBT: DIFFERS,
    State.PARKED: DIFFERS,
    State.BLOCKED: DIFFERS,
    State.WITHDRAWN: DIFFERS,
}
_ITS_REFUSAL: Kinds = {**_NOTHING, State.DONE: DIFFERS, State.AWAITING: DIFFERS, State.IN_DOUBT: DIFFERS}
_THEY_HAVE: Mapping[State | None, Kinds] = {
    State.DONE: _ITS_EFFECT,
    State.AWAITING: {**_ITS_EFFECT, State.DONE: DIFFERS},
    State.REFUSED: _ITS_REFUSAL,
    State.WITHDRAWN: _ITS_REFUSAL,
    None: dict.fromkeys(State, DIFFERS),
}
"""By what their entry says; a word that the contract does not know agrees with nothing."""


def without_entry(ours: State) -> str | None:
    """The kind of what they have nothing of."""
    return _NOTHING[ours]


def with_entry(ours: State, theirs: State | None) -> str | None:
    """The kind of what they have an entry of."""
    return _THEY_HAVE[theirs][ours]


def sentence(kind: str, exchange: Exchange, entry: Entry | None, *, ledger: str) -> str:
    """The difference in words, without anything that was sealed."""
    said = f"we say {exchange.operation} is {exchange.state}" + (f" (code {exchange.code})" if exchange.code else "")
    if kind == "twice":
        return f"{ledger} has the effect of {exchange.operation} more than once under one reference"
    if entry is None:
        return f"{said}; {ledger} has nothing under its reference"
    if entry.state is None:
        return f"{said}; {ledger} says {entry.word}, which [statement.states] in its contract.toml does not know"
    return f"{said}; {ledger} " + ("has its effect" if entry.state is State.DONE else f"says it is {entry.state}")


def amount_sentence(exchange: Exchange, more_rial: int, *, ledger: str) -> str:
    """By how much their amount is another than ours; neither is told here, for ours is sealed."""
    by = f"{abs(more_rial):,} rial {'more' if more_rial > 0 else 'less'}"
    return f"{ledger} has {by} for {exchange.operation} than we sent"


def mending(exchange: Exchange, *, ledger: str, run: str, has_effect: bool) -> str:
    """The operator's command for an exchange of which they say another thing than we do.

    Where the target can be asked and its answer brings what follows, it is asked; else a person's word closes what has
    its effect there. All else is looked at.
    """
    reason = f'--reason "reconciliation {run}" --apply'
    if exchange.may_have_effect and exchange.state in {State.IN_DOUBT, State.PARKED} and exchange.code != "conflict":
        return f"panjereh exchanges replay {exchange.id} {reason}"
    if has_effect and (exchange.state, Event.RESOLVED) in TRANSITIONS:
        return f'panjereh exchanges resolve {exchange.id} --as sent --evidence "statement of {ledger}" {reason}'
    if has_effect and (exchange.state, Event.WITHDRAWN) in TRANSITIONS:
        return f"panjereh exchanges withdraw {exchange.id} {reason}"
    return showing(exchange)


def showing(exchange: Exchange) -> str:
    """The command that tells the exchange's life."""
    return f"panjereh exchanges show {exchange.id}"


def opening(exchange: Exchange, *, run: str) -> str:
    """The command that opens what was sent, for a reason that is recorded."""
    return f'{showing(exchange)} --body frozen --reason "reconciliation {run}"'


def asking_for(entry: Entry, *, ledger: str, is_ours: bool) -> str:
    """What to do about an entry under a reference that was never ours: look at the case it names if it is ours, ask."""
    asked = f"ask {ledger} who sent {entry.reference}"
    if entry.tracking_code is None:
        return asked
    if is_ours:
        return f"panjereh cases show {entry.tracking_code}; then {asked}"
    return f"{asked}: it names case {entry.tracking_code}, which is not ours"
