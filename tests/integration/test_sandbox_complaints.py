"""The complaints stand-in by its database alone, then through the connector: on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from adapter.channels import Sighting
from adapter.exchange import State, Verdict
from connectors import sql
from ops.sandbox import Sandbox
from ops.sandbox.faults import FaultRule, FaultyScriptError, Mode
from tests.integration.sandbox_client import TRACKING_CODE, Start, call, reference
from tests.support.house import contracts

pytest_plugins = ("tests.integration.sandbox_fixtures",)

ORDINARY = [("status", 10), ("status", 20), ("status", 40), ("status", 60), ("document", None), ("status", 70)]
_SOON = 5.0


class Desk:
    """A sandbox whose complaints system is spoken to through its own door."""

    def __init__(self, sandbox: Sandbox, *, patience: float = _SOON) -> None:
        self.sandbox = sandbox
        address = _with_time_out(sandbox.addresses["complaints"], patience)
        self.engine: Engine = create_engine(address, poolclass=NullPool)

    async def insert(self, table: str, **row: Any) -> dict[str, Any]:
        """What the answer says, read in the same transaction."""
        return await asyncio.to_thread(self._insert, table, row)

    def _insert(self, table: str, row: dict[str, Any]) -> dict[str, Any]:
        names = ", ".join(row)
        with self.engine.begin() as connection:
            connection.execute(
                text(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in row)})"), row
            )
            answer = text("SELECT * FROM answer WHERE reference = :reference")
            return dict(connection.execute(answer, {"reference": row["reference"]}).mappings().fetchone() or {})

    async def report(self, **more: Any) -> dict[str, Any]:
        said = {"subject": "205", "description": "چراغ خاموش است", "channel": "1"}
        return await self.insert(
            "report_in", **{"reference": reference(), "tracking_code": TRACKING_CODE} | said | more
        )

    async def read(self, view: str) -> list[dict[str, Any]]:
        return await asyncio.to_thread(self._read, view)

    def _read(self, view: str) -> list[dict[str, Any]]:
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(f"SELECT * FROM {view}")).mappings()]

    async def told(self) -> list[tuple[str, int | None]]:
        return [(one["kind"], one["status_code"]) for one in await self.read("report_change ORDER BY change_no")]

    async def has_told(self, *expected: tuple[str, int | None]) -> None:
        """Comes back once it has told exactly this."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_SOON):
                while await self.told() != list(expected):
                    await asyncio.sleep(0.01)
        assert await self.told() == list(expected)

    async def fails(self, view: str) -> bool:
        try:
            await self.read(view)
        except DBAPIError:
            return True
        return False


def _with_time_out(address: str, seconds: float) -> str:
    return str(make_url(address).set(query={"timeout": str(seconds)})) if address.startswith("sqlite") else address


async def until(is_so: Callable[[], Any]) -> None:
    """Comes back once it is so; what it asks may be answered later."""
    async with asyncio.timeout(_SOON):
        while not (await answer if inspect.isawaitable(answer := is_so()) else answer):
            await asyncio.sleep(0.01)


@pytest.fixture
async def desk(start: Start) -> Desk:
    return Desk(await start(stand_ins=("complaints",)))


@pytest.fixture
async def postgres_desk(start: Start, postgres_url: str) -> AsyncIterator[Desk]:
    opened = Desk(await start(stand_ins=("complaints",), database=postgres_url))
    yield opened
    opened.engine.dispose()


async def test_a_report_lives_until_it_is_answered_and_closed(desk: Desk) -> None:
    entered = await desk.report(attributes='[{"name": "pole_no", "value": "۱۱۷"}]')

    assert (entered["code"], entered["status_code"]) == ("OK", 10)
    await desk.has_told(*ORDINARY)


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ({"postal_code": "2020212404"}, "OUT_OF_CITY"),
        ({"postal_code": "2020212405"}, "NOT_OURS"),
        ({"renovation_code": "3-2-117-409-0-0-0"}, "KNOWN_ALREADY"),
        ({"renovation_code": "3-2-410-48-0-0-0"}, "OK"),
        ({}, "OK"),
    ],
)
async def test_some_places_are_refused_without_an_effect(desk: Desk, place: dict[str, str], code: str) -> None:
    answer = await desk.report(**place)

    assert (answer["code"], answer["report_no"] is None) == (code, code != "OK")
    (entry,) = await desk.read("message_ledger")
    assert entry["state"] == ("ENTERED" if code == "OK" else "REFUSED")
    if code == "OK":
        await until(lambda: desk.sandbox.ledger("complaints").entries)
    else:
        await asyncio.sleep(0.05)
        assert desk.sandbox.ledger("complaints").entries == []


