"""One HTTP request over one connection, as simple as a caller can be."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

_LINE = b"\r\n"
_LARGEST_HEAD = 64 * 1024


class NoAnswerError(Exception):
    """No whole answer came: refused, cut, or late."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    body: bytes


async def call(
    address: str, method: str, path: str, *, headers: Mapping[str, str], body: bytes = b"", within_seconds: float = 15.0
) -> Answer:
    """Send and read to the end; raises NoAnswerError."""
    place = urlsplit(address)
    try:
        async with asyncio.timeout(within_seconds):
            reader, writer = await asyncio.open_connection(place.hostname, place.port, limit=_LARGEST_HEAD)
            try:
                writer.write(_head(place.netloc, method, path, headers=headers, length=len(body)) + body)
                await writer.drain()
                return await _answer(reader)
            finally:
                writer.close()
    except (OSError, TimeoutError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
        raise NoAnswerError(f"{method} {address}{path}: no answer: {type(error).__name__}") from error


def _head(host: str, method: str, path: str, *, headers: Mapping[str, str], length: int) -> bytes:
    standing = {"Host": host, "Connection": "close", "Content-Length": str(length)}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in {**standing, **headers}.items())]
    return _LINE.join(line.encode() for line in lines) + _LINE * 2


async def _answer(reader: asyncio.StreamReader) -> Answer:
    first, *lines = (await reader.readuntil(_LINE * 2)).split(_LINE)
    names = {name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
    length = names.get(b"content-length")
    body = await reader.read() if length is None else await reader.readexactly(int(length))
    return Answer(int(first.split(b" ", 2)[1]), body)
