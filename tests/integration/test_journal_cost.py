"""The cost of looking for work does not grow with what was done: partial indexes, and they are used."""

from __future__ import annotations

from typing import Any

import pytest

from adapter.exchange import State
from adapter.journal import Journal, reading
from adapter.journal.engines import journal_url as with_driver
from adapter.journal.engines import make_engine
from adapter.journal.unit import Unit
from tests.integration.journal_making import (
    CORE,
    TENANT,
    Opening,
    Overheard,
    addition,
    begun,
    inside,
    meddle,
    settlement,
    submitted,
)

SQLITE_SETTLED = """
INSERT INTO exchanges (id, tenant, service, case_id, operation, direction, mapping_table, target, lane, state,
    revision, reference, attempts, asked, may_have_effect, accepted_at, due_at, deadline_at, settled_at, fence)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
SELECT '{mark}' || i, tenant, service, case_id, operation, direction, mapping_table, target, lane || i, 'done',
    1, '{mark}' || i, 1, 0, FALSE, accepted_at, due_at, deadline_at, accepted_at, 1
FROM n, (SELECT * FROM exchanges LIMIT 1) AS one
"""


def grow(url: str, count: int, mark: str) -> None:
    """So many settled exchanges more, as years of work would leave them."""
    meddle(url, SQLITE_SETTLED.format(count=count, mark=mark))


def plan(url: str, statement: str, given: Any) -> str:
    """How the database says it would run the statement."""
    sqlite = url.startswith("sqlite")
    engine = make_engine(with_driver(url), writes=False, connections=1)
    with engine.connect() as connection:
        explain = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN "
        rows = connection.exec_driver_sql(explain + statement, given).all()
    engine.dispose()
    return "\n".join(str(row[-1]) for row in rows)


async def overheard(journal: Journal, call: Any, *words: str) -> tuple[str, Any]:
    with Overheard(journal) as heard:
        await call
    (statement,) = heard.reading(*words)
    return statement


@pytest.fixture
async def grown(journal: Journal, journal_url: str) -> str:
    """A journal with thousands of settled exchanges. SQLite plans without statistics, as in production."""
    await submitted(journal)
    grow(journal_url, 5000, "old")
    if not journal_url.startswith("sqlite"):
        meddle(journal_url, "ANALYZE exchanges")
    return journal_url


async def test_looking_for_due_exchanges_uses_the_partial_indexes(journal: Journal, grown: str):
    heard = await overheard(journal, journal.claim_ready(10), "FROM exchanges", "due_at")

    told = plan(grown, *heard)

    assert "exchange_ready" in told
    assert "exchange_lane" in told
    assert "SCAN exchanges" not in told
    assert "Seq Scan" not in told


async def test_looking_for_unsettled_exchanges_uses_the_partial_index(journal: Journal, grown: str):
    heard = await overheard(journal, journal.claim_unsettled(10), "FROM exchanges", "due_at")

    assert "exchange_unsettled" in plan(grown, *heard)


async def test_looking_for_expired_leases_uses_the_partial_index(journal: Journal, grown: str):
    heard = await overheard(journal, journal.fall_expired(), "FROM exchanges", "lease_until")

    assert "exchange_sending" in plan(grown, *heard)


async def test_asking_whether_a_lane_is_free_uses_the_partial_index(journal: Journal, grown: str):
    case, _ = await submitted(journal)
    heard = await overheard(journal, journal.accept(addition(case)), "exchanges.lane")

    assert "exchange_lane" in plan(grown, *heard)


async def test_keys_are_looked_up_and_never_scanned(journal: Journal, grown: str):
    case, _ = await submitted(journal)
    with Overheard(journal) as heard:
        await journal.accept(addition(case, business_key=bytes(32)))

    for statement, given in heard.reading():
        told = plan(grown, statement, given)
        assert "SCAN " not in told.replace("SCAN CONSTANT ROW", ""), f"{statement}\n{told}"


def counted_steps(unit: Unit) -> list[int]:
    """SQLite's virtual machine counts its own instructions from here on: a cost that no busy machine blurs."""
    steps = [0]

    def step() -> int:
        steps[0] += 1
        return 0

    raw = unit.connection.connection.dbapi_connection
    assert raw is not None
    raw.set_progress_handler(step, 1)
    return steps


@pytest.mark.parametrize("search", ["claim_ready", "claim_unsettled"])
async def test_an_idle_search_costs_the_same_after_ten_thousand_exchanges(
    sqlite_journals: Opening, sqlite_url: str, search: str
):
    journal = sqlite_journals()
    await submitted(journal)

    async def idle_cost() -> int:
        steps = await inside(journal, counted_steps)
        before = steps[0]
        assert await getattr(journal, search)(10) == []
        return int(steps[0] - before)

    grow(sqlite_url, 10, "few")
    cost_of_few = await idle_cost()
    grow(sqlite_url, 10_000, "many")
    cost_of_many = await idle_cost()

    assert 0 < cost_of_few < 400
    assert cost_of_many <= cost_of_few * 1.1


async def test_an_idle_search_reads_few_pages_after_ten_thousand_exchanges(
    postgres_journals: Opening, postgres_url: str
):
    journal = postgres_journals()
    await submitted(journal)
    grow(postgres_url, 10_000, "many")
    meddle(postgres_url, "ANALYZE")
    statement, given = await overheard(journal, journal.claim_ready(10), "FROM exchanges", "due_at")

    engine = make_engine(with_driver(postgres_url), writes=True, connections=1)
    with engine.connect() as connection:
        told = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", given).scalar_one()
    engine.dispose()

    top = told[0]["Plan"]
    assert top["Shared Hit Blocks"] + top["Shared Read Blocks"] < 50


async def test_exchanges_waiting_behind_a_standing_one_cost_their_lane_only(sqlite_journals: Opening, sqlite_url: str):
    """A parked head with hundreds behind it: they are looked at, each by one step in the lane's index."""
    journal = sqlite_journals()
    case, claim = await submitted(journal)
    await journal.settle(settlement(await begun(journal, claim), State.PARKED))
    for _ in range(50):
        await journal.accept(addition(case))
    steps = await inside(journal, counted_steps)
    before = steps[0]

    assert await journal.claim_ready(10) == []

    assert steps[0] - before < 50 * 60


@pytest.mark.parametrize(
    ("question", "arguments"),
    [
        (reading.has_open_submissions, (TENANT, CORE)),
        (reading.paused_endpoints, ()),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_what_is_asked_again_and_again_does_not_scan_the_journal(
    sqlite_journals: Opening, sqlite_url: str, question: Any, arguments: tuple[Any, ...]
):
    journal = sqlite_journals()
    await submitted(journal)

    async def cost() -> int:
        def measured(connection: Any) -> int:
            steps = [0]

            def step() -> int:
                steps[0] += 1
                return 0

            raw = connection.connection.dbapi_connection
            raw.set_progress_handler(step, 1)
            question(connection, *arguments)
            raw.set_progress_handler(None, 0)
            return steps[0]

        return await journal.read(measured)

    grow(sqlite_url, 10, "few")
    cost_of_few = await cost()
    grow(sqlite_url, 5000, "many")

    assert await cost() <= cost_of_few * 1.5 + 100
