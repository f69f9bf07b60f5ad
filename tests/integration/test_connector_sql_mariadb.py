"""The suites of connectors over a database on MariaDB, and what is true of it alone."""

from __future__ import annotations

import gc
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from adapter.exchange import Outcome, Verdict
from tests.database_suite import DatabaseSuite
from tests.suites import FAR_AHEAD, LONG_AGO, ConnectorSuite
from tests.support.mariadb import running_server
from tests.support.mariadb_side import few_rights, mariadb_side
from tests.support.sql_side import SqlSide

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
"""PyMySQL leaves a socket to be collected when nobody listens there."""


@pytest.fixture(scope="module")
def desk() -> Iterator[SqlSide]:
    with running_server() as server, mariadb_side(server) as desk:
        yield desk
    gc.collect()  # here, where what PyMySQL left is no error


@pytest.fixture
def side(desk: SqlSide) -> Iterator[SqlSide]:
    yield desk
    desk.clear()


class TestMariadb(ConnectorSuite):
    """Every test of the suite."""


class TestDatabase(DatabaseSuite):
    """What is true of databases alone."""


async def test_a_user_who_may_insert_and_select_alone_is_refused_nothing_and_told_no_wrong_name(side: SqlSide) -> None:
    clerk = few_rights(side)
    reference, done = await submitted(clerk)
    side.slow_down(True)
    _, slow = await submitted(clerk)

    assert done.verdict is Verdict.DONE
    assert (slow.verdict, slow.code) == (Verdict.RETRY, "busy")
    assert side.effects() == [reference]


async def test_a_text_that_is_too_long_is_refused_even_where_the_server_would_cut_it(side: SqlSide) -> None:
    side.run("SET GLOBAL sql_mode = ''", "ALTER TABLE petition_inbox MODIFY body VARCHAR(3)")

    _, outcome = await submitted(side, text="شیرین")

    side.run("SET GLOBAL sql_mode = DEFAULT", "ALTER TABLE petition_inbox MODIFY body LONGTEXT")
    assert (outcome.verdict, outcome.code, side.effects()) == (Verdict.PARKED, "content", [])


async def test_a_check_of_theirs_parks(side: SqlSide) -> None:
    side.run("ALTER TABLE petition_inbox ADD CONSTRAINT quiet CHECK (is_urgent = 0)")

    _, outcome = await submitted(side)

    side.run("ALTER TABLE petition_inbox DROP CONSTRAINT quiet")
    assert (outcome.verdict, outcome.code, side.effects()) == (Verdict.PARKED, "constraint", [])


async def test_what_they_stamp_by_their_clock_is_the_citys_in_either_kind_of_column(side: SqlSide) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    side.run("ALTER TABLE petition_inbox MODIFY entered_at DATETIME DEFAULT CURRENT_TIMESTAMP")
    await submitted(side)
    (in_datetime,) = await ledger(side)
    side.run("ALTER TABLE petition_inbox MODIFY entered_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP")
    (in_timestamp,) = await ledger(side)

    assert in_datetime == in_timestamp
    assert before <= in_datetime <= datetime.now(UTC)


async def submitted(side: SqlSide, text: str = "") -> tuple[str, Outcome]:
    system, reference = side.connect(), str(uuid.uuid4())
    frozen = system.freeze(side.submission, side.message(reference, text))
    return reference, await system.deliver(side.submission, frozen, reference=reference)


async def ledger(side: SqlSide) -> list[datetime]:
    return [one.at async for one in side.connect().statement(LONG_AGO, FAR_AHEAD) if one.at]
