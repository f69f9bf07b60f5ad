"""One unit of work: what a batch of steps reads, and the rows it will write in one commit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic_core import to_json
from sqlalchemy import BindParameter, Connection, Row, Select, Table
from sqlalchemy.sql.dml import Update

from adapter.journal.prepared import Statements
from adapter.journal.schema import audit, metadata
from adapter.journal.sealing import Sealer

_PARENTS_FIRST = metadata.sorted_tables


class Head(NamedTuple):
    """The last link of one writer's audit chain."""

    writer: str
    number: int = 0
    hash: bytes = bytes(32)


@dataclass(slots=True)
class Unit:
    """An open transaction. `now` is database time on PostgreSQL and the clock's on SQLite, in microseconds.

    `lanes` are those in which exchanges are staged, not yet to be seen in the database.
    """

    connection: Connection
    sealer: Sealer
    now: int
    owner: str
    head: Head
    statements: Statements = field(default_factory=Statements)
    lanes: set[str] = field(default_factory=set)
    _rows: dict[str, list[Mapping[Any, Any]]] = field(default_factory=dict)

    @property
    def locks_rows(self) -> bool:
        """Whether other nodes may write at the same time, so that rows must be locked to be believed."""
        return self.connection.dialect.name == "postgresql"

    def insert(self, table: Table, row: Mapping[Any, Any]) -> None:
        """Stage a row, to be written together with the others of its table; it names every column."""
        self._rows.setdefault(table.name, []).append(row)

    def tell(
        self,
        event: str,
        *,
        actor: str,
        tenant: str | None = None,
        case_id: str | None = None,
        exchange_id: str | None = None,
        **detail: object,
    ) -> None:
        """Stage one audit record, chained to the one before by SHA-256 over its canonical JSON."""
        head = self.head
        told: dict[str, Any] = {
            "writer": head.writer,
            "number": head.number + 1,
            "at": self.now,
            "actor": actor,
            "event": event,
            "tenant": tenant,
            "case_id": case_id,
            "exchange_id": exchange_id,
            "detail": to_json({name: value for name, value in detail.items() if value is not None}).decode(),
        }
        told["hash"] = link = link_of(head.hash, told)
        self.head = Head(head.writer, head.number + 1, link)
        self.insert(audit, told)

    def flush(self) -> None:
        """Write what is staged, parents before children."""
        for table in _PARENTS_FIRST:
            if rows := self._rows.pop(table.name, None):
                self.statements.insert(self.connection, table, rows)

    def fetch(
        self, statement: Callable[[list[BindParameter[Any]]], Select[Any]], values: Sequence[Any], **fixed: Any
    ) -> Sequence[Row[Any]]:
        """The rows of a select over a list of values and some fixed ones; none for an empty list."""
        return self.statements.fetch(self.connection, statement, values, **fixed) if values else []

    def update(self, statement: Update, rows: Sequence[Mapping[Any, Any]]) -> int:
        """Run the update for each row at once; how many rows it touched in all."""
        return self.statements.update(self.connection, statement, rows)


def link_of(previous: bytes, told: Mapping[Any, Any]) -> bytes:
    """The hash of an audit record, given the hash of the one before it."""
    content = to_json([told[name] for name in _CHAINED])
    return hashlib.sha256(previous + content).digest()


_CHAINED = ("writer", "number", "at", "actor", "event", "tenant", "case_id", "exchange_id", "detail")


def first_broken(rows: Iterable[Mapping[Any, Any]]) -> Mapping[Any, Any] | None:
    """The first audit record of one writer, in order of number, that does not follow from the one before."""
    previous = bytes(32)
    for number, row in enumerate(rows, start=1):
        if row["number"] != number or row["hash"] != link_of(previous, row):
            return row
        previous = row["hash"]
    return None
