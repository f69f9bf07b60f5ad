"""The journal's tables, the same on SQLite and PostgreSQL. Times are microseconds since 1970 in UTC.

Nothing here outside the sealed columns tells who a citizen is: keys are keyed hashes, texts are codes and sentences.
A column has a length only where we choose the value ourselves: what another system says is kept whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    FromClause,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    literal_column,
)

from adapter.exchange import LANE_HOLDING_STATES, State

REVISION = "0004"
"""The alembic revision that these tables are; the daemon refuses any other."""

metadata = MetaData()

_Sequence = BigInteger().with_variant(Integer, "sqlite")

cases = Table(
    "cases",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("service", String(64), nullable=False),
    Column("tracking_code", String(16), nullable=False),
    Column("stage", String(16), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("caller", String(64), nullable=False),
    Column("internal_reference", Text),
    Column("status_sequence", BigInteger, nullable=False, default=-1),
    Column("status_code", Text),
    Column("status_title", Text),
    Column("awaited_party", Text),
    Column("opened_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    Column("data_key", LargeBinary, nullable=False),
    UniqueConstraint("tenant", "tracking_code"),
    sqlite_with_rowid=False,
)

exchanges = Table(
    "exchanges",
    metadata,
    Column("sequence", _Sequence, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("tenant", String(64), nullable=False),
    Column("service", String(64), nullable=False),
    Column("case_id", String(32), ForeignKey("cases.id"), nullable=False, index=True),
    Column("operation", String(32), nullable=False),
    Column("direction", String(8), nullable=False),
    Column("mapping_table", String(64), nullable=False),
    Column("target", String(64), nullable=False),
    Column("lane", String(128), nullable=False),
    Column("state", String(16), nullable=False),
    Column("revision", Integer, nullable=False, default=1),
    Column("reference", String(36), nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("asked", Integer, nullable=False, default=0),
    Column("may_have_effect", Boolean, nullable=False, default=False),
    Column("code", Text),
    Column("reason", Text),
    Column("event_id", Text),
    Column("accepted_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("deadline_at", BigInteger, nullable=False),
    Column("attempted_at", BigInteger),
    Column("settled_at", BigInteger),
    Column("owner", Text),
    Column("fence", Integer, nullable=False, default=0),
    Column("lease_until", BigInteger),
    UniqueConstraint("tenant", "reference"),
)


def in_states(states: Iterable[State], table: FromClause = exchanges) -> ColumnElement[bool]:
    """The state is one of these, written out in the SQL so that partial indexes are used."""
    return table.c.state.in_(
        bindparam(None, sorted(state.value for state in states), expanding=True, literal_execute=True)
    )


TOMBSTONE = 410
"""The status of a key whose answer is no longer kept: it tells only that the key was used, and for which case."""

UNSETTLED_STATES = frozenset({State.IN_DOUBT, State.AWAITING})
STANDING_STATES = frozenset({State.PARKED, State.BLOCKED})


def _partial_index(name: str, *columns: ColumnElement[Any], states: Iterable[State]) -> Index:
    return _index_where(name, *columns, where=in_states(states))


def _index_of_known(name: str, *columns: Column[Any], is_unique: bool = False) -> Index:
    """An index of those rows alone whose last column holds something: most hold nothing, and cost nothing."""
    return _index_where(name, *columns, where=columns[-1].is_not(None), is_unique=is_unique)


def _index_where(name: str, *columns: ColumnElement[Any], where: ColumnElement[bool], is_unique: bool = False) -> Index:
    return Index(name, *columns, unique=is_unique, sqlite_where=where, postgresql_where=where)


_partial_index("exchange_ready", exchanges.c.due_at, states={State.READY})
_partial_index("exchange_sending", exchanges.c.lease_until, states={State.SENDING})
_partial_index("exchange_unsettled", exchanges.c.due_at, states=UNSETTLED_STATES)
_partial_index("exchange_standing", exchanges.c.sequence, states=STANDING_STATES)
_partial_index("exchange_lane", exchanges.c.lane, exchanges.c.sequence, states=LANE_HOLDING_STATES)
Index("exchange_settled", exchanges.c.tenant, exchanges.c.settled_at)
_index_of_known(
    "exchange_event",
    exchanges.c.tenant,
    exchanges.c.case_id,
    exchanges.c.direction,
    exchanges.c.event_id,
    is_unique=True,
)
_index_of_known("case_internal_reference", cases.c.tenant, cases.c.internal_reference)
_index_where("case_closed", cases.c.closed_at, cases.c.id, where=cases.c.closed_at.is_not(None))

attempts = Table(
    "attempts",
    metadata,
    Column("exchange_id", String(32), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("verdict", String(16)),
    Column("code", Text),
    Column("reason", Text),
    sqlite_with_rowid=False,
)

payloads = Table(
    "payloads",
    metadata,
    Column("exchange_id", String(32), primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("revision", Integer, primary_key=True, default=1),
    Column("case_id", String(32), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("scope", LargeBinary(32), primary_key=True),
    Column("fingerprint", LargeBinary(32), nullable=False),
    Column("case_id", String(32), nullable=False, index=True),
    Column("status", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("kept_at", BigInteger, nullable=False),
)

IS_TOMBSTONE = idempotency_keys.c.status == literal_column(str(TOMBSTONE))
"""Written out in the SQL so that the partial index is used."""

_index_where("idempotency_tombstone", idempotency_keys.c.kept_at, where=IS_TOMBSTONE)

business_keys = Table(
    "business_keys",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("key", LargeBinary(32), primary_key=True),
    Column("fingerprint", LargeBinary(32), nullable=False),
    Column("scope", LargeBinary(32), nullable=False),
    Column("case_id", String(32), nullable=False, index=True),
    Column("is_permanent", Boolean, nullable=False),
)

search_keys = Table(
    "search_keys",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("hash", LargeBinary(32), primary_key=True),
    Column("case_id", String(32), primary_key=True),
    sqlite_with_rowid=False,
)

cursors = Table(
    "cursors",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("source", String(64), primary_key=True),
    Column("value", Text, nullable=False),
    Column("moved_at", BigInteger, nullable=False),
)

strays = Table(
    "strays",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("source", String(64), primary_key=True),
    Column("event_id", Text, primary_key=True),
    Column("data_key", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("taken_at", BigInteger, nullable=False),
)

documents = Table(
    "documents",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("case_id", String(32)),
    Column("digest", LargeBinary(32)),
    Column("size", BigInteger),
    Column("data_key", LargeBinary),
    Column("kept_at", BigInteger, nullable=False),
    Column("waits_until", BigInteger),
)
"""`digest` is a keyed hash, NULL until all has come; `waits_until` is NULL once bound, `data_key` once erased."""

_index_of_known("document_bound", documents.c.case_id)
_index_of_known("document_waiting", documents.c.waits_until)
_index_where("document_erased", documents.c.id, where=documents.c.data_key.is_(None))

document_chunks = Table(
    "document_chunks",
    metadata,
    Column("document_id", String(32), ForeignKey("documents.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
"""On PostgreSQL, whose nodes share no disk; beside SQLite the chunks lie in files."""

endpoints = Table(
    "endpoints",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("paused_at", BigInteger),
    Column("reason", Text),
)

nodes = Table(
    "nodes",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("incarnation", String(32), nullable=False),
    Column("seen_at", BigInteger, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("writer", String(64), primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("event", String(32), nullable=False),
    Column("tenant", String(64)),
    Column("case_id", String(32), index=True),
    Column("exchange_id", String(32)),
    Column("detail", Text, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    sqlite_with_rowid=False,
)

findings = Table(
    "findings",
    metadata,
    Column("run", String(32), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("ledger", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("reference", Text, nullable=False),
    Column("exchange_id", String(32)),
    Column("detail", Text, nullable=False),
    Column("command", Text, nullable=False),
    Column("found_at", BigInteger, nullable=False),
)

meta = Table(
    "meta",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
