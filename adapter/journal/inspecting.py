"""What operators, health and reconciliation look at: like `reading`, one snapshot each, nothing written."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from pydantic_core import from_json
from sqlalchemy import Connection, func, select

from adapter.exchange import LANE_HOLDING_STATES, Direction, Exchange, Operation
from adapter.journal import payloads
from adapter.journal.rows import micros, moment, optional_moment, shown_exchange, with_times
from adapter.journal.schema import audit, cases, endpoints, exchanges, findings, in_states
from adapter.journal.sealing import Sealer
from adapter.journal.unit import first_broken

_SHORTEST = 12
"""Characters of an id that are its time to the millisecond."""


class Kept(NamedTuple):
    """One exchange of our ledger, with the tracking code of its case."""

    exchange: Exchange
    tracking_code: str


def is_alive(connection: Connection) -> bool:
    """Whether the database answers at all."""
    return bool(connection.execute(select(1)).scalar_one())


def first_damage(connection: Connection) -> str | None:
    """The first damage in an embedded journal's file, about a second a gigabyte. None for a server's."""
    if connection.dialect.name != "sqlite":
        return None
    told: str = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    return None if told == "ok" else told.replace("\n", " ")


def ledger_page(
    connection: Connection,
    tenant: str,
    target: str,
    *,
    since: datetime,
    until: datetime,
    after: str = "",
    limit: int = 2000,
) -> list[Kept]:
    """Our ledger towards one target in the order of references, behind `after`.

    It holds every exchange accepted before `until` that is open or was settled from `since` on.
    """
    rows = connection.execute(
        select(exchanges, cases.c.tracking_code)
        .join(cases, cases.c.id == exchanges.c.case_id)
        .where(
            exchanges.c.tenant == tenant,
            exchanges.c.reference > after,
            exchanges.c.target == target,
            exchanges.c.accepted_at < micros(until),
            (exchanges.c.settled_at.is_(None)) | (exchanges.c.settled_at >= micros(since)),
        )
        .order_by(exchanges.c.reference)
        .limit(limit)
    ).mappings()
    return [Kept(shown_exchange(row), row["tracking_code"]) for row in rows]


def oldest_settled(
    connection: Connection, tenant: str, target: str, *, since: datetime, until: datetime
) -> datetime | None:
    """When the oldest of the exchanges was accepted that were settled in the period: its effect may be as old."""
    return optional_moment(
        connection.execute(
            select(func.min(exchanges.c.accepted_at)).where(
                exchanges.c.tenant == tenant,
                exchanges.c.target == target,
                exchanges.c.settled_at >= micros(since),
                exchanges.c.settled_at < micros(until),
            )
        ).scalar_one_or_none()
    )


def kept_by_reference(connection: Connection, tenant: str, target: str, references: list[str]) -> dict[str, Kept]:
    """The tenant's exchanges to a target by the reference sent with them."""
    rows = connection.execute(
        select(exchanges, cases.c.tracking_code)
        .join(cases, cases.c.id == exchanges.c.case_id)
        .where(exchanges.c.tenant == tenant, exchanges.c.reference.in_(references), exchanges.c.target == target)
    ).mappings()
    return {row["reference"]: Kept(shown_exchange(row), row["tracking_code"]) for row in rows}


def frozen_of(connection: Connection, sealer: Sealer, sent: Iterable[Exchange]) -> dict[str, bytes]:
    """Exchange → the bytes that every attempt of it has sent, opened; what was never frozen is left out."""
    case_of_exchange = {one.id: one.case_id for one in sent}
    seals = payloads.seals(connection, sealer, case_of_exchange.values())
    opened = payloads.opened(connection, seals, case_of_exchange, [payloads.FROZEN])
    return {exchange_id: content for (exchange_id, _), content in opened.items()}


def tracking_codes(connection: Connection, case_ids: Iterable[str]) -> dict[str, str]:
    """Case → its tracking code."""
    rows = connection.execute(select(cases.c.id, cases.c.tracking_code).where(cases.c.id.in_(sorted(set(case_ids)))))
    return {row.id: row.tracking_code for row in rows}


