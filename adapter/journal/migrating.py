"""Migrating: bringing a journal's schema to the revision that this version works with, while no daemon runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text

from adapter.errors import JournalUnusable
from adapter.journal.engines import is_sqlite, journal_url, make_engine
from adapter.journal.opening import check_place, connected, held_alone, told_by_the_disk
from adapter.journal.schema import REVISION

EMPTY = "empty"
"""The revision of a database that holds nothing yet."""

_SCRIPTS = Path(__file__).with_name("migrations")


def migrate(url: str) -> tuple[str, str]:
    """Bring the journal to this version's schema in one commit; the revisions before and after.

    Raises JournalLocked while a daemon works on it, JournalUnusable for a database that is not a journal of this
    version or an older one: nothing was changed.
    """
    database = journal_url(url)
    with held_alone(database), told_by_the_disk(database):
        engine = make_engine(database, writes=True, connections=1)
        try:
            with engine.begin() as connection:
                before = revision_of(connection)
                _upgrade(connection, before)
                return before, revision_of(connection)
        finally:
            engine.dispose()


def look(url: str) -> str:
    """The revision that the journal has now, EMPTY where there is none yet; nothing is made and nothing changed."""
    database = journal_url(url)
    check_place(database)
    if is_sqlite(database) and not Path(str(database.database)).is_file():
        return EMPTY
    engine = make_engine(database, writes=False, connections=1)
    try:
        with told_by_the_disk(database), connected(engine, database) as connection:
            return revision_of(connection)
    finally:
        engine.dispose()


def revision_of(connection: Connection) -> str:
    """The revision of a journal's schema; raises JournalUnusable when the tables are of something else."""
    present = inspect(connection).get_table_names()
    if not present:
        return EMPTY
    if "alembic_version" not in present:
        raise JournalUnusable("this database holds tables of something else; give the journal its own database")
    revision: str = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    return revision


def _upgrade(connection: Connection, before: str) -> None:
    # Imported here: alembic takes 1.2 s to import, which no start of the daemon should pay.
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see above

    config: Any = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if before not in known | {EMPTY}:
        raise JournalUnusable(
            f"the journal's schema is {before}, which this version does not know: a newer version made it; "
            f"run that version, or restore a backup taken before it (this version works with {REVISION})"
        )
    command.upgrade(config, REVISION)
