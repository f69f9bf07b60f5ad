"""Parts on their way in: a large document goes into the store while it comes, all else into nameless files."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from adapter.channels import Documents, DocumentSink
from adapter.contract.mime import PartHead
from adapter.contract.multipart import BLOCK, Multipart
from adapter.contract.sniffing import HEAD_BYTES
from adapter.exchange import Caller, Operation, Record
from adapter.mark import Brought
from adapter.refusals import TooBusy, TooLarge

INLINE_BYTES = 256 * 1024
"""A part of at most so many bytes becomes Base64 in the record; a larger one a document of the store."""

_BUSY_SECONDS = 5

MostFor = Callable[[Caller, Operation, Record], Awaitable[int]]
"""How many bytes a document may have by the service of a call, of which the fields of the message alone are known."""


@dataclass(frozen=True, slots=True)
class LargeDocuments:
    """Where the doors take large documents to, how large one may be, and how many messages with some may come at once.

    Who sends slowly keeps no more than these of a caller's connections, files and scans.
    """

    store: Documents
    most_for: MostFor
    at_once: int = 4
    coming: Counter[Caller] = field(default_factory=Counter, compare=False)
    """Messages on their way that have begun a document."""


@dataclass(frozen=True, slots=True)
class Room:
    """How many bytes a message may have with what stays in it, the documents beside it together, and each of them."""

    message: int
    documents: int = 0
    document: int = 0

    @classmethod
    def of(cls, message: int, documents: int | None) -> Room:
        """Room of an operation, before its service is known."""
        return cls(message, documents or 0, documents or 0)

    @property
    def whole(self) -> int:
        """All of it."""
        return self.message + self.documents

    def within(self, document: int) -> Room:
        """The same where a document may have so many bytes at most."""
        return replace(self, document=min(self.document, document))


def largest(rooms: Iterable[Room]) -> Room:
    """Room for whichever of these a message needs."""
    rooms = list(rooms)
    return Room.of(max(room.message for room in rooms), max(room.documents for room in rooms))


@dataclass(frozen=True, slots=True)
class Bringing:
    """What one request brings: `begun` is all that came into the store for it, `brought` what of it is whole."""

    large: LargeDocuments | None
    caller: Caller
    begun: list[DocumentSink] = field(default_factory=list)
    brought: list[Brought] = field(default_factory=list)

    def begin(self) -> DocumentSink | None:
        """A place for one document of the caller's tenant; None where none is taken.

        Raises TooBusy while as many of the caller's messages as may come at once bring documents.
        """
        large, caller = self.large, self.caller
        if large is None:
            return None
        if not self.begun and large.coming[caller] >= large.at_once:
            raise TooBusy(retry_after=_BUSY_SECONDS)
        document = large.store.begin(caller.tenant)
        large.coming[caller] += not self.begun
        self.begun.append(document)
        return document


@asynccontextmanager
async def bringing_for(large: LargeDocuments | None, caller: Caller) -> AsyncIterator[Bringing]:
    """Begins documents for the caller's tenant; afterwards those that no case has taken are gone."""
    bringing = Bringing(large, caller)
    try:
        yield bringing
    finally:
        if large is not None and bringing.begun:
            large.coming[caller] -= 1
        for document in bringing.begun:
            await document.discard()


@dataclass(slots=True)
class Arrivals:
    """The parts of one message; `is_message` tells of a part's head and number whether it is the message itself."""

    room: Room
    is_message: Callable[[PartHead, int], bool]
    bringing: Bringing
    files: ExitStack
    spool: Path | None
    parts: list[_Arriving] = field(default_factory=list)

    def open(self, head: PartHead) -> _Arriving:
        """A place for the next part."""
        file = self.files.enter_context(_nameless_file(self.spool))
        may_be_large = self.bringing.large is not None and self.room.documents > 0
        is_document = may_be_large and not self.is_message(head, len(self.parts))
        self.parts.append(_Arriving(self, file, is_document))
        return self.parts[-1]

    async def take_in(self, package: Multipart) -> None:
        """What came of large documents is in the store; those that are whole have their marks."""
        for part, arriving in zip(package.parts, self.parts, strict=True):
            if arriving.is_document and part.mark is None:
                await arriving.store()
                if part.is_whole and arriving.sink is not None:
                    part.mark = await arriving.sink.end()
                    self.bringing.brought.append(Brought(arriving.sink.id, part.mark, arriving.head))


@dataclass(slots=True)
class _Arriving:
    """One part: in its file as long as it may stay in the message, then on its way into the store."""

    arrivals: Arrivals
    file: BinaryIO
    is_document: bool
    size: int = 0
    sink: DocumentSink | None = None
    head: bytes = b""
    waiting: bytearray = field(default_factory=bytearray)

    def write(self, content: bytes) -> object:
        """Take the next bytes of the part; raises TooLarge."""
        self.size += len(content)
        room = self.arrivals.room
        if not self.is_document or self.size <= INLINE_BYTES:
            if self.size > room.message:
                raise TooLarge(f"The message may have at most {room.message} bytes")
            return self.file.write(content)
        if self.size > room.document:
            raise TooLarge(f"A document may have at most {room.document} bytes here")
        self.waiting += content
        return None

    def read(self, size: int = -1) -> bytes:
        """What the file holds from where it stands."""
        return self.file.read(size)

    def seek(self, place: int) -> int:
        """Stand at a place of the file."""
        return self.file.seek(place)

    async def store(self) -> None:
        """What waited is in the store, and before it what lay in the file."""
        if not self.waiting:
            return
        if self.sink is None and (sink := self.arrivals.bringing.begin()) is not None:
            self.sink = sink
            self.file.seek(0)
            content = self.file.read()
            self.head = content[:HEAD_BYTES]
            await sink.write(content)
            self.file.truncate(0)
        if self.sink is not None:
            await self.sink.write(bytes(self.waiting))
        self.waiting.clear()


def _nameless_file(folder: Path | None) -> BinaryIO:
    """A file of mode 0600 without a name: nobody else can open it, and no crash leaves it behind."""
    return tempfile.TemporaryFile(dir=folder, buffering=BLOCK)  # type: ignore[return-value] # it is one, behind a wrapper elsewhere
