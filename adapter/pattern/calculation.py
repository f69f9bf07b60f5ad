"""What the internal system computes from given measures: an inquiry of which nothing is left but its answer."""

from __future__ import annotations

from adapter.exchange import Operation, Verdict
from adapter.pattern.step import Step

STEPS = (
    Step(Operation.INQUIRE, Verdict.DONE, "answer", Operation.ANSWER_INQUIRY),
    Step(Operation.INQUIRE, Verdict.REFUSED, "refused_answer", Operation.ANSWER_INQUIRY),
)
