"""One step of a pattern: after which settled exchange which table's message goes to the gateway."""

from __future__ import annotations

from dataclasses import dataclass

from adapter.exchange import Operation, Outcome, Verdict


@dataclass(frozen=True, slots=True)
class Step:
    """`present` and `absent` name a field of the answer that must, or must not, hold something."""

    after: Operation
    verdict: Verdict
    table: str
    operation: Operation
    present: str | None = None
    absent: str | None = None

    def fits(self, settled: Operation, outcome: Outcome) -> bool:
        """Whether this step follows from the settled exchange and its outcome."""
        answer = outcome.answer or {}
        return (
            settled is self.after
            and outcome.verdict is self.verdict
            and (self.present is None or bool(answer.get(self.present)))
            and (self.absent is None or not answer.get(self.absent))
        )
