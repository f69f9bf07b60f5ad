"""The other side as a script: real codecs freeze and thaw, the answers are what the test says."""

from __future__ import annotations

import copy
import inspect
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adapter.callers import HttpTarget
from adapter.channels import ChangePage, DocumentSink, Fetched, Sight, Sighting
from adapter.contract.model import Contract
from adapter.exchange import Change, LedgerEntry, Outcome, Payload, Verdict

NOBODY = "http://127.0.0.1:9"
"""An address that is never called: only the codecs of a real target are used."""


@dataclass(frozen=True)
class Sent:
    """One attempt as the other side saw it."""

    operation: str
    frozen: bytes
    reference: str

    def says(self, target: ScriptedSystem) -> Payload:
        return target.thaw(self.operation, self.frozen)


Said = Outcome | BaseException | Callable[[Sent], Outcome | Awaitable[Outcome]]
"""What one attempt meets: an outcome, something raised, or a function of what was sent."""

Seen = Sight | BaseException | Callable[[str], Sight]


@dataclass
class ScriptedSystem:
    """A System (and so a Target) of one contract. What is not scripted is answered as by a friendly other side.

    Questions get the scripted sights; without any, one that `knows` tells by what it has answered, else "not found".
    """

    contract: Contract
    binding: str
    usual: dict[str, Payload]
    says: deque[Said] = field(default_factory=deque)
    sights: deque[Seen] = field(default_factory=deque)
    polls: deque[Outcome | BaseException] = field(default_factory=deque)
    documents: deque[Outcome | BaseException | bytes] = field(default_factory=deque)
    fetched: list[str] = field(default_factory=list)
    told: list[Change] = field(default_factory=list)
    page_size: int = 100
    always: Said | None = None
    sent: list[Sent] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    polled: list[tuple[str, str]] = field(default_factory=list)
    answered: dict[str, Payload] = field(default_factory=dict)
    knows: bool = False
    _numbers: int = 0

    def __post_init__(self) -> None:
        self._target = HttpTarget(self.contract, self.binding, NOBODY)

    def freeze(self, operation: str, payload: Payload) -> bytes:
        return self._target.freeze(operation, payload)

    def thaw(self, operation: str, frozen: bytes) -> Payload:
        return self._target.thaw(operation, frozen)

    async def deliver(self, operation: str, frozen: bytes, *, reference: str) -> Outcome:
        sent = Sent(operation, frozen, reference)
        self.sent.append(sent)
        said = self.says.popleft() if self.says else self.always
        outcome = await _told(said, sent) if said is not None else self.done(operation)
        if outcome.answer is not None:
            self.answered[reference] = outcome.answer
        return outcome

    async def find(self, operation: str, reference: str, frozen: bytes | None) -> Sight:
        self.asked.append(reference)
        seen = self.sights.popleft() if self.sights else self._seen(reference)
        if isinstance(seen, BaseException):
            raise seen
        return seen(reference) if callable(seen) else seen

    def _seen(self, reference: str) -> Sight:
        if self.knows and reference in self.answered:
            return Sight(Sighting.FOUND, self.answered[reference])
        return Sight(Sighting.NOT_FOUND)

    async def ping(self) -> bool:
        return True

    async def statement(self, since: datetime, until: datetime) -> AsyncIterator[LedgerEntry]:
        nothing: list[LedgerEntry] = []
        for entry in nothing:
            yield entry

    async def changes(self, cursor: str | None) -> ChangePage:
        start = int(cursor or 0)
        page = self.told[start : start + self.page_size]
        return ChangePage(page, str(start + len(page)), more=len(page) == self.page_size)

    async def poll(self, operation: str, number: str) -> Outcome:
        self.polled.append((operation, number))
        if not self.polls:
            return Outcome(Verdict.AWAITING)
        said = self.polls.popleft()
        if isinstance(said, BaseException):
            raise said
        return said

    async def fetch(self, number: str, sink: DocumentSink) -> Fetched:
        self.fetched.append(number)
        said = self.documents.popleft() if self.documents else Outcome(Verdict.RETRY, code="none", reason="no document")
        if isinstance(said, BaseException):
            raise said
        if isinstance(said, Outcome):
            return Fetched(said)
        for start in range(0, len(said), 100_000):
            await sink.write(said[start : start + 100_000])
        return Fetched(Outcome(Verdict.DONE), await sink.end())

    async def aclose(self) -> None:
        await self._target.aclose()

    def done(self, operation: str, **more: Any) -> Outcome:
        """The usual answer to an operation, with a number of its own where it has one."""
        self._numbers += 1
        answer = {**copy.deepcopy(self.usual.get(operation, {})), **more}
        for name in ("CaseNo", "InquiryNo", "assessment_no"):
            if name in answer and name not in more:
                answer[name] = f"{answer[name]}-{self._numbers}"
        return Outcome(Verdict.DONE, code="OK", answer=answer)

    def say(self, *said: Said) -> None:
        self.says.extend(said)

    def tell(self, *changes: Change) -> None:
        self.told.extend(changes)

    def sent_as(self, *operations: str) -> Sequence[Sent]:
        return [sent for sent in self.sent if sent.operation in operations]


async def _told(said: Said, sent: Sent) -> Outcome:
    if isinstance(said, BaseException):
        raise said
    if isinstance(said, Outcome):
        return said
    outcome = said(sent)
    return await outcome if inspect.isawaitable(outcome) else outcome
