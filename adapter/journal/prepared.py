"""Hot statements, compiled once to the database's own SQL, with places instead of names.

Rows go to the driver as they are: our columns hold only text, integers, booleans and bytes, so SQLAlchemy's
per-row processing (6 µs a row, half of a commit's cost when measured) would change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from sqlalchemy import BindParameter, Column, Connection, Row, Select, Table, bindparam, event
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.sql.dml import Insert, Update

_MANY = 16
"""From so many rows on PostgreSQL takes a COPY sooner than INSERTs: it costs one question more, each row a third."""

_COPIED = "panjereh_copied_types"


class Statements:
    """The statements of one connection."""

    def __init__(self) -> None:
        self._inserts: dict[tuple[str, bool], _Compiled] = {}
        self._updates: dict[tuple[int, tuple[str, ...]], _Compiled] = {}
        self._selects: dict[tuple[Any, int], _Compiled] = {}

    def insert(self, connection: Connection, table: Table, rows: Sequence[Mapping[Any, Any]]) -> None:
        """Write the rows; each names every column of the table but one that the database numbers."""
        is_copied = len(rows) >= _MANY and connection.dialect.name == "postgresql"
        compiled = self._inserts.get((table.name, is_copied))
        if compiled is None:
            compile_for = _compile_copy if is_copied else _compile_insert
            compiled = self._inserts[table.name, is_copied] = compile_for(connection.dialect, table)
        compiled.run_for(connection, rows)

    def update(self, connection: Connection, statement: Update, rows: Sequence[Mapping[Any, Any]]) -> int:
        """Run the statement for each row; how many rows it touched in all. Every row names the same parameters."""
        names = tuple(rows[0])
        compiled = self._updates.get((id(statement), names))
        if compiled is None:
            compiled = self._updates[id(statement), names] = _compile_update(connection.dialect, statement, names)
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
            compiled = self._selects[statement, length] = _compile_select(connection.dialect, statement(parameters))
        padded = [*values, *[values[-1]] * (length - len(values))]
        numbered = {f"p{place}": value for place, value in enumerate(padded)}
        return connection.exec_driver_sql(compiled.sql, compiled.placed({**numbered, **fixed})).all()


def copy_rows(engine: Engine) -> None:
    """On this engine of PostgreSQL rows are copied where `Statements` wants it so.

    Journal of 5,000 exchanges, in turn with INSERTs sent in one pipeline: 1,750 for 1,416 exchanges/s, the writer's CPU
    263 for 421 µs each.
    """

    @event.listens_for(engine, "do_executemany")
    def _copy(cursor: Any, statement: str, rows: Sequence[tuple[Any, ...]], context: Any) -> bool:
        types = context.execution_options.get(_COPIED)
        if types is None:
            return False
        with cursor.copy(statement) as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)
        return True


@dataclass(frozen=True, slots=True)
class _Compiled:
    """`placed` gives a row's values in the order of their places; `statement` is kept so that its id stays its own."""

    statement: Insert | Update | Select[Any]
    sql: str
    placed: Callable[[Mapping[Any, Any]], tuple[Any, ...]]
    options: Mapping[str, Any] = field(default_factory=dict)

    def run_for(self, connection: Connection, rows: Sequence[Mapping[Any, Any]]) -> int:
        """Run the statement for each row; how many rows it touched in all."""
        placed = [self.placed(row) for row in rows]
        return connection.exec_driver_sql(self.sql, placed, execution_options=self.options).rowcount


def _given(table: Table) -> list[Column[Any]]:
    return [column for column in table.columns if column is not table.autoincrement_column]


def _compile_insert(dialect: Dialect, table: Table) -> _Compiled:
    names = [column.name for column in _given(table)]
    statement = table.insert()
    return _Compiled(statement, str(statement.compile(dialect=dialect, column_keys=names)), itemgetter(*names))


def _compile_copy(dialect: Dialect, table: Table) -> _Compiled:
    columns = _given(table)
    names = [column.name for column in columns]
    quoted = ", ".join(map(dialect.identifier_preparer.quote, names))
    types = [column.type.compile(dialect=dialect).lower().partition("(")[0] for column in columns]
    sql = f"COPY {dialect.identifier_preparer.quote(table.name)} ({quoted}) FROM STDIN (FORMAT BINARY)"
    return _Compiled(table.insert(), sql, itemgetter(*names), {_COPIED: types})


def _compile_update(dialect: Dialect, statement: Update, names: Collection[str]) -> _Compiled:
    """`names` are those that every row has; the statement's other values are its own constants."""
    compiled = statement.compile(dialect=dialect)
    places = tuple(compiled.positiontup or ())
    placed = _getter(places)
    constants = {name: compiled.params[name] for name in places if name not in names}
    if constants:
        return _Compiled(statement, str(compiled), lambda row: placed({**constants, **row}))
    return _Compiled(statement, str(compiled), placed)


def _compile_select(dialect: Dialect, statement: Select[Any]) -> _Compiled:
    compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    return _Compiled(statement, str(compiled), _getter(tuple(compiled.positiontup or ())))


def _getter(places: tuple[str, ...]) -> Callable[[Mapping[Any, Any]], tuple[Any, ...]]:
    if len(places) == 1:
        return lambda row: (row[places[0]],)
    return itemgetter(*places)
