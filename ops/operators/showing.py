"""What operators look at: exchanges and cases, their lives, and bodies when there is a reason."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from adapter.errors import NotFound
from adapter.exchange import Case, Event, Exchange, Payload, State
from adapter.journal import Filter, Note, inspecting, reading
from adapter.mark import marks_in
from adapter.settlement.drafting import is_tracking_code
from adapter.settlement.machine import TRANSITIONS
from adapter.text import canonical_digits
from ops.operators.desk import Arguments, Desk, needed, refuse_unknown, told_case, told_exchange
from ops.operators.promising import told_promise

MOST_LISTED = 10_000

_SAFE_EVENTS = {
    Event.REPLAYED: "replay",
    Event.IN_DOUBT: "replay",
    Event.RESOLVED: "resolve",
    Event.WITHDRAWN: "withdraw",
}
_DECIDED_IN = frozenset({State.PARKED, State.IN_DOUBT, State.AWAITING, State.READY, State.BLOCKED})


class Wanted(Arguments):
    """Which exchanges: every field narrows, None is any."""

    tenant: str | None = None
    service: str | None = None
    state: State | None = None
    operation: str | None = None
    code: str | None = None
    tracking_code: str | None = None
    limit: int = Field(default=100, ge=1, le=MOST_LISTED)


class Shown(Arguments):
    """One exchange; a body is opened only for a reason."""

    id: str
    body: Literal["record", "frozen", "answer"] | None = None
    reason: str | None = None


class CaseShown(Arguments):
    """One case by its tracking code."""

    tracking_code: str


async def list_exchanges(desk: Desk, wanted: Wanted) -> Payload:
    """The newest exchanges that fit, newest first."""
    found = await matching(desk, wanted)
    codes = await desk.tracking_codes(found)
    return {
        "exchanges": [told_exchange(exchange, codes.get(exchange.case_id)) for exchange in found],
        "beginnings": await desk.beginnings(found),
    }


async def matching(desk: Desk, wanted: Wanted) -> list[Exchange]:
    """The newest exchanges that fit; raises NotFound for a tracking code that no case has."""
    case_id = None
    if wanted.tracking_code is not None:
        case_id = (await _case_of(desk, wanted.tracking_code)).id
    found = await desk.house.journal.read(
        reading.list_exchanges,
        Filter(
            tenant=wanted.tenant,
            service=wanted.service,
            state=wanted.state,
            case_id=case_id,
            operation=wanted.operation,
            code=wanted.code,
            limit=wanted.limit,
        ),
    )
    if not found:
        refuse_unknown("service", wanted.service, desk.house.tables.now.names)
        refuse_unknown("tenant", wanted.tenant, desk.house.settings.tenants)
    return found


async def show_exchange(desk: Desk, wanted: Shown) -> Payload:
    """The life of one exchange: itself, its attempts, what was told of its case, and where its table stands."""
    journal = desk.house.journal
    exchange = await journal.read(reading.exchange, wanted.id)
    case = await journal.read(reading.case, exchange.case_id)
    told = {
        "exchange": told_exchange(exchange, case.tracking_code),
        "case": told_case(case),
        "table": _table_file(desk, exchange),
        "held_up_by": await journal.read(inspecting.held_up_by, exchange),
        "possible": possible(exchange),
        "attempts": await journal.read(reading.attempts_of, exchange.id),
        "audit": await _audit(desk, case.id),
        "beginnings": await desk.beginnings([exchange]),
    }
    if wanted.body is not None:
        told["body"] = await _body(desk, exchange, wanted.body, wanted.reason)
    return told


async def show_case(desk: Desk, wanted: CaseShown) -> Payload:
    """The life of a case: its promise, its stages, its exchanges and everything that was told of it."""
    journal = desk.house.journal
    case = await _case_of(desk, wanted.tracking_code)
    exchanges = await journal.read(inspecting.exchanges_of_case, case.id)
    audit = await _audit(desk, case.id)
    return {
        "case": told_case(case),
        **told_promise(desk, case, audit),
        "exchanges": [told_exchange(exchange, case.tracking_code) for exchange in exchanges],
        "audit": audit,
        "beginnings": await desk.beginnings(exchanges),
    }


async def _case_of(desk: Desk, given: str) -> Case:
    """The case with this tracking code in any digits; raises NotFound, which tells what cannot be a tracking code."""
    code = canonical_digits(given)
    try:
        return await desk.house.journal.read(reading.case_by_code, code)
    except NotFound as error:
        if is_tracking_code(code):
            raise
        raise NotFound(
            f"{error.detail}, which cannot be one: they have 12 digits, of which the last checks the others;"
            " an exchange has an id: panjereh exchanges show"
        ) from error


def possible(exchange: Exchange) -> list[str]:
    """What an operator may do with the exchange now, by the state machine; looking is always possible."""
    words = {
        word
        for event, word in _SAFE_EVENTS.items()
        if exchange.state in _DECIDED_IN
        and (exchange.state, event) in TRANSITIONS
        and not (word == "replay" and exchange.state not in {State.PARKED, State.IN_DOUBT})
    }
    return ["show", *sorted(words)]


def with_marks_told(content: bytes) -> bytes:
    """The content with each large document as its size and digest: a mark tells nobody anything."""
    told, place = b"", 0
    for found in marks_in(content):
        sentence = f"[document of {found.mark.size} bytes, SHA-256 {found.mark.digest.hex()}]"
        told += content[place : found.start] + sentence.encode()
        place = found.end
    return told + content[place:]


async def _audit(desk: Desk, case_id: str) -> list[dict[str, Any]]:
    return [inspecting.detail_of(row) for row in await desk.house.journal.read(inspecting.audit_of_case, case_id)]


def _table_file(desk: Desk, exchange: Exchange) -> str:
    service = desk.house.offer.named(exchange.tenant, exchange.service)
    table = None if service is None else service.tables.get(exchange.table)
    if table is not None:
        return table.file
    return (
        f"mappings/{exchange.service}: the service is stopped, or has no table {exchange.table!r}; run: panjereh check"
    )


async def _body(desk: Desk, exchange: Exchange, kind: str, reason: str | None) -> Payload:
    """The content, opened; told in the audit before it is shown."""
    why = needed(reason, what="a look into a body")
    content = await desk.house.journal.content(exchange, kind)
    if content is None:
        raise NotFound(f"exchange {exchange.id} has no {kind} yet")
    await desk.house.journal.note(Note("body_shown", desk.actor, exchange, why=why, what=kind))
    return {"kind": kind, "content": with_marks_told(content).decode("utf-8", errors="replace")}