async def test_an_incomplete_report_waits_for_a_note(desk: Desk) -> None:
    number = (await desk.report(postal_code="2020212020"))["report_no"]
    await desk.has_told(("status", 10), ("status", 15))

    note = {"reference": reference(), "report_no": number, "note_no": "N-1", "text": "کوچهٔ بهار"}
    assert (await desk.insert("note_in", **note))["code"] == "OK"

    await desk.has_told(("status", 10), ("status", 15), ("status", 20), *ORDINARY[2:])


async def test_a_closed_report_takes_nothing_but_an_objection(desk: Desk) -> None:
    number = (await desk.report())["report_no"]
    await desk.has_told(*ORDINARY)
    late = {"reference": reference(), "report_no": number, "reason": "روشن شد"}
    assert (await desk.insert("cancellation_in", **late))["code"] == "CLOSED"
    unknown = {"reference": reference(), "report_no": "K-0", "reason": "روشن شد"}
    assert (await desk.insert("cancellation_in", **unknown))["code"] == "UNKNOWN_REPORT"

    filed = {"objection_no": "O-1", "reason_code": "1", "text": "روشن نشده است", "report_no": number}
    assert (await desk.insert("objection_in", reference=reference(), tracking_code=TRACKING_CODE, **filed))[
        "code"
    ] == "OK"

    await desk.has_told(*ORDINARY, *(("status", code) for code in (80, 40, 60, 70)))


async def test_no_citizen_stands_in_the_ledger(desk: Desk) -> None:
    await desk.report(national_id="0001172034", last_name="نمونه")
    await until(lambda: desk.sandbox.ledger("complaints").entries)

    (entry,) = desk.sandbox.ledger("complaints").entries
    assert (entry.operation, entry.tracking_code) == ("RegisterReport", TRACKING_CODE)
    assert "0001172034" not in json.dumps(entry.told(), default=str)


async def test_a_reference_that_comes_twice_is_two_effects_unless_they_are_refused(
    start: Start, tmp_path: Path
) -> None:
    trusting = Desk(await start(stand_ins=("complaints",)))
    strict = Desk(await start(stand_ins=("complaints",), dedupe=True, ledger_folder=tmp_path / "strict"))
    for _ in range(2):
        await trusting.report(reference="0e5f1c2a-7b3d-5e8f-9a10-000000000070")
    await strict.report(reference="0e5f1c2a-7b3d-5e8f-9a10-000000000070")
    with pytest.raises(DBAPIError):
        await strict.report(reference="0e5f1c2a-7b3d-5e8f-9a10-000000000070")

    await until(lambda: trusting.sandbox.ledger("complaints").repeated == 1)
    await until(lambda: strict.sandbox.ledger("complaints").entries)
    assert strict.sandbox.ledger("complaints").repeated == 0


async def test_a_restarted_stand_in_goes_on_where_it_was(start: Start) -> None:
    desk = Desk(await start(stand_ins=("complaints",)))
    number = (await desk.report(postal_code="2020212020"))["report_no"]
    await desk.has_told(("status", 10), ("status", 15))
    await desk.sandbox.close()

    again = Desk(await start(stand_ins=("complaints",)))
    await again.insert("note_in", reference=reference(), report_no=number, note_no="N-1", text="کوچهٔ بهار")

    await again.has_told(("status", 10), ("status", 15), ("status", 20), *ORDINARY[2:])


# Faults


def strikes(desk: Desk, mode: Mode, **more: Any) -> None:
    desk.sandbox.set_faults_of("complaints", [FaultRule(mode, **more)])


async def test_a_view_is_missing_until_it_is_back(desk: Desk) -> None:
    strikes(desk, Mode.VIEW_MISSING, operation="GetChanges")
    await until(lambda: desk.fails("report_change"))
    assert await desk.read("message_sent") == []

    desk.sandbox.set_faults_of("complaints", [])

    await works(desk, "report_change")


async def test_a_column_has_another_name(desk: Desk) -> None:
    await desk.report()
    strikes(desk, Mode.COLUMN_RENAMED, operation="RegisterReport")

    async with asyncio.timeout(_SOON):
        while "result_code" not in (await desk.read("answer"))[0]:
            await asyncio.sleep(0.01)
    assert "code" in (await desk.read("message_sent"))[0]


async def test_a_row_with_a_code_that_no_table_knows_stands_among_its_neighbours(desk: Desk) -> None:
    strikes(desk, Mode.UNKNOWN_CODE, nth=2)
    await desk.report()

    await desk.has_told(("status", 10), ("status", 998), *ORDINARY[2:])


async def test_a_lock_is_held_for_a_while(desk: Desk) -> None:
    strikes(desk, Mode.LOCKED, seconds=0.6)

    hasty = Desk(desk.sandbox, patience=0.05)
    await until(lambda: is_locked(hasty))

    await asyncio.sleep(0.6)
    assert (await desk.report())["code"] == "OK"


