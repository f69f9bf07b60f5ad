"""A message as it leaves: its documents in the places of their marks, block by block, never all at once in memory."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256

from adapter.errors import DocumentDamaged, DocumentMissing, JournalUnusable
from adapter.mark import Mark, Marked, marks_in

Contents = Callable[[str, Mark], AsyncIterator[bytes]]
"""A tenant's documents: the content of one in the case of the exchange with this reference; raises DocumentMissing."""

BLOCK = 3 * 65_536
"""Whole triples, whose Base64 can be put together; small enough that a slow line takes one in its write time-out."""


def no_contents(reference: str, mark: Mark) -> AsyncIterator[bytes]:
    """For who has no store: there is no document."""
    raise DocumentMissing(f"no store holds documents for {reference}", size=mark.size)


@asynccontextmanager
async def spliced(
    frozen: bytes, contents: Callable[[Mark], AsyncIterator[bytes]]
) -> AsyncIterator[AsyncIterator[bytes]]:
    """The message's blocks, of `whole_size(frozen)` bytes in all; every document has begun to be read.

    Raises DocumentMissing before the first of them, and DocumentDamaged before the last of a document that is not what
    its mark says: who counts bytes never has the whole message.
    """
    async with AsyncExitStack() as reading:
        documents = []
        for marked in marks_in(frozen):
            pieces = _readable(contents(marked.mark))
            reading.push_async_callback(pieces.aclose)
            documents.append(_Document(marked, await anext(pieces, b""), pieces))
        yield _blocks(frozen, documents)


@dataclass(frozen=True, slots=True)
class _Document:
    """Where it stands, its first piece, and the others."""

    marked: Marked
    first: bytes
    others: AsyncIterator[bytes]


async def _blocks(frozen: bytes, documents: list[_Document]) -> AsyncIterator[bytes]:
    place = 0
    for document in documents:
        yield frozen[place : document.marked.start]
        async for block in _verified(document):
            yield b2a_base64(block, newline=False) if document.marked.is_text else block
        place = document.marked.end
    yield frozen[place:]


async def _verified(document: _Document) -> AsyncIterator[bytes]:
    """Blocks of the content, the last one only when size and digest are those of the mark."""
    mark, size, digest = document.marked.mark, 0, sha256()
    async for block in _even(document):
        size += len(block)
        digest.update(block)
        is_last = size >= mark.size
        if is_last and (size, digest.digest()) != (mark.size, mark.digest):
            raise DocumentDamaged(f"a document of {mark.size} bytes does not have the digest of its mark")
        yield block
    if size < mark.size:
        raise DocumentDamaged(f"a document of {mark.size} bytes ends after {size}")


async def _even(document: _Document) -> AsyncIterator[bytes]:
    """The content in blocks of one size, but for the last."""
    waiting = bytearray(document.first)
    async for piece in document.others:
        waiting += piece
        while len(waiting) > BLOCK:
            yield bytes(waiting[:BLOCK])
            del waiting[:BLOCK]
    for start in range(0, len(waiting), BLOCK):
        yield bytes(waiting[start : start + BLOCK])


async def _readable(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The pieces; whatever the store meets while it reads is told as DocumentDamaged, and closed with the message."""
    try:
        async for piece in pieces:
            yield piece
    except (JournalUnusable, OSError) as error:
        raise DocumentDamaged(f"a kept document cannot be read: {type(error).__name__}") from error
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()
