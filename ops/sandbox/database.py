"""A stand-in's own database: where the adapter finds it, how its owner works in it, and what can befall it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Executable, create_engine, make_url

from ops.sandbox.faults import Mode
from ops.sandbox.office import Troubles
from ops.sandbox.postgres_door import PostgresDoor

SQLITE = "sqlite"
_PATIENCE_SECONDS = 5
_BEGIN = {SQLITE: "BEGIN IMMEDIATE"}
"""What begins a transaction that writes, where the driver does not do it by itself."""
_LOCK = {SQLITE: "BEGIN IMMEDIATE", "postgresql": "LOCK TABLE message IN ACCESS EXCLUSIVE MODE"}

State = tuple[Callable[[], None], Callable[[], None]]
"""How a state begins, and how it ends."""


@dataclass(slots=True)
class Database:
    """`engine` is the owner's, past every misfortune; `door` stands before a server, a file has none."""

    engine: Engine
    address: str
    door: PostgresDoor | None = None
    states: dict[Mode, State] = field(default_factory=dict)
    _held: set[Mode] = field(default_factory=set)
    _lock: list[Connection] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.states[Mode.LOCKED] = (self._hold_lock, self._free_lock)

    @property
    def modes(self) -> frozenset[Mode]:
        """Which misfortunes can befall it: a file has no wire on which a commit could be lost."""
        return frozenset(self.states) | (self.door.modes if self.door else frozenset())

    async def open(self, troubles: Callable[[], Troubles]) -> None:
        """The adapter can connect."""
        if self.door is not None:
            await self.door.open(troubles)
            self.address = self.door.address

    def obey(self, troubles: Troubles) -> bool:
        """The states that shall be are, and no others; whether work can be done meanwhile."""
        for mode, (begin, end) in self.states.items():
            is_wanted = bool(troubles.in_force(mode))
            if is_wanted != (mode in self._held):
                (begin if is_wanted else end)()
                self._held ^= {mode}
        return not self._held

    def read(self, clause: Executable) -> Sequence[Mapping[str, Any]]:
        """What is there now, by columns."""
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(clause).mappings()]

    @contextmanager
    def work(self) -> Iterator[Connection]:
        """One transaction, kept when the block ends well."""
        with self.engine.connect() as connection:
            if (begin := _BEGIN.get(connection.dialect.name)) is not None:
                connection.exec_driver_sql(begin)
            yield connection
            connection.commit()

    async def aclose(self) -> None:
        """Nothing is held or connected any more; a database that was down is up."""
        for mode in sorted(self._held):
            self.states[mode][1]()
        self._held.clear()
        if self.door is not None:
            await self.door.aclose()
        await asyncio.to_thread(self.engine.dispose)

    def _hold_lock(self) -> None:
        connection = self.engine.connect()
        connection.exec_driver_sql(_LOCK[connection.dialect.name])
        self._lock.append(connection)

    def _free_lock(self) -> None:
        connection = self._lock.pop()
        connection.rollback()
        connection.close()


def sqlite_database(path: Path) -> Database:
    """A database in this file, made if it is not there."""
    # without a transaction of the driver's own; every look is another thread's
    options = {"isolation_level": None, "timeout": _PATIENCE_SECONDS, "check_same_thread": False}
    engine = create_engine(f"sqlite:///{path}", connect_args=options)
    away = path.with_name(f"{path.name}.away")
    down: State = (lambda: _move(path, away), lambda: _move(away, path))
    return Database(engine, f"sqlite:///{path}", states={Mode.DOWN: down})


def postgres_database(url: str, host: str) -> Database:
    """This database of a running server, behind a door of our own on the host."""
    told = make_url(url).set(drivername="postgresql+psycopg")
    door = PostgresDoor(told, host)
    engine = create_engine(told)
    return Database(engine, "", door, {Mode.DOWN: (door.fall, door.rise)})


def _move(path: Path, to: Path) -> None:
    path.rename(to)
