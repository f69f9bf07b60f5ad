"""Where the sealed chunks of large documents lie: in rows on PostgreSQL, whose nodes share no disk; else in files.

Nothing here knows a key. Every call waits for the disk, so none is made on the event loop or on the journal's writer.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from sqlalchemy import Engine, delete, select
from sqlalchemy.engine import URL

from adapter.journal.engines import is_sqlite, make_engine
from adapter.journal.schema import document_chunks

THREADS = 2
"""So many documents are read or written at once."""


class Chunks(Protocol):
    """The chunks of a document are numbered from 0, and all but the last are of one length."""

    def keep(self, document_id: str, number: int, sealed: bytes) -> None:
        """The chunk stands in its place; it may be lost until the document is settled."""
        ...

    def settle(self, document_id: str) -> None:
        """All chunks of the document survive a power failure."""
        ...

    def read(self, document_id: str, number: int) -> bytes:
        """The sealed chunk; what is left of it, nothing perhaps, when it was cut."""
        ...

    def remove(self, document_id: str) -> None:
        """The document has no chunk any more."""
        ...

    def present(self) -> list[str]:
        """Which documents may have chunks without having a row."""
        ...

    def close(self) -> None:
        """Let go of the place."""
        ...


def chunks_of(url: URL, chunk_bytes: int) -> Chunks:
    """The place that belongs to a journal; `chunk_bytes` is the length of a sealed chunk."""
    if is_sqlite(url):
        return FileChunks(Path(str(url.database)).resolve().with_suffix(".documents"), chunk_bytes)
    return RowChunks(make_engine(url, writes=True, connections=THREADS))


class RowChunks:
    """Rows, each in a commit of its own, over connections that are not the writer's."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def keep(self, document_id: str, number: int, sealed: bytes) -> None:
        row = {"document_id": document_id, "number": number, "sealed": sealed}
        with self._engine.begin() as connection:
            connection.execute(document_chunks.insert(), [row])

    def settle(self, document_id: str) -> None:
        """Each commit has waited for the disk."""

    def read(self, document_id: str, number: int) -> bytes:
        here = (document_chunks.c.document_id == document_id) & (document_chunks.c.number == number)
        with self._engine.connect() as connection:
            found = connection.execute(select(document_chunks.c.sealed).where(here)).scalar_one_or_none()
        return b"" if found is None else bytes(found)

    def remove(self, document_id: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(delete(document_chunks).where(document_chunks.c.document_id == document_id))

    def present(self) -> list[str]:
        """None: the database itself lets no chunk be without its document's row."""
        return []

    def close(self) -> None:
        self._engine.dispose()


class FileChunks:
    """One file for each document, in a folder of its owner's alone; its name is ours, never one that somebody gave."""

    def __init__(self, folder: Path, chunk_bytes: int) -> None:
        self._folder, self._chunk_bytes = folder, chunk_bytes

    def keep(self, document_id: str, number: int, sealed: bytes) -> None:
        if number == 0:
            self._make_folder()
        made = os.O_CREAT | os.O_EXCL if number == 0 else 0
        with self._opened(document_id, os.O_WRONLY | made) as file:
            place, rest = number * self._chunk_bytes, memoryview(sealed)
            while rest:
                written = os.pwrite(file, rest, place)
                place, rest = place + written, rest[written:]

    def settle(self, document_id: str) -> None:
        with self._opened(document_id, os.O_WRONLY) as file:
            os.fsync(file)
        _sync_folder(self._folder)

    def read(self, document_id: str, number: int) -> bytes:
        try:
            with self._opened(document_id, os.O_RDONLY) as file:
                return os.pread(file, self._chunk_bytes, number * self._chunk_bytes)
        except FileNotFoundError:
            return b""

    def remove(self, document_id: str) -> None:
        self._path(document_id).unlink(missing_ok=True)

    def present(self) -> list[str]:
        with suppress(FileNotFoundError):
            return sorted(file.name for file in self._folder.iterdir() if file.is_file())
        return []

    def close(self) -> None:
        """No file stays open between two chunks."""

    def _make_folder(self) -> None:
        with suppress(FileExistsError):
            self._folder.mkdir(mode=0o700)
            _sync_folder(self._folder.parent)

    def _path(self, document_id: str) -> Path:
        return self._folder / document_id

    @contextmanager
    def _opened(self, document_id: str, how: int) -> Iterator[int]:
        file = os.open(self._path(document_id), how | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            yield file
        finally:
            os.close(file)


def _sync_folder(folder: Path) -> None:
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
