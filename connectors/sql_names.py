"""Names that a contract has for a database and the database has not: each told with the key that names it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from adapter.contract.records import Column
from adapter.contract.statements import Statement
from adapter.tables import near
from connectors.database import Database
from connectors.sql_drivers import MARIADB, MYSQL


async def lacking_names(database: Database, statement: Statement, place: str) -> list[str]:
    """Which tables, views and columns of the statement the database has not; `place` is where they are named."""
    wanted = [("insert", statement.insert, "parameters", statement.parameters)]
    wanted += [("view", statement.view, "columns", statement.columns)]
    found: list[str] = []
    for key, name, columns_key, columns in wanted:
        if name is None:
            continue
        has = await database.inspected(partial(_columns_of, name=name))
        if has is None:
            wrong = f"{key}: there is no '{name}' in this database, or no right to read it"
            found.append(f"{place}.{wrong}; mend the name, the grant or the endpoint's address")
        else:
            found += [f"{place}.{columns_key}.{wrong}" for wrong in _lacking_columns(name, columns, has)]
    return found


def _lacking_columns(name: str, columns: Sequence[Column], has: Sequence[str]) -> Iterator[str]:
    folded = {one.lower() for one in has}
    for column in columns:
        if column.column.lower() not in folded:
            yield f"{column.name}: '{name}' has no column '{column.column}'; {near(column.column, has)}"


def _columns_of(engine: Engine, *, name: str) -> list[str] | None:
    """The columns that a table or view has; None when there is none of this name, or no right to it."""
    schema, _, bare = name.rpartition(".")
    try:
        if engine.dialect.name in {MYSQL, MARIADB}:
            with engine.connect() as connection:
                return list(connection.scalars(_LISTED, {"schema": schema or None, "name": bare})) or None
        return [one["name"] for one in inspect(engine).get_columns(bare, schema or None)]
    except SQLAlchemyError:
        return None


_LISTED = text(
    "SELECT column_name FROM information_schema.columns "
    "WHERE table_schema = COALESCE(:schema, DATABASE()) AND table_name = :name ORDER BY ordinal_position"
)
"""What one right is enough for; SQLAlchemy would ask for the view's definition, which takes a right of its own."""
