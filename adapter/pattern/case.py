"""A request opens a case inside; its statuses, bills and documents come as changes of the internal system.

What is left to tell here are refusals: of the request itself, or of something filed later (a setback).
"""

from __future__ import annotations

from adapter.exchange import Operation, Verdict
from adapter.pattern.step import Step

STEPS = (
    Step(Operation.SUBMIT_REQUEST, Verdict.REFUSED, "refusal", Operation.PUSH_STATUS),
    Step(Operation.ATTACH_DOCUMENT, Verdict.REFUSED, "setback", Operation.PUSH_STATUS),
    Step(Operation.CORRECT_REQUEST, Verdict.REFUSED, "setback", Operation.PUSH_STATUS),
    Step(Operation.WITHDRAW_REQUEST, Verdict.REFUSED, "setback", Operation.PUSH_STATUS),
    Step(Operation.CONFIRM_PAYMENT, Verdict.REFUSED, "setback", Operation.PUSH_STATUS),
    Step(Operation.REVERSE_PAYMENT, Verdict.REFUSED, "setback", Operation.PUSH_STATUS),
    Step(Operation.FILE_OBJECTION, Verdict.REFUSED, "setback", Operation.PUSH_STATUS),
    Step(Operation.SUBMIT_SURVEY, Verdict.REFUSED, "setback", Operation.PUSH_STATUS),
)
