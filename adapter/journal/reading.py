"""What is kept, for callers, operators and health: every function reads one snapshot and writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select

from adapter.errors import NotFound
from adapter.exchange import LANE_HOLDING_STATES, OPENING_OPERATIONS, Case, Exchange, Operation, Record, State
from adapter.journal import payloads
from adapter.journal.rows import case_of, moment, shown_exchange, with_times
from adapter.journal.schema import (
    UNSETTLED_STATES,
    attempts,
    cases,
    cursors,
    endpoints,
    exchanges,
    in_states,
    search_keys,
)
from adapter.journal.sealing import Sealer
from adapter.text import canonical_digits

_MOST_CANDIDATES = 10
"""Exchanges that are named to who gave the beginning of several ids."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which exchanges to list; None means any."""

    tenant: str | None = None
    service: str | None = None
    state: State | None = None
    case_id: str | None = None
    operation: str | None = None
    code: str | None = None
    limit: int = 100


def case_by_tracking_code(connection: Connection, tenant: str, code: str) -> Case | None:
    """The tenant's case with this tracking code."""
    row = _case_row(connection, cases.c.tenant == tenant, cases.c.tracking_code == code)
    return None if row is None else case_of(row)


def _case_row(connection: Connection, *conditions: Any) -> Mapping[Any, Any] | None:
    return connection.execute(select(cases).where(*conditions)).mappings().first()


def status(connection: Connection, tenant: str, code: str) -> Mapping[Any, Any] | None:
    """What a caller may know of a case: stage, last status told, and whether something of it stands and waits."""
    row = _case_row(connection, cases.c.tenant == tenant, cases.c.tracking_code == code)
    if row is None:
        return None
    held = connection.execute(
        select(exchanges.c.state, exchanges.c.code)
        .where(exchanges.c.case_id == row["id"], in_states({State.PARKED, State.IN_DOUBT}))
        .order_by(exchanges.c.sequence)
        .limit(1)
    ).first()
    return {
        **{name: row[name] for name in ("service", "tracking_code", "stage", "status_code", "status_title")},
        "awaited_party": row["awaited_party"],
        "changed_at": moment(row["changed_at"]),
        "held": None if held is None else held.state,
    }


def cases_by_internal_reference(connection: Connection, tenant: str, references: list[str]) -> dict[str, Case]:
    """The tenant's cases by the internal system's own numbers."""
    rows = connection.execute(
        select(cases).where(cases.c.tenant == tenant, cases.c.internal_reference.in_(references))
    ).mappings()
    return {row["internal_reference"]: case_of(row) for row in rows}


def lagging_references(connection: Connection, tenant: str, target: str, references: list[str]) -> set[str]:
    """Those of the target's numbers of whose case something sent there has no known outcome yet."""
    rows = connection.execute(
        select(cases.c.internal_reference)
        .join(exchanges, exchanges.c.case_id == cases.c.id)
        .where(
            cases.c.tenant == tenant,
            cases.c.internal_reference.in_(references),
            exchanges.c.target == target,
            in_states({State.SENDING, State.IN_DOUBT}),
        )
        .distinct()
    )
    return set(rows.scalars())


def awaiting_of_cases(connection: Connection, case_ids: list[str]) -> dict[str, str]:
    """Case → the exchange of it that awaits a later answer."""
    rows = connection.execute(
        select(exchanges.c.case_id, exchanges.c.id).where(
            exchanges.c.case_id.in_(case_ids), exchanges.c.state == State.AWAITING.value
        )
    )
    return {row.case_id: row.id for row in rows}


def has_open_submissions(connection: Connection, tenant: str, target: str) -> bool:
    """Whether the target may know a case of ours by a number that we have not learnt yet."""
    begun = (exchanges.c.attempts > 0) | (exchanges.c.state == State.SENDING.value)
    row = connection.execute(
        select(exchanges.c.id)
        .where(
            in_states(LANE_HOLDING_STATES | {State.AWAITING}),
            exchanges.c.tenant == tenant,
            exchanges.c.settled_at.is_(None),  # what is open, by an index
            exchanges.c.target == target,
            exchanges.c.operation.in_(sorted(OPENING_OPERATIONS)),
            begun,
        )
        .limit(1)
    ).first()
    return row is not None


def fruitless_withdrawals(connection: Connection, case_id: str) -> int:
    """How many withdrawals of the case came to nothing: refused inside, or closed by a person."""
    rows = connection.execute(
        select(func.count()).where(
            exchanges.c.case_id == case_id,
            exchanges.c.operation == Operation.WITHDRAW_REQUEST.value,
            in_states({State.REFUSED, State.WITHDRAWN}),
        )
    )
    return rows.scalar_one()


def documents_taken(connection: Connection, case_id: str) -> int:
    """How many documents the case was brought, without those that came to nothing."""
    rows = connection.execute(
        select(func.count()).where(
            exchanges.c.case_id == case_id,
            exchanges.c.operation == Operation.ATTACH_DOCUMENT.value,
            ~in_states({State.REFUSED, State.WITHDRAWN}),
        )
    )
    return rows.scalar_one()


def cursor(connection: Connection, tenant: str, source: str) -> str | None:
    """How far the changes of a source are kept."""
    return connection.execute(
        select(cursors.c.value).where(cursors.c.tenant == tenant, cursors.c.source == source)
    ).scalar_one_or_none()


def list_exchanges(connection: Connection, wanted: Filter) -> list[Exchange]:
    """The newest exchanges that fit the filter, newest first."""
    query: Select[Any] = select(exchanges).order_by(exchanges.c.sequence.desc()).limit(wanted.limit)
    if wanted.state is not None:
        query = query.where(in_states({wanted.state}))
    for column in ("tenant", "service", "case_id", "operation", "code"):
        value = getattr(wanted, column)
        if value is not None:
            query = query.where(exchanges.c[column] == value)
    return [shown_exchange(row) for row in connection.execute(query).mappings()]


