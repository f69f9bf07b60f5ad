"""A virus scanner that speaks clamd's protocol (INSTREAM): content goes in as it comes, a verdict comes out."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from adapter.refusals import NotScanned

ADDRESS = re.compile(r"unix:(?P<path>/.+)|tcp:(?P<host>[^:]+|\[.+\]):(?P<port>[0-9]{1,5})")
"""Where a scanner listens, as settings write it."""

_LENGTH_BYTES = 4
_REPLY = re.compile(r"stream: (?:(?P<ok>OK)|(?P<found>[\x20-\x7e]{1,200}) FOUND)\0?")


@dataclass(frozen=True, slots=True)
class Clamd:
    """A scanner at an address; `limit` is how long it may take for one step, its verdict included."""

    address: str
    limit: timedelta = timedelta(seconds=60)

    async def begin(self) -> Scan:
        """A scan of one document; raises NotScanned when the scanner does not answer."""
        with _answering():
            async with asyncio.timeout(self.limit.total_seconds()):
                reader, writer = await self._connected()
                writer.write(b"zINSTREAM\0")
                await writer.drain()
        return Scan(reader, writer, self.limit)

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        said = ADDRESS.fullmatch(self.address)
        if said is None:
            raise NotScanned(f"clamd: {self.address!r} is no address of a scanner")
        if said["path"]:
            return await asyncio.open_unix_connection(said["path"])
        return await asyncio.open_connection(said["host"].strip("[]"), int(said["port"]))


@dataclass(frozen=True, slots=True)
class Scan:
    """One document under the scanner's eyes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    limit: timedelta

    async def write(self, piece: bytes) -> None:
        """The next bytes of the content; raises NotScanned when it takes no more, as beyond its StreamMaxLength."""
        if piece:
            await self._send(len(piece).to_bytes(_LENGTH_BYTES, "big"), piece)

    async def end(self) -> str | None:
        """The name of what was found; None when the whole content is clean. Raises NotScanned without a verdict."""
        await self._send(bytes(_LENGTH_BYTES))
        with _answering():
            async with asyncio.timeout(self.limit.total_seconds()):
                reply = (await self.reader.read(1024)).decode("ascii", "replace")
        self.close()
        said = _REPLY.fullmatch(reply)
        if said is None:
            raise NotScanned("the virus scanner gave no verdict: see its log, and its StreamMaxLength")
        return said["found"]

    def close(self) -> None:
        """Nothing more is asked of it."""
        self.writer.close()

    async def _send(self, *pieces: bytes) -> None:
        with _answering():
            async with asyncio.timeout(self.limit.total_seconds()):
                self.writer.writelines(pieces)
                await self.writer.drain()


@contextmanager
def _answering() -> Iterator[None]:
    """What the network does is told as NotScanned."""
    try:
        yield
    except (OSError, TimeoutError) as error:
        raise NotScanned(f"the virus scanner does not answer: {type(error).__name__}") from error
