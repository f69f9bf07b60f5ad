"""The engines of a journal: SQLite as one file that a crash cannot harm, or a PostgreSQL server."""

from __future__ import annotations

from types import NoneType
from typing import Any
from weakref import WeakSet

from pysqlite3 import dbapi2 as sqlite
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url

from adapter.journal.prepared import copy_rows

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=5000",
    "PRAGMA trusted_schema=OFF",
    "PRAGMA cell_size_check=ON",
    "PRAGMA wal_autocheckpoint=8000",
    "PRAGMA cache_size=-32768",
)

_ADAPTERS = ((NoneType, lambda nothing: nothing), (bool, int), (bytes, memoryview))
"""Kinds that the driver binds as they are, but only after a search for an adapter: in vain it costs 1.4 µs a value."""

for kind, adapter in _ADAPTERS:
    sqlite.register_adapter(kind, adapter)


class ClosingConnection(sqlite.Connection):  # type: ignore[misc]  # the driver has no types
    """No cursor outlives its transaction.

    The driver keeps statements for use again. A cursor that is still open when its transaction ends, such as one in
    the traceback of an error, resets its statement when it is collected: by then another cursor may be reading with
    it, and would be given rows twice, or rows without columns (https://github.com/python/cpython/issues/77557).
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._cursors: WeakSet[sqlite.Cursor] = WeakSet()

    def cursor(self, *arguments: Any) -> sqlite.Cursor:
        """A cursor until the transaction ends."""
        made = super().cursor(*arguments)
        self._cursors.add(made)
        return made

    def commit(self) -> None:
        """End the transaction, and every reading in it."""
        self._close_cursors()
        super().commit()

    def rollback(self) -> None:
        """End the transaction, and every reading in it."""
        self._close_cursors()
        super().rollback()

    def _close_cursors(self) -> None:
        for cursor in list(self._cursors):
            cursor.close()
        self._cursors.clear()


def is_sqlite(url: URL) -> bool:
    """Whether the journal is embedded: one file, one process."""
    return url.get_backend_name() == "sqlite"


def journal_url(url: str) -> URL:
    """The URL with the driver this adapter uses: psycopg 3 for any way of writing PostgreSQL."""
    parsed = make_url(url)
    if parsed.get_backend_name() in {"postgresql", "postgres"}:
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def make_engine(url: URL, *, writes: bool, connections: int) -> Engine:
    """An engine for the one writer or for readers. On SQLite a writer begins IMMEDIATE, a reader cannot write."""
    if not is_sqlite(url):
        server = create_engine(
            url,
            pool_size=connections,
            max_overflow=0,
            pool_pre_ping=not writes,
            paramstyle="format",
            hide_parameters=True,
        )
        copy_rows(server)
        return server
    engine = create_engine(
        url,
        module=sqlite,
        pool_size=connections,
        max_overflow=0,
        hide_parameters=True,
        connect_args={"check_same_thread": False, "isolation_level": None, "factory": ClosingConnection},
    )
    pragmas = _PRAGMAS if writes else (*_PRAGMAS, "PRAGMA query_only=ON")
    begin = "BEGIN IMMEDIATE" if writes else "BEGIN"

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        for pragma in pragmas:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