def exchange(connection: Connection, exchange_id: str) -> Exchange:
    """The exchange with this id or beginning of an id; raises NotFound, also when several begin so.

    Who gives a case's tracking code instead is told so.
    """
    begins = exchanges.c.id.startswith(exchange_id, autoescape=True)
    rows = connection.execute(select(exchanges).where(begins).order_by(exchanges.c.id).limit(_MOST_CANDIDATES + 1))
    found = [shown_exchange(row) for row in rows.mappings()]
    if not found and _case_row(connection, cases.c.tracking_code == canonical_digits(exchange_id)) is not None:
        raise NotFound(f"{exchange_id!r} is the tracking code of a case; see: panjereh cases show {exchange_id}")
    if not found:
        raise NotFound(f"no exchange begins with {exchange_id!r}; list them with: panjereh exchanges list")
    if len(found) > 1:
        raise NotFound("\n".join([f"several exchanges begin with {exchange_id!r}; name one of them:", *_named(found)]))
    return found[0]


def _named(found: list[Exchange]) -> list[str]:
    lines = [f"  {one.id}  {one.state}  {one.service}  {one.operation}" for one in found[:_MOST_CANDIDATES]]
    return lines if len(found) <= _MOST_CANDIDATES else [*lines, "  and others"]


def case(connection: Connection, case_id: str) -> Case:
    """The case with this id; raises NotFound."""
    row = _case_row(connection, cases.c.id == case_id)
    if row is None:
        raise NotFound(f"no case {case_id!r} is kept here")
    return case_of(row)


def case_by_code(connection: Connection, code: str) -> Case:
    """The case of any tenant with this tracking code, for operators; raises NotFound."""
    row = _case_row(connection, cases.c.tracking_code == code)
    if row is None:
        raise NotFound(f"no case has the tracking code {code!r}")
    return case_of(row)


def attempts_of(connection: Connection, exchange_id: str) -> list[dict[str, Any]]:
    """The exchange's attempts, first to last, with times as datetimes."""
    rows = connection.execute(
        select(attempts).where(attempts.c.exchange_id == exchange_id).order_by(attempts.c.number)
    ).mappings()
    return [with_times(row, "started_at", "ended_at") for row in rows]


def content(connection: Connection, sealer: Sealer, shown: Exchange, kind: str) -> bytes | None:
    """One sealed payload of an exchange, opened; None when there is none of this kind."""
    seals = payloads.seals(connection, sealer, [shown.case_id])
    return payloads.opened(connection, seals, [shown.id], [kind]).get((shown.id, kind))


def open_counts(connection: Connection) -> dict[tuple[str, str, str], int]:
    """(tenant, service, state) → how many exchanges are open in it."""
    states = LANE_HOLDING_STATES | UNSETTLED_STATES
    keys = (exchanges.c.tenant, exchanges.c.service, exchanges.c.state)
    # An index holds the first condition, so that closed rows cost little.
    is_open = (exchanges.c.settled_at.is_(None), in_states(states))
    rows = connection.execute(select(*keys, func.count()).where(*is_open).group_by(*keys))
    return {(row[0], row[1], row[2]): row[3] for row in rows}


def last_done(connection: Connection, tenant: str, service: str) -> datetime | None:
    """When an exchange of the service was last done."""
    value = connection.execute(
        select(exchanges.c.settled_at)
        .where(
            exchanges.c.tenant == tenant,
            exchanges.c.settled_at.is_not(None),
            exchanges.c.service == service,
            exchanges.c.state == State.DONE.value,
        )
        .order_by(exchanges.c.settled_at.desc())
        .limit(1)
    ).scalar_one_or_none()
    return None if value is None else moment(value)


def paused_endpoints(connection: Connection) -> dict[tuple[str, str], str]:
    """(tenant, endpoint) → why it is paused."""
    rows = connection.execute(select(endpoints).where(endpoints.c.paused_at.is_not(None)))
    return {(row.tenant, row.name): row.reason for row in rows}


def cases_by_search(
    connection: Connection, tenant: str, kind: str, digest: bytes, *, limit: int, offset: int = 0
) -> tuple[list[dict[str, Any]], int]:
    """A page of the tenant's cases with this searched value, newest first and as callers may know them; and how many.

    The tenant stands in the condition as well as in the digest.
    """
    known = (search_keys.c.tenant == tenant, search_keys.c.kind == kind, search_keys.c.hash == digest)
    found = select(cases).join(search_keys, search_keys.c.case_id == cases.c.id).where(*known)
    count = connection.execute(select(func.count()).select_from(found.subquery())).scalar_one()
    page = found.order_by(cases.c.opened_at.desc(), cases.c.id.desc()).limit(limit).offset(offset)
    names = ("tracking_code", "service", "stage", "opened_at", "changed_at")
    rows = connection.execute(page).mappings()
    return [with_times({name: row[name] for name in names}, "opened_at", "changed_at") for row in rows], count


def payments_of(connection: Connection, sealer: Sealer, case_id: str) -> list[Record]:
    """What was confirmed as paid in the case, opened; without what was refused inside or withdrawn by a person."""
    rows = connection.execute(
        select(exchanges.c.id).where(
            exchanges.c.case_id == case_id,
            exchanges.c.operation == Operation.CONFIRM_PAYMENT.value,
            exchanges.c.state.not_in([State.REFUSED.value, State.WITHDRAWN.value]),
        )
    )
    opened = payloads.opened(
        connection, payloads.seals(connection, sealer, [case_id]), rows.scalars(), [payloads.RECORD]
    )
    return [payloads.as_record(raw) for raw in opened.values()]
