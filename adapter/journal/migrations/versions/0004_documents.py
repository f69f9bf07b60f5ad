"""Large documents: a row for each, and on PostgreSQL its sealed chunks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Both tables are there, empty."""
    op.create_table(
        "documents",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("case_id", sa.String(32)),
        sa.Column("digest", sa.LargeBinary(32)),
        sa.Column("size", sa.BigInteger),
        sa.Column("data_key", sa.LargeBinary),
        sa.Column("kept_at", sa.BigInteger, nullable=False),
        sa.Column("waits_until", sa.BigInteger),
    )
    _index_where("document_bound", "case_id", where="case_id IS NOT NULL")
    _index_where("document_waiting", "waits_until", where="waits_until IS NOT NULL")
    _index_where("document_erased", "id", where="data_key IS NULL")
    op.create_table(
        "document_chunks",
        sa.Column("document_id", sa.String(32), sa.ForeignKey("documents.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )


def _index_where(name: str, column: str, *, where: str) -> None:
    op.create_index(name, "documents", [column], sqlite_where=sa.text(where), postgresql_where=sa.text(where))
