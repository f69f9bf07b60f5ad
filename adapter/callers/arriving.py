"""A document that comes as an answer: the bytes themselves or a part of a package, in the sink as they come."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from io import BytesIO
from typing import Protocol

from adapter.channels import DocumentSink
from adapter.contract.mime import MediaType, media_type_of
from adapter.contract.multipart import BLOCK, Multipart, PartLimits
from adapter.mark import Mark
from adapter.refusals import TooLarge, Unreadable
from adapter.retry import time_for

_LARGEST_MESSAGE = 1024 * 1024
_SUCCESS = 2
_PAGES = frozenset({"text/html"})


class Taker(Protocol):
    """One who takes an answer as it comes."""

    def takes(self, status: int, content_type: str) -> bool:
        """Whether this answer is for him; any other is read whole."""
        ...

    async def take(self, piece: bytes) -> None:
        """The next bytes of it."""
        ...


@dataclass(frozen=True, slots=True)
class Postponed:
    """A taker whose call may last longer by the time that each piece of it needs."""

    taker: Taker
    deadline: asyncio.Timeout

    def takes(self, status: int, content_type: str) -> bool:
        return self.taker.takes(status, content_type)

    async def take(self, piece: bytes) -> None:
        """The next bytes, by a deadline that has moved."""
        self.deadline.reschedule((self.deadline.when() or 0) + time_for(len(piece)).total_seconds())
        await self.taker.take(piece)


@dataclass(slots=True)
class Arrival:
    """Takes packages, and where `is_bare` answers that are the document themselves.

    Messages that are alone, and pages of proxies, are left to who asked. `most` bounds the document in bytes.
    """

    sink: DocumentSink
    most: int
    messages: frozenset[str]
    is_bare: bool
    has_begun: bool = field(default=False, init=False)
    media_type: MediaType | None = field(default=None, init=False)
    package: Multipart | None = field(default=None, init=False)
    _size: int = field(default=0, init=False)
    _places: list[BytesIO] = field(default_factory=list, init=False)

    def takes(self, status: int, content_type: str) -> bool:
        """Whether the answer is taken as it comes; a failure is not."""
        media_type = media_type_of(content_type or "application/octet-stream")
        is_document = self.is_bare and media_type.name not in self.messages | _PAGES
        if status // 100 != _SUCCESS or not (media_type.is_multipart or is_document):
            return False
        self.has_begun, self.media_type = True, media_type
        if media_type.is_multipart:
            limits = PartLimits(parts=1, part_bytes=max(self.most, _LARGEST_MESSAGE))
            self.package = Multipart(
                media_type, most=self.most + _LARGEST_MESSAGE, limits=limits, open_file=self._place
            )
        return True

    async def take(self, piece: bytes) -> None:
        """The next bytes of the answer; raises TooLarge or Unreadable, and whatever the sink refuses."""
        if self.package is None:
            await self._keep(piece)
            return
        for start in range(0, len(piece), BLOCK):
            self.package.feed(piece[start : start + BLOCK])
            if self.package.parts and self.package.parts[0].size > _LARGEST_MESSAGE:
                raise TooLarge(f"The message beside a document may have at most {_LARGEST_MESSAGE} bytes")
            for place in self._documents(self.package):
                await self._keep(_taken_out(place))

    async def end(self) -> Mark:
        """The whole document is in the store; in the package its mark stands in its place."""
        if self.package is not None:
            self.package.close()
            if not self._documents(self.package):
                raise Unreadable("The answer holds no document")
        mark = await self.sink.end()
        for place in self._places[1:]:
            place.write(mark.raw)
        return mark

    def _place(self, *_: object) -> BytesIO:
        self._places.append(BytesIO())
        return self._places[-1]

    def _documents(self, package: Multipart) -> list[BytesIO]:
        """Where the part beside the message lies; raises Unreadable when the message does not come first."""
        start = self.media_type.parameters.get("start", "").strip("<> ") if self.media_type else ""
        if start and package.parts and package.parts[0].head.content_id != start:
            raise Unreadable("The message of the answer does not come before its document")
        return self._places[1:]

    async def _keep(self, content: bytes) -> None:
        self._size += len(content)
        if self._size > self.most:
            raise TooLarge(f"A document may have at most {self.most} bytes")
        if content:
            await self.sink.write(content)


def _taken_out(place: BytesIO) -> bytes:
    """What came of a part since the last time; nothing of it is left in memory."""
    content = place.getvalue()
    place.seek(0)
    place.truncate()
    return content
