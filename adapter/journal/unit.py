"""One unit of work: what a batch of steps reads, and the rows it will write in one commit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, NamedTuple

from pydantic_core import to_json
from sqlalchemy import BindParameter, Connection, Row, Select, Table, bindparam
from sqlalchemy.sql.dml import Insert, Update

from adapter.journal.schema import audit, metadata
from adapter.journal.sealing import Sealer

_PARENTS_FIRST = metadata.sorted_tables


class Head(NamedTuple):
    """The last link of one writer's audit chain."""

    writer: str
    number: int = 0
    hash: bytes = bytes(32)


class Statements:
    """Each hot statement compiled once to the database's own SQL, with places instead of names.

    Rows go to the driver as they are: our columns hold only text, integers, booleans and bytes, so SQLAlchemy's
    per-row processing (6 µs a row, half of a commit's cost when measured) would change nothing.
    """

    def __init__(self) -> None:
        self._inserts: dict[str, _Compiled] = {}
        self._updates: dict[tuple[int, tuple[str, ...]], _Compiled] = {}
        self._selects: dict[tuple[Any, int], _Compiled] = {}

    def insert(self, connection: Connection, table: Table, rows: Sequence[Mapping[Any, Any]]) -> None:
        """Write the rows; each names every column of the table but one that the database numbers."""
        compiled = self._inserts.get(table.name)
        if compiled is None:
            compiled = self._inserts[table.name] = _compile_insert(connection, table)
        compiled.run_for(connection, rows)

    def update(self, connection: Connection, statement: Update, rows: Sequence[Mapping[Any, Any]]) -> int:
        """Run the statement for each row; how many rows it touched in all. Every row names the same parameters."""
        names = tuple(rows[0])
        compiled = self._updates.get((id(statement), names))
        if compiled is None:
            compiled = self._updates[id(statement), names] = _compile_update(connection, statement, names)
        return compiled.run_for(connection, rows)

    def fetch(
        self,
        connection: Connection,
        statement: Callable[[list[BindParameter[Any]]], Select[Any]],
        values: Sequence[Any],
        **fixed: Any,
    ) -> Sequence[Row[Any]]:
        """The rows of a select over a list of values; the list is padded so that few lengths are ever compiled."""
        length = 1 << (len(values) - 1).bit_length()
        compiled = self._selects.get((statement, length))
        if compiled is None:
            parameters: list[BindParameter[Any]] = [bindparam(f"p{place}", None) for place in range(length)]
            compiled = self._selects[statement, length] = _compile_select(connection, statement(parameters))
        padded = [*values, *[values[-1]] * (length - len(values))]
        numbered = {f"p{place}": value for place, value in enumerate(padded)}
        return connection.exec_driver_sql(compiled.sql, compiled.placed({**numbered, **fixed})).all()


@dataclass(frozen=True, slots=True)
class _Compiled:
    """`placed` gives a row's values in the order of their places; `statement` is kept so that its id stays its own."""

    statement: Insert | Update | Select[Any]
    sql: str
    placed: Callable[[Mapping[Any, Any]], tuple[Any, ...]]

    def run_for(self, connection: Connection, rows: Sequence[Mapping[Any, Any]]) -> int:
        """Run the statement for each row; how many rows it touched in all."""
        return connection.exec_driver_sql(self.sql, [self.placed(row) for row in rows]).rowcount


def _compile_insert(connection: Connection, table: Table) -> _Compiled:
    names = [column.name for column in table.columns if column is not table.autoincrement_column]
    statement = table.insert()
    compiled = statement.compile(dialect=connection.dialect, column_keys=names)
    return _Compiled(statement, str(compiled), itemgetter(*names))


def _compile_update(connection: Connection, statement: Update, names: Collection[str]) -> _Compiled:
    """`names` are those that every row has; the statement's other values are its own constants."""
    compiled = statement.compile(dialect=connection.dialect)
    places = tuple(compiled.positiontup or ())
    placed = _getter(places)
    constants = {name: compiled.params[name] for name in places if name not in names}
    if constants:
        return _Compiled(statement, str(compiled), lambda row: placed({**constants, **row}))
    return _Compiled(statement, str(compiled), placed)


def _compile_select(connection: Connection, statement: Select[Any]) -> _Compiled:
    compiled = statement.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    return _Compiled(statement, str(compiled), _getter(tuple(compiled.positiontup or ())))


def _getter(places: tuple[str, ...]) -> Callable[[Mapping[Any, Any]], tuple[Any, ...]]:
    if len(places) == 1:
        return lambda row: (row[places[0]],)
    return itemgetter(*places)


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