async def test_a_database_is_down_for_a_while(desk: Desk) -> None:
    strikes(desk, Mode.DOWN, seconds=0.3)
    await until(lambda: desk.fails("answer"))

    await works(desk, "answer")


async def test_a_commit_cannot_be_lost_where_there_is_no_wire(desk: Desk) -> None:
    with pytest.raises(FaultyScriptError, match="rule 1: answer_lost cannot befall"):
        strikes(desk, Mode.ANSWER_LOST, times=1)


async def test_on_postgresql_the_same_lives_are_told_through_a_door_that_loses_commits_and_falls(
    postgres_desk: Desk,
) -> None:
    desk, ledger = postgres_desk, postgres_desk.sandbox.ledger("complaints")
    place = {"postal_code": "2020212345", "happened_at": "2026-11-20 20:00:00+03:30"}
    assert (await desk.report(attributes='[{"name": "pole_no", "value": "۱۱۷"}]', **place))["code"] == "OK"
    assert (await desk.report(renovation_code="3-2-117-409-0-0-0"))["code"] == "KNOWN_ALREADY"
    await desk.has_told(*ORDINARY)

    strikes(desk, Mode.ANSWER_LOST, times=1)
    with pytest.raises(OperationalError):
        await desk.report()
    await until(lambda: len(ledger.entries) == 2)

    strikes(desk, Mode.CLOSE_BEFORE, times=1)
    with pytest.raises(OperationalError):
        await desk.report()

    strikes(desk, Mode.DOWN, seconds=0.2)
    await until(lambda: desk.fails("answer"))
    await works(desk, "answer")

    strikes(desk, Mode.VIEW_MISSING)
    await until(lambda: desk.fails("answer"))
    strikes(desk, Mode.LOCKED, seconds=0.2)
    await works(desk, "answer")
    assert (await desk.report())["code"] == "OK"
    await until(lambda: len(ledger.entries) == 3)


async def test_its_page_and_its_faults_stand_beside_the_door(desk: Desk) -> None:
    await desk.report()
    await until(lambda: desk.sandbox.ledger("complaints").entries)
    page = desk.sandbox.pages["complaints"]

    assert "سامانهٔ شکایات" in (await call(f"{page}/_sandbox?still")).body.decode()
    assert (await call(f"{page}/_sandbox/ledger")).json()["last"] == 1
    assert (await call(f"{page}/_sandbox/faults", "POST", b'[{"mode": "html"}]')).status == 400
    assert (await call(f"{page}/v1/reports")).status == 404


async def is_locked(desk: Desk) -> bool:
    try:
        await desk.report()
    except OperationalError as error:
        return "locked" in str(error)
    return False


async def works(desk: Desk, view: str) -> None:
    async with asyncio.timeout(_SOON):
        while await desk.fails(view):
            await asyncio.sleep(0.01)


# Through the connector


@pytest.fixture(params=["sqlite", "postgresql"])
async def any_desk(request: pytest.FixtureRequest, start: Start) -> AsyncIterator[Desk]:
    database = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    opened = Desk(await start(stand_ins=("complaints",), database=database))
    yield opened
    opened.engine.dispose()


async def test_the_connector_finds_what_it_sent_what_happened_and_the_whole_ledger(any_desk: Desk) -> None:
    desk, key = any_desk, reference()
    system = sql.connect(contracts()["complaints/1.0"], desk.sandbox.addresses["complaints"], clock=_now)
    said: dict[str, Any] = {
        "reference": key,
        "tracking_code": TRACKING_CODE,
        "subject": "205",
        "description": "چراغ معبر سه شب است که خاموش است",
        "attributes": [{"name": "pole_no", "value": "۱۱۷-۴۸"}],
        "happened_at": "2026-11-19T20:00:00+03:30",
        "postal_code": "2020212030",
        "channel": "1",
    }
    frozen = system.freeze("RegisterReport", said)

    outcome = await system.deliver("RegisterReport", frozen, reference=key)

    assert (outcome.verdict, outcome.code) == (Verdict.DONE, "OK"), outcome
    assert (await system.find("RegisterReport", key, frozen)).sighting is Sighting.FOUND
    (entered,) = await desk.read("report_in")
    assert str(entered["happened_at"]).startswith("2026-11-19 20:00:00")
    assert "pole_no" in str(entered["attributes"])
    await desk.has_told(*ORDINARY[:2], ("status", 30), ("visit", None), *ORDINARY[2:])
    page = await system.changes(None)
    assert [one.kind for one in page.changes] == ["status"] * 3 + ["visit"] + ["status"] * 2 + ["document", "status"]
    assert [slot.keys() for slot in page.changes[3].record["slots"]] == [{"starts_at", "ends_at"}]
    hour = timedelta(hours=1)
    assert [one.state async for one in system.statement(_now() - hour, _now() + hour)] == [State.DONE]
    await system.aclose()


def _now() -> datetime:
    return datetime.now(UTC)
