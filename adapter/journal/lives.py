"""The stages that cases went through, drawn from the audit: one snapshot each, nothing written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from pydantic_core import from_json
from sqlalchemy import Connection, Select, and_, or_, select

from adapter.exchange import CLOSED_STAGES
from adapter.journal.rows import micros, moment
from adapter.journal.schema import audit, cases
from adapter.promise import RETURNING_OPERATIONS, Stretch, stretches_of


class Life(NamedTuple):
    """One case's stages."""

    tenant: str
    service: str
    tracking_code: str
    stretches: tuple[Stretch, ...]

    @property
    def is_closed(self) -> bool:
        """Whether its last stage is one that a case ends in."""
        return self.stretches[-1].stage in CLOSED_STAGES


def lives_since(
    connection: Connection, since: datetime, *, tenant: str | None = None, service: str | None = None
) -> list[Life]:
    """The stages of every case opened since then, of one tenant or service where they are given."""
    found = _lives().where(cases.c.opened_at >= micros(since))
    if tenant is not None:
        found = found.where(cases.c.tenant == tenant)
    if service is not None:
        found = found.where(cases.c.service == service)
    return list(_read(connection, found))


def open_lives(connection: Connection, *, opened_before: datetime) -> list[Life]:
    """The stages of every open case that was opened before then."""
    is_wanted = cases.c.closed_at.is_(None) & (cases.c.opened_at < micros(opened_before))
    return list(_read(connection, _lives().where(is_wanted)))


def life_of(connection: Connection, tenant: str, tracking_code: str) -> Life | None:
    """The stages of the tenant's case with this tracking code."""
    wanted = _lives().where(cases.c.tenant == tenant, cases.c.tracking_code == tracking_code)
    return next(_read(connection, wanted), None)


def _lives() -> Select[Any]:
    """Cases with those of their audit records that tell of a stage, or that the citizen has acted."""
    told = [audit.c.detail.contains('"stage":', autoescape=True)]
    told += [
        and_(audit.c.event == "accepted", audit.c.detail.contains(f'"{operation}"', autoescape=True))
        for operation in sorted(RETURNING_OPERATIONS)
    ]
    return (
        select(
            *(cases.c.id, cases.c.tenant, cases.c.service, cases.c.tracking_code, cases.c.opened_at),
            *(audit.c.at, audit.c.event, audit.c.detail),
        )
        .join(audit, and_(audit.c.case_id == cases.c.id, or_(*told)), isouter=True)
        .order_by(cases.c.id, audit.c.at, audit.c.writer, audit.c.number)
    )


def _read(connection: Connection, found: Select[Any]) -> Iterator[Life]:
    for _, group in groupby(connection.execute(found).mappings(), key=lambda row: row["id"]):
        rows = list(group)
        first = rows[0]
        told = [_told(row) for row in rows if row["at"] is not None]
        stretches = stretches_of(moment(first["opened_at"]), told)
        yield Life(first["tenant"], first["service"], first["tracking_code"], stretches)


def _told(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {"at": moment(row["at"]), "event": row["event"], "detail": from_json(row["detail"])}
