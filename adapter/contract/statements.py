"""What a contract over a database does: a statement for each operation, as declared in its statements file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from adapter.contract.json_schema import Validator


@dataclass(frozen=True, slots=True)
class Column:
    """A field of a message and the column that holds it; `kind` is its JSON type, or a format that is a type there."""

    name: str
    column: str
    kind: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One operation: `insert` names a table, `call` is SQL with `:parameters`, `view` is what is read afterwards.

    A view is read by the equality of `where`, behind a `cursor` column, or for a `period` of a column; `key` orders
    what is equal there. Its rows stand under `rows`; of one row its columns are the answer, and `found` says whether
    it was there. `row` checks one row.
    """

    operation: str
    insert: str | None
    call: str | None
    view: str | None
    where: tuple[str, ...]
    found: str | None
    rows: str | None
    cursor: Column | None
    period: Column | None
    key: Column | None
    overlap: int
    page_size: int
    parameters: tuple[Column, ...]
    columns: tuple[Column, ...]
    row: Validator


@dataclass(frozen=True, slots=True)
class Statements:
    """A statements file: `zone` is that of every instant that the database keeps without an offset."""

    place: str
    zone: ZoneInfo
    of: Mapping[str, Statement]
