"""The store of large documents: sealed piece by piece as they come, and opened piece by piece as they leave.

Chunks go past the journal's writer, so that no lane waits for a large document; rows go through it (`binding.py`), so
that a document is bound to its case in the very commit that acknowledges it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import Connection

from adapter.errors import DocumentDamaged, DocumentMissing, JournalUnusable
from adapter.journal import binding
from adapter.journal.binding import Coming, Whole, key_label
from adapter.journal.chunks import Chunks
from adapter.journal.rows import MICROSECOND
from adapter.journal.sealing import SEAL_BYTES, Seal, Sealer
from adapter.mark import Mark

CHUNK_BYTES = 1024 * 1024
SEALED_CHUNK_BYTES = CHUNK_BYTES + SEAL_BYTES

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Means:
    """With what documents are kept: the writer's way of taking a step, the readers', the place and the threads for it.

    `now` is the time of a batch, in microseconds.
    """

    submit: Callable[..., Awaitable[Any]]
    read: Callable[..., Awaitable[Any]]
    sealer: Sealer
    chunks: Chunks
    threads: ThreadPoolExecutor
    now: Callable[[Connection], int]

    async def beside(self, work: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
        """What the work gives, done beside the event loop and the writer."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, lambda: work(*arguments, **named))

    async def remove(self, erased: Collection[str]) -> None:
        """First the chunks of these erased documents are gone, then their rows."""
        for document_id in erased:
            await self.beside(self.chunks.remove, document_id)
        if erased:
            await self.submit(binding.forget, erased)


class DocumentStore:
    """The large documents of all tenants."""

    def __init__(self, means: Means, new_id: Callable[[], str]) -> None:
        self._means, self._new_id = means, new_id

    def begin(self, tenant: str) -> ArrivingDocument:
        """A place for one document; what is bound to no case within an hour is gone."""
        return ArrivingDocument(self._means, tenant, self._new_id())

    async def content(self, tenant: str, reference: str, mark: Mark) -> AsyncGenerator[bytes, None]:
        """The content of a document in the case of the exchange with this reference, piece by piece.

        Raises DocumentMissing when the case has none like it, DocumentDamaged when it is not what was kept.
        """
        digest = binding.digest_of(self._means.sealer, tenant, mark)
        row = await self._means.read(binding.bound_to, tenant, reference, digest)
        if row is None:
            raise DocumentMissing
        case_seal = self._means.sealer.seal_of(row.case_id, bytes(row.case_key))
        seal = case_seal.within(bytes(row.data_key), key_label(row.id))
        count = _count(row.size)
        for number in range(count):
            yield await self._means.beside(self._opened, seal, row.id, number, is_last=number == count - 1)

    def _opened(self, seal: Seal, document_id: str, number: int, *, is_last: bool) -> bytes:
        sealed = self._means.chunks.read(document_id, number)
        try:
            return seal.open(sealed, _chunk_label(document_id, number, is_last=is_last))
        except JournalUnusable as error:
            raise DocumentDamaged from error

    async def sweep(self, kept: timedelta) -> bool:
        """What waited in vain, and what cases have that ended so long ago, is gone; whether more is due at once."""
        means = self._means
        await means.submit(binding.erase_overdue, None)
        ended = await means.read(self._ended_cases, kept)
        if ended:
            await means.submit(binding.erase_ended, ended)
        erased = await means.read(binding.erased)
        await means.remove(erased)
        present = await means.beside(means.chunks.present)
        for stranger in await means.read(binding.without_row, present):
            await means.beside(means.chunks.remove, stranger)
        return bool(ended or erased)

    def _ended_cases(self, connection: Connection, kept: timedelta) -> list[str]:
        return binding.ended_cases(connection, self._means.now(connection) - kept // MICROSECOND)

    def close(self) -> None:
        """Afterwards nothing is being kept."""
        self._means.threads.shutdown()
        self._means.chunks.close()


class ArrivingDocument:
    """One document on its way in, under a key of its own; its row stands before its first chunk."""

    def __init__(self, means: Means, tenant: str, document_id: str) -> None:
        self.id = document_id
        self._means, self._tenant = means, tenant
        self._seal, self._wrapped = means.sealer.new_data_key(key_label(document_id))
        self._held, self._digest = bytearray(), hashlib.sha256()
        self._kept = self._size = 0

    async def write(self, piece: bytes) -> None:
        """The next bytes of the content; what makes no whole chunk yet is held."""
        self._held += piece
        while len(self._held) > CHUNK_BYTES:
            await self._keep(CHUNK_BYTES, is_last=False)

    async def end(self) -> Mark:
        """All of it is durable, and waits to be bound to the case of the message that holds the mark.

        Raises DocumentNotSent when it came so slowly that it was swept.
        """
        await self._keep(len(self._held), is_last=True)
        await self._means.beside(self._means.chunks.settle, self.id)
        mark = Mark(self._digest.digest(), self._size)
        digest = binding.digest_of(self._means.sealer, self._tenant, mark)
        await self._means.submit(binding.complete, Whole(self.id, digest, self._size))
        return mark

    async def discard(self) -> None:
        """Nothing of it is left, unless it is bound to a case."""
        if self._kept:
            was_nobodys = await self._means.submit(binding.discard, self.id)
            await self._means.remove([self.id] if was_nobodys else [])

    async def _keep(self, length: int, *, is_last: bool) -> None:
        if self._kept == 0:
            await self._means.submit(binding.begin, Coming(self.id, self._tenant, self._wrapped))
        chunk, number = bytes(self._held[:length]), self._kept
        del self._held[:length]
        self._kept += 1
        await self._means.beside(self._put, chunk, number, is_last=is_last)

    def _put(self, chunk: bytes, number: int, *, is_last: bool) -> None:
        self._digest.update(chunk)
        self._size += len(chunk)
        sealed = self._seal.close(chunk, _chunk_label(self.id, number, is_last=is_last))
        self._means.chunks.keep(self.id, number, sealed)


def _count(size: int) -> int:
    return max(1, -(-size // CHUNK_BYTES))


def _chunk_label(document_id: str, number: int, *, is_last: bool) -> str:
    """What a chunk is sealed for: it opens at its own place in its own document, and nothing ends before its end."""
    return f"document:{document_id}:{number}:{'last' if is_last else 'more'}"
