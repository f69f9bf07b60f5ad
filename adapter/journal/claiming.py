"""Claims: which exchanges are due, and the right of one node to work on them.

A claim without an open attempt belongs to its node as long as the node's heartbeat is seen. An open attempt
(`sending`) belongs to it until its lease ends, and then is in doubt.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, bindparam, exists, or_, select, update

from adapter.errors import JournalUnusable
from adapter.exchange import LANE_HOLDING_STATES, Claim, Event, State, Verdict
from adapter.journal import payloads
from adapter.journal.rows import case_of, exchange_of
from adapter.journal.schema import UNSETTLED_STATES, attempts, cases, exchanges, in_states, nodes
from adapter.journal.unit import Unit

_MICROSECONDS = 1_000_000
_MINE = update(exchanges).where(exchanges.c.id == bindparam("b_id"))
_CLAIM = _MINE.values(owner=bindparam("b_owner"), fence=bindparam("b_fence"))
_UNREADABLE = "unreadable"
_UNFIT_ROWS = (JournalUnusable, LookupError, ValueError)
"""What a row raises that does not open, lacks its content, or holds a word that this version does not know."""
_PARK = _MINE.values(state=State.PARKED.value, code=_UNREADABLE, reason=bindparam("b_reason"), owner=None)


@dataclass(frozen=True, slots=True)
class Wish:
    """How many claims, and which targets to leave alone for now (their breaker is open or they are paused)."""

    limit: int
    heartbeat: timedelta
    closed_targets: Collection[tuple[str, str]] = ()


def claim_ready(unit: Unit, wishes: Sequence[Wish]) -> list[list[Claim] | Exception]:
    """Exchanges that are due, heads of their lanes, and free; oldest due first."""
    return [_claim(unit, wish, in_states({State.READY}), _is_head_of_lane()) for wish in wishes]


def claim_unsettled(unit: Unit, wishes: Sequence[Wish]) -> list[list[Claim] | Exception]:
    """Exchanges in doubt or awaiting whose time has come to ask."""
    return [_claim(unit, wish, in_states(UNSETTLED_STATES)) for wish in wishes]


def _is_head_of_lane() -> ColumnElement[bool]:
    before = exchanges.alias("before")
    return ~exists().where(
        before.c.lane == exchanges.c.lane,
        before.c.sequence < exchanges.c.sequence,
        in_states(LANE_HOLDING_STATES, before),
    )


def _claim(unit: Unit, wish: Wish, *conditions: ColumnElement[bool]) -> list[Claim]:
    free = or_(exchanges.c.owner.is_(None), exchanges.c.owner.in_(_dead_owners(unit, wish.heartbeat)))
    query = select(exchanges).where(*conditions, exchanges.c.due_at <= unit.now, free)
    for tenant, target in wish.closed_targets:
        query = query.where(~and_(exchanges.c.tenant == tenant, exchanges.c.target == target))
    query = query.order_by(exchanges.c.due_at, exchanges.c.sequence).limit(wish.limit)
    if unit.locks_rows:
        query = query.with_for_update(skip_locked=True)
    rows = unit.connection.execute(query).mappings().all()
    if not rows:
        return []
    unit.update(_CLAIM, [{"b_id": row["id"], "b_owner": unit.owner, "b_fence": row["fence"] + 1} for row in rows])
    try:
        return load_claims(unit, rows)
    except _UNFIT_ROWS:
        return [claim for row in rows for claim in _readable(unit, row)]


def _readable(unit: Unit, row: Mapping[Any, Any]) -> list[Claim]:
    """The claim, unless what was kept cannot be read any more: that one is parked, so that it delays no other."""
    try:
        return load_claims(unit, [row])
    except _UNFIT_ROWS as error:
        reason = error.detail if isinstance(error, JournalUnusable) else f"its row cannot be read: {error}"
        unit.update(_PARK, [{"b_id": row["id"], "b_reason": reason}])
        told = {"tenant": row["tenant"], "case_id": row["case_id"], "exchange_id": row["id"]}
        unit.tell(Event.PARKED.value, actor="engine", **told, state=State.PARKED, code=_UNREADABLE)
        return []


def _dead_owners(unit: Unit, heartbeat: timedelta) -> list[str]:
    silent_since = unit.now - int(heartbeat.total_seconds() * _MICROSECONDS)
    rows = unit.connection.execute(select(nodes.c.name, nodes.c.incarnation).where(nodes.c.seen_at < silent_since))
    return [owner for row in rows if (owner := owner_name(row.name, row.incarnation)) != unit.owner]


def owner_name(node: str, incarnation: str) -> str:
    """How a claim names its owner: the node and which of its lives."""
    return f"{node}:{incarnation}"


def load_claims(unit: Unit, rows: Sequence[Mapping[Any, Any]]) -> list[Claim]:
    """The claims for these rows of `exchanges` (as they stood before their fence was raised), opened."""
    case_rows = {
        row["id"]: row
        for row in unit.connection.execute(
            select(cases).where(cases.c.id.in_(sorted({row["case_id"] for row in rows})))
        ).mappings()
    }
    seals = {case_id: unit.sealer.seal_of(case_id, row["data_key"]) for case_id, row in case_rows.items()}
    contents = payloads.opened(unit.connection, seals, [row["id"] for row in rows], [payloads.RECORD, payloads.FROZEN])
    return [
        Claim(
            exchange=exchange_of(row),
            case=case_of(case_rows[row["case_id"]]),
            fence=row["fence"] + 1,
            record=payloads.as_record(contents[row["id"], payloads.RECORD]),
            frozen=contents.get((row["id"], payloads.FROZEN)),
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """This node's sign of life."""

    node: str
    incarnation: str


