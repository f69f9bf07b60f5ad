"""A database as a connector uses it: one transaction in a thread, bounded in time, and what its failures mean."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum
from typing import Any

from sqlalchemy import URL, Connection, Engine, Executable, NullPool, create_engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from adapter.errors import FaultySettings
from connectors.sql_drivers import DRIVERS, SQLITE, Session, bound, driver_of
from connectors.sql_errors import Meaning, meaning, told

Rows = Sequence[Sequence[Any]]


class Step(IntEnum):
    """How far a transaction came before it failed."""

    CONNECTING = 0
    WORKING = 1
    COMMITTING = 2


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there are no rows; `detail` names the error without its text, which may repeat values."""

    step: Step
    error: SQLAlchemyError

    @property
    def detail(self) -> str:
        return told(self.error)

    @property
    def meaning(self) -> Meaning | None:
        return meaning(self.error)

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


def open_database(address: str, password: str | None, *, session: Session, connections: int) -> Engine:
    """An engine for the address; nothing is connected yet. Raises FaultySettings for what is no database URL."""
    try:
        url = make_url(address)
        url = url.set(password=password) if password else url
        options = DRIVERS[driver_of(url)](session)
        if url.get_backend_name() == SQLITE:
            return create_engine(_existing(url), poolclass=NullPool, connect_args=options)
        return create_engine(
            url,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=session.connect_seconds,
            pool_pre_ping=True,
            connect_args=options,
            hide_parameters=True,
        )
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        wrong = "is not the URL of a database whose driver is installed, such as postgresql+psycopg://user@host/name"
        raise FaultySettings([f"address: it {wrong}"]) from error
    except KeyError as error:
        raise FaultySettings([f"address: its driver {error} is not known; choose {', '.join(DRIVERS)}"]) from error


def _existing(url: URL) -> URL:
    """SQLite would make a new, empty database out of a misspelt name."""
    return url.set(database=f"file:{url.database}", query={"mode": "rw", "uri": "true"})


@contextmanager
def _bounded(connection: Connection, limit: timedelta) -> Iterator[None]:
    """Within, no statement takes longer than the limit."""
    ending = bound(connection, limit)
    try:
        yield
    finally:
        if ending is not None:
            ending.cancel()
