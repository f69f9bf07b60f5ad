"""Opening a journal: its schema, its lock, and what earlier lives left behind."""

from __future__ import annotations

import fcntl
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, Engine, inspect, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, OperationalError

from adapter.channels import Clock
from adapter.errors import (
    FaultySettings,
    JournalFailed,
    JournalLocked,
    JournalUnreachable,
    JournalUnusable,
    WrongEnvironment,
    WrongMasterKey,
)
from adapter.journal import retiring
from adapter.journal.engines import is_sqlite, make_engine
from adapter.journal.rows import micros
from adapter.journal.schema import REVISION, audit, meta, metadata, nodes
from adapter.journal.sealing import Sealer
from adapter.journal.unit import Head

_WHOLE = 1 << 32
"""The advisory lock on the whole journal: every node shares it, a migration has it alone. Nodes' own keys are lower."""
_TABLES = _WHOLE + 1
_PATIENCE = text("SET lock_timeout = '1s'")
"""A killed daemon's connection takes the database a moment to let go of; its restart should not fail for that."""
_LOCK_NOT_AVAILABLE = "55P03"
_SQLITE = b"SQLite format 3\0"
"""The beginning of every file of SQLite but an empty one."""

_DATABASE_NOW = text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")


@contextmanager
def held_lock(url: URL, node: str) -> Iterator[None]:
    """One daemon per SQLite file, one per node name on PostgreSQL; raises JournalLocked for the second.

    Raises FaultySettings for a file that cannot be had, JournalUnreachable for a server that does not answer.
    """
    if is_sqlite(url):
        path = _file_of(url)
        _check_folder(path)
        with _held_file(path.with_suffix(".lock")):
            _check_file(path)  # not before: closing it lets go of what another daemon in this process has locked in it
            yield
    else:
        with _held_node(url, node):
            yield


def check_place(url: URL) -> None:
    """Raises FaultySettings for an embedded journal without its folder, or in place of a file that is none."""
    if is_sqlite(url):
        path = _file_of(url)
        _check_folder(path)
        _check_file(path)


def _file_of(url: URL) -> Path:
    return Path(str(url.database)).resolve()


def _check_folder(path: Path) -> None:
    if not path.parent.is_dir():
        told = f"database: there is no folder {path.parent} for the journal; make it, or mend the path"
        raise FaultySettings([told])


def _check_file(path: Path) -> None:
    if not path.exists():
        return
    try:
        with path.open("r+b") as file:
            begins = file.read(len(_SQLITE))
    except OSError as error:
        raise FaultySettings([f"database: {path} cannot be written: {error.strerror}"]) from error
    if begins not in {b"", _SQLITE}:
        raise FaultySettings([f"database: {path} is not a database of SQLite; mend the path, or restore the journal"])


@contextmanager
def _held_file(path: Path) -> Iterator[None]:
    try:
        opened = path.open("a+")
    except OSError as error:
        raise FaultySettings([f"database: {path} cannot be written: {error.strerror}"]) from error
    with opened as file:
        _lock(file, path)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)