def beat(unit: Unit, heartbeats: Sequence[Heartbeat]) -> list[Exception | None]:
    """Keep the node seen now."""
    for heartbeat in heartbeats:
        unit.connection.execute(
            update(nodes)
            .where(nodes.c.name == heartbeat.node, nodes.c.incarnation == heartbeat.incarnation)
            .values(seen_at=unit.now)
        )
    return [None] * len(heartbeats)


def fall_expired(unit: Unit, orders: Sequence[Collection[str]]) -> list[int | Exception]:
    """Open attempts whose lease has ended become in doubt, but for those of the exchanges to spare; how many."""
    return [_fall(unit, and_(exchanges.c.lease_until < unit.now, exchanges.c.id.not_in(spared))) for spared in orders]


def fall_dead(unit: Unit, *, node: str) -> int:
    """Everything that earlier lives of this node held: claims become free, open attempts in doubt; how many.

    On SQLite there is one process, so whatever anybody held was an earlier life's, also under another name.
    """
    mine = (
        exchanges.c.owner.startswith(f"{node}:", autoescape=True) if unit.locks_rows else exchanges.c.owner.is_not(None)
    )
    unit.connection.execute(
        update(exchanges)
        .where(in_states({State.READY, *UNSETTLED_STATES}), mine, exchanges.c.owner != unit.owner)
        .values(owner=None, fence=exchanges.c.fence + 1)
    )
    return _fall(unit, and_(mine, exchanges.c.owner != unit.owner))


def _fall(unit: Unit, condition: ColumnElement[bool]) -> int:
    """The time to settle that was kept with the INTENT begins now."""
    columns = ("id", "tenant", "case_id", "attempts", "attempted_at", "due_at", "fence")
    query = select(*(exchanges.c[name] for name in columns)).where(in_states({State.SENDING}), condition)
    if unit.locks_rows:  # one whose outcome is just being committed by its own node has not fallen
        query = query.with_for_update(skip_locked=True)
    rows = unit.connection.execute(query).all()  # without an order: SQLite would walk every id for it
    if not rows:
        return 0
    unit.connection.execute(
        _MINE.values(
            state=State.IN_DOUBT.value,
            reason="the daemon stopped while an attempt was open",
            code="lease_lost",
            may_have_effect=True,
            due_at=bindparam("b_due_at"),
            owner=None,
            lease_until=None,
            fence=bindparam("b_fence"),
        ),
        [{"b_id": row.id, "b_fence": row.fence + 1, "b_due_at": unit.now + _settle_of(row)} for row in rows],
    )
    for row in rows:
        unit.insert(
            attempts,
            {
                "exchange_id": row.id,
                "number": row.attempts,
                "started_at": row.attempted_at or unit.now,
                "ended_at": unit.now,
                "verdict": Verdict.IN_DOUBT.value,
                "code": "lease_lost",
                "reason": None,
            },
        )
        unit.tell("lease_lost", actor="engine", tenant=row.tenant, case_id=row.case_id, exchange_id=row.id)
    return len(rows)


def _settle_of(row: Row[Any]) -> int:
    wait: int = row.due_at - row.attempted_at
    return max(wait, 0)
