"""Declared statements as SQLAlchemy clauses: every value is a bound parameter, every name comes from the contract."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnClause,
    Executable,
    Select,
    TableClause,
    and_,
    bindparam,
    column,
    insert,
    literal_column,
    or_,
    select,
    table,
    text,
)
from sqlalchemy.types import NullType

from adapter.contract.statements import Column, Statement


def named(name: str, *columns: ColumnClause[Any]) -> TableClause:
    """A table or view, with its schema where the name has one."""
    schema, _, bare = name.rpartition(".")
    return table(bare, *columns, schema=schema or None)


def written(statement: Statement, given: frozenset[str]) -> Executable | None:
    """What writes the parameters that were given; None when the statement only reads."""
    if statement.insert is not None:
        columns = {one.column: _bound(one.name) for one in statement.parameters if one.name in given}
        return insert(named(statement.insert, *map(column, columns))).values(columns)
    if statement.call is None:
        return None
    absent: list[BindParameter[Any]] = [
        bindparam(one.name, None) for one in statement.parameters if one.name not in given
    ]
    return text(statement.call).bindparams(*absent)


def found(statement: Statement) -> Select[Any]:
    """The rows that are equal to the parameters of `where`."""
    by_name = {one.name: one.column for one in statement.parameters}
    return _rows(statement).where(*(column(by_name[name]) == _bound(name) for name in statement.where))


def behind(statement: Statement, position: tuple[Any, Any] | None, *, most: int) -> Select[Any]:
    """So many rows behind a position, in the order of the cursor; a position without key is behind all its equals."""
    cursor, key = _column(statement.cursor), _column(statement.key)
    rows = _rows(statement).order_by(cursor, key).limit(most)
    if position is None:
        return rows.where(cursor.is_not(None))
    value, last_key = position
    if last_key is None:
        return rows.where(cursor > _given("position", value))
    later = or_(cursor > _given("position", value), key > _given("last_key", last_key))
    return rows.where(and_(cursor >= _given("position", value), later))


def within(statement: Statement, since: Any, until: Any, *, page: int) -> Select[Any]:
    """One page of a period, and one row more where there is one."""
    period, key = _column(statement.period), _column(statement.key)
    rows = _rows(statement).where(period >= _given("since", since), period < _given("until", until))
    return rows.order_by(period, key).limit(statement.page_size + 1).offset((page - 1) * statement.page_size)


def alive() -> Select[Any]:
    """What every database answers."""
    return select(literal_column("1"))


def _rows(statement: Statement) -> Select[Any]:
    columns: list[ColumnClause[Any]] = [column(one.column) for one in statement.columns]
    return select(*columns).select_from(named(statement.view or "", *columns))


def _column(said: Column | None) -> ColumnClause[Any]:
    return column(said.column if said else "")


def _bound(name: str) -> BindParameter[Any]:
    """Without a type of ours: the database casts a text to what its column is."""
    return bindparam(name, type_=NullType())


def _given(name: str, value: Any) -> BindParameter[Any]:
    return bindparam(name, value, type_=NullType())
