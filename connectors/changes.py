"""A row that an internal system tells, asked for or by itself, as one change."""

from __future__ import annotations

from datetime import datetime

import structlog

from adapter.contract.instants import read_instant
from adapter.contract.model import Told
from adapter.contract.paths import value_at
from adapter.exchange import Change, Payload

_log = structlog.get_logger(__name__)


def change_of(system: str, said: Told, row: Payload, *, now: datetime) -> Change:
    """The change that a row of the contract tells; one whose instant cannot be read is of now, lest it hold up others.

    A kind that the contract does not name keeps its own name: no table has it, so it is seen and parked.
    """
    event_id, kind = str(value_at(row, said.event)), str(value_at(row, said.kind))
    changed_at = read_instant(value_at(row, said.changed_at))
    if changed_at is None:
        _log.warning("change_without_an_instant", system=system, event_id=event_id)
    return Change(
        event_id=event_id,
        kind=said.kinds.get(kind, kind),
        reference=str(value_at(row, said.reference)),
        sequence=int(value_at(row, said.sequence)),
        changed_at=changed_at or now,
        record=row,
    )
