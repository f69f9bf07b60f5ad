"""A database as a connector uses it: one transaction in a thread, bounded in time, and what its failures mean."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import URL, Connection, Engine, Executable, NullPool, create_engine, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    IntegrityError,
    NoSuchModuleError,
    ProgrammingError,
    SQLAlchemyError,
)

from adapter.errors import FaultySettings

Rows = Sequence[Sequence[Any]]
SQLITE, POSTGRESQL = "sqlite", "postgresql"


class Step(IntEnum):
    """How far a transaction came before it failed."""

    CONNECTING = 0
    WORKING = 1
    COMMITTING = 2


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there are no rows; `detail` has the error's class and SQLSTATE, never its text, which may repeat values."""

    step: Step
    error: SQLAlchemyError

    @property
    def detail(self) -> str:
        cause = getattr(self.error, "orig", None) or self.error
        state = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
        return f"{type(cause).__name__} {state}" if state else type(cause).__name__

    @property
    def is_conflict(self) -> bool:
        """Whether a constraint refused the row."""
        return isinstance(self.error, IntegrityError)

    @property
    def is_about_content(self) -> bool:
        """Whether a value does not fit its column."""
        return isinstance(self.error, DataError)

    @property
    def is_about_names(self) -> bool:
        """Whether a table, a column, a right or the SQL itself is wrong there."""
        return isinstance(self.error, ProgrammingError)

    @property
    def is_rolled_back(self) -> bool:
        """Whether the database itself answered with the error before the commit: then nothing was kept."""
        return self.step < Step.COMMITTING and not getattr(self.error, "connection_invalidated", False)


@dataclass(slots=True)
class Database:
    """`statement_limit` is what one statement may take."""

    engine: Engine
    statement_limit: timedelta
    connections: int
    _threads: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self._threads = ThreadPoolExecutor(self.connections, thread_name_prefix="connector-sql")

    async def run(self, clauses: Sequence[tuple[Executable, Mapping[str, Any]]], *, keeps: bool) -> Rows | Failure:
        """The rows of the last clause that gives any, all in one transaction; committed when it `keeps` something."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: self._run(clauses, keeps=keeps))

    async def inspected(self, look: Callable[[Engine], Any]) -> Any:
        """What a look at the database's catalogue tells."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, look, self.engine)

    async def aclose(self) -> None:
        """Afterwards no connection is open."""
        await asyncio.to_thread(self._threads.shutdown)
        self.engine.dispose()

    def _run(self, clauses: Sequence[tuple[Executable, Mapping[str, Any]]], *, keeps: bool) -> Rows | Failure:
        step = Step.CONNECTING
        try:
            with self.engine.connect() as connection, _bounded(connection, self.statement_limit):
                step = Step.WORKING
                rows: Rows = []
                for clause, values in clauses:
                    result = connection.execute(clause, dict(values))
                    rows = result.fetchall() if result.returns_rows else rows
                if keeps:
                    step = Step.COMMITTING
                    connection.commit()
                return rows
        except SQLAlchemyError as error:
            return Failure(step, error)


def open_database(
    address: str, password: str | None, *, zone: ZoneInfo, connect_limit: timedelta, connections: int
) -> Engine:
    """An engine for the address; nothing is connected yet. Raises FaultySettings for what is no database URL."""
    try:
        url = make_url(address)
        url = url.set(password=password) if password else url
        seconds = max(1, round(connect_limit.total_seconds()))
        options: dict[str, Any] = dict.fromkeys(_CONNECT_LIMITS.get(url.get_backend_name(), ()), seconds)
        if url.get_backend_name() == SQLITE:
            return create_engine(_existing(url), poolclass=NullPool, connect_args=options)
        if url.get_backend_name() == POSTGRESQL:
            options |= {"options": f"-c timezone={zone.key}"}
        return create_engine(
            url,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=seconds,
            pool_pre_ping=True,
            connect_args=options,
            hide_parameters=True,
        )
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        told = "is not the URL of a database whose driver is installed, such as postgresql+psycopg://user@host/name"
        raise FaultySettings([f"address: it {told}"]) from error


_CONNECT_LIMITS: Mapping[str, tuple[str, ...]] = {
    SQLITE: ("timeout",),
    POSTGRESQL: ("connect_timeout",),
    "mysql": ("connect_timeout",),
    "mariadb": ("connect_timeout",),
    "mssql": ("timeout",),
    "oracle": ("tcp_connect_timeout",),
}
"""By kind of database: the driver's argument for how long connecting may take, in seconds."""


def _existing(url: URL) -> URL:
    """SQLite would make a new, empty database out of a misspelt name."""
    return url.set(database=f"file:{url.database}", query={"mode": "rw", "uri": "true"})


@contextmanager
def _bounded(connection: Connection, limit: timedelta) -> Iterator[None]:
    """Within, no statement takes longer than the limit."""
    bound = _LIMITS.get(connection.dialect.name)
    ending = bound(connection, limit) if bound else None
    try:
        yield
    finally:
        if ending is not None:
            ending.cancel()


def _interrupted(connection: Connection, limit: timedelta) -> threading.Timer:
    raw: Any = connection.connection.driver_connection
    timer = threading.Timer(limit.total_seconds(), raw.interrupt)
    timer.start()
    return timer


def _said(sql: str) -> Callable[[Connection, timedelta], None]:
    def say(connection: Connection, limit: timedelta) -> None:
        milliseconds = round(limit.total_seconds() * 1000)
        connection.exec_driver_sql(sql.format(milliseconds=milliseconds, seconds=milliseconds / 1000))

    return say


def _set(name: str, unit: timedelta) -> Callable[[Connection, timedelta], None]:
    def put(connection: Connection, limit: timedelta) -> None:
        setattr(connection.connection.driver_connection, name, max(1, round(limit / unit)))

    return put


_LIMITS: Mapping[str, Callable[[Connection, timedelta], threading.Timer | None]] = {
    SQLITE: _interrupted,
    POSTGRESQL: _said("SET LOCAL statement_timeout = {milliseconds}"),
    "mysql": _said("SET SESSION max_execution_time = {milliseconds}"),
    "mariadb": _said("SET SESSION max_statement_time = {seconds}"),
    "mssql": _set("timeout", timedelta(seconds=1)),
    "oracle": _set("call_timeout", timedelta(milliseconds=1)),
}
