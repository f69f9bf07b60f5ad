"""Settlements: the outcome of an attempt, with all that follows from it, in one commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, select, update

from adapter.exchange import CLOSED_STAGES, CLOSED_STATES, Claim, Exchange, Payload, Record, Stage, State
from adapter.journal import payloads
from adapter.journal.accepting import busy_lanes
from adapter.journal.attempting import FENCED, fence_of, fenced, tell
from adapter.journal.rows import exchange_row, micros
from adapter.journal.schema import attempts, business_keys, cases, exchanges
from adapter.journal.sealing import Seal
from adapter.journal.unit import Unit

_SETTLE = FENCED.values(
    state=bindparam("b_new_state"),
    code=bindparam("b_code"),
    reason=bindparam("b_reason"),
    due_at=bindparam("b_due_at"),
    asked=bindparam("b_asked"),
    may_have_effect=bindparam("b_may_have_effect"),
    settled_at=bindparam("b_settled_at"),
    owner=None,
    lease_until=None,
)
_SET_REFERENCE = (
    update(cases).where(cases.c.id == bindparam("b_id")).values(internal_reference=bindparam("b_reference"))
)
_TELL = (
    update(cases)
    .where(cases.c.id == bindparam("b_id"), cases.c.status_sequence <= bindparam("b_sequence"))
    .values(
        status_sequence=bindparam("b_sequence"),
        stage=bindparam("b_stage"),
        status_code=bindparam("b_status_code"),
        status_title=bindparam("b_status_title"),
        awaited_party=bindparam("b_awaited_party"),
        changed_at=bindparam("b_changed_at"),
        closed_at=bindparam("b_closed_at"),
    )
)


@dataclass(frozen=True, slots=True)
class Told:
    """What the gateway now knows of a case; an older sequence never overwrites a newer one."""

    sequence: int
    stage: Stage
    status_code: str | None
    status_title: str | None
    awaited_party: str | None
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one outcome changes, in one commit: the exchange, its attempt, its case, and what comes next."""

    claim: Claim
    event: str
    state: State
    due_at: datetime
    code: str | None = None
    reason: str | None = None
    asked: int = 0
    may_have_effect: bool = False
    answer: Payload | None = None
    internal_reference: str | None = None
    told: Told | None = None
    following: tuple[tuple[Exchange, Record], ...] = ()


@dataclass(frozen=True, slots=True)
class Settled:
    """Claims that this node may deliver at once: the settled exchange's followers whose lane is free."""

    claims: tuple[Claim, ...] = ()


def settle(unit: Unit, settlements: Sequence[Settlement]) -> list[Settled | Exception]:
    """Commit outcomes with all that follows from them. Raises LeaseLost when a claim is no longer ours."""
    fenced(unit, _SETTLE, [_settled_row(unit, settlement) for settlement in settlements])
    for settlement in settlements:
        if settlement.claim.exchange.state is State.SENDING:
            _keep_attempt(unit, settlement)
    lock_cases(unit, [s.claim.case.id for s in settlements if s.following])
    seals = {
        s.claim.case.id: unit.sealer.seal_of(s.claim.case.id, s.claim.case.data_key)
        for s in settlements
        if s.answer or s.following
    }
    _update_cases(unit, settlements)
    _keep_answers(unit, settlements, seals)
    busy = busy_lanes(unit, (exchange.lane for s in settlements for exchange, _ in s.following))
    for settlement in settlements:
        told = settlement.told
        tell(
            unit,
            settlement.claim.exchange,
            settlement.event,
            state=settlement.state.value,
            code=settlement.code,
            stage=told.stage.value if told else None,
            awaited=told.awaited_party if told else None,
            sequence=told.sequence if told else None,
        )
    return [Settled(tuple(_follow(unit, settlement, seals, busy))) for settlement in settlements]


def _settled_row(unit: Unit, settlement: Settlement) -> dict[str, Any]:
    return {
        **fence_of(unit, settlement.claim),
        "b_new_state": settlement.state.value,
        "b_code": settlement.code,
        "b_reason": settlement.reason,
        "b_due_at": micros(settlement.due_at),
        "b_asked": settlement.asked,
        "b_may_have_effect": settlement.may_have_effect,
        "b_settled_at": unit.now if settlement.state in CLOSED_STATES else None,
    }


