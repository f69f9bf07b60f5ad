"""The journal through its public functions, beside the raw limit of group commit on the same disk."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
import uvloop
from pysqlite3 import dbapi2 as sqlite

from adapter.exchange import Caller, Case, Direction, Exchange, Operation, Record, Stage, State
from adapter.journal import Acceptance, Journal, Settlement, open_journal
from adapter.refusals import StillInFlight
from adapter.settlement.drafting import new_id, new_tracking_code, reference_of
from ops.daemon import tune_process
from ops.randomness import buffered
from tests.figures import Figure
from tests.support.postgres import running_server

AT_ONCE = 256
LIMIT_ROWS = 64
WARM_UP = 500
REPEATED = 10
"""Every tenth call repeats one of the warm-up, key and content."""
CALL_SECONDS = 0.002
LIMIT_SECONDS = 2.0
_CALLER = Caller("bench", "tenant", "national_window")


def _now() -> datetime:
    return datetime.now(UTC)


def _record() -> Record:
    return {
        "service_id": "13042650207",
        "applicant": {"national_id": "0012345679", "first_name": "نام", "last_name": "خانوادگی"},
        "property": {"renovation_code": "1-2-3-4-0-0-0", "address": "نشانی " * 60},
    }


async def _one(journal: Journal, number: int, randomness) -> None:
    now = _now()
    case = Case(new_id(now, randomness), "tenant", "bench", new_tracking_code(randomness), Stage.RECEIVED, "x", now)
    exchange_id = new_id(now, randomness)
    exchange = Exchange(
        id=exchange_id,
        tenant="tenant",
        service="bench",
        case_id=case.id,
        operation=Operation.SUBMIT_REQUEST,
        direction=Direction.INWARD,
        table="submit",
        target="target/1.0",
        lane=f"{case.id}:target/1.0",
        state=State.READY,
        reference=reference_of(exchange_id, Operation.SUBMIT_REQUEST, revision=1),
        accepted_at=now,
        due_at=now,
        deadline_at=now + timedelta(days=7),
    )
    sealer = journal.sealer
    accepted = await journal.accept(
        Acceptance(
            caller=_CALLER,
            scope=sealer.hash("key", str(number)),
            fingerprint=sealer.hash("content"),
            exchange=exchange,
            record=_record(),
            status=202,
            body={"tracking_code": case.tracking_code},
            case=case,
            business_key=sealer.hash("subject", str(number)),
            search={"national_id": sealer.hash("national_id", "0012345679")},
        )
    )
    if accepted.claim is None:
        return
    await asyncio.sleep(CALL_SECONDS)
    await journal.intend(accepted.claim, b"z" * 1200, lease=timedelta(seconds=120), settle=timedelta(seconds=10))
    await asyncio.sleep(CALL_SECONDS)
    sending = replace(exchange, state=State.SENDING, attempts=1, attempted_at=now)
    await journal.settle(
        Settlement(
            replace(accepted.claim, exchange=sending), "done", State.DONE, _now(), answer={"code": "OK", "number": "1"}
        )
    )


async def _drive(url: str, exchanges: int) -> float:
    tune_process()
    randomness = buffered()
    journal = open_journal(
        url,
        master_key=b"bench" * 8,
        node="bench",
        environment="bench",
        clock=_now,
        randomness=randomness,
        silence=timedelta(seconds=60),
    )

    async def caller(numbers: Iterator[int]) -> None:
        for number in numbers:
            with suppress(StillInFlight):
                await _one(journal, number, randomness)

    async def all_of(first: int, count: int) -> float:
        began = time.perf_counter()
        repeated = (n % WARM_UP if n % REPEATED == 0 and first else n for n in range(first, first + count))
        await asyncio.gather(*(caller(repeated) for _ in range(AT_ONCE)))
        return count / (time.perf_counter() - began)

    await all_of(0, WARM_UP)
    rate = await all_of(1_000_000, exchanges)
    journal.close()
    return rate


def _run(driven: Coroutine[Any, Any, float]) -> float:
    """On the loop that the daemon runs on."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(driven)


def _sqlite_limit(folder: Path) -> float:
    """Transactions of 64 plain rows a second, in rows: what one disk and one writer can do at the most."""
    connection = sqlite.connect(str(folder / "limit.db"), isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, content BLOB)")
    began, commits = time.perf_counter(), 0
    while time.perf_counter() - began < LIMIT_SECONDS:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO t (content) VALUES (?)", [(b"y" * 900,)] * LIMIT_ROWS)
        connection.execute("COMMIT")
        commits += 1
    connection.close()
    return commits * LIMIT_ROWS / LIMIT_SECONDS


def _postgresql_limit(url: str) -> float:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=False) as connection:
        connection.execute("CREATE TABLE t (id BIGSERIAL PRIMARY KEY, content BYTEA)")
        connection.commit()
        cursor, began, commits = connection.cursor(), time.perf_counter(), 0
        while time.perf_counter() - began < LIMIT_SECONDS:
            cursor.executemany("INSERT INTO t (content) VALUES (%s)", [(b"y" * 900,)] * LIMIT_ROWS)
            connection.commit()
            commits += 1
    return commits * LIMIT_ROWS / LIMIT_SECONDS


def measure(folder: Path, *, exchanges: int) -> list[Figure]:
    """Exchanges a second on both databases: 10 % repeated keys, two recorded steps, sealed and audited.

    The server starts when SQLite is done: making its cluster keeps the disk busy for a while.
    """
    sqlite_rate = median(_run(_drive(f"sqlite:///{folder / f'journal-{n}.db'}", exchanges)) for n in range(3))
    sqlite_limit = _sqlite_limit(folder)
    with running_server(is_durable=True) as server:
        postgresql_rate = median(_run(_drive(server.new_database(), exchanges)) for _ in range(3))
        postgresql_limit = _postgresql_limit(server.new_database())
    return [
        Figure("journal on SQLite", sqlite_rate, "exchanges/s", 3000, note=f"raw limit {sqlite_limit:,.0f} rows/s"),
        Figure(
            "journal on PostgreSQL",
            postgresql_rate,
            "exchanges/s",
            1500,
            note=f"raw limit {postgresql_limit:,.0f} rows/s",
        ),
    ]
