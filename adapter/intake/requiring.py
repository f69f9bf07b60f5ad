"""What must hold before more about a case is kept: it is open to it, what is taken back was paid, papers are fit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from adapter.exchange import CLOSED_STAGES, PARENT_CASE, Operation, Stage
from adapter.idempotency import Call
from adapter.intake.papers import check_paper
from adapter.journal import Journal, reading
from adapter.mark import mark_of
from adapter.refusals import AmountDiffers, DocumentNotSent, SchemaViolation, UnknownCase, UnknownPayment, Violation
from adapter.service import business_key_of
from adapter.text import canonical_digits

_TAKEN_AFTER_THE_END: Mapping[Operation, frozenset[Stage]] = {
    Operation.FILE_OBJECTION: frozenset({Stage.REFUSED, Stage.ENDED}),
    Operation.REVERSE_PAYMENT: CLOSED_STAGES,
    Operation.SUBMIT_SURVEY: CLOSED_STAGES,
}
"""The closed stages in which an operation is taken all the same; nothing else is said of a case that has ended."""


def taken_after(call: Call) -> Mapping[Stage, timedelta | None]:
    """In which closed stages of its case the call is kept, and how long after the end; None for ever."""
    within = call.service.objection_within if call.operation is Operation.FILE_OBJECTION else None
    return dict.fromkeys(_TAKEN_AFTER_THE_END.get(call.operation, ()), within)


def check_needed(call: Call) -> None:
    """Raise SchemaViolation with every field that the service's table cannot do without and the record has not.

    The contract leaves them open because other services need others; to park such a request would help nobody.
    """
    table = call.service.tables[call.service.inward[call.operation].table]
    if missing := table.missing(call.record):
        raise SchemaViolation([Violation(path, "a value, which this service needs", "nothing") for path in missing])


async def _confirmed_payment(journal: Journal, call: Call) -> None:
    """Raises UnknownPayment and AmountDiffers. What was confirmed and waits for the internal system counts as well:
    the reversal follows it in its lane.
    """
    case, service = call.case, call.service
    kept = [] if case is None else await journal.read(reading.payments_of, journal.sealer, case.id)
    wanted = business_key_of(service, Operation.CONFIRM_PAYMENT, call.record)
    paid = [one for one in kept if business_key_of(service, Operation.CONFIRM_PAYMENT, one) == wanted]
    if not paid:
        raise UnknownPayment
    if all(one["amount_rial"] != call.record["amount_rial"] for one in paid):
        raise AmountDiffers


async def _parent_case(journal: Journal, call: Call) -> None:
    """Raises UnknownCase when there is none of this tenant; another tenant's is as unknown as one that never was."""
    code = canonical_digits(str(call.record[PARENT_CASE]))
    if await journal.read(reading.case_by_tracking_code, call.caller.tenant, code) is None:
        raise UnknownCase(f"{PARENT_CASE}: no case with tracking code {code} is known to this tenant")


def required_of(call: Call) -> Callable[[Journal, Call], Awaitable[None]] | None:
    """What must hold when the call comes first, which raises the refusal by name; None when nothing must.

    A repeated call gets its first answer.
    """
    if call.operation in _REQUIRED:
        return _REQUIRED[call.operation]
    return _parent_case if call.record.get(PARENT_CASE) is not None else None


_REQUIRED: Mapping[Operation, Callable[[Journal, Call], Awaitable[None]]] = {
    Operation.REVERSE_PAYMENT: _confirmed_payment,
    Operation.ATTACH_DOCUMENT: check_paper,
}


def head_of(call: Call, content: str) -> bytes | None:
    """How the large document whose mark this is begins, None for content of its own.

    Raises DocumentNotSent for the mark of one that the call did not bring: whoever writes a mark knows no head.
    """
    mark = mark_of(content)
    if mark is None:
        return None
    heads = [one.head for one in call.brought if one.mark == mark]
    if not heads:
        raise DocumentNotSent
    return heads[0]
