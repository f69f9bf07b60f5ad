"""Keys are kept by their age: ended cases are found by the end of their case, tombstones by how long they stand.

From here on the environment stands in every key's scope. A key itself was never kept, so that older scopes cannot be
made anew: a journal that holds some goes on without the environment there, and is bound to one all the same.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Both indexes are there, and a journal that holds keys remembers how their scopes were made."""
    _index_where("case_closed", "cases", ["closed_at", "id"], where="closed_at IS NOT NULL")
    _index_where("idempotency_tombstone", "idempotency_keys", ["kept_at"], where="status = 410")
    op.execute("INSERT INTO meta (name, value) SELECT 'bare_scopes', scope FROM idempotency_keys LIMIT 1")


def _index_where(name: str, table: str, columns: list[str], *, where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
