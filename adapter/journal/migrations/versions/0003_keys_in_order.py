"""Keys lie in the order of their coming, and are found through an index.

On SQLite their rows stood inside the tree that is ordered by their hashes, so that each new one rewrote a page of few
large rows; now it rewrites a page of many small entries. PostgreSQL always kept them so.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """On SQLite both tables of keys are made anew with the rows they held."""
    if op.get_bind().dialect.name == "sqlite":
        _idempotency_keys()
        _business_keys()


def _idempotency_keys() -> None:
    _make_anew(
        "idempotency_keys",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("scope", sa.LargeBinary(32), primary_key=True),
        sa.Column("fingerprint", sa.LargeBinary(32), nullable=False),
        sa.Column("case_id", sa.String(32), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("kept_at", sa.BigInteger, nullable=False),
        dropping=("ix_idempotency_keys_case_id", "idempotency_tombstone"),
    )
    op.create_index("ix_idempotency_keys_case_id", "idempotency_keys", ["case_id"])
    op.create_index("idempotency_tombstone", "idempotency_keys", ["kept_at"], sqlite_where=sa.text("status = 410"))


def _business_keys() -> None:
    _make_anew(
        "business_keys",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("key", sa.LargeBinary(32), primary_key=True),
        sa.Column("fingerprint", sa.LargeBinary(32), nullable=False),
        sa.Column("scope", sa.LargeBinary(32), nullable=False),
        sa.Column("case_id", sa.String(32), nullable=False),
        sa.Column("is_permanent", sa.Boolean, nullable=False),
        dropping=("ix_business_keys_case_id",),
    )
    op.create_index("ix_business_keys_case_id", "business_keys", ["case_id"])


def _make_anew(name: str, *columns: sa.Column[Any], dropping: tuple[str, ...]) -> None:
    for index in dropping:
        op.drop_index(index, name)
    op.rename_table(name, f"{name}_before")
    table = op.create_table(name, *columns)
    held = [column.name for column in columns]
    op.execute(table.insert().from_select(held, sa.select(sa.table(f"{name}_before", *map(sa.column, held)))))
    op.drop_table(f"{name}_before")
