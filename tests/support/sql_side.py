"""A petitions desk behind its database, as the far end of the suite: SQLite in a file, or PostgreSQL behind a proxy."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.pool import NullPool

from adapter.callers import Timeouts
from adapter.channels import System
from adapter.contract import load_contract
from adapter.contract.model import Contract
from adapter.exchange import Payload
from connectors import sql
from tests.suites import Misfortune
from tests.support.postgres import Server
from tests.support.records import ROOT
from tests.support.unix_proxy import UnixProxy

FOLDER = ROOT / "tests" / "contracts" / "petitions" / "1.0"
_QUICK = Timeouts(
    connect=timedelta(seconds=1),
    write=timedelta(seconds=2),
    first_byte=timedelta(seconds=1),
    total=timedelta(seconds=5),
)
_LATER_SECONDS = 0.3
_WORDS = {
    "sqlite": {"identity": "INTEGER PRIMARY KEY AUTOINCREMENT", "text": "TEXT"},
    "postgresql": {"identity": "BIGINT GENERATED ALWAYS AS IDENTITY", "text": "TEXT"},
    "mysql": {"identity": "BIGINT AUTO_INCREMENT PRIMARY KEY", "text": "LONGTEXT"},
}
_TABLES = """
CREATE TABLE petition_inbox (
    entry_no {identity}, reference VARCHAR(36) NOT NULL UNIQUE, operation VARCHAR(40) DEFAULT 'RegisterPetition',
    tracking_code CHAR(12) NOT NULL, body TEXT, channel_code INTEGER, is_urgent BOOLEAN, amount_rial BIGINT,
    entered_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE document_inbox (reference VARCHAR(36) NOT NULL UNIQUE, petition_no VARCHAR(20), content {text});
CREATE TABLE opinion_inbox (
    entry_no {identity}, reference VARCHAR(36) NOT NULL UNIQUE, question TEXT, answer TEXT);
CREATE TABLE petition_change (
    change_no {identity}, event_id VARCHAR(40), kind VARCHAR(20) DEFAULT 'status', petition_no VARCHAR(20),
    status_code INTEGER, sequence_no INTEGER, changed_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, note TEXT)
"""
_VIEWS = {
    "petition_by_reference": "SELECT reference, operation, tracking_code, {number} AS petition_no, {code} AS code, "
    "amount_rial FROM petition_inbox",
    "petition_changes": "SELECT change_no, event_id, kind, petition_no, {status} AS {status_name}, sequence_no, "
    "changed_at, note FROM petition_change",
    "opinions": "SELECT reference, 'O-' || entry_no AS opinion_no, answer, "
    "CASE WHEN answer IS NULL THEN 'waiting' ELSE 'answered' END AS state FROM opinion_inbox",
    "petition_ledger": "SELECT reference, operation, entered_at, 'ENTERED' AS state, amount_rial FROM petition_inbox",
}
_USUAL = {
    "number": "'P-1405-117'",
    "code": "'OK'",
    "status": "status_code",
    "status_name": "status_code",
}
_SLEEPING = """
CREATE FUNCTION sleep_long() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(5); RETURN NEW; END';
CREATE TRIGGER sleeping BEFORE INSERT ON petition_inbox FOR EACH ROW EXECUTE FUNCTION sleep_long()
"""
_AWAKE = "DROP TRIGGER IF EXISTS sleeping ON petition_inbox; DROP FUNCTION IF EXISTS sleep_long()"


@cache
def petitions() -> Contract:
    return load_contract(FOLDER)


@dataclass
class SqlSide:
    """`owner` is the desk's own connection, past whatever stands before ours."""

    address: str
    owner: Engine
    fall_now: Callable[[], None]
    rise_now: Callable[[], None]
    lose_commits: Callable[[bool], None]
    slow_down: Callable[[bool], None]
    is_losing: bool = False
    contract: Contract = field(default_factory=petitions)
    submission: str = "RegisterPetition"
    opened: list[Any] = field(default_factory=list)

    def connect(self) -> System:
        system = sql.connect(
            self.contract, self.address, clock=lambda: datetime.now(UTC), timeouts=_QUICK, connections=8
        )
        self.opened.append(system)
        engine: Any = system.target
        event.listen(engine.database.engine, "do_connect", self._prepare)
        return system

    def message(self, reference: str, text: str = "") -> Payload:
        said: Payload = {"reference": reference, "tracking_code": "4052718396", "channel": 5, "urgent": True}
        return {**said, "text": text} if text else said

    def another(self, reference: str) -> Payload:
        return {**self.message(reference), "tracking_code": "4052718404"}

    async def document(self, reference: str, content: bytes) -> tuple[str, Payload]:
        said = {"reference": reference, "petition_no": "P-1405-117"}
        return "AttachDocument", {**said, "content": base64.b64encode(content).decode()}

    def befall(self, misfortune: Misfortune, operation: str) -> None:
        if misfortune is Misfortune.ANSWER_LOST:
            self.lose_commits(True)
        elif misfortune is Misfortune.SLOW:
            self.slow_down(True)
        elif misfortune is Misfortune.UNKNOWN_CODE:
            self.show(code="'E999'")
        elif operation == self.submission:
            self.show(number="NULL")
        else:
            self.show(status_name="state_code")

    def mend(self) -> None:
        self.lose_commits(False)
        self.slow_down(False)
        self.show()

    def effects(self) -> list[str]:
        return [str(row.reference) for row in self.rows("SELECT reference FROM petition_inbox ORDER BY entry_no")]

    def heard(self, reference: str) -> str:
        for row in self.rows("SELECT content FROM document_inbox WHERE reference = :reference", reference=reference):
            return hashlib.sha256(base64.b64decode(row.content)).hexdigest()
        (row,) = self.rows("SELECT body FROM petition_inbox WHERE reference = :reference", reference=reference)
        return str(row.body)

    async def happen(self, at_least: int) -> None:
        known = len(self.rows("SELECT change_no FROM petition_change"))
        for number in range(known, known + at_least):
            self.change(f"E-{number}", petition_no=f"P-{number % 3}", sequence_no=number)

    async def happen_broken(self) -> None:
        self.change("E-sound")
        self.change("E-broken", petition_no="P-2", status_code=None)

    async def ask_later(self) -> tuple[str, Payload]:
        answered = "UPDATE opinion_inbox SET answer = 'بلامانع است'"
        asyncio.get_running_loop().call_later(_LATER_SECONDS, self.run, answered)
        return "AskOpinion", {"reference": str(uuid.uuid4()), "question": "آیا بلامانع است؟"}

    async def fall(self) -> None:
        self.fall_now()

    async def rise(self) -> None:
        self.rise_now()

    def change(self, event_id: str | None, **values: Any) -> None:
        """One row of the changes; what is not given is usual."""
        row = {"event_id": event_id, "petition_no": "P-1", "status_code": 10, "sequence_no": 1, **values}
        self.run(
            f"INSERT INTO petition_change ({', '.join(row)}) VALUES ({', '.join(f':{name}' for name in row)})", **row
        )

    def fill(self, rows: int) -> None:
        """So many changes of a hundred petitions, on PostgreSQL."""
        self.run(
            "INSERT INTO petition_change (event_id, petition_no, status_code, sequence_no, note) "
            "SELECT 'E-' || n, 'P-' || n % 100, 10, n, 'بازدید انجام شد' FROM generate_series(1, :rows) AS n",
            rows=rows,
        )
        self.run("CREATE INDEX IF NOT EXISTS by_change ON petition_change (change_no)")

    def show(self, **other: str) -> None:
        """The views as usual, but for what is other."""
        for name, said in _VIEWS.items():
            self.run(f"DROP VIEW IF EXISTS {name}")
            self.run(f"CREATE VIEW {name} AS {said.format(**{**_USUAL, **other})}")

    def clear(self) -> None:
        """Nothing is connected, entered or amiss any more."""
        self.mend()
        for system in self.opened:
            system.target.database._threads.shutdown()
            system.target.database.engine.dispose()
        self.opened.clear()
        self.run(
            *(
                f"DELETE FROM {table}"
                for table in ("petition_inbox", "document_inbox", "opinion_inbox", "petition_change")
            )
        )

    def rows(self, statement: str, **values: Any) -> list[Any]:
        with self.owner.connect() as connection:
            return list(connection.execute(text(statement), values).fetchall())

    def run(self, *statements: str, **values: Any) -> None:
        with self.owner.begin() as connection:
            for one in statements:
                connection.execute(text(one), values)

    def _prepare(self, dialect: Any, _record: Any, _args: Any, options: dict[str, Any]) -> None:
        if dialect.name == "sqlite" and self.is_losing:
            options["factory"] = _LosingConnection


class _LosingConnection(sqlite3.Connection):
    """Commits and does not say so, as a disk that fails afterwards."""

    def commit(self) -> None:
        super().commit()
        raise sqlite3.OperationalError("disk I/O error")


@contextmanager
def sqlite_side(folder: Path) -> Iterator[SqlSide]:
    path, away = folder / "desk.db", folder / "away.db"
    locks: list[tuple[threading.Event, threading.Thread]] = []

    def slow_down(is_slow: bool) -> None:  # noqa: FBT001 - the fault is on or off
        while locks:
            release, thread = locks.pop()
            release.set()
            thread.join()
        if is_slow:
            locks.append(_locking(path))

    def lose(is_losing: bool) -> None:  # noqa: FBT001 - as above
        side.is_losing = is_losing

    owner = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    side = SqlSide(f"sqlite:///{path}", owner, lambda: _move(path, away), lambda: _move(away, path), lose, slow_down)
    with running(side):
        yield side


def _locking(path: Path) -> tuple[threading.Event, threading.Thread]:
    """Another writer, who holds the file until he is released."""
    release, has_begun = threading.Event(), threading.Event()

    def hold() -> None:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        has_begun.set()
        release.wait()
        connection.execute("ROLLBACK")
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    has_begun.wait()
    return release, thread


def _move(source: Path, target: Path) -> None:
    source.rename(target)


@contextmanager
def postgres_side(server: Server, folder: Path) -> Iterator[SqlSide]:
    proxy = UnixProxy(folder / ".s.PGSQL.5432", server.sockets / ".s.PGSQL.5432")

    def lose(is_losing: bool) -> None:  # noqa: FBT001 - the fault is on or off
        proxy.loses_commits = is_losing

    def slow_down(is_slow: bool) -> None:  # noqa: FBT001 - as above
        side.run(*_AWAKE.split("; "))
        if is_slow:
            side.run(*_SLEEPING.strip().split(";\nCREATE TRIGGER")[:1])
            side.run("CREATE TRIGGER" + _SLEEPING.split(";\nCREATE TRIGGER")[1])

    with server.database() as url:
        name = make_url(url).database
        behind = f"postgresql+psycopg://postgres@/{name}?host={quote(str(folder))}"
        owner = create_engine(url)
        side = SqlSide(behind, owner, proxy.fall, proxy.rise, lose, slow_down)
        with running(side):
            yield side
    proxy.fall()


@contextmanager
def running(side: SqlSide) -> Iterator[None]:
    """Within, the side has its tables and views; afterwards nothing is connected to it."""
    side.run(*_TABLES.format(**_WORDS[side.owner.dialect.name]).split(";"))
    side.show()
    try:
        yield
    finally:
        side.clear()
        side.owner.dispose()
