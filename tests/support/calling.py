"""Our callers before sockets that end a call in every way there is."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from adapter.callers import HttpTarget, InCallRetries, Timeouts
from adapter.contract import load_contract
from adapter.exchange import Outcome
from adapter.wsdl import read_wsdl

CONTRACTS = Path(__file__).parents[2] / "contracts"
WINDOW = load_contract(CONTRACTS / "window" / "1.0", read_wsdl)
REVENUE = load_contract(CONTRACTS / "revenue" / "1.0")
CORE = load_contract(CONTRACTS / "urban_core" / "1.0", read_wsdl)
NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
REFERENCE = "4f6a4b8e-7a10-5c57-9d0a-1f2b3c4d5e6f"
QUICK = Timeouts(
    connect=timedelta(seconds=1),
    write=timedelta(seconds=1),
    first_byte=timedelta(seconds=0.2),
    total=timedelta(seconds=2),
)
ONCE = InCallRetries(attempts=1)

STATUS = {
    "reference": REFERENCE,
    "tracking_code": "4052718396",
    "service_id": "13042650101",
    "event_id": "1405-100001-7",
    "sequence": 7,
    "status_code": "110",
    "status_title": "بازدید انجام شد",
    "stage": "in_progress",
    "changed_at": "2026-11-21T11:05:27+03:30",
}
RECEIPT = {"result_code": "200", "result_message": "ok", "received_at": "2026-11-21T08:00:00Z"}

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def target(address: str, binding: str = "rest", contract: Any = WINDOW, **more: Any) -> HttpTarget:
    settings: dict[str, Any] = {"timeouts": QUICK, "retries": ONCE, "clock": lambda: NOW}
    return HttpTarget(contract, binding, address, **{**settings, **more})


async def delivered(address: str, binding: str = "rest", **more: Any) -> Outcome:
    way = target(address, binding, **more)
    try:
        return await way.deliver("PushStatus", way.freeze("PushStatus", STATUS), reference=REFERENCE)
    finally:
        await way.aclose()


@asynccontextmanager
async def server(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    writers: list[asyncio.StreamWriter] = []

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await serve(reader, writer)

    listening = await asyncio.start_server(keep, "127.0.0.1", 0, ssl=tls)
    port = listening.sockets[0].getsockname()[1]
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    finally:
        listening.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (int(one.split(b":")[1]) for one in head.lower().split(b"\r\n") if one.startswith(b"content-length")), 0
    )
    return head, await reader.readexactly(length)


def http(body: bytes, status: str = "200 OK", media_type: str = "application/json", extra: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


def reset(writer: asyncio.StreamWriter) -> None:
    plain: socket.socket = writer.get_extra_info("socket")
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def answering(*answers: bytes) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await read_request(reader)
            writer.write(answer)
            await writer.drain()

    return serve


async def reset_after_the_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    reset(writer)


async def close_after_the_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.close()


async def close_without_reading(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    reset(writer)


async def half_a_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(http(json.dumps(RECEIPT).encode())[:-10])
    await writer.drain()
    writer.close()


async def silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    await asyncio.sleep(30)


async def refused_address() -> str:
    listening = await asyncio.start_server(silence, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    listening.close()
    await listening.wait_closed()
    return f"http://127.0.0.1:{port}"


class Reading:
    """A codec that reads each answer as it is told, or fails as nobody foresaw."""

    def __init__(self, codec: Any, read: Callable[[], Any]) -> None:
        self._codec = codec
        self._read = read

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codec, name)

    def decode_answer(self, *_: Any, **__: Any) -> Any:
        return self._read()


def reading(read: Callable[[], Any]) -> Any:
    return replace(WINDOW, bindings={"rest": Reading(WINDOW.bindings["rest"], read)})
