"""What a caller may know of its tenant's cases: where one stands, and which ones a citizen has had."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from adapter.calendar import WorkingDays, spell_day
from adapter.exchange import Caller, Payload, Record
from adapter.journal import Journal, lives, reading
from adapter.offer import Offer
from adapter.promise import keeping
from adapter.refusals import UnknownCase
from adapter.service import NATIONAL_ID, Service, search_value
from adapter.settlement.drafting import is_tracking_code
from adapter.text import canonical_digits

PAGE_SIZE = 50
"""Cases on a page of a history; the contract allows as many."""


async def status(
    journal: Journal,
    named: Callable[[str, str], Service],
    caller: Caller,
    record: Record,
    *,
    working: WorkingDays,
    today: date,
) -> Payload:
    """Where a case stands now; raises UnknownCase for another tenant's as for one that never was.

    `named` gives a tenant's service by name, or raises what its caller is to be told. An open case tells the day until
    which it is promised, by what its service promises now.
    """
    code = canonical_digits(str(record["tracking_code"]))
    row = await journal.read(reading.status, caller.tenant, code) if is_tracking_code(code) else None
    if row is None:
        raise UnknownCase(f"no case with tracking code {code} is known to this tenant")
    service = named(caller.tenant, row["service"])
    life = await journal.read(lives.life_of, caller.tenant, code)
    kept = None if life is None or life.is_closed else keeping(service.promise, life.stretches, working, today)
    body = {
        "tracking_code": row["tracking_code"],
        "service_id": service.service_id,
        "stage": row["stage"],
        "status_code": row["status_code"],
        "status_title": row["status_title"],
        "awaited_party": row["awaited_party"],
        "changed_at": _told(row["changed_at"]),
        "promised_on": kept and spell_day(kept.promised_until),
        "held": row["held"] is not None,
        "held_reason": row["held"],
    }
    return _without_nothing(body)


async def history(journal: Journal, offer: Offer, caller: Caller, record: Record) -> Payload:
    """A page of the cases that a citizen has had with the caller's tenant, newest first.

    They are found by a keyed hash in which the tenant stands: the national id is kept and logged nowhere, and a
    citizen of whom nothing is known looks like one whose cases are all another tenant's. A service that is stopped or
    offered no more leaves its id out.
    """
    tenant, page = caller.tenant, int(record["page"])
    digest = journal.sealer.hash(tenant, NATIONAL_ID, search_value(record[NATIONAL_ID]))
    found, count = await journal.read(
        reading.cases_by_search, tenant, NATIONAL_ID, digest, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE
    )
    cases = [
        _without_nothing(
            {
                "tracking_code": row["tracking_code"],
                "service_id": _service_id(offer, tenant, row["service"]),
                "stage": row["stage"],
                "opened_at": _told(row["opened_at"]),
                "changed_at": _told(row["changed_at"]),
            }
        )
        for row in found
    ]
    return {"page": page, "pages": -(-count // PAGE_SIZE), "cases": cases}


def _service_id(offer: Offer, tenant: str, name: str) -> str | None:
    service = offer.named(tenant, name)
    return None if service is None else service.service_id


def _told(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def _without_nothing(body: dict[str, Any]) -> Payload:
    return {name: value for name, value in body.items() if value is not None}
