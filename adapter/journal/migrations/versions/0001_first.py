"""The first schema of the journal, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Every table is there, empty."""
    _cases()
    _exchanges()
    _indexes_of_exchanges()
    _attempts_and_payloads()
    _keys()
    _changes()
    _operation()
    _audit()


def _cases() -> None:
    op.create_table(
        "cases",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("service", sa.String(64), nullable=False),
        sa.Column("tracking_code", sa.String(16), nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("caller", sa.String(64), nullable=False),
        sa.Column("internal_reference", sa.Text),
        sa.Column("status_sequence", sa.BigInteger, nullable=False),
        sa.Column("status_code", sa.Text),
        sa.Column("status_title", sa.Text),
        sa.Column("awaited_party", sa.Text),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        sa.Column("closed_at", sa.BigInteger),
        sa.Column("data_key", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("tenant", "tracking_code"),
        sqlite_with_rowid=False,
    )
    _index_of_known("case_internal_reference", "cases", ["tenant", "internal_reference"])


def _exchanges() -> None:
    op.create_table(
        "exchanges",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("service", sa.String(64), nullable=False),
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.id"), nullable=False),
        sa.Column("operation", sa.String(32), nullable=False),
        sa.Column("direction", sa.String(8), nullable=False),
        sa.Column("mapping_table", sa.String(64), nullable=False),
        sa.Column("target", sa.String(64), nullable=False),
        sa.Column("lane", sa.String(128), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("reference", sa.String(36), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("asked", sa.Integer, nullable=False),
        sa.Column("may_have_effect", sa.Boolean, nullable=False),
        sa.Column("code", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("event_id", sa.Text),
        sa.Column("accepted_at", sa.BigInteger, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("deadline_at", sa.BigInteger, nullable=False),
        sa.Column("attempted_at", sa.BigInteger),
        sa.Column("settled_at", sa.BigInteger),
        sa.Column("owner", sa.Text),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("lease_until", sa.BigInteger),
        sa.UniqueConstraint("tenant", "reference"),
        sa.UniqueConstraint("id"),
    )


def _indexes_of_exchanges() -> None:
    op.create_index("ix_exchanges_case_id", "exchanges", ["case_id"])
    op.create_index("exchange_settled", "exchanges", ["tenant", "settled_at"])
    _index_of_known("exchange_event", "exchanges", ["tenant", "case_id", "direction", "event_id"], is_unique=True)
    _partial_index("exchange_ready", ["due_at"], "'ready'")
    _partial_index("exchange_sending", ["lease_until"], "'sending'")
    _partial_index("exchange_unsettled", ["due_at"], "'awaiting', 'in_doubt'")
    _partial_index("exchange_standing", ["sequence"], "'blocked', 'parked'")
    _partial_index("exchange_lane", ["lane", "sequence"], "'blocked', 'in_doubt', 'parked', 'ready', 'sending'")


def _partial_index(name: str, columns: list[str], states: str) -> None:
    where = sa.text(f"state IN ({states})")
    op.create_index(name, "exchanges", columns, sqlite_where=where, postgresql_where=where)


def _index_of_known(name: str, table: str, columns: list[str], *, is_unique: bool = False) -> None:
    where = sa.text(f"{columns[-1]} IS NOT NULL")
    op.create_index(name, table, columns, unique=is_unique, sqlite_where=where, postgresql_where=where)


def _attempts_and_payloads() -> None:
    op.create_table(
        "attempts",
        sa.Column("exchange_id", sa.String(32), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("verdict", sa.String(16)),
        sa.Column("code", sa.Text),
        sa.Column("reason", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "payloads",
        sa.Column("exchange_id", sa.String(32), primary_key=True),
        sa.Column("kind", sa.String(8), primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True),
        sa.Column("case_id", sa.String(32), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )


def _keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("scope", sa.LargeBinary(32), primary_key=True),
        sa.Column("fingerprint", sa.LargeBinary(32), nullable=False),
        sa.Column("case_id", sa.String(32), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("kept_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_idempotency_keys_case_id", "idempotency_keys", ["case_id"])
    op.create_table(
        "business_keys",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("key", sa.LargeBinary(32), primary_key=True),
        sa.Column("fingerprint", sa.LargeBinary(32), nullable=False),
        sa.Column("scope", sa.LargeBinary(32), nullable=False),
        sa.Column("case_id", sa.String(32), nullable=False),
        sa.Column("is_permanent", sa.Boolean, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_business_keys_case_id", "business_keys", ["case_id"])
    op.create_table(
        "search_keys",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(32), primary_key=True),
        sa.Column("hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("case_id", sa.String(32), primary_key=True),
        sqlite_with_rowid=False,
    )


def _changes() -> None:
    op.create_table(
        "cursors",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("source", sa.String(64), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("moved_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "strays",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("source", sa.String(64), primary_key=True),
        sa.Column("event_id", sa.Text, primary_key=True),
        sa.Column("data_key", sa.LargeBinary, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("taken_at", sa.BigInteger, nullable=False),
    )


def _operation() -> None:
    op.create_table(
        "endpoints",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("paused_at", sa.BigInteger),
        sa.Column("reason", sa.Text),
    )
    op.create_table(
        "nodes",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("incarnation", sa.String(32), nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "findings",
        sa.Column("run", sa.String(32), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("ledger", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("exchange_id", sa.String(32)),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("command", sa.Text, nullable=False),
        sa.Column("found_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "meta",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("writer", sa.String(64), primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("tenant", sa.String(64)),
        sa.Column("case_id", sa.String(32)),
        sa.Column("exchange_id", sa.String(32)),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_audit_case_id", "audit", ["case_id"])