def _keep_attempt(unit: Unit, settlement: Settlement) -> None:
    exchange = settlement.claim.exchange
    unit.insert(
        attempts,
        {
            "exchange_id": exchange.id,
            "number": exchange.attempts,
            "started_at": unit.now if exchange.attempted_at is None else micros(exchange.attempted_at),
            "ended_at": unit.now,
            "verdict": settlement.event,
            "code": settlement.code,
            "reason": settlement.reason,
        },
    )


def _update_cases(unit: Unit, settlements: Sequence[Settlement]) -> None:
    references = sorted(
        (s.claim.case.id, s.internal_reference) for s in settlements if s.internal_reference is not None
    )
    if references:
        unit.update(_SET_REFERENCE, [{"b_id": case_id, "b_reference": reference} for case_id, reference in references])
    told = sorted(((s.claim.case.id, s.told) for s in settlements if s.told), key=lambda pair: pair[0])
    if told:
        unit.update(_TELL, [_told_row(unit, case_id, news) for case_id, news in told])
    closed = sorted({case_id for case_id, news in told if news.stage in CLOSED_STAGES})
    if closed:
        unit.connection.execute(
            delete(business_keys).where(
                business_keys.c.case_id.in_(
                    select(cases.c.id).where(cases.c.id.in_(closed), cases.c.closed_at.is_not(None))
                ),
                business_keys.c.is_permanent.is_(False),
            )
        )


def _told_row(unit: Unit, case_id: str, told: Told) -> dict[str, Any]:
    return {
        "b_id": case_id,
        "b_sequence": told.sequence,
        "b_stage": told.stage.value,
        "b_status_code": told.status_code,
        "b_status_title": told.status_title,
        "b_awaited_party": told.awaited_party,
        "b_changed_at": micros(told.changed_at),
        "b_closed_at": unit.now if told.stage in CLOSED_STAGES else None,
    }


def _keep_answers(unit: Unit, settlements: Sequence[Settlement], seals: Mapping[str, Seal]) -> None:
    for settlement in settlements:
        exchange = settlement.claim.exchange
        if settlement.answer and settlement.state in CLOSED_STATES:
            _keep_told(unit, exchange, settlement.answer, seal=seals[exchange.case_id], kind=payloads.ANSWER)


def _follow(unit: Unit, settlement: Settlement, seals: Mapping[str, Seal], busy: set[str]) -> Iterator[Claim]:
    case = settlement.claim.case
    if settlement.internal_reference is not None:
        case = replace(case, internal_reference=settlement.internal_reference)
    for exchange, record in settlement.following:
        is_ours = exchange.lane not in busy
        busy.add(exchange.lane)
        keep_draft(unit, exchange, record, seal=seals[case.id], is_ours=is_ours)
        if is_ours:
            yield Claim(exchange, case, fence=1, record=record)


def keep_draft(unit: Unit, exchange: Exchange, record: Record, *, seal: Seal, is_ours: bool = False) -> None:
    """Stage an exchange that a pattern or an internal system's change brought forth."""
    unit.lanes.add(exchange.lane)
    unit.insert(exchanges, exchange_row(exchange, owner=unit.owner if is_ours else None, fence=int(is_ours)))
    _keep_told(unit, exchange, record, seal=seal, kind=payloads.RECORD)
    tell(unit, exchange, "drafted", table=exchange.table)


def _keep_told(unit: Unit, exchange: Exchange, content: Payload, *, seal: Seal, kind: str) -> None:
    """Stage what another system said. It brings no documents along, whatever marks of documents it has written.

    A mark that is none of the case's documents stays: it is noticed where the content would leave, and stops that
    exchange alone.
    """
    place = {"exchange_id": exchange.id, "case_id": exchange.case_id, "kind": kind}
    payloads.keep(unit, seal, content, **place, revision=exchange.revision)


def lock_cases(unit: Unit, case_ids: Iterable[str]) -> None:
    """Keep other nodes from adding to these cases until the commit, so that a lane's order is its commits' order."""
    wanted = sorted(set(case_ids))
    if wanted and unit.locks_rows:
        unit.connection.execute(select(cases.c.id).where(cases.c.id.in_(wanted)).order_by(cases.c.id).with_for_update())
