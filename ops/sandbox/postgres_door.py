"""A door before a PostgreSQL server: bytes go through, but for a commit that a fault strikes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from ops.sandbox.faults import Mode
from ops.sandbox.office import Troubles

_PORT = 5432
_CHUNK = 65536
_COMMIT = b"COMMIT"
_NOBODY = "*"


@dataclass(slots=True)
class _Fate:
    """What befalls the present commit of one connection."""

    is_lost: bool = False
    delay_seconds: float = 0.0


class PostgresDoor:
    """While a commit is lost the server has done it and nobody hears of it; one closed before it is rolled back.

    What cannot be seen from here is which operation is committed: rules name them all.
    """

    modes = frozenset({Mode.ANSWER_LOST, Mode.CLOSE_BEFORE, Mode.SLOW})

    def __init__(self, url: URL, host: str) -> None:
        self._url = url
        self._host = host
        self._port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[Any]] = set()
        self._troubles: Callable[[], Troubles] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def address(self) -> str:
        """The database's URL through this door, without its password."""
        bare = self._url.set(password=None, host=self._host, port=self._port, query={"sslmode": "disable"})
        return bare.render_as_string()

    async def open(self, troubles: Callable[[], Troubles] | None = None) -> None:
        """It listens, at the port that it had before."""
        self._troubles = troubles or self._troubles
        self._loop = asyncio.get_running_loop()
        self._server = await asyncio.start_server(self._serve, self._host, self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    def fall(self) -> None:
        """Nobody gets in, and whoever was in is out; from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._shut)

    def rise(self) -> None:
        """It listens again; from any thread."""
        if self._loop is not None:
            asyncio.run_coroutine_threadsafe(self.open(), self._loop)

    async def aclose(self) -> None:
        """Nobody is in."""
        self._shut()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)
        with suppress(OSError):
            far_reader, far_writer = await self._upstream()
            mine = {writer, far_writer}
            self._open |= mine
            fate = _Fate()
            try:
                await _first(self._ask(reader, far_writer, fate), _answer(far_reader, writer, fate))
            finally:
                self._open -= mine
                for one in mine:
                    one.transport.abort()

    async def _upstream(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = str(self._url.query.get("host", self._url.host or "127.0.0.1")), self._url.port or _PORT
        if host.startswith("/"):
            return await asyncio.open_unix_connection(Path(host) / f".s.PGSQL.{port}")
        return await asyncio.open_connection(host, port)

    async def _ask(self, near: asyncio.StreamReader, far: asyncio.StreamWriter, fate: _Fate) -> None:
        while chunk := await near.read(_CHUNK):
            if _COMMIT in chunk and self._troubles is not None:
                rule = self._troubles().strike(_NOBODY, self.modes, has_effect=True)
                if rule is not None and rule.mode is Mode.CLOSE_BEFORE:
                    return
                if rule is not None:
                    fate.is_lost, fate.delay_seconds = rule.mode is Mode.ANSWER_LOST, rule.seconds
            far.write(chunk)
            await far.drain()


async def _answer(far: asyncio.StreamReader, near: asyncio.StreamWriter, fate: _Fate) -> None:
    while chunk := await far.read(_CHUNK):
        if fate.delay_seconds:
            await asyncio.sleep(fate.delay_seconds)
            fate.delay_seconds = 0.0
        if fate.is_lost:
            return
        near.write(chunk)
        await near.drain()


async def _first(*both: Coroutine[Any, Any, None]) -> None:
    """Until one of the two has ended."""
    tasks = [asyncio.create_task(one) for one in both]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
