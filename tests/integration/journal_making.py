"""Journals, cases and calls for the tests of the journal, all of invented people."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import threading
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self, TypeAlias

import pytest
from sqlalchemy import event, text

from adapter.exchange import Caller, Case, Claim, Direction, Exchange, Operation, Record, Stage, State
from adapter.journal import Acceptance, Accepted, Journal, Settlement, Told, open_journal
from adapter.journal.engines import journal_url as with_driver
from adapter.journal.engines import make_engine
from adapter.journal.unit import Unit

MASTER_KEY = bytes(range(32))
TENANT = "sabzdasht"
CORE, WINDOW = "urban_core/1.0", "window/1.0"
CALLER = Caller(name="national_window", tenant=TENANT, channel="national_window")
LEASE = timedelta(seconds=120)
LONG = timedelta(hours=1)
AT_ONCE = timedelta(0)
RECORD: Record = {"applicant": {"first_name": "نیلوفر", "last_name": "دشت‌آرا"}, "note": "ordinary"}


@dataclass
class Clock:
    """Wall time that a test may move; on PostgreSQL the journal asks the database instead."""

    ahead: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def opened(url: str, **changes: Any) -> Journal:
    """The journal at this address, as a daemon would open it."""
    settings: dict[str, Any] = {
        "master_key": MASTER_KEY,
        "node": "one",
        "environment": "test",
        "clock": Clock(),
        "randomness": secrets.token_bytes,
        "silence": LONG,
    }
    return open_journal(url, **{**settings, **changes})


def url_of(request: pytest.FixtureRequest) -> str:
    """An empty database of the kind that the request's parameter names: sqlite or postgresql."""
    url: str = request.getfixturevalue({"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param])
    return url


def digest(*parts: str) -> bytes:
    return hashlib.sha256(":".join(parts).encode()).digest()


def new_case(**changes: Any) -> Case:
    code = f"{secrets.randbelow(10**12):012d}"
    case = Case(
        id=uuid.uuid4().hex,
        tenant=TENANT,
        service="building_permit",
        tracking_code=code,
        stage=Stage.RECEIVED,
        channel="national_window",
        opened_at=datetime.now(UTC),
    )
    return replace(case, **changes)


def new_exchange(case: Case, **changes: Any) -> Exchange:
    """An exchange of the case, due now, in its lane towards `target`."""
    now, target = datetime.now(UTC), changes.get("target", CORE)
    exchange = Exchange(
        id=uuid.uuid4().hex,
        tenant=case.tenant,
        service=case.service,
        case_id=case.id,
        operation=Operation.SUBMIT_REQUEST,
        direction=Direction.INWARD,
        table="submit",
        target=target,
        lane=f"{case.id}:{target}",
        state=State.READY,
        reference=str(uuid.uuid4()),
        accepted_at=now,
        due_at=now,
        deadline_at=now + timedelta(days=7),
    )
    return replace(exchange, **changes)


def outward(case: Case, **changes: Any) -> Exchange:
    """An exchange of the case towards the gateway."""
    usual: dict[str, Any] = {
        "target": WINDOW,
        "operation": Operation.PUSH_STATUS,
        "direction": Direction.OUTWARD,
        "table": "status",
        "event_id": uuid.uuid4().hex,
    }
    return new_exchange(case, **{**usual, **changes})


def opening(key: str = "", case: Case | None = None, **changes: Any) -> Acceptance:
    """A call that opens a case."""
    case = case or new_case()
    key = key or uuid.uuid4().hex
    acceptance = Acceptance(
        caller=CALLER,
        scope=digest("scope", key),
        fingerprint=digest("content", "ordinary"),
        exchange=new_exchange(case),
        record=RECORD,
        status=202,
        body={"tracking_code": case.tracking_code, "state": "accepted"},
        case=case,
    )
    return replace(acceptance, **changes)


def addition(case: Case, key: str = "", **changes: Any) -> Acceptance:
    """A call that belongs to a case already kept."""
    exchange = new_exchange(case, operation=Operation.ATTACH_DOCUMENT, table="document")
    return replace(opening(key, case, exchange=exchange, is_permanent=True), case=None, **changes)


def claim_of(accepted: Accepted) -> Claim:
    assert accepted.claim is not None
    return accepted.claim


async def begun(
    journal: Journal,
    claim: Claim,
    lease: timedelta = LEASE,
    frozen: bytes = b"<frozen/>",
    settle: timedelta = timedelta(0),
) -> Claim:
    """The claim once its INTENT is committed, as delivery holds it while it sends."""
    await journal.intend(claim, claim.frozen or frozen, lease=lease, settle=settle)
    exchange = claim.exchange
    sending = replace(exchange, state=State.SENDING, attempts=exchange.attempts + 1, may_have_effect=True)
    return replace(claim, exchange=sending, frozen=claim.frozen or frozen)


def settlement(claim: Claim, state: State = State.DONE, **changes: Any) -> Settlement:
    """The claim's attempt ended so."""
    event_name = {State.READY: "retry"}.get(state, state.value)
    return replace(Settlement(claim, event=event_name, state=state, due_at=datetime.now(UTC)), **changes)


def told(sequence: int, stage: Stage = Stage.IN_PROGRESS, **changes: Any) -> Told:
    news = Told(sequence, stage, status_code="20", status_title="در دست بررسی", awaited_party=None, changed_at=_now())
    return replace(news, **changes)


def _now() -> datetime:
    return datetime.now(UTC)


async def submitted(journal: Journal, **changes: Any) -> tuple[Case, Claim]:
    """A case just opened, and the claim on its first exchange."""
    acceptance = opening(**changes)
    accepted = await journal.accept(acceptance)
    assert acceptance.case is not None
    return acceptance.case, claim_of(accepted)


async def ended(journal: Journal, case: Case, claim: Claim, stage: Stage = Stage.ENDED) -> None:
    """The claim settled, and the case closed by what the gateway was told."""
    await journal.settle(settlement(await begun(journal, claim), told=told(9, stage)))


async def in_one_commit(journal: Journal, *calls: Awaitable[Any]) -> list[Any]:
    """What the calls answer when the writer takes all of them in one transaction."""
    begun_holding, gate = threading.Event(), threading.Event()

    def hold(_unit: Unit, arguments: Sequence[None]) -> list[None]:
        begun_holding.set()
        gate.wait(10)
        return [None] * len(arguments)

    holding = asyncio.create_task(journal._writer.submit(hold, None))
    await asyncio.to_thread(begun_holding.wait, 10)
    together = asyncio.gather(*calls, return_exceptions=True)
    await asyncio.sleep(0)
    gate.set()
    await holding
    return await together


async def inside(journal: Journal, step: Callable[[Unit], Any]) -> Any:
    """What a step of the test's own answers on the writer's thread, in a transaction of the journal."""

    def handler(unit: Unit, arguments: Sequence[None]) -> list[Any]:
        return [step(unit) for _ in arguments]

    return await journal._writer.submit(handler, None)


def look(url: str, sql: str, **values: Any) -> list[tuple[Any, ...]]:
    """What stands in the database, read past the journal."""
    engine = make_engine(with_driver(url), writes=False, connections=1)
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(sql), values)]
    finally:
        engine.dispose()


