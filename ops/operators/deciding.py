"""What operators decide about exchanges. Nothing is changed without `apply` and a reason; the state machine rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from adapter.errors import IllegalTransition, LeaseLost, Refused
from adapter.exchange import CLOSED_STAGES, Case, Direction, Event, Exchange, Payload, State, Verdict
from adapter.journal import Command, reading
from adapter.journal.operating import closes_case
from adapter.pattern import STEPS
from adapter.settlement.machine import next_state
from ops.operators.desk import Arguments, Desk, needed
from ops.operators.showing import MOST_LISTED, Wanted, matching, possible
from ops.reloading import MENDED_BY_TABLES, untranslatable


class Replayed(Arguments):
    """Exchanges by id, or all parked or doubtful ones that fit."""

    ids: list[str] = Field(default_factory=list)
    tenant: str | None = None
    service: str | None = None
    state: Literal["parked", "in_doubt"] | None = None
    operation: str | None = None
    code: str | None = None
    limit: int = Field(default=1000, ge=1, le=MOST_LISTED)
    reason: str | None = None
    apply: bool = False


class Resolved(Arguments):
    """What a person knows of one exchange: whether it was sent, and what that rests on."""

    id: str
    was: Literal["sent", "not-sent"]
    evidence: str
    reason: str | None = None
    apply: bool = False


class Withdrawn(Arguments):
    """One exchange that shall not be sent any more."""

    id: str
    reason: str | None = None
    apply: bool = False


@dataclass(frozen=True, slots=True)
class _Plan:
    """What would become of an exchange; `refusal` when it cannot."""

    exchange: Exchange
    event: Event | None = None
    state: State | None = None
    note: str = ""
    refusal: str | None = None


async def replay(desk: Desk, wanted: Replayed) -> Payload:
    """Make exchanges due again: at once where nothing can have left us, else their target is asked first."""
    chosen = await _chosen(desk, wanted)
    plans = [await _tried(desk, _replay_plan(desk, exchange)) for exchange in chosen]
    if wanted.ids:
        _refuse_first(plans)
    return await _carry_out(desk, plans, reason=wanted.reason, is_applied=wanted.apply)


async def resolve(desk: Desk, wanted: Resolved) -> Payload:
    """Settle by a person's word: `sent` closes the exchange as done, `not-sent` makes it due again."""
    if not wanted.evidence.strip():
        raise Refused("a person's word needs what it rests on; give --evidence")
    exchange = await desk.house.journal.read(reading.exchange, wanted.id)
    event = {"sent": Event.RESOLVED, "not-sent": Event.REPLAYED}[wanted.was]
    plans = [_plan(exchange, event, note=_followers_note(desk, exchange) if wanted.was == "sent" else "")]
    _refuse_first(plans)
    return await _carry_out(
        desk, plans, reason=wanted.reason, is_applied=wanted.apply, evidence=wanted.evidence.strip()
    )


async def withdraw(desk: Desk, wanted: Withdrawn) -> Payload:
    """Close an exchange that is not to be sent; its lane goes on."""
    exchange = await desk.house.journal.read(reading.exchange, wanted.id)
    case = await desk.house.journal.read(reading.case, exchange.case_id)
    plans = [_plan(exchange, Event.WITHDRAWN, note=_withdrawal_note(exchange, case))]
    _refuse_first(plans)
    return await _carry_out(desk, plans, reason=wanted.reason, is_applied=wanted.apply)


async def _chosen(desk: Desk, wanted: Replayed) -> list[Exchange]:
    if wanted.ids:
        return [await desk.house.journal.read(reading.exchange, one) for one in dict.fromkeys(wanted.ids)]
    if wanted.state is None:
        raise Refused("name the exchanges by id, or choose them with --state parked or --state in_doubt")
    fitting = Wanted(**wanted.model_dump(include={"tenant", "service", "state", "operation", "code", "limit"}))
    return await matching(desk, fitting)


_REPLAY_EVENTS: Mapping[tuple[State, bool], Event] = {
    (State.PARKED, False): Event.REPLAYED,
    (State.PARKED, True): Event.IN_DOUBT,
    (State.IN_DOUBT, False): Event.IN_DOUBT,
    (State.IN_DOUBT, True): Event.IN_DOUBT,
}
"""By state and whether it may have had an effect."""


