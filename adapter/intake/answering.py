"""What a call that was kept is answered: at once with its tracking code, or with the answer that came in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from adapter.exchange import Case, Outcome, Payload, Stage, State, Verdict
from adapter.idempotency import Call
from adapter.journal import Acceptance
from adapter.pattern import answered_stage
from adapter.refusals import UnknownCase

ACCEPTED, OK = 202, 200


def case_of(kept: Acceptance | Call) -> Case:
    """The case of what was kept, or of a call within one."""
    if kept.case is None:  # pragma: no cover - what opens a case and what belongs to one always has it
        raise UnknownCase
    return kept.case


def tracking(case: Case | None) -> Payload:
    """The tracking code, where there is one."""
    return {"tracking_code": case.tracking_code} if case else {}


def acknowledgement(case: Case, now: datetime) -> Payload:
    """What a call is answered that is kept and does its work later."""
    return {
        "tracking_code": case.tracking_code,
        "state": "accepted",
        "accepted_at": now.isoformat(timespec="milliseconds"),
    }


def location(body: Payload) -> str:
    """Where its status is asked for, from the contract's own path on."""
    return f"requests/{body['tracking_code']}"


def answered(deferred: Acceptance, outcome: Outcome, answer: Payload | None, *, now: datetime) -> Acceptance:
    """The acceptance with what came in time: an answer ends its case at once, a number makes it await."""
    if answer is not None:
        state = State.DONE if outcome.verdict is Verdict.DONE else State.REFUSED
        closed: dict[str, Any] = {"attempts": 1, "settled_at": now, "code": outcome.code, "reason": outcome.reason}
        return replace(
            deferred,
            case=replace(case_of(deferred), stage=answered_stage(answer), internal_reference=outcome.number),
            exchange=replace(deferred.exchange, state=state, **closed),
            answer=outcome.answer or {},
            status=OK,
            body={**tracking(deferred.case), "answered": True, "answer": answer},
            business_key=None,
        )
    if outcome.verdict is Verdict.AWAITING:
        return replace(
            deferred,
            case=replace(case_of(deferred), internal_reference=outcome.number, stage=Stage.IN_PROGRESS),
            exchange=replace(deferred.exchange, state=State.AWAITING, attempts=1),
        )
    return deferred
