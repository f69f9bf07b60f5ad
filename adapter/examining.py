"""What every document passes before it is bound to a case or told: the virus scanner, if there is one, and its type.

A large document is scanned while it comes, and not once it is kept: what is found is never durable, nothing has to be
read a second time, and both ways in, the door and what is fetched from inside, lead through the store's `begin`. What
an internal system says within a message comes in by many ways, asked for, answered or told, and leaves by two: it is
examined there, once the contract of the gateway tells which fields hold documents. Nothing passes unscanned: who cannot
ask the scanner keeps and sends nothing, and is asked again.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Protocol

import structlog

from adapter.channels import Documents, DocumentSink
from adapter.contract.documents import enclosed_in
from adapter.contract.model import OperationContract
from adapter.contract.sniffing import HEAD_BYTES, check_type
from adapter.exchange import Exchange, Payload
from adapter.journal import Journal, Note
from adapter.mark import Mark, mark_of
from adapter.refusals import Infected, TypeDiffers
from adapter.translator import Table

_log = structlog.get_logger(__name__)


class Scan(Protocol):
    """One document under a scanner's eyes; every step raises NotScanned."""

    async def write(self, piece: bytes) -> None:
        """The next bytes."""
        ...

    async def end(self) -> str | None:
        """What was found; None for a clean document."""
        ...

    def close(self) -> None:
        """Nothing more is asked."""
        ...


class Scanner(Protocol):
    """One who looks for viruses."""

    async def begin(self) -> Scan:
        """A scan of one document; raises NotScanned."""
        ...


Tell = Callable[[str, str], Awaitable[None]]
"""Tenant, and what was found: told in the log and in the audit."""


async def tell(journal: Journal, tenant: str, found: str) -> None:
    """What was found stands in the log and in the audit."""
    _log.warning("document_infected", tenant=tenant, found=found)
    await journal.note(Note("document_infected", "engine", None, why=found, what="document", tenant=tenant))


async def tell_nobody(tenant: str, found: str) -> None:
    """For who keeps no audit, or leaves it to the next."""
    _log.debug("document_infected_untold", tenant=tenant, found=found)


@dataclass(frozen=True, slots=True)
class Examination:
    """A store of documents that takes only what is clean; without a `scanner` it takes everything."""

    documents: Documents
    scanner: Scanner | None = None
    tell: Tell = tell_nobody

    def untold(self) -> Examination:
        """The same, for who looks first at what is looked at again: what is found is told then, and so once."""
        return replace(self, tell=tell_nobody)

    def begin(self, tenant: str) -> Examined:
        """A place for one document; its end raises Infected, or NotScanned when the scanner cannot be asked."""
        return Examined(self, tenant, self.documents.begin(tenant))

    def content(self, tenant: str, reference: str, mark: Mark) -> AsyncGenerator[bytes, None]:
        """As the store gives it."""
        return self.documents.content(tenant, reference, mark)

    async def check(self, tenant: str, content: str, declared: str | None, head: bytes | None = None) -> None:
        """Raise TypeDiffers, Infected or NotScanned for a document's Base64, or for the mark of one that begins so.

        A mark without its `head` is that of a document which was checked when it came.
        """
        if mark_of(content) is None:
            try:
                raw = b64decode("".join(content.split()), validate=True)
            except ValueError as error:
                raise TypeDiffers("A document is not Base64") from error
            head = raw[:HEAD_BYTES]
            await self._scanned(tenant, raw)
        if declared is not None and head is not None:
            check_type(declared, head)

    async def check_told(
        self, exchange: Exchange, operation: OperationContract, table: Table, payload: Payload
    ) -> None:
        """Raise as `check` does for a document in what a gateway is about to be told, naming the row that gave it.

        A mark is of a document of the exchange's case; raises DocumentMissing where there is none, or DocumentDamaged.
        """
        for one in enclosed_in(operation, payload):
            mark = mark_of(one.content)
            head = None if mark is None else await self._head(exchange, mark)
            try:
                await self.check(exchange.tenant, one.content, one.media_type, head)
            except (Infected, TypeDiffers) as error:
                raise type(error)(f"{table.place_of(one.path)}: {one.path}: {error.detail}") from error

    async def _head(self, exchange: Exchange, mark: Mark) -> bytes:
        """How a kept document begins."""
        async with aclosing(self.content(exchange.tenant, exchange.reference, mark)) as pieces:
            return (await anext(pieces, b""))[:HEAD_BYTES]

    async def refuse(self, tenant: str, found: str | None) -> None:
        """Raise Infected where something was found; it is told."""
        if found is None:
            return
        await self.tell(tenant, found)
        raise Infected(f"The virus scanner found {found} in a document")

    async def _scanned(self, tenant: str, content: bytes) -> None:
        if self.scanner is None:
            return
        scan = await self.scanner.begin()
        try:
            await scan.write(content)
            await self.refuse(tenant, await scan.end())
        finally:
            scan.close()


@dataclass(slots=True)
class Examined:
    """A document on its way into the store, past the scanner; `head` is how it begins."""

    examination: Examination
    tenant: str
    sink: DocumentSink
    scan: Scan | None = None
    head: bytearray = field(default_factory=bytearray)

    @property
    def id(self) -> str:
        """What the store calls it."""
        return self.sink.id

    async def write(self, piece: bytes) -> None:
        """The next bytes of the content."""
        if self.scan is None and self.examination.scanner is not None:
            self.scan = await self.examination.scanner.begin()
        if self.scan is not None:
            await self.scan.write(piece)
        self.head += piece[: HEAD_BYTES - len(self.head)]
        await self.sink.write(piece)

    async def end(self) -> Mark:
        """All of it is clean and durable."""
        if self.scan is not None:
            await self.examination.refuse(self.tenant, await self.scan.end())
        return await self.sink.end()

    async def discard(self) -> None:
        """Nothing of it is left."""
        if self.scan is not None:
            self.scan.close()
        await self.sink.discard()
