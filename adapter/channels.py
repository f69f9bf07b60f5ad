"""The two edges as the flows see them: Protocols, so that clocks, wires and systems are arguments."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from adapter.exchange import Change, LedgerEntry, Outcome, Payload
from adapter.mark import Mark

Clock = Callable[[], datetime]
"""The time now, aware, in UTC."""

Randomness = Callable[[int], bytes]
"""So many random bytes; `secrets.token_bytes` outside tests."""


class Sighting(StrEnum):
    """What the other side answers when asked for an exchange by our reference."""

    FOUND = "found"
    NOT_FOUND = "not_found"
    DIFFERENT = "different"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Sight:
    """`answer` is what the operation itself would have answered, so that a found exchange settles like any other."""

    sighting: Sighting
    answer: Payload | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Changes after a cursor, and the cursor to keep once they are kept. `more` asks for the next page at once."""

    changes: Sequence[Change]
    cursor: str
    more: bool = False


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of asking for a document; `mark` is that of its content, where the outcome is done."""

    outcome: Outcome
    mark: Mark | None = None


class Target(Protocol):
    """One tenant's way to one contract: a gateway outwards or an internal system inwards."""

    def freeze(self, operation: str, payload: Payload) -> bytes:
        """The bytes that every attempt will send; raises SchemaViolation when the payload breaks the contract."""
        ...

    def thaw(self, operation: str, frozen: bytes) -> Payload:
        """What frozen bytes say."""
        ...

    async def deliver(self, operation: str, frozen: bytes, *, reference: str) -> Outcome:
        """One attempt. Never raises for what the network or the other side does: that is the outcome."""
        ...

    async def find(self, operation: str, reference: str, frozen: bytes | None) -> Sight:
        """Ask for the effect of an earlier attempt by our reference, through the contract's query operation."""
        ...

    async def ping(self) -> bool:
        """Whether the other side answers at all."""
        ...

    def statement(self, since: datetime, until: datetime) -> AsyncIterator[LedgerEntry]:
        """The other side's ledger for a period, all pages."""
        ...


class System(Target, Protocol):
    """An internal system: a target that also tells what changed in it."""

    async def changes(self, cursor: str | None) -> ChangePage:
        """The changes after the cursor, oldest first; raises GatewayUnreachable when it cannot be asked."""
        ...

    async def poll(self, operation: str, number: str) -> Outcome:
        """The deferred answer to an operation by the number it was given; `awaiting` while there is none."""
        ...

    async def fetch(self, number: str, sink: DocumentSink) -> Fetched:
        """Ask for a document by its number; its content went into the sink as it came.

        What the network or the system does is the outcome. Raises TooLarge, and whatever the sink refuses.
        """
        ...


class DocumentSink(Protocol):
    """One document's content on its way into the store, sealed as it comes."""

    @property
    def id(self) -> str:
        """What the store calls it; who has brought it may bind it by this."""
        ...

    async def write(self, piece: bytes) -> None:
        """The next bytes of the content."""
        ...

    async def end(self) -> Mark:
        """All of it is durable, and waits to be bound to the case of the message that holds the mark."""
        ...

    async def discard(self) -> None:
        """Nothing of it is left."""
        ...


class Documents(Protocol):
    """The store of large documents: each is sealed in pieces under a key that is sealed under its case's key."""

    def begin(self, tenant: str) -> DocumentSink:
        """A place for one document; what is bound to no case within an hour is gone."""
        ...

    def content(self, tenant: str, reference: str, mark: Mark) -> AsyncGenerator[bytes, None]:
        """The content of a document in the case of the exchange with this reference, piece by piece.

        Raises DocumentMissing when the case has none like it.
        """
        ...
