"""An internal system that never calls us: what changed in it, and deferred answers, are asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from adapter.callers import HttpTarget
from adapter.channels import ChangePage, Sight
from adapter.contract.model import ChangesContract
from adapter.contract.paths import put, value_at, values_at
from adapter.errors import GatewayUnreachable
from adapter.exchange import Change, LedgerEntry, Outcome, Payload, Verdict


@dataclass(frozen=True, slots=True)
class PolledSystem:
    """A System over any binding: its contract says where changes and deferred answers are asked for."""

    target: HttpTarget

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

        A kind that the contract does not name keeps its own name: no table has it, so it is seen and parked.
        """
        said = self.target.contract.changes
        if said is None:
            return ChangePage((), cursor or "")
        question: Payload = {}
        put(question, said.count, said.page_size)
        if cursor:
            put(question, said.cursor, cursor)
        outcome = await self.target.ask(said.operation, question)
        if outcome.verdict is not Verdict.DONE or outcome.answer is None:
            raise GatewayUnreachable(f"{said.operation}: {outcome.reason}", operation=said.operation)
        changes = [_change(said, item) for item, _ in values_at(outcome.answer, f"{said.items}[]")]
        after = str(value_at(outcome.answer, said.next_cursor) or cursor or "")
        return ChangePage(changes, after, more=len(changes) >= said.page_size)

    async def poll(self, operation: str, number: str) -> Outcome:
        """The deferred answer by the number that the operation was given; `awaiting` while there is none."""
        contract = self.target.contract
        said = contract.operations[operation]
        if said.poll is None or said.answer_reference is None:
            raise GatewayUnreachable(f"{contract.title} has no way to ask for the answer to {operation}")
        question: Payload = {}
        put(question, contract.operations[said.poll].reference_path or said.answer_reference, number)
        return await self.target.ask(said.poll, question)

    async def aclose(self) -> None:
        """Afterwards no connection is open."""
        await self.target.aclose()


def _change(said: ChangesContract, item: Payload) -> Change:
    kind = str(value_at(item, said.kind))
    return Change(
        event_id=str(value_at(item, said.event)),
        kind=said.kinds.get(kind, kind),
        reference=str(value_at(item, said.reference)),
        sequence=int(value_at(item, said.sequence)),
        changed_at=datetime.fromisoformat(value_at(item, said.changed_at)),
        record=item,
    )