def beginnings(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    """Exchange → the beginning of its id that no other exchange of the whole journal has, of twelve or more."""
    other = exchanges.alias()
    before = select(func.max(other.c.id)).where(other.c.id < exchanges.c.id).scalar_subquery()
    after = select(func.min(other.c.id)).where(other.c.id > exchanges.c.id).scalar_subquery()
    rows = connection.execute(select(exchanges.c.id, before, after).where(exchanges.c.id.in_(sorted(set(ids)))))
    return {one: one[: max(_SHORTEST, 1 + max(_alike(one, near) for near in neighbours))] for one, *neighbours in rows}


def _alike(one: str, other: str | None) -> int:
    """How many characters they have in common from the beginning."""
    return next((at for at, pair in enumerate(zip(one, other or "", strict=False)) if len(set(pair)) > 1), 0)


def exchanges_of_case(connection: Connection, case_id: str) -> list[Exchange]:
    """The case's exchanges in the order in which they were kept."""
    rows = connection.execute(
        select(exchanges).where(exchanges.c.case_id == case_id).order_by(exchanges.c.sequence)
    ).mappings()
    return [shown_exchange(row) for row in rows]


def held_up_by(connection: Connection, shown: Exchange) -> str | None:
    """The exchange at the head of the lane that must leave first; None when nothing stands before this one."""
    mine = select(exchanges.c.sequence).where(exchanges.c.id == shown.id).scalar_subquery()
    return connection.execute(
        select(exchanges.c.id)
        .where(exchanges.c.lane == shown.lane, exchanges.c.sequence < mine, in_states(LANE_HOLDING_STATES))
        .order_by(exchanges.c.sequence)
        .limit(1)
    ).scalar_one_or_none()


def undelivered(connection: Connection, tenant: str, direction: Direction = Direction.OUTWARD) -> dict[str, int]:
    """Service → how many exchanges the gateway (outward) or the internal system (inward) has not been given yet."""
    rows = connection.execute(
        select(exchanges.c.service, func.count())
        .where(
            exchanges.c.tenant == tenant,
            exchanges.c.direction == direction.value,
            exchanges.c.settled_at.is_(None),
            in_states(LANE_HOLDING_STATES),
        )
        .group_by(exchanges.c.service)
    )
    return {row[0]: row[1] for row in rows}


def last_publication(connection: Connection, tenant: str, service: str) -> Exchange | None:
    """The publication of the service's card that was kept last for the tenant's gateway."""
    row = (
        connection.execute(
            select(exchanges)
            .where(
                exchanges.c.tenant == tenant,
                exchanges.c.service == service,
                exchanges.c.operation == Operation.PUBLISH_SERVICE.value,
            )
            .order_by(exchanges.c.sequence.desc())
            .limit(1)
        )
        .mappings()
        .first()
    )
    return None if row is None else shown_exchange(row)


def pauses(connection: Connection) -> dict[tuple[str, str], datetime]:
    """(tenant, endpoint) → since when it is paused."""
    rows = connection.execute(select(endpoints).where(endpoints.c.paused_at.is_not(None)))
    return {(row.tenant, row.name): moment(row.paused_at) for row in rows}


def newest_runs(connection: Connection, limit: int) -> list[str]:
    """The reconciliations that were kept last, newest first."""
    newest_first = (func.max(findings.c.found_at).desc(), findings.c.run.desc())
    runs = select(findings.c.run).group_by(findings.c.run).order_by(*newest_first).limit(limit)
    return list(connection.execute(runs).scalars())


def audit_counts(connection: Connection) -> dict[str, int]:
    """Writer → how many audit records it has written."""
    rows = connection.execute(select(audit.c.writer, func.count()).group_by(audit.c.writer).order_by(audit.c.writer))
    return {row[0]: row[1] for row in rows}


def notes(connection: Connection, events: Collection[str], *, since: datetime) -> list[dict[str, Any]]:
    """The audit's rows of these events that belong to no case, in the order in which they were told, details opened."""
    rows = connection.execute(
        select(audit.c.at, audit.c.actor, audit.c.event, audit.c.tenant, audit.c.detail)
        .where(audit.c.case_id.is_(None), audit.c.event.in_(sorted(events)), audit.c.at >= micros(since))
        .order_by(audit.c.at, audit.c.writer, audit.c.number)
    ).mappings()
    return [detail_of({**row, "at": moment(row["at"])}) for row in rows]


def detail_of(told: dict[str, Any]) -> dict[str, Any]:
    """An audit row with its detail as an object."""
    return {**told, "detail": from_json(told["detail"])}


def audit_of_case(connection: Connection, case_id: str) -> list[dict[str, Any]]:
    """All that was told of a case, in the order of time."""
    rows = connection.execute(
        select(audit.c.at, audit.c.actor, audit.c.event, audit.c.exchange_id, audit.c.detail)
        .where(audit.c.case_id == case_id)
        .order_by(audit.c.at, audit.c.writer, audit.c.number)
    ).mappings()
    return [with_times(row, "at") for row in rows]


def first_broken_audit(connection: Connection) -> Mapping[Any, Any] | None:
    """The first record of any writer's chain that does not follow from the one before; None when all chains hold."""
    for writer in connection.execute(select(audit.c.writer).distinct()).scalars().all():
        rows = connection.execute(select(audit).where(audit.c.writer == writer).order_by(audit.c.number)).mappings()
        broken = first_broken(rows)
        if broken is not None:
            return broken
    return None


def findings_of(connection: Connection, run: str | None) -> list[dict[str, Any]]:
    """The findings of a run, of the newest one when none is named."""
    if run is None:
        run = connection.execute(
            select(findings.c.run).order_by(findings.c.found_at.desc(), findings.c.run.desc()).limit(1)
        ).scalar_one_or_none()
    rows = connection.execute(select(findings).where(findings.c.run == run).order_by(findings.c.number)).mappings()
    return [with_times(row, "found_at") for row in rows]
