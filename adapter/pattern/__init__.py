"""What comes next: a pure function of a service's pattern and a settled exchange.

Each pattern is a module with its STEPS; a service uses those steps for which it has a table.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from adapter.exchange import Direction, Draft, Exchange, Operation, Outcome, Payload, Record, Stage, Verdict
from adapter.pattern import bill, calculation, case, inquiry, referral
from adapter.pattern.step import Step

STEPS: Mapping[str, tuple[Step, ...]] = {
    "case": case.STEPS,
    "bill": bill.STEPS,
    "inquiry": inquiry.STEPS,
    "calculation": calculation.STEPS,
    "referral": referral.STEPS,
}

CHANGE_OPERATIONS: Mapping[str, Operation] = {
    "status": Operation.PUSH_STATUS,
    "bill": Operation.ISSUE_BILL,
    "document": Operation.PUSH_DOCUMENT,
    "bill_cancelled": Operation.CANCEL_BILL,
    "visit": Operation.PROPOSE_VISIT,
}
"""What a change in an internal system becomes, by its kind, whatever the pattern."""

_STAGE_AFTER: Mapping[tuple[str, Operation], Stage] = {
    ("bill", Operation.ISSUE_BILL): Stage.TO_PAY,
    ("inquiry", Operation.ISSUE_BILL): Stage.TO_PAY,
    **{(pattern, Operation.PUBLISH_SERVICE): Stage.ENDED for pattern in STEPS},
}


def following(
    pattern: str, exchange: Exchange, outcome: Outcome, *, tables: Collection[str], sequence: int
) -> list[Draft]:
    """The exchanges that this settled one brings forth; none while it is not yet done or refused.

    `tables` are those the service has; `sequence` orders the drafts behind the last status the gateway was told.
    """
    if exchange.direction is not Direction.INWARD:
        return []
    return [
        Draft(
            operation=step.operation,
            direction=Direction.OUTWARD,
            table=step.table,
            record=outward_record(outcome.answer or {}, sequence=sequence, outcome=outcome),
            event_id=f"{exchange.id}:{step.table}",
        )
        for step in STEPS[pattern]
        if step.table in tables and step.fits(exchange.operation, outcome)
    ]


def outward_record(
    content: Payload, *, sequence: int, changed_at: str | None = None, outcome: Outcome | None = None
) -> Record:
    """The record of an outward exchange: what the internal system told, when, and in which order."""
    told: Record = {"content": content, "sequence": sequence, "changed_at": changed_at}
    if outcome is not None and outcome.verdict is Verdict.REFUSED:
        told["outcome"] = {"code": outcome.code, "reason": outcome.reason}
    return told


def stage_after(pattern: str, operation: Operation, payload: Payload) -> Stage | None:
    """The stage of the case once the gateway has this payload: the one it names, or the pattern's own."""
    named = payload.get("stage")
    if named is not None:
        return Stage(named)
    if operation is Operation.ANSWER_INQUIRY:
        return answered_stage(payload.get("answer", {}))
    return _STAGE_AFTER.get((pattern, operation))


def answered_stage(answer: Payload) -> Stage:
    """The stage of an inquiry that has its answer: it has ended, unless the answer brings bills that are to be paid."""
    return Stage.TO_PAY if answer.get("bills") else Stage.ENDED
