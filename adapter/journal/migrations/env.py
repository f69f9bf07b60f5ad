"""Where alembic begins: it works on the connection that `adapter.journal.migrating` hands over, inside its transaction.

Alembic loads this file by its path; nothing imports it.
"""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    transactional_ddl=True,  # on SQLite too: the connection begins IMMEDIATE itself, so a revision comes whole or not
)
with context.begin_transaction():
    context.run_migrations()
