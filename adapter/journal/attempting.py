"""Attempts: the INTENT before the first byte, and the fence that lets only a claim's owner write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Update, bindparam, update

from adapter.errors import LeaseLost
from adapter.exchange import Claim, Exchange, State
from adapter.journal import payloads
from adapter.journal.rows import micros
from adapter.journal.schema import exchanges
from adapter.journal.unit import Unit

_MICROSECOND = timedelta(microseconds=1)
FENCED = update(exchanges).where(
    exchanges.c.id == bindparam("b_id"),
    exchanges.c.fence == bindparam("b_fence"),
    exchanges.c.owner == bindparam("b_owner"),
    exchanges.c.state == bindparam("b_state"),
)
_INTEND = FENCED.values(
    state=State.SENDING.value,
    attempts=bindparam("b_attempts"),
    lease_until=bindparam("b_lease_until"),
    attempted_at=bindparam("b_attempted_at"),
    due_at=bindparam("b_due_at"),
    may_have_effect=True,
)
_RELEASE = FENCED.values(owner=None, due_at=bindparam("b_due_at"))


@dataclass(frozen=True, slots=True)
class Intent:
    """An attempt about to begin: the bytes it will send, and how long it may hold its lease.

    `settle` is how long after the loss of the attempt the other side may first be asked. It is kept with the INTENT,
    as the distance of `due_at` from `attempted_at`: who finds the attempt lost knows no contract.
    """

    claim: Claim
    frozen: bytes
    lease: timedelta
    settle: timedelta


def intend(unit: Unit, intents: Sequence[Intent]) -> list[Exception | None]:
    """Commit the INTENT: from now on bytes may leave. Raises LeaseLost when the claim is no longer ours."""
    fenced(
        unit,
        _INTEND,
        [
            {
                **fence_of(unit, intent.claim),
                "b_attempts": intent.claim.exchange.attempts + 1,
                "b_attempted_at": unit.now,
                "b_lease_until": unit.now + intent.lease // _MICROSECOND,
                "b_due_at": unit.now + intent.settle // _MICROSECOND,
            }
            for intent in intents
        ],
    )
    for intent in intents:
        exchange = intent.claim.exchange
        if intent.claim.frozen is None:
            payloads.keep(
                unit,
                unit.sealer.seal_of(exchange.case_id, intent.claim.case.data_key),
                intent.frozen,
                exchange_id=exchange.id,
                case_id=exchange.case_id,
                kind=payloads.FROZEN,
                revision=exchange.revision,
            )
        tell(unit, exchange, "attempt_begun", number=exchange.attempts + 1)
    return [None] * len(intents)


def release(unit: Unit, orders: Sequence[tuple[Claim, datetime]]) -> list[Exception | None]:
    """Give claims back untouched, due again at a time; no attempt is counted."""
    fenced(
        unit,
        _RELEASE,
        [{**fence_of(unit, claim), "b_due_at": micros(due_at)} for claim, due_at in orders],
    )
    return [None] * len(orders)


def fenced(unit: Unit, statement: Update, rows: list[dict[str, Any]]) -> None:
    """Update claimed exchanges; raises LeaseLost when one of them is no longer ours."""
    if unit.update(statement, rows) != len(rows):
        raise LeaseLost


def fence_of(unit: Unit, claim: Claim) -> dict[str, Any]:
    """What must still stand in the claimed exchange's row."""
    return {
        "b_id": claim.exchange.id,
        "b_fence": claim.fence,
        "b_owner": unit.owner,
        "b_state": claim.exchange.state.value,
    }


def tell(unit: Unit, exchange: Exchange, event: str, **detail: object) -> None:
    """Audit what the engine did with an exchange."""
    unit.tell(
        event,
        actor="engine",
        tenant=exchange.tenant,
        case_id=exchange.case_id,
        exchange_id=exchange.id,
        operation=exchange.operation.value,
        **detail,
    )
