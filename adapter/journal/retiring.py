"""Retiring: the keys of ended cases become tombstones, which tell only that a key was used, and these go in their turn.

Ended cases are walked in the order of their ends, and the place of the walk is kept: a batch costs the same however
long the journal. A case that goes on after its end comes up again with its later end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, delete, select, tuple_, update

from adapter.journal.schema import IS_TOMBSTONE, TOMBSTONE, cases, idempotency_keys, meta
from adapter.journal.unit import Unit

PLACE = "keys_retired_to"
"""The name under which the journal remembers the end and the id of the last case whose keys are retired."""
BEGINNING = b"0:"

_BATCH = 200
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Retention:
    """How long a key gives its first answer after the end of its case, and how long its tombstone stands then."""

    keys: timedelta
    tombstones: timedelta


def retire(unit: Unit, orders: Sequence[Retention]) -> list[bool]:
    """A batch of each age, or nothing while another node is at it; whether more is due at once."""
    return [_retire_batch(unit, order) for order in orders]


def _retire_batch(unit: Unit, order: Retention) -> bool:
    place = unit.connection.execute(
        select(meta.c.value).where(meta.c.name == PLACE).with_for_update(skip_locked=True)
    ).scalar_one_or_none()
    if place is None:
        return False
    ended = _ended_since(unit, bytes(place), until=unit.now - order.keys // _MICROSECOND)
    retired = _bury(unit, ended)
    removed = _remove(unit, until=unit.now - order.tombstones // _MICROSECOND)
    if retired or removed:
        unit.tell("keys_retired", actor="engine", retired=retired, removed=removed)
    return _BATCH in {len(ended), removed}


def _ended_since(unit: Unit, place: bytes, *, until: int) -> Sequence[Row[Any, Any]]:
    """The next cases that ended before `until`, earliest end first; the place is kept behind them."""
    closed_at, _, case_id = place.decode().partition(":")
    end = tuple_(cases.c.closed_at, cases.c.id)
    ended = unit.connection.execute(
        select(cases.c.closed_at, cases.c.id)
        .where(cases.c.closed_at < until, end > tuple_(int(closed_at), case_id))
        .order_by(cases.c.closed_at, cases.c.id)
        .limit(_BATCH)
    ).all()
    if ended:
        reached = f"{ended[-1].closed_at}:{ended[-1].id}".encode()
        unit.connection.execute(update(meta).where(meta.c.name == PLACE).values(value=reached))
    return ended


def _bury(unit: Unit, ended: Sequence[Row[Any, Any]]) -> int:
    """Nothing of these cases' keys can be replayed any more; how many became tombstones."""
    if not ended:
        return 0
    return unit.connection.execute(
        update(idempotency_keys)
        .where(idempotency_keys.c.case_id.in_([case.id for case in ended]), ~IS_TOMBSTONE)
        .values(fingerprint=b"", sealed=b"", status=TOMBSTONE, kept_at=unit.now)
    ).rowcount


def _remove(unit: Unit, *, until: int) -> int:
    """Up to a batch of the tombstones that stood long enough are gone, the oldest first; how many."""
    key = tuple_(idempotency_keys.c.tenant, idempotency_keys.c.scope)
    oldest = (
        select(idempotency_keys.c.tenant, idempotency_keys.c.scope)
        .where(IS_TOMBSTONE, idempotency_keys.c.kept_at < until)
        .order_by(idempotency_keys.c.kept_at)
        .limit(_BATCH)
    )
    return unit.connection.execute(delete(idempotency_keys).where(key.in_(oldest))).rowcount
