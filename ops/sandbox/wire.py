"""A small HTTP/1.1 server on loopback. It is ours because faults need the socket: a reset, a close, half an answer."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from http import HTTPStatus
from typing import cast
from urllib.parse import unquote

MOST_HEAD_BYTES = 16 * 1024
MOST_BODY_BYTES = 320 * 1024 * 1024
HOLDS_PORT = sys.platform == "linux"
"""Only Linux lets a bound but silent socket keep a port while another listens on it and closes."""
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on with zero seconds: closing sends RST in place of FIN."""


class Ending(StrEnum):
    """What becomes of the connection when the answer is due."""

    ANSWER = "answer"
    HALF = "half"
    CLOSE = "close"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Request:
    """`headers` have lower-case names; `path` is decoded, `query` is raw."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What the other side sees: an answer after a delay, or the end of the connection."""

    status: int
    body: bytes = b""
    media_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    ending: Ending = Ending.ANSWER
    delay_seconds: float = 0.0


Receive = Callable[[Request], Reply]


class BadMessageError(Exception):
    """What arrived is no HTTP request that this server reads."""

    def __init__(self, status: HTTPStatus) -> None:
        self.status = status
        super().__init__(status.phrase)


def read_request(buffer: bytearray) -> tuple[Request, int] | None:
    """The first whole request of the buffer and its length; None while more must arrive."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        if len(buffer) > MOST_HEAD_BYTES:
            raise BadMessageError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        return None
    first, *lines = buffer[:end].decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = _length(headers)
    total = end + 4 + length
    if len(buffer) < total:
        return None
    method, _, rest = first.partition(" ")
    target, _, version = rest.rpartition(" ")
    if not target.startswith("/") or not version.startswith("HTTP/1."):
        raise BadMessageError(HTTPStatus.BAD_REQUEST)
    path, _, query = target.partition("?")
    return Request(method, unquote(path), query, headers, bytes(buffer[end + 4 : total])), total


def write_reply(reply: Reply, *, length: int | None = None) -> bytes:
    """The bytes of the answer; every answer has its length, so that a truncated one is seen as such.

    `length` is that of a body which is written by itself.
    """
    lines = [
        f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}",
        f"Content-Type: {reply.media_type}",
        f"Content-Length: {len(reply.body) if length is None else length}",
        *(f"{name}: {value}" for name, value in reply.headers),
    ]
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + reply.body


@dataclass(slots=True)
class Listener:
    """One listening port, which can go down and come back on the same port."""

    receive: Receive
    host: str
    port: int
    _server: asyncio.Server | None = None
    _holder: socket.socket | None = None
    _open: set[_Connection] = field(default_factory=set)

    async def open(self) -> None:
        """Listen from now on. The port stays ours while we are down: nobody is handed it meanwhile."""
        if self._server is not None:
            return
        if self._holder is None and HOLDS_PORT:
            self._holder = self._bound()
        listening = self._bound()
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Connection(self.receive, self._open), sock=listening, backlog=1024
        )

    def down(self) -> None:
        """Refuse connections and cut those that are open, as a stopped machine does."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in tuple(self._open):
            connection.cut(reset=False)

    def close(self) -> None:
        """Go down and give the port back."""
        self.down()
        if self._holder is not None:
            self._holder.close()
            self._holder = None

    def _bound(self) -> socket.socket:
        address = ipaddress.ip_address(self.host)
        if not address.is_loopback:
            raise ValueError(f"the sandbox listens on loopback only, not on {self.host}")
        bound = socket.socket(
            socket.AF_INET6 if isinstance(address, ipaddress.IPv6Address) else socket.AF_INET, socket.SOCK_STREAM
        )
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((self.host, self.port))
        except OSError:
            bound.close()
            raise
        self.port = bound.getsockname()[1]
        return bound


class _Connection(asyncio.Protocol):
    def __init__(self, receive: Receive, open_connections: set[_Connection]) -> None:
        self._receive = receive
        self._open = open_connections
        self._buffer = bytearray()
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        self._open.discard(self)
        if self._late is not None:
            self._late.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._work()

    def cut(self, *, reset: bool) -> None:
        """End the connection now: with RST, or with FIN."""
        if reset:
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._transport.abort()
        else:
            self._transport.close()

    def _work(self) -> None:
        while self._late is None and not self._transport.is_closing():
            try:
                found = read_request(self._buffer)
            except BadMessageError as error:
                self._transport.write(write_reply(Reply(error.status, headers=(("Connection", "close"),))))
                self._transport.close()
                return
            if found is None:
                return
            request, length = found
            del self._buffer[:length]
            self._reply(self._receive(request), closing=request.headers.get("connection", "").lower() == "close")

    def _reply(self, reply: Reply, *, closing: bool) -> None:
        if reply.delay_seconds > 0:
            loop = asyncio.get_running_loop()
            self._late = loop.call_later(reply.delay_seconds, self._reply_late, reply, closing)
        else:
            self._finish(reply, closing=closing)

    def _reply_late(self, reply: Reply, closing: bool) -> None:  # noqa: FBT001 - call_later gives positions only
        self._late = None
        self._finish(reply, closing=closing)
        self._work()

    def _finish(self, reply: Reply, *, closing: bool) -> None:
        if self._transport.is_closing():
            return
        if reply.ending is Ending.ANSWER:
            self._transport.write(write_reply(replace(reply, body=b""), length=len(reply.body)))
            self._transport.write(reply.body)
        elif reply.ending is Ending.HALF:
            whole = write_reply(reply)
            self._transport.write(whole[: len(whole) - max(1, (len(reply.body) + 1) // 2)])
        if closing or reply.ending is not Ending.ANSWER:
            self.cut(reset=reply.ending is Ending.RESET)


def _length(headers: dict[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise BadMessageError(HTTPStatus.LENGTH_REQUIRED)
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit()):
        raise BadMessageError(HTTPStatus.BAD_REQUEST)
    if int(text) > MOST_BODY_BYTES:
        raise BadMessageError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return int(text)
