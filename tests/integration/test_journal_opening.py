"""One daemon per journal, under its own key, on a database set as an embedded database must be; and how it ends."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from adapter.errors import FaultySettings, JournalFailed, JournalLocked, JournalUnusable, WrongEnvironment
from adapter.journal import Journal, inspecting, migrating
from adapter.journal.unit import Unit
from ops.daemon import check_journal
from tests.integration.journal_making import (
    MASTER_KEY,
    Opening,
    begun,
    claim_of,
    counts,
    inside,
    look,
    opened,
    opening,
    submitted,
)

HOUSE = Path(__file__).resolve().parents[2]

_PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": 2,
    "foreign_keys": 1,
    "busy_timeout": 5000,
    "trusted_schema": 0,
    "cell_size_check": 1,
}


def pragmas(unit: Unit) -> dict[str, object]:
    connection = unit.connection
    return {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in _PRAGMAS}


async def test_on_sqlite_every_commit_waits_for_the_disk(sqlite_journals: Opening):
    assert await inside(sqlite_journals(), pragmas) == _PRAGMAS


async def test_on_sqlite_a_reader_cannot_write(sqlite_journals: Opening):
    journal = sqlite_journals()

    def write(connection) -> None:
        connection.exec_driver_sql("DELETE FROM audit")

    with pytest.raises(DBAPIError, match="readonly"):
        await journal.read(write)


async def test_on_sqlite_the_library_has_no_known_corruption_bug(sqlite_journals: Opening):
    """3.7.0 to 3.51.2 may corrupt a WAL that is reset while it is read."""

    def version(unit: Unit) -> str:
        found: str = unit.connection.exec_driver_sql("SELECT sqlite_version()").scalar_one()
        return found

    told = await inside(sqlite_journals(), version)

    assert tuple(map(int, told.split("."))) >= (3, 51, 3)


async def test_on_postgresql_every_commit_waits_for_the_disk(postgres_journals: Opening):
    def setting(unit: Unit) -> str:
        found: str = unit.connection.exec_driver_sql("SHOW synchronous_commit").scalar_one()
        return found

    assert await inside(postgres_journals(), setting) == "on"


async def test_an_exchange_without_its_case_is_not_kept(journal: Journal, journal_url: str):
    def orphan(unit: Unit) -> None:
        unit.connection.exec_driver_sql(
            "INSERT INTO exchanges (id, tenant, service, case_id, operation, direction, mapping_table, target, lane,"
            " state, revision, reference, attempts, asked, may_have_effect, accepted_at, due_at, deadline_at, fence)"
            " VALUES ('e', 't', 's', 'nobody', 'o', 'inward', 'm', 'c', 'l', 'ready', 1, 'r', 0, 0, FALSE, 1, 1, 1, 0)"
        )

    with pytest.raises(DBAPIError, match=r"(?i)foreign key"):
        await inside(journal, orphan)
    assert counts(journal_url)["exchanges"] == 0


def test_a_second_daemon_of_the_same_name_is_refused(journal_url: str, opening_journals: Opening):
    opening_journals(node="one")

    with pytest.raises(JournalLocked, match=r"another daemon holds this journal|a daemon named 'one' already works"):
        opened(journal_url, node="one")


def test_on_sqlite_a_second_daemon_of_another_name_is_refused_with_the_file(sqlite_url: str, sqlite_journals: Opening):
    sqlite_journals(node="one")

    with pytest.raises(JournalLocked, match=r"journal\.lock: another daemon holds this journal; stop it first"):
        opened(sqlite_url, node="two")


def test_on_sqlite_a_daemon_in_another_process_is_refused(sqlite_url: str, sqlite_journals: Opening):
    sqlite_journals()
    told = (
        "from tests.integration.journal_making import opened\n"
        "from adapter.errors import JournalLocked\n"
        f"try: opened({sqlite_url!r})\n"
        "except JournalLocked as error: print(error)"
    )

    done = subprocess.run([sys.executable, "-c", told], cwd=HOUSE, capture_output=True, text=True, check=True)

    assert "another daemon holds this journal" in done.stdout


def test_on_sqlite_another_way_to_the_same_file_is_refused_too(
    sqlite_url: str, sqlite_journals: Opening, tmp_path: Path
):
    sqlite_journals()
    (tmp_path / "alias.db").symlink_to(tmp_path / "journal.db")

    with pytest.raises(JournalLocked):
        opened(f"sqlite:///{tmp_path / 'alias.db'}")


def test_a_file_of_something_else_is_refused_as_a_journal_and_left_as_it_is(tmp_path: Path):
    path = tmp_path / "journal.db"
    path.write_text("date,why\n", encoding="utf-8")

    with pytest.raises(FaultySettings, match=r"^database: .*journal\.db is not a database of SQLite; mend the path"):
        opened(f"sqlite:///{path}")
    assert path.read_text(encoding="utf-8") == "date,why\n"


def test_a_damaged_journal_is_told_with_its_place_and_what_to_do(tmp_path: Path):
    path = tmp_path / "journal.db"
    opened(f"sqlite:///{path}").close()
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"\xff" * (len(whole) - 100))

    for way in (opened, migrating.look):
        with pytest.raises(
            JournalFailed, match=r"journal\.db: .*malformed; free or mend the disk, or restore .* backup$"
        ):
            way(f"sqlite:///{path}")


async def test_damage_that_no_opening_meets_is_found_before_anything_is_kept(tmp_path: Path):
    path, url = tmp_path / "journal.db", f"sqlite:///{tmp_path / 'journal.db'}"
    opened(url).close()
    ((page,),) = look(url, "SELECT rootpage FROM sqlite_master WHERE name = 'search_keys'")
    ((size,),) = look(url, "PRAGMA page_size")
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)

    with closing(opened(url)) as journal, pytest.raises(JournalFailed, match=r"journal\.db: .*restore the journal's"):
        await check_journal(journal, url)


async def test_a_sound_journal_is_checked_without_a_word(journal: Journal, journal_url: str):
    await check_journal(journal, journal_url)


def test_a_folder_is_refused_as_a_journal(tmp_path: Path):
    (tmp_path / "journal.db").mkdir()

    with pytest.raises(FaultySettings, match=r"^database: .*journal\.db cannot be written: Is a directory"):
        opened(f"sqlite:///{tmp_path / 'journal.db'}")


def test_on_postgresql_nodes_of_different_names_work_side_by_side(postgres_journals: Opening):
    postgres_journals(node="one")
    postgres_journals(node="two")


async def test_on_postgresql_a_node_may_have_a_long_name(postgres_journals: Opening):
    _, claim = await submitted(postgres_journals(node="panjereh-intake-and-delivery-7d9f8b6c5d-xk2vw"))

    assert claim is not None


@pytest.mark.parametrize("how", ["closed", "refused"])
def test_the_lock_is_let_go_when_the_journal_is_closed_or_refused(
    journal_url: str, opening_journals: Opening, how: str
):
    if how == "closed":
        opened(journal_url).close()
    else:
        opened(journal_url).close()
        with pytest.raises(JournalUnusable):
            opened(journal_url, master_key=bytes(32))

    opening_journals()


def test_another_master_key_is_refused_and_nothing_is_changed(journal_url: str):
    opened(journal_url).close()
    before = counts(journal_url), look(journal_url, "SELECT name, incarnation FROM nodes")

    with pytest.raises(JournalUnusable, match="master key is not the one"):
        opened(journal_url, master_key=bytes(reversed(MASTER_KEY)))

    assert (counts(journal_url), look(journal_url, "SELECT name, incarnation FROM nodes")) == before


def test_a_journal_belongs_to_the_environment_it_was_made_for(journal_url: str, opening_journals: Opening):
    opened(journal_url, environment="production").close()
    before = counts(journal_url), look(journal_url, "SELECT name, incarnation FROM nodes")

    with pytest.raises(WrongEnvironment, match="was made for 'production', the setting says 'test'; mend the setting"):
        opened(journal_url, environment="test")

    assert (counts(journal_url), look(journal_url, "SELECT name, incarnation FROM nodes")) == before
    opening_journals(environment="production")


def test_a_new_journal_has_its_environment_in_every_scope(opening_journals: Opening):
    assert opening_journals(environment="production").scoped_by == ("production",)


def test_two_nodes_that_start_on_an_empty_database_both_come_up(postgres_url: str):
    told = (
        "import sys, threading\n"
        "from tests.integration.journal_making import opened\n"
        "faults = []\n"
        "def start(name):\n"
        "    try: opened(sys.argv[1], node=name).close()\n"
        "    except Exception as error: faults.append(repr(error)[:300])\n"
        "nodes = [threading.Thread(target=start, args=(f'node {n}',)) for n in range(4)]\n"
        "[node.start() for node in nodes]; [node.join() for node in nodes]\n"
        "print(faults or 'up')"
    )
    started = subprocess.run(
        [sys.executable, "-c", told, postgres_url], cwd=HOUSE, capture_output=True, text=True, check=True
    )

    assert started.stdout.strip() == "up"


async def test_closing_commits_what_waits(opening_journals: Opening, journal_url: str):
    journal = opening_journals()
    waiting = [asyncio.create_task(journal.accept(opening())) for _ in range(20)]
    await asyncio.sleep(0)

    await asyncio.to_thread(journal.close)
    await asyncio.gather(*waiting)

    assert counts(journal_url)["cases"] == 20


async def test_a_closed_journal_answers_instead_of_keeping_its_caller_waiting(opening_journals: Opening):
    journal = opening_journals()
    journal.close()

    with pytest.raises(JournalFailed):
        await asyncio.wait_for(journal.accept(opening()), 5)


async def test_a_killed_daemon_loses_nothing_that_it_answered(opening_journals: Opening, journal_url: str):
    """A real SIGKILL in the midst of accepting: every answer printed before it stands for a row after it."""
    told = (
        "import asyncio, sys\n"
        "from tests.integration.journal_making import opened, opening\n"
        "async def one(journal):\n"
        "    call = opening()\n"
        "    await journal.accept(call)\n"
        "    print(call.exchange.id, flush=True)\n"
        "async def main():\n"
        "    journal = opened(sys.argv[1])\n"
        "    while True:\n"
        "        await asyncio.gather(*(one(journal) for _ in range(8)))\n"
        "asyncio.run(main())\n"
    )
    victim = subprocess.Popen([sys.executable, "-c", told, journal_url], cwd=HOUSE, stdout=subprocess.PIPE, text=True)
    assert victim.stdout is not None
    answered = [victim.stdout.readline().strip() for _ in range(200)]
    victim.kill()
    answered += [line.strip() for line in victim.stdout if len(line.strip()) == 32]
    victim.stdout.close()
    victim.wait()

    journal = await _once_free(opening_journals)
    kept = {exchange_id for (exchange_id,) in look(journal_url, "SELECT id FROM exchanges")}
    assert set(answered) <= kept
    assert await journal.read(inspecting.first_broken_audit) is None
    claims = await journal.claim_ready(1000)
    assert len(claims) == min(1000, len(kept))


async def _once_free(opening_journals: Opening) -> Journal:
    """PostgreSQL needs a moment to see that a killed process has hung up and to let go of its lock."""
    ends = time.monotonic() + 10
    while True:
        try:
            return opening_journals()
        except JournalLocked:
            if time.monotonic() > ends:
                raise
            await asyncio.sleep(0.05)


async def test_the_journal_of_another_loop_is_answered_in_its_own(journal: Journal, journal_url: str):
    """Steps of two event loops may share a commit; each is answered in its own loop."""

    def elsewhere() -> str:
        async def accept() -> str:
            return claim_of(await journal.accept(opening())).exchange.id

        return asyncio.run(accept())

    there, here = await asyncio.gather(asyncio.to_thread(elsewhere), journal.accept(opening()))

    assert there != claim_of(here).exchange.id
    assert counts(journal_url)["exchanges"] == 2
    await begun(journal, claim_of(here))
