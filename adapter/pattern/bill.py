"""An inquiry that yields a bill, then a payment confirmation, then a receipt.

What ends with a document has it from the answer to the request, where nothing is owed, or to the payment.
"""

from __future__ import annotations

from adapter.exchange import Operation, Verdict
from adapter.pattern.step import Step

STEPS = (
    Step(Operation.SUBMIT_REQUEST, Verdict.DONE, "bill", Operation.ISSUE_BILL, present="bills"),
    Step(Operation.SUBMIT_REQUEST, Verdict.DONE, "assessed", Operation.PUSH_STATUS, absent="bills"),
    Step(Operation.SUBMIT_REQUEST, Verdict.DONE, "document", Operation.PUSH_DOCUMENT, present="document"),
    Step(Operation.SUBMIT_REQUEST, Verdict.REFUSED, "refusal", Operation.PUSH_STATUS),
    Step(Operation.CONFIRM_PAYMENT, Verdict.DONE, "receipt", Operation.PUSH_STATUS),
    Step(Operation.CONFIRM_PAYMENT, Verdict.DONE, "document", Operation.PUSH_DOCUMENT, present="document"),
    Step(Operation.CONFIRM_PAYMENT, Verdict.REFUSED, "setback", Operation.PUSH_STATUS),
    Step(Operation.REVERSE_PAYMENT, Verdict.DONE, "receipt", Operation.PUSH_STATUS),
    Step(Operation.REVERSE_PAYMENT, Verdict.REFUSED, "setback", Operation.PUSH_STATUS),
    Step(Operation.FILE_OBJECTION, Verdict.REFUSED, "setback", Operation.PUSH_STATUS),
    Step(Operation.SUBMIT_SURVEY, Verdict.REFUSED, "setback", Operation.PUSH_STATUS),
    Step(Operation.WITHDRAW_REQUEST, Verdict.DONE, "withdrawal", Operation.PUSH_STATUS),
    Step(Operation.WITHDRAW_REQUEST, Verdict.REFUSED, "setback", Operation.PUSH_STATUS),
)
