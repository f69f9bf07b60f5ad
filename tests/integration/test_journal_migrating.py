"""The schema by migration is the schema of the code, on both databases, and nothing else is touched."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapter.errors import JournalLocked, JournalUnusable, WrongEnvironment
from adapter.journal import Retention
from adapter.journal.engines import journal_url as with_driver
from adapter.journal.engines import make_engine
from adapter.journal.migrating import EMPTY, migrate
from adapter.journal.schema import REVISION, metadata
from tests.integration.journal_making import Opening, counts, ended, look, meddle, opened, opening, submitted
from tests.support.postgres import Server

HOUSE = Path(__file__).resolve().parents[2]

_SQLITE = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE tbl_name <> 'alembic_version' ORDER BY type, name"
_POSTGRES = (
    """SELECT c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
              pg_get_expr(d.adbin, d.adrelid)
       FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r'
       JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
       LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
       WHERE a.attnum > 0 AND c.relname <> 'alembic_version' ORDER BY 1, 2""",
    """SELECT indexname, indexdef FROM pg_indexes
       WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1""",
    """SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
       WHERE connamespace = 'public'::regnamespace AND conrelid <> 'alembic_version'::regclass ORDER BY 1""",
    "SELECT sequencename, data_type::text, increment_by FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1",
)


def schema_at(url: str) -> list[list[tuple[Any, ...]]]:
    """All that the database itself says of its tables, indexes, constraints and sequences."""
    if url.startswith("sqlite"):
        rows = look(url, _SQLITE)
        return [[(*row[:3], " ".join((row[3] or "").split())) for row in rows]]
    return [look(url, query) for query in _POSTGRES]


def make_tables(url: str) -> None:
    opened(url).close()


@pytest.fixture
def other_url(journal_url: str, request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A second empty database of the same kind."""
    if journal_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'other.db'}"
        return
    server: Server = request.getfixturevalue("postgres")
    with server.database() as url:
        yield url


def test_a_migrated_schema_is_the_schema_of_the_code(journal_url: str, other_url: str):
    migrate(journal_url)
    make_tables(other_url)

    by_migration, by_code = schema_at(journal_url), schema_at(other_url)

    assert len(by_code[0]) > 20
    assert by_migration == by_code


def test_alembic_finds_no_difference_between_a_migrated_schema_and_the_code(journal_url: str):
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415 - its import is dear
    from alembic.migration import MigrationContext  # noqa: PLC0415 - as above

    migrate(journal_url)
    engine = make_engine(with_driver(journal_url), writes=False, connections=1)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()

    assert differences == []


def test_the_comparison_would_see_an_index_that_is_missing(journal_url: str, other_url: str):
    migrate(journal_url)
    make_tables(other_url)
    meddle(journal_url, "DROP INDEX exchange_lane")

    assert schema_at(journal_url) != schema_at(other_url)


def test_an_empty_database_is_migrated_and_then_opened(journal_url: str, opening_journals: Opening):
    assert migrate(journal_url) == (EMPTY, REVISION)

    opening_journals()


async def test_migrating_again_changes_nothing(journal_url: str, opening_journals: Opening):
    journal = opening_journals()
    await submitted(journal)
    journal.close()
    before = counts(journal_url)

    assert migrate(journal_url) == (REVISION, REVISION)
    assert counts(journal_url) == before


FIRST_ONLY = (
    "DROP TABLE document_chunks",
    "DROP TABLE documents",
    "DROP INDEX case_closed",
    "DROP INDEX idempotency_tombstone",
    "DELETE FROM meta WHERE name <> 'key_check'",
    "UPDATE alembic_version SET version_num = '0001'",
)
"""What takes a journal of today back to its first schema."""


async def test_a_journal_of_the_first_schema_is_migrated_with_all_it_holds(
    journal_url: str, other_url: str, opening_journals: Opening
):
    journal = opening_journals()
    case, claim = await submitted(journal, body={"tracking_code": "1"})
    await ended(journal, case, claim)
    journal.close()
    meddle(journal_url, *FIRST_ONLY)
    before = counts(journal_url)
    make_tables(other_url)
    with pytest.raises(JournalUnusable, match=r"0001.*panjereh migrate --apply"):
        opened(journal_url)

    assert migrate(journal_url) == ("0001", REVISION)

    assert schema_at(journal_url) == schema_at(other_url)
    assert counts(journal_url) == before
    journal = opening_journals(environment="production")
    assert await journal.retire_keys(Retention(keys=timedelta(0), tombstones=timedelta(days=1))) is False
    assert look(journal_url, "SELECT status FROM idempotency_keys") == [(410,)]


