"""What a person does to an exchange or an endpoint: guarded by the state seen, recorded with who and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select, update

from adapter.errors import LeaseLost
from adapter.exchange import CLOSED_STATES, OPENING_OPERATIONS, Event, Exchange, Operation, Stage, State
from adapter.journal.schema import business_keys, cases, endpoints, exchanges, findings
from adapter.journal.unit import Unit


@dataclass(frozen=True, slots=True)
class Command:
    """A person's decision about one exchange, seen in `exchange.state`; `state` is what the state machine made of it.

    `actor` is the operator (`uid:1000`), `why` the reason given, `evidence` what it rests on.
    """

    exchange: Exchange
    event: Event
    state: State
    actor: str
    why: str
    evidence: str | None = None


def command(unit: Unit, commands: Sequence[Command]) -> list[Exception | None]:
    """Carry out each decision once; raises LeaseLost when the exchange has moved on since it was looked at."""
    for order in commands:
        _command_one(unit, order)
    return [None] * len(commands)


def _command_one(unit: Unit, order: Command) -> None:
    exchange = order.exchange
    done = unit.connection.execute(
        update(exchanges)
        .where(
            exchanges.c.id == exchange.id,
            exchanges.c.state == exchange.state.value,
            exchanges.c.attempts == exchange.attempts,  # the same state after another attempt is another doubt
            exchanges.c.may_have_effect == exchange.may_have_effect,
            exchanges.c.owner.is_(None),
        )
        .values(
            state=order.state.value,
            due_at=unit.now,
            asked=0,
            code=None,  # a doubt raised anew is proven anew
            may_have_effect=exchange.may_have_effect and order.state is not State.READY,
            settled_at=unit.now if order.state in CLOSED_STATES else None,
            deadline_at=unit.now + _micros_left(exchange),
            fence=exchanges.c.fence + 1,
        )
    )
    if done.rowcount != 1:
        raise LeaseLost(f"{exchange.id} has moved on since it was looked at; look again")
    is_closed = closes_case(exchange, order.state) and _close_case(unit, exchange.case_id)
    unit.tell(
        order.event,
        actor=order.actor,
        tenant=exchange.tenant,
        case_id=exchange.case_id,
        exchange_id=exchange.id,
        state=order.state,
        stage=Stage.WITHDRAWN if is_closed else None,
        why=order.why,
        evidence=order.evidence,
    )


def closes_case(exchange: Exchange, state: State) -> bool:
    """Whether the case ends with this decision: what had opened it is withdrawn, so nothing will come of it."""
    return state is State.WITHDRAWN and exchange.operation in OPENING_OPERATIONS | {Operation.PUBLISH_SERVICE}


def _close_case(unit: Unit, case_id: str) -> bool:
    """Whether the case ends now: withdrawn, as whoever asks for its status is told; its subject may be filed anew."""
    closed = unit.connection.execute(
        update(cases)
        .where(cases.c.id == case_id, cases.c.closed_at.is_(None))
        .values(stage=Stage.WITHDRAWN.value, changed_at=unit.now, closed_at=unit.now)
    )
    if closed.rowcount:
        unit.connection.execute(
            delete(business_keys).where(business_keys.c.case_id == case_id, business_keys.c.is_permanent.is_(False))
        )
    return bool(closed.rowcount)


def _micros_left(exchange: Exchange) -> int:
    """A decision gives the exchange its whole transport deadline again."""
    return int((exchange.deadline_at - exchange.accepted_at).total_seconds() * 1_000_000)


@dataclass(frozen=True, slots=True)
class Pause:
    """An endpoint that must not be called (`reason`), or may be called again (None)."""

    tenant: str
    name: str
    reason: str | None
    actor: str = "engine"
    why: str | None = None


def pause(unit: Unit, orders: Sequence[Pause]) -> list[Exception | None]:
    """Keep each endpoint paused or resumed, across restarts and nodes."""
    for order in orders:
        here = (endpoints.c.tenant == order.tenant) & (endpoints.c.name == order.name)
        row = {"paused_at": None if order.reason is None else unit.now, "reason": order.reason}
        if unit.connection.execute(select(endpoints.c.name).where(here)).first() is None:
            unit.connection.execute(endpoints.insert(), [{"tenant": order.tenant, "name": order.name, **row}])
        else:
            unit.connection.execute(update(endpoints).where(here).values(row))
        unit.tell(
            "endpoint_paused" if order.reason else "endpoint_resumed",
            actor=order.actor,
            tenant=order.tenant,
            endpoint=order.name,
            reason=order.reason,
            why=order.why,
        )
    return [None] * len(orders)


@dataclass(frozen=True, slots=True)
class Note:
    """What a person looked at or changed outside the journal, told in the audit all the same; `what` names it."""

    event: str
    actor: str
    exchange: Exchange | None
    why: str
    what: str
    tenant: str | None = None


def note(unit: Unit, notes: Sequence[Note]) -> list[Exception | None]:
    """Tell each of them."""
    for told in notes:
        exchange = told.exchange
        unit.tell(
            told.event,
            actor=told.actor,
            tenant=told.tenant if exchange is None else exchange.tenant,
            case_id=None if exchange is None else exchange.case_id,
            exchange_id=None if exchange is None else exchange.id,
            what=told.what,
            why=told.why,
        )
    return [None] * len(notes)


COMPARED = "compared"
"""The kind of the row that is no difference: it tells that a ledger was compared, so that a clean run is seen too."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference that reconciliation found, and the command that mends it."""

    tenant: str
    ledger: str
    kind: str
    reference: str
    detail: str
    command: str
    exchange_id: str | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """One run's findings; the same run kept again replaces them."""

    run: str
    actor: str
    found: tuple[Finding, ...]


def keep_findings(unit: Unit, runs: Sequence[Findings]) -> list[Exception | None]:
    """Keep each run's findings."""
    for run in runs:
        unit.connection.execute(delete(findings).where(findings.c.run == run.run))
        for number, finding in enumerate(run.found, start=1):
            unit.insert(
                findings,
                {
                    "run": run.run,
                    "number": number,
                    "tenant": finding.tenant,
                    "ledger": finding.ledger,
                    "kind": finding.kind,
                    "reference": finding.reference,
                    "exchange_id": finding.exchange_id,
                    "detail": finding.detail,
                    "command": finding.command,
                    "found_at": unit.now,
                },
            )
        found = sum(finding.kind != COMPARED for finding in run.found)
        unit.tell("reconciled", actor=run.actor, run=run.run, findings=found)
    return [None] * len(runs)
