"""A question answered at once, or by a later answer; a refusal is an answer too.

While the answer is awaited the internal system may tell a visit, a bill or a document as changes.
"""

from __future__ import annotations

from adapter.exchange import Operation, Verdict
from adapter.pattern.step import Step

STEPS = (
    Step(Operation.INQUIRE, Verdict.DONE, "answer", Operation.ANSWER_INQUIRY),
    Step(Operation.INQUIRE, Verdict.REFUSED, "refused_answer", Operation.ANSWER_INQUIRY),
    Step(Operation.CONFIRM_PAYMENT, Verdict.DONE, "receipt", Operation.PUSH_STATUS),
    Step(Operation.CONFIRM_PAYMENT, Verdict.REFUSED, "setback", Operation.PUSH_STATUS),
    Step(Operation.REVERSE_PAYMENT, Verdict.DONE, "receipt", Operation.PUSH_STATUS),
    Step(Operation.REVERSE_PAYMENT, Verdict.REFUSED, "setback", Operation.PUSH_STATUS),
    Step(Operation.ATTACH_DOCUMENT, Verdict.REFUSED, "setback", Operation.PUSH_STATUS),
    Step(Operation.WITHDRAW_REQUEST, Verdict.REFUSED, "setback", Operation.PUSH_STATUS),
)
