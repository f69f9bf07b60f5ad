"""An internal system that never calls us: what changed in it, and deferred answers, are asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import structlog

from adapter.callers.paging import Asked, page_of
from adapter.channels import ChangePage, Clock, DocumentSink, Fetched, Sight, Target
from adapter.contract.paths import put
from adapter.errors import GatewayUnreachable
from adapter.exchange import LedgerEntry, Outcome, Payload
from connectors.changes import change_of

_log = structlog.get_logger(__name__)


class AskedTarget(Target, Asked, Protocol):
    """A target that answers questions: over HTTP, or over a database."""

    @property
    def clock(self) -> Clock:
        """The time now."""
        ...

    async def fetch(self, number: str, sink: DocumentSink) -> Fetched:
        """A document by its number."""
        ...

    async def aclose(self) -> None:
        """Afterwards no connection is open."""
        ...


@dataclass(slots=True, eq=False)
class PolledSystem:
    """A System over any binding: its contract says where changes and deferred answers are asked for."""

    target: AskedTarget
    _stuck_at: str | None = field(default=None, init=False)

    def freeze(self, operation: str, payload: Payload) -> bytes:
        """The bytes that every attempt will send; raises SchemaViolation when the payload breaks the contract."""
        return self.target.freeze(operation, payload)

    def thaw(self, operation: str, frozen: bytes) -> Payload:
        """What frozen bytes say."""
        return self.target.thaw(operation, frozen)

    async def deliver(self, operation: str, frozen: bytes, *, reference: str) -> Outcome:
        """One attempt; what the network or the system does is the outcome."""
        return await self.target.deliver(operation, frozen, reference=reference)

    async def find(self, operation: str, reference: str, frozen: bytes | None) -> Sight:
        """Ask for the effect of an earlier attempt by our reference."""
        return await self.target.find(operation, reference, frozen)

    async def ping(self) -> bool:
        """Whether the system answers."""
        return await self.target.ping()

    def statement(self, since: datetime, until: datetime) -> AsyncIterator[LedgerEntry]:
        """The system's own ledger for a period, all pages."""
        return self.target.statement(since, until)

    async def changes(self, cursor: str | None) -> ChangePage:
        """The changes after the cursor, oldest first; raises GatewayUnreachable when it cannot be asked.

        A kind that the contract does not name keeps its own name: no table has it, so it is seen and parked. After a
        full page there is more at once only if the cursor moved; after a page with a link or a number behind it always.
        """
        said = self.target.contract.changes
        if said is None:
            return ChangePage((), cursor or "")
        question: Payload = {}
        if said.count:
            put(question, said.count, said.page_size)
        page = await page_of(self.target, said, question, cursor or "")
        title, now = self.target.contract.title, self.target.clock()
        changes = [change_of(title, said, item, now=now) for item in page.items]
        is_full = len(changes) >= said.page_size
        self._tell_if_stuck(page.cursor, is_stuck=is_full and not page.leads_on and said.paging == "cursor")
        return ChangePage(changes, page.cursor, more=page.leads_on and (is_full or said.paging != "cursor"))

    async def poll(self, operation: str, number: str) -> Outcome:
        """The deferred answer by the number that the operation was given; `awaiting` while there is none."""
        contract = self.target.contract
        said = contract.operations[operation]
        if said.poll is None or said.answer_reference is None:
            raise GatewayUnreachable(f"{contract.title} has no way to ask for the answer to {operation}")
        question: Payload = {}
        put(question, contract.operations[said.poll].reference_path or said.answer_reference, number)
        return await self.target.ask(said.poll, question)

    async def fetch(self, number: str, sink: DocumentSink) -> Fetched:
        """Ask for a document by its number; its content went into the sink as it came."""
        return await self.target.fetch(number, sink)

    async def aclose(self) -> None:
        """Afterwards no connection is open."""
        await self.target.aclose()

    def _tell_if_stuck(self, cursor: str, *, is_stuck: bool) -> None:
        """A full page that leads nowhere is told once: it comes again with every poll."""
        if is_stuck and cursor != self._stuck_at:
            _log.warning("cursor_stuck", system=self.target.contract.title, cursor=cursor)
        self._stuck_at = cursor if is_stuck else None
