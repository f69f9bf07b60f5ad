"""Requests that stay in their office: answered at once with the card's referral, kept and counted, never an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from adapter.exchange import OPENING_OPERATIONS, Case, Direction, Exchange, Operation, Payload, Stage, State
from adapter.idempotency import Call, Identity
from adapter.journal import Acceptance
from adapter.service import REFERRAL, referral_of
from adapter.settlement.drafting import reference_of

REFERRED = "referred"
"""The state that the answer tells, and the code by which referrals are counted."""

_OK = 200


def refers(call: Call) -> bool:
    """Whether the call would open a case and its channel refers to the office."""
    return call.operation in OPENING_OPERATIONS and call.service.refers(_channel(call))


def referred(
    call: Call, identity: Identity, case: Case, *, exchange_id: str, search: Mapping[str, bytes]
) -> Acceptance:
    """The call kept with its answer: a case that has ended, an exchange that goes nowhere."""
    now = case.opened_at
    return Acceptance(
        caller=call.caller,
        scope=identity.scope,
        fingerprint=identity.fingerprint,
        exchange=Exchange(
            id=exchange_id,
            tenant=case.tenant,
            service=case.service,
            case_id=case.id,
            operation=call.operation,
            direction=Direction.INWARD,
            table="",
            target=REFERRAL,
            lane=f"{case.id}:{REFERRAL}",
            state=State.DONE,
            reference=reference_of(exchange_id, call.operation, revision=1),
            accepted_at=now,
            due_at=now,
            deadline_at=now,
            code=REFERRED,
            settled_at=now,
        ),
        record=call.record,
        status=_OK,
        body={
            **_opening_of_the_answer(call.operation, case),
            "state": REFERRED,
            "referral": referral_of(call.service.card),
        },
        case=replace(case, stage=Stage.ENDED),
        search=search,
        brought=call.brought_ids,
    )


def _opening_of_the_answer(operation: Operation, case: Case) -> Payload:
    if operation is Operation.INQUIRE:
        return {"tracking_code": case.tracking_code, "answered": False}
    return {"tracking_code": case.tracking_code, "accepted_at": case.opened_at.isoformat(timespec="milliseconds")}


def _channel(call: Call) -> str:
    """Who brings it, as the record says; a gateway passes on what others brought to it."""
    told = call.record.get("channel")
    code = told.get("code") if isinstance(told, dict) else None
    return str(code or call.caller.channel)
