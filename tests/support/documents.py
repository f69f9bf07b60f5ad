"""A store of documents in memory, and documents of any size that nobody has to hold."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from adapter.errors import DocumentMissing
from adapter.mark import Mark

PIECE = 1024 * 1024


def mark_of_content(content: bytes) -> Mark:
    return Mark(sha256(content).digest(), len(content))


def attaching(content: bytes) -> dict[str, Any]:
    """A call that attaches this content to a case."""
    return {
        "tracking_code": "4052718396",
        "channel": {"code": "counter", "card_seen": True},
        "document_no": "D-1405-1",
        "kind": "deed",
        "title": "سند مالکیت",
        "media_type": "application/pdf",
        "content": base64.b64encode(content).decode(),
        "sha256": sha256(content).hexdigest(),
    }


@dataclass
class KeptDocuments:
    """What a tenant has, by digest; `opened` counts how often each was begun to be read."""

    contents: dict[bytes, bytes] = field(default_factory=dict)
    opened: int = 0
    closed: int = 0
    piece: int = PIECE

    def keep(self, content: bytes) -> Mark:
        mark = mark_of_content(content)
        self.contents[mark.digest] = content
        return mark

    async def content(self, reference: str, mark: Mark) -> AsyncIterator[bytes]:
        self.opened += 1
        try:
            content = self.contents.get(mark.digest)
            if content is None:
                raise DocumentMissing
            for piece in cut(content, self.piece):
                yield piece
        finally:
            self.closed += 1


def cut(content: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


@dataclass
class HeldSink:
    """A sink that holds what came; `largest` is the largest piece of it."""

    content: bytes = b""
    largest: int = 0
    is_discarded: bool = False
    id: str = "held"

    async def write(self, piece: bytes) -> None:
        self.content += piece
        self.largest = max(self.largest, len(piece))

    async def end(self) -> Mark:
        return mark_of_content(self.content)

    async def discard(self) -> None:
        self.is_discarded = True
