"""A served application on loopback, and those who knock at it byte by byte."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from ops.daemon import served
from ops.protocol import ConnectionLimits

GET = b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n"


@dataclass(frozen=True)
class Knock:
    """One connection as a caller holds it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, request: bytes = GET) -> int:
        """The status of the answer."""
        self.writer.write(request)
        return (await self.answer())[0]

    async def answer(self) -> tuple[int, bytes]:
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        return int(head.split()[1]), await self.reader.readexactly(length)

    async def is_closed(self, *, within: float = 1.0) -> bool:
        """Whether it is closed in time, and nothing more was said."""
        try:
            return await asyncio.wait_for(self.reader.read(1), within) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False


@dataclass
class Server:
    """What is served, and how to knock there."""

    port: int
    release: asyncio.Event
    knocks: AsyncExitStack

    async def knock(self) -> Knock:
        return self.held(*await asyncio.open_connection("127.0.0.1", self.port))

    def held(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Knock:
        self.knocks.callback(writer.transport.abort)
        self.knocks.callback(writer.close)
        return Knock(reader, writer)


@asynccontextmanager
async def serving(limits: ConnectionLimits, app: ASGIApp | None = None) -> AsyncIterator[Server]:
    release = asyncio.Event()

    async def quick(_request: Request) -> Response:
        return Response(b"quick")

    async def slow(_request: Request) -> Response:
        await release.wait()
        return Response(b"slow")

    async def large(_request: Request) -> Response:
        return Response(bytes(32 * 1024 * 1024))

    async def measured(request: Request) -> Response:
        try:
            return Response(str(len(await request.body())).encode())
        except ClientDisconnect:
            return Response()

    routes = [Route(f"/{one.__name__}", one, methods=["GET", "POST"]) for one in (quick, slow, large, measured)]
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=256))
        await stack.enter_async_context(served(app or Starlette(routes=routes), listener, limits))
        stack.callback(release.set)
        knocks = await stack.enter_async_context(AsyncExitStack())
        yield Server(listener.getsockname()[1], release, knocks)


def posted(path: str, record: Mapping[str, object], **headers: str) -> bytes:
    body = json.dumps(record).encode()
    named = {"Host": "x", "Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    lines = [f"POST {path} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in named.items()), "", ""]
    return "\r\n".join(lines).encode() + body