async def test_keys_from_before_environments_are_found_again_and_the_journal_is_bound_to_one(
    journal_url: str, opening_journals: Opening
):
    """Their scopes cannot be made anew, for no key was ever kept: so new ones are made as they were."""
    journal = opening_journals()
    await journal.accept(opening("same"))
    journal.close()
    meddle(journal_url, *FIRST_ONLY)
    migrate(journal_url)

    journal = opening_journals(environment="production")

    assert journal.scoped_by == ()
    assert (await journal.accept(opening("same"))).is_replay
    journal.close()
    with pytest.raises(WrongEnvironment):
        opened(journal_url, environment="test")
    assert opening_journals(environment="production").scoped_by == ()


def test_a_journal_of_the_first_schema_that_holds_no_key_is_scoped_like_a_new_one(
    journal_url: str, opening_journals: Opening
):
    make_tables(journal_url)
    meddle(journal_url, *FIRST_ONLY)
    migrate(journal_url)

    assert opening_journals(environment="production").scoped_by == ("production",)


@pytest.mark.parametrize("revision", ["0999", "base", "head"])
def test_an_unknown_revision_is_refused_by_name(journal_url: str, revision: str):
    migrate(journal_url)
    meddle(journal_url, "UPDATE alembic_version SET version_num = :revision", revision=revision)

    with pytest.raises(JournalUnusable, match=f"schema is {revision}.*newer version.*works with {REVISION}"):
        migrate(journal_url)

    assert look(journal_url, "SELECT version_num FROM alembic_version") == [(revision,)]


def test_a_daemon_refuses_a_revision_that_is_not_its_own(journal_url: str):
    migrate(journal_url)
    meddle(journal_url, "UPDATE alembic_version SET version_num = '0999'")

    with pytest.raises(JournalUnusable, match=f"0999.*{REVISION}.*panjereh migrate"):
        opened(journal_url)


def test_tables_of_something_else_are_left_alone(journal_url: str):
    meddle(journal_url, "CREATE TABLE invoices (id INTEGER)")

    with pytest.raises(JournalUnusable, match="something else"):
        migrate(journal_url)
    with pytest.raises(JournalUnusable, match="something else"):
        opened(journal_url)


def test_nothing_is_migrated_while_a_daemon_works(journal_url: str, opening_journals: Opening):
    opening_journals()

    with pytest.raises(JournalLocked, match="stop"):
        migrate(journal_url)


def test_no_daemon_starts_while_a_migration_runs(journal_url: str, monkeypatch: pytest.MonkeyPatch):
    """Tried from inside the migration, where its transaction is open."""
    from adapter.journal import migrating  # noqa: PLC0415 - only to hook into this one migration

    refusals: list[JournalLocked] = []

    def start_a_daemon(*_: Any) -> None:
        with pytest.raises(JournalLocked) as refused:
            opened(journal_url)
        refusals.append(refused.value)

    monkeypatch.setattr(migrating, "_upgrade", start_a_daemon)
    migrate(journal_url)

    assert len(refusals) == 1


def test_a_migration_that_fails_leaves_nothing_behind(journal_url: str):
    """The last table's name is taken meanwhile by a view, so the revision breaks off near its end."""
    meddle(journal_url, "CREATE VIEW audit AS SELECT 1 AS one")

    with pytest.raises(Exception, match="audit"):
        migrate(journal_url)

    tables = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
        "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
    }
    assert look(journal_url, tables[with_driver(journal_url).get_backend_name()]) == []


def test_opening_a_journal_does_not_pay_for_alembic():
    told = "import sys, adapter.journal; print('alembic' in sys.modules, 'adapter.journal.migrating' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], cwd=HOUSE, capture_output=True, text=True, check=True)

    assert done.stdout.split()[0] == "False"


def test_importing_the_migrating_module_does_not_pay_for_alembic_either():
    told = "import sys, adapter.journal.migrating; print('alembic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], cwd=HOUSE, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


def test_the_wheel_carries_the_migrations(tmp_path: Path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=HOUSE, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("panjereh-*.whl")

    carried = set(zipfile.ZipFile(wheel).namelist())

    folder = HOUSE / "adapter/journal/migrations"
    assert {str(file.relative_to(HOUSE)) for file in folder.rglob("*.py")} <= carried
    assert "adapter/journal/migrations/versions/0001_first.py" in carried


def test_the_newest_revision_is_the_one_the_code_works_with():
    newest = max((HOUSE / "adapter/journal/migrations/versions").glob("[0-9]*.py")).name

    assert newest.startswith(f"{REVISION}_")
