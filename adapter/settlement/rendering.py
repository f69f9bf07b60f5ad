"""From a kept record to what the target gets, by the live tables of its service."""

from __future__ import annotations

from datetime import datetime

from adapter.calendar import tehran_day
from adapter.errors import Untranslatable
from adapter.exchange import PARENT_CASE, Case, Direction, Exchange, Payload, Record
from adapter.journal import Journal, reading
from adapter.service import Service
from adapter.text import canonical_digits
from adapter.translator import Context


def render(
    exchange: Exchange, case: Case, record: Record, service: Service, *, now: datetime, parent: Case | None = None
) -> Payload:
    """The payload of an exchange; raises Untranslatable naming the table's row that could not be filled.

    `parent` is the case under which this one stands.
    """
    content = record if exchange.direction is Direction.INWARD else record["content"]
    context = Context(
        today=tehran_day(now),
        case={
            "tracking_code": case.tracking_code,
            "internal_reference": case.internal_reference,
            "channel": case.channel,
        },
        service={"service_id": service.service_id, "title": service.title},
        exchange={
            "reference": exchange.reference,
            "event_id": exchange.event_id or exchange.id,
            "sequence": record.get("sequence") or 0,
            "changed_at": record.get("changed_at") or now.isoformat(timespec="milliseconds"),
        },
        outcome=record.get("outcome") or {} if exchange.direction is Direction.OUTWARD else {},
        parent={}
        if parent is None
        else {"tracking_code": parent.tracking_code, "internal_reference": parent.internal_reference},
    )
    table = service.tables.get(exchange.table)
    if table is None:
        what = f"there is no table {exchange.table!r} for what {exchange.target} is to be told"
        raise Untranslatable(what, place=f"mappings/{service.name}")
    return table.translate(content, context)


async def parent_of(journal: Journal, exchange: Exchange, record: Record) -> Case | None:
    """The case that the record names as the one under which it stands; None for a record that names none."""
    code = record.get(PARENT_CASE)
    if code is None or exchange.direction is Direction.OUTWARD:
        return None
    return await journal.read(reading.case_by_tracking_code, exchange.tenant, canonical_digits(code))
