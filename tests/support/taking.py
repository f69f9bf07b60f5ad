"""A process that takes the changes of a petitions desk into a journal, page by page, until it is killed or done.

Run as a module with the desk's URL, the journal's URL, and a file of the ids of the cases that the rows belong to.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import create_engine, distinct, func, select

from adapter.exchange import Caller, Case, Change, Direction, Exchange, Operation, Record, Stage, State
from adapter.journal import Acceptance, Journal, Taken, open_journal, reading
from adapter.journal.schema import exchanges
from adapter.settlement.drafting import new_id, new_tracking_code, reference_of
from connectors import sql
from tests.support.sql_side import petitions

CASES = 20
PAGE_SIZE = 500
_TENANT, _SOURCE = "sample-city", "petitions/1.0"


def _now() -> datetime:
    return datetime.now(UTC)


def _journal(url: str) -> Journal:
    return open_journal(
        url,
        master_key=b"an invented master key of 32 byte",
        node="node-1",
        environment="test",
        clock=_now,
        randomness=os.urandom,
        silence=timedelta(seconds=60),
    )


def _exchange(case_id: str, operation: Operation, direction: Direction, event_id: str | None) -> Exchange:
    now = _now()
    exchange_id = new_id(now, os.urandom)
    return Exchange(
        id=exchange_id,
        tenant=_TENANT,
        service="petitions",
        case_id=case_id,
        operation=operation,
        direction=direction,
        table="status",
        target="window/1.0",
        lane=f"{case_id}:{event_id}",
        state=State.READY,
        reference=reference_of(exchange_id, operation, revision=1),
        accepted_at=now,
        due_at=now + timedelta(days=1),
        deadline_at=now + timedelta(days=7),
        event_id=event_id,
    )


async def found_cases(url: str) -> list[str]:
    """The ids of so many new cases in a new journal."""
    journal = _journal(url)
    found = []
    for number in range(CASES):
        case = Case(
            new_id(_now(), os.urandom), _TENANT, "petitions", new_tracking_code(os.urandom), Stage.RECEIVED, "x", _now()
        )
        await journal.accept(
            Acceptance(
                caller=Caller("counter", _TENANT, "counter"),
                scope=journal.sealer.hash("key", str(number)),
                fingerprint=journal.sealer.hash("content"),
                exchange=_exchange(case.id, Operation.SUBMIT_REQUEST, Direction.INWARD, None),
                record={},
                status=202,
                body={"tracking_code": case.tracking_code},
                case=case,
                business_key=journal.sealer.hash("subject", str(number)),
                search={},
            )
        )
        found.append(case.id)
    journal.close()
    return found


async def take(desk: str, kept: str, cases: list[str]) -> None:
    """Every page and its cursor in one commit; tells how many rows it has taken after each."""
    contract = petitions()
    assert contract.changes is not None
    paged = replace(contract, changes=replace(contract.changes, page_size=PAGE_SIZE))
    system, journal = sql.connect(paged, desk, clock=_now, connections=2), _journal(kept)
    began, taken, more = time.perf_counter(), 0, True
    while more:
        cursor = await journal.read(reading.cursor, _TENANT, _SOURCE)
        page = await system.changes(cursor)
        drafts = tuple(_draft(change, cases) for change in page.changes)
        taken += await journal.take(Taken(_TENANT, _SOURCE, before=cursor, cursor=page.cursor, drafts=drafts))
        more = page.more
        print(taken, time.perf_counter() - began, flush=True)
    await system.aclose()
    journal.close()


def _draft(change: Change, cases: list[str]) -> tuple[Exchange, Record]:
    case_id = cases[int(change.reference.removeprefix("P-")) % len(cases)]
    return _exchange(case_id, Operation.PUSH_STATUS, Direction.OUTWARD, change.event_id), change.record


@dataclass(frozen=True, slots=True)
class Told:
    """What came of it: rows in the journal, how many of them differ, and the rows a second after the kill."""

    kept: int
    different: int
    per_second: float


def taken_with_a_kill(desk: str, folder: Path, *, rows: int) -> Told:
    """All rows of the desk are taken by two processes, the first of which is killed in the middle of them."""
    kept, cases = f"sqlite:///{folder / 'journal.db'}", folder / "cases.json"
    cases.write_text(json.dumps(asyncio.run(found_cases(kept))), encoding="utf-8")
    command = [sys.executable, "-m", "tests.support.taking", desk, kept, str(cases)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        for line in first.stdout:
            if int(line.split()[0]) >= rows // 2:
                first.kill()
                break
    second = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    taken, seconds = second.stdout.splitlines()[-1].split()
    engine = create_engine(kept)
    with engine.connect() as connection:
        counts = select(func.count(), func.count(distinct(exchanges.c.event_id))).where(
            exchanges.c.direction == "outward"
        )
        found, different = connection.execute(counts).one()
    engine.dispose()
    return Told(found, different, int(taken) / float(seconds))


if __name__ == "__main__":
    asyncio.run(take(sys.argv[1], sys.argv[2], json.loads(Path(sys.argv[3]).read_text(encoding="utf-8"))))