def _lock(file: IO[str], path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise JournalLocked(
            f"{path}: another daemon holds this journal; stop it first, or give this one its own database"
        ) from error


@contextmanager
def _held_node(url: URL, node: str) -> Iterator[None]:
    with _locking(url) as connection:
        _take(connection, "pg_advisory_lock_shared", _WHOLE, "the journal is being migrated; start again afterwards")
        taken = f"a daemon named {node!r} already works on this database; give this one another name"
        _take(connection, "pg_advisory_lock", zlib.crc32(node.encode()), taken)
        yield


@contextmanager
def held_alone(url: URL) -> Iterator[None]:
    """The journal to oneself, to migrate it; raises JournalLocked while any daemon works on it."""
    if is_sqlite(url):
        with held_lock(url, ""):
            yield
    else:
        with _locking(url) as connection:
            _take(connection, "pg_advisory_lock", _WHOLE, "a daemon works on this database; stop every node first")
            yield


@contextmanager
def _locking(url: URL) -> Iterator[Connection]:
    """A connection of its own, which holds its advisory locks until the end of the block."""
    engine = make_engine(url, writes=True, connections=1)
    try:
        with connected(engine, url).execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(_PATIENCE)
            try:
                yield connection
            finally:
                with suppress(DBAPIError):  # the connection itself may be lost, and its locks with it
                    connection.execute(text("SELECT pg_advisory_unlock_all()"))
    finally:
        engine.dispose()


def connected(engine: Engine, url: URL) -> Connection:
    """A connection to the journal's database; raises JournalUnreachable, which names no user and no password."""
    try:
        return engine.connect()
    except OperationalError as error:
        reason = str(error.orig).partition("\n")[0].rstrip(": ")
        raise JournalUnreachable(f"database: {place_of(url)} cannot be reached: {reason}") from error


@contextmanager
def told_by_the_disk(url: URL) -> Iterator[None]:
    """What a full disk or a damaged file of an embedded journal says, as JournalFailed with where it is."""
    try:
        yield
    except DBAPIError as error:
        if not is_sqlite(url):
            raise
        told = f"database: {place_of(url)}: {error.orig}; free or mend the disk, or restore the journal's backup"
        raise JournalFailed(told) from error


def _take(connection: Connection, function: str, key: int, refusal: str) -> None:
    try:
        connection.execute(text(f"SELECT {function}(:key)"), {"key": key})
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        raise JournalLocked(refusal) from error


def prepare_schema(engine: Engine, sealer: Sealer, environment: str) -> bool:
    """Make the tables in an empty database; whether it was empty.

    Raises JournalUnusable for another revision, WrongMasterKey for another master key, WrongEnvironment for another
    environment than the one it was first opened for.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":  # nodes that start together make the tables one after the other
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _TABLES})
        present = inspect(connection).get_table_names()
        if not present:
            metadata.create_all(connection)
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
            connection.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": REVISION})
        elif "alembic_version" not in present:
            raise JournalUnusable("this database holds tables of something else; give the journal its own database")
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        if found != REVISION:
            raise JournalUnusable(
                f"the journal's schema is {found}, this version works with {REVISION}; run: panjereh migrate --apply"
            )
        check = sealer.hash("master key check")
        if _remembered(connection, "key_check", check) != check:
            raise WrongMasterKey
        made_for = _remembered(connection, "environment", environment.encode()).decode()
        if made_for != environment:
            raise WrongEnvironment(
                f"environment: this journal was made for {made_for!r}, the setting says {environment!r}; "
                "mend the setting, or give this environment a database of its own"
            )
        _remembered(connection, retiring.PLACE, retiring.BEGINNING)
    return not present


def place_of(url: URL) -> str:
    """Where the journal is, without who may enter."""
    return str(url.database) if is_sqlite(url) else f"{url.get_backend_name()}://{url.host or ''}/{url.database}"


def _remembered(connection: Connection, name: str, value: bytes) -> bytes:
    """What the journal remembers under this name: the value given when it remembers nothing yet."""
    kept = connection.execute(select(meta.c.value).where(meta.c.name == name)).scalar_one_or_none()
    if kept is None:
        connection.execute(meta.insert(), [{"name": name, "value": value}])
    return value if kept is None else bytes(kept)


def has_bare_scopes(connection: Connection) -> bool:
    """Whether the journal holds keys from before the environment stood in their scopes, and makes new ones so too."""
    return connection.execute(select(meta.c.name).where(meta.c.name == "bare_scopes")).first() is not None


def announce(engine: Engine, node: str, incarnation: str, *, now: int) -> None:
    """Make this life of the node known."""
    with engine.begin() as connection:
        connection.execute(nodes.delete().where(nodes.c.name == node))
        connection.execute(nodes.insert(), [{"name": node, "incarnation": incarnation, "seen_at": now}])


def head_of(connection: Connection, writer: str) -> Head:
    """The last link of the writer's audit chain."""
    row = connection.execute(
        select(audit.c.number, audit.c.hash).where(audit.c.writer == writer).order_by(audit.c.number.desc()).limit(1)
    ).first()
    return Head(writer) if row is None else Head(writer, row.number, bytes(row.hash))


def batch_clock(url: URL, clock: Clock) -> Callable[[Connection], int]:
    """The time of a batch: the database's on PostgreSQL, since nodes' clocks differ; the clock's on SQLite."""
    if is_sqlite(url):
        return lambda _connection: micros(clock())
    return lambda connection: int(connection.execute(_DATABASE_NOW).scalar_one())
