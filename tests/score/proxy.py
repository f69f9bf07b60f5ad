"""A proxy that reads whole HTTP messages and strikes at a chosen moment of a chosen one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

MOMENTS = ("connected", "part_sent", "all_sent", "processed", "answer_part", "answer_all")


@dataclass(slots=True)
class Strike:
    """Strike once, at `moment` of the `nth` request whose bytes hold `match`."""

    moment: str
    match: bytes
    nth: int
    strike: Callable[[], None]
    seen: int = 0

    def is_it(self, request: bytes) -> bool:
        if self.match in request:
            self.seen += 1
            return self.seen == self.nth
        return False


class StruckError(Exception):
    """The moment came."""


class Proxy:
    """Listens on loopback and forwards to one address until closed."""

    def __init__(self, upstream: str, strike: Strike | None) -> None:
        parts = urlsplit(upstream)
        self._host, self._port = parts.hostname, parts.port
        self._strike = strike
        self._server: asyncio.Server | None = None

    async def open(self, port: int = 0) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream: asyncio.StreamWriter | None = None
        try:
            back, upstream = await asyncio.open_connection(self._host, self._port)
            while True:
                request = await _message(reader)
                strike = self._strike if self._strike and self._strike.is_it(request) else None
                await self._forward(request, upstream, strike, ("connected", "part_sent", "all_sent"))
                answer = await _message(back)
                await self._forward(answer, writer, strike, ("processed", "answer_part", "answer_all"))
        except (OSError, EOFError, StruckError):
            pass
        finally:
            for one in (writer, upstream):
                if one is not None:
                    one.transport.abort()

    @staticmethod
    async def _forward(
        message: bytes, to: asyncio.StreamWriter, strike: Strike | None, moments: tuple[str, str, str]
    ) -> None:
        moment = strike.moment if strike else None
        before, half, whole = moments
        if strike and moment == before:
            strike.strike()
            raise StruckError
        to.write(message[: len(message) // 2] if moment == half else message)
        await to.drain()
        if strike and moment in {half, whole}:
            if moment == whole:
                await asyncio.sleep(0.005)
            strike.strike()
            raise StruckError


async def _message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return head + (await reader.readexactly(length) if length else b"")