def _replay_plan(desk: Desk, exchange: Exchange) -> _Plan:
    event = _REPLAY_EVENTS.get((exchange.state, exchange.may_have_effect))
    if event is None:
        return _Plan(exchange, refusal=_not_possible(exchange, "replayed"))
    if event is Event.IN_DOUBT and not desk.can_be_asked(exchange):
        return _Plan(
            exchange,
            refusal=f"{exchange.id}: {exchange.target} has no way to ask whether {exchange.operation} arrived; find out"
            f" and run: panjereh exchanges resolve {exchange.id} --as sent|not-sent --evidence …",
        )
    asks = event is Event.IN_DOUBT
    return _plan(exchange, event, note="the target is asked first" if asks else "it is sent again")


async def _tried(desk: Desk, plan: _Plan) -> _Plan:
    """What parked for its tables is tried by the live ones first: it would only be parked again."""
    exchange = plan.exchange
    if plan.event is not Event.REPLAYED or exchange.code not in MENDED_BY_TABLES:
        return plan
    why = await untranslatable(desk.house, desk.house.offer, exchange)
    return (
        plan if why is None else _Plan(exchange, refusal=f"{exchange.id}: not translatable by the live tables: {why}")
    )


def _plan(exchange: Exchange, event: Event, *, note: str = "") -> _Plan:
    try:
        return _Plan(exchange, event, next_state(exchange.state, event), note)
    except IllegalTransition:
        return _Plan(exchange, refusal=_not_possible(exchange, event.value))


def _not_possible(exchange: Exchange, what: str) -> str:
    return f"{exchange.id} is {exchange.state} and cannot be {what}; possible now: {', '.join(possible(exchange))}"


def _followers_note(desk: Desk, exchange: Exchange) -> str:
    """What is lost when a person closes what an answer would have gone on from."""
    service = desk.house.offer.named(exchange.tenant, exchange.service)
    if service is None or exchange.direction is not Direction.INWARD:
        return ""
    follow = sorted(
        {
            step.table
            for step in STEPS[service.pattern]
            if step.after is exchange.operation and step.verdict is Verdict.DONE and step.table in service.tables
        }
    )
    if not follow:
        return ""
    return (
        f"no answer is known, so nothing is told to the gateway ({', '.join(follow)}); replay asks the target instead"
    )


def _withdrawal_note(exchange: Exchange, case: Case) -> str:
    """Who learns of it, what whoever asks for the case's status sees then, and what may be left behind."""
    is_closed = closes_case(exchange, State.WITHDRAWN) and case.stage not in CLOSED_STAGES
    seen = "its stage becomes withdrawn" if is_closed else f"its stage stays {case.stage}"
    told = f"nobody is told; who asks for the status of case {case.tracking_code} sees that {seen}"
    return (
        f"{told}; it may have had its effect there already; ask them to undo it" if exchange.may_have_effect else told
    )


def _refuse_first(plans: list[_Plan]) -> None:
    for plan in plans:
        if plan.refusal is not None:
            raise Refused(plan.refusal)


async def _carry_out(
    desk: Desk, plans: list[_Plan], *, reason: str | None, is_applied: bool, evidence: str | None = None
) -> Payload:
    why = needed(reason) if is_applied else ""
    exchanges = [plan.exchange for plan in plans]
    codes = await desk.tracking_codes(exchanges)
    rows = []
    for plan in plans:
        row = _told(plan, codes.get(plan.exchange.case_id))
        if is_applied and plan.event is not None and plan.state is not None:
            order = Command(plan.exchange, plan.event, plan.state, actor=desk.actor, why=why, evidence=evidence)
            row |= await _apply(desk, order)
        rows.append(row)
    desk.house.delivery.hint()
    return {"applied": is_applied, "exchanges": rows, "beginnings": await desk.beginnings(exchanges)}


async def _apply(desk: Desk, order: Command) -> dict[str, Any]:
    try:
        await desk.house.journal.command(order)
    except LeaseLost as error:
        return {"is_changed": False, "note": error.detail}
    return {"is_changed": True}


def _told(plan: _Plan, tracking_code: str | None) -> dict[str, Any]:
    exchange = plan.exchange
    return {
        "id": exchange.id,
        "tracking_code": tracking_code,
        "service": exchange.service,
        "operation": exchange.operation,
        "state": exchange.state.value,
        "becomes": None if plan.state is None else plan.state.value,
        "note": plan.refusal or plan.note,
        "is_changed": False,
    }
