"""Changes of internal systems: what was read and how far, kept in one commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from pydantic_core import from_json, to_json
from sqlalchemy import ColumnElement, Connection, delete, select, update

from adapter.errors import LeaseLost
from adapter.exchange import Change, Exchange, Record
from adapter.journal import payloads
from adapter.journal.schema import cursors, exchanges, strays
from adapter.journal.sealing import Sealer
from adapter.journal.settling import keep_draft, lock_cases
from adapter.journal.unit import Unit


@dataclass(frozen=True, slots=True)
class Taken:
    """A page of changes, read after `before`, as exchanges to be kept; `cursor` is kept with them.

    What a system told by itself was read after nothing: its `cursor` is None, and none is moved.
    `answered` names awaiting exchanges that the page has answered: they become due at once. `strays` are changes
    whose case does not know its number yet, kept aside; `gathered` the event ids of strays that now have their case.
    """

    tenant: str
    source: str
    before: str | None
    cursor: str | None
    drafts: tuple[tuple[Exchange, Record], ...]
    answered: tuple[str, ...] = ()
    strays: tuple[Change, ...] = ()
    gathered: tuple[str, ...] = ()


def take(unit: Unit, pages: Sequence[Taken]) -> list[int | Exception]:
    """Keep each page's new exchanges and its cursor; how many were new. A repeated event is dropped.

    Raises LeaseLost when another node has moved the cursor meanwhile: nothing was kept.
    """
    return [_take_one(unit, page) for page in pages]


def _take_one(unit: Unit, page: Taken) -> int:
    _move_cursor(unit, page)
    case_ids = [exchange.case_id for exchange, _ in page.drafts]
    lock_cases(unit, case_ids)
    seals = payloads.seals(unit.connection, unit.sealer, case_ids)
    known = _known_events(unit, page, case_ids)
    new = 0
    for exchange, record in page.drafts:
        event = (exchange.case_id, exchange.direction.value, exchange.event_id)
        if event not in known:
            known.add(event)
            keep_draft(unit, exchange, record, seal=seals[exchange.case_id])
            new += 1
    _keep_strays(unit, page)
    if page.gathered:
        unit.connection.execute(delete(strays).where(_here(page), strays.c.event_id.in_(page.gathered)))
    unit.flush()
    if page.answered:
        unit.connection.execute(
            update(exchanges)
            .where(exchanges.c.id.in_(page.answered), exchanges.c.state == "awaiting")
            .values(due_at=unit.now)
        )
    return new


def _here(page: Taken) -> ColumnElement[bool]:
    return (strays.c.tenant == page.tenant) & (strays.c.source == page.source)


def _keep_strays(unit: Unit, page: Taken) -> None:
    known = (
        set(unit.connection.execute(select(strays.c.event_id).where(_here(page))).scalars()) if page.strays else set()
    )
    for change in page.strays:
        if change.event_id in known:
            continue
        known.add(change.event_id)
        label = _stray_label(page.tenant, page.source, change.event_id)
        seal, wrapped = unit.sealer.new_data_key(label)
        unit.insert(
            strays,
            {
                "tenant": page.tenant,
                "source": page.source,
                "event_id": change.event_id,
                "data_key": wrapped,
                "sealed": seal.close(to_json(asdict(change)), label),
                "taken_at": unit.now,
            },
        )


def _stray_label(tenant: str, source: str, event_id: str) -> str:
    return f"stray:{tenant}:{source}:{event_id}"


def kept_strays(connection: Connection, sealer: Sealer, tenant: str, source: str) -> list[Change]:
    """The changes that still wait for their case to know its number."""
    rows = connection.execute(select(strays).where(strays.c.tenant == tenant, strays.c.source == source))
    found: list[Change] = []
    for row in rows:
        label = _stray_label(tenant, source, row.event_id)
        content = from_json(sealer.seal_of(label, row.data_key).open(row.sealed, label))
        found.append(Change(**{**content, "changed_at": datetime.fromisoformat(content["changed_at"])}))
    return found


def _known_events(unit: Unit, page: Taken, case_ids: list[str]) -> set[tuple[str, str, str | None]]:
    events = [exchange.event_id for exchange, _ in page.drafts]
    rows = unit.connection.execute(
        select(exchanges.c.case_id, exchanges.c.direction, exchanges.c.event_id).where(
            exchanges.c.tenant == page.tenant,
            exchanges.c.case_id.in_(sorted(set(case_ids))),
            exchanges.c.event_id.in_(events),
        )
    )
    return {(row.case_id, row.direction, row.event_id) for row in rows}


def _move_cursor(unit: Unit, page: Taken) -> None:
    here = (cursors.c.tenant == page.tenant) & (cursors.c.source == page.source)
    if page.cursor is None:
        _hold_cursor(unit, here)
        return
    if page.before is None:
        if unit.connection.execute(select(cursors.c.value).where(here)).first() is not None:
            raise LeaseLost
        unit.insert(cursors, {"tenant": page.tenant, "source": page.source, "value": page.cursor, "moved_at": unit.now})
        unit.flush()
        return
    moved = unit.connection.execute(
        update(cursors).where(here, cursors.c.value == page.before).values(value=page.cursor, moved_at=unit.now)
    )
    if moved.rowcount != 1:
        raise LeaseLost


def _hold_cursor(unit: Unit, here: ColumnElement[bool]) -> None:
    """Keep other nodes from taking the same changes, asked for or told, until the commit."""
    if unit.locks_rows:
        unit.connection.execute(select(cursors.c.value).where(here).with_for_update())
