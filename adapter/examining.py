"""What every document passes before it is bound to a case or sent on: the virus scanner, if there is one, and its type.

Scanned while it comes, and not once it is kept: what is found is never durable, nothing has to be read a second time,
and both ways in, the door and what is fetched from inside, lead through the store's `begin`. Nothing passes unscanned:
who cannot ask the scanner keeps nothing, and is asked again.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from adapter.channels import Documents, DocumentSink
from adapter.contract.sniffing import HEAD_BYTES, check_type
from adapter.mark import Mark, mark_of
from adapter.refusals import Infected

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
"""Tenant, and what was found: told in the audit."""


async def tell_nobody(tenant: str, found: str) -> None:
    """For who keeps no audit."""
    _log.debug("document_infected_untold", tenant=tenant, found=found)


@dataclass(frozen=True, slots=True)
class Examination:
    """A store of documents that takes only what is clean; without a `scanner` it takes everything."""

    documents: Documents
    scanner: Scanner | None = None
    tell: Tell = tell_nobody

    def begin(self, tenant: str) -> Examined:
        """A place for one document; its end raises Infected, or NotScanned when the scanner cannot be asked."""
        return Examined(self, tenant, self.documents.begin(tenant))

    def content(self, tenant: str, reference: str, mark: Mark) -> AsyncIterator[bytes]:
        """As the store gives it."""
        return self.documents.content(tenant, reference, mark)

    async def check(self, tenant: str, content: str, declared: str | None, head: bytes | None = None) -> None:
        """Raise TypeDiffers, Infected or NotScanned for a document's Base64, or for the mark of one that begins so.

        A mark without its `head` is that of a document which was checked when it came.

        What is no Base64 is left to the schema and to the table's rule.
        """
        if mark_of(content) is None:
            try:
                raw = b64decode("".join(content.split()), validate=True)
            except ValueError:
                return
            head = raw[:HEAD_BYTES]
            await self._scanned(tenant, raw)
        if declared is not None and head is not None:
            check_type(declared, head)

    async def refuse(self, tenant: str, found: str | None) -> None:
        """Raise Infected where something was found; it is told in the log and in the audit."""
        if found is None:
            return
        _log.warning("document_infected", tenant=tenant, found=found)
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
