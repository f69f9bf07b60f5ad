"""What a service in shadow would have sent beside what the old way sent: places that differ, never a value."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field
from pydantic_core import from_json

from adapter.channels import Target
from adapter.errors import NotFound, Untranslatable
from adapter.exchange import SHADOW, Case, Exchange, Operation, Payload, State
from adapter.journal import Filter, reading
from adapter.refusals import SchemaViolation, Unreadable
from adapter.settlement.drafting import operation_name
from adapter.settlement.rendering import parent_of, render
from ops.operators.desk import Arguments, Desk, refuse_unknown
from ops.operators.showing import MOST_LISTED

_DIFFERS, _OURS_ONLY, _THEIRS_ONLY = "differs", "only in ours", "only in theirs"


class Sent(Arguments):
    """One payload of the old way: as JSON, or as the message itself."""

    name: str
    content: dict[str, Any] | None = None
    message: str | None = None


class Compared(Arguments):
    """Payloads of one operation; `match` are the paths of a payload whose values tell which of ours is meant."""

    service: str
    payloads: list[Sent]
    match: list[str] = Field(min_length=1)
    tenant: str | None = None
    operation: Operation = Operation.SUBMIT_REQUEST
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Ours:
    """What an exchange would have been sent, by place; at `own` stand our reference and tracking code."""

    exchange: Exchange
    target: Target
    operation: str
    content: Mapping[str, str]
    own: Collection[str]


async def compare(desk: Desk, wanted: Compared) -> Payload:
    """Each payload with the exchange in shadow that says the same at `match`, and the places where the two differ.

    Ours is translated by the tables that are live now, so that a mended row shows at once. Our own reference and
    tracking code are never a difference: the old way had others.
    """
    refuse_unknown("service", wanted.service, desk.house.tables.now.names)
    refuse_unknown("tenant", wanted.tenant, desk.house.settings.tenants)
    ours = [one async for one in _ours(desk, wanted)]
    if not ours:
        what = f"nothing of {wanted.service} was kept in shadow as {wanted.operation}"
        raise NotFound(f'{what}; set stage = "shadow" in its service.toml, and reload the tables')
    rows = [_row(sent, wanted, ours) for sent in wanted.payloads]
    met = {row["id"] for row in rows}
    return {
        "compared": sum(row["id"] is not None for row in rows),
        "equal": sum(row["id"] is not None and not row["differences"] for row in rows),
        "payloads": rows,
        "without_theirs": [one.exchange.id for one in ours if one.exchange.id not in met],
    }


async def _ours(desk: Desk, wanted: Compared) -> AsyncIterator[_Ours]:
    house = desk.house
    kept = Filter(
        tenant=wanted.tenant,
        service=wanted.service,
        state=State.WITHDRAWN,
        code=SHADOW,
        operation=wanted.operation.value,
        limit=MOST_LISTED,
    )
    for exchange in await house.journal.read(reading.list_exchanges, kept):
        service = house.offer.named(exchange.tenant, exchange.service)
        record = await house.journal.content(exchange, "record")
        if service is None or record is None:
            continue
        case: Case = await house.journal.read(reading.case, exchange.case_id)
        target = house.endpoints.targets[exchange.tenant, exchange.target]
        name = operation_name(service, exchange.operation, exchange.direction)
        kept_record = from_json(record)
        parent = await parent_of(house.journal, exchange, kept_record)
        try:
            payload = render(exchange, case, kept_record, service, now=exchange.accepted_at, parent=parent)
            content = target.thaw(name, target.freeze(name, payload))
        except (Untranslatable, SchemaViolation):
            content = {}
        own = {exchange.reference, case.tracking_code}
        leaves = dict(_leaves(content))
        yield _Ours(exchange, target, name, leaves, {place for place, value in leaves.items() if value in own})


def _row(sent: Sent, wanted: Compared, ours: Sequence[_Ours]) -> dict[str, Any]:
    told: dict[str, Any] = {"name": sent.name, "id": None, "differences": []}
    try:
        theirs = dict(_leaves(_content(sent, ours[0])))
    except (SchemaViolation, Unreadable) as error:
        return {**told, "note": f"their message cannot be read: {error.detail}"}
    lacking = [path for path in wanted.match if path not in theirs]
    if lacking:
        return {**told, "note": f"it has nothing at {', '.join(lacking)}"}
    found = [one for one in ours if all(one.content.get(path) == theirs[path] for path in wanted.match)]
    if len(found) != 1:
        return {**told, "note": "none of ours matches" if not found else f"{len(found)} of ours match"}
    differences = list(_differences(found[0].content, theirs, {*wanted.ignore, *found[0].own}))
    return {**told, "id": found[0].exchange.id, "differences": differences, "note": None}


def _content(sent: Sent, like: _Ours) -> Payload:
    if sent.message is None:
        return sent.content or {}
    return like.target.thaw(like.operation, sent.message.encode())


def _differences(
    ours: Mapping[str, str], theirs: Mapping[str, str], ignore: Collection[str]
) -> Iterator[dict[str, str]]:
    for place in sorted({*ours, *theirs}):
        if place in ignore or (place in ours and place in theirs and ours[place] == theirs[place]):
            continue
        kind = _DIFFERS if place in ours and place in theirs else _OURS_ONLY if place in ours else _THEIRS_ONLY
        yield {"place": place, "kind": kind}


def _leaves(content: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """Every value by its place, `owners[0].name`, as text: one side's 5 is the other's "5"."""
    if isinstance(content, dict):
        for name, value in content.items():
            yield from _leaves(value, f"{at}.{name}" if at else name)
    elif isinstance(content, list):
        for number, value in enumerate(content):
            yield from _leaves(value, f"{at}[{number}]")
    elif content is not None:
        yield at, str(content)