def meddle(url: str, *statements: str, **values: Any) -> None:
    """Change the database past the journal, as nobody should."""
    engine = make_engine(with_driver(url), writes=True, connections=1)
    try:
        with engine.begin() as connection:
            for sql in statements:
                connection.execute(text(sql), values)
    finally:
        engine.dispose()


TABLES = (
    "cases",
    "exchanges",
    "attempts",
    "payloads",
    "idempotency_keys",
    "business_keys",
    "search_keys",
    "cursors",
    "strays",
    "audit",
)


def counts(url: str) -> dict[str, int]:
    """How many rows each table holds."""
    return {table: look(url, f"SELECT count(*) FROM {table}")[0][0] for table in TABLES}


def state_of(url: str, exchange_id: str) -> str:
    ((state,),) = look(url, "SELECT state FROM exchanges WHERE id = :id", id=exchange_id)
    return str(state)


class Overheard:
    """The statements that an engine's cursor runs while the block lasts."""

    def __init__(self, journal: Journal) -> None:
        self.statements: list[tuple[str, Any]] = []
        self._engine = journal._writer._engine

    def __enter__(self) -> Self:
        event.listen(self._engine, "before_cursor_execute", self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self._engine, "before_cursor_execute", self._hear)

    def _hear(self, _connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        self.statements.append((statement, parameters))

    def reading(self, *words: str) -> Iterable[tuple[str, Any]]:
        """The selects that hold all of the words."""
        return [(sql, given) for sql, given in self.statements if sql.startswith("SELECT") and _has(sql, words)]


def _has(sql: str, words: Iterable[str]) -> bool:
    return all(word in sql for word in words)


Opening: TypeAlias = Callable[..., Journal]
"""Opens a journal that is closed when the test ends."""
