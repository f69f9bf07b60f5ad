"""The same tests for every database behind the sql kind, besides those of every kind: what is true of databases alone.

    class TestDatabase(DatabaseSuite):
        "The suite, on one database."

A test module gives a fixture `side`, as it does to the suite of connectors.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from adapter.channels import ChangePage, System
from adapter.contract.instants import read_instant
from adapter.errors import GatewayUnreachable
from adapter.exchange import Change, Outcome, Verdict
from tests.suites import LONG_AGO
from tests.support.sql_side import SqlSide


async def told(system: System, cursor: str | None = None) -> tuple[list[Change], str]:
    """Everything behind a cursor, and the cursor behind it."""
    page = ChangePage((), cursor or "", more=True)
    changes: list[Change] = []
    while page.more:
        page = await system.changes(page.cursor)
        changes += page.changes
    return changes, page.cursor


async def submitted(side: SqlSide) -> Outcome:
    system, reference = side.connect(), str(uuid.uuid4())
    frozen = system.freeze(side.submission, side.message(reference))
    return await system.deliver(side.submission, frozen, reference=reference)


class DatabaseSuite:
    """Tests of the sql kind. The fixture `side` is a fresh desk on the database in question."""

    async def test_a_row_that_came_late_is_told_and_those_around_it_are_not_told_again(self, side: SqlSide) -> None:
        for event in ("E-1", "E-2", "E-3"):
            side.change(event)
        side.run("DELETE FROM petition_change WHERE event_id = 'E-2'")
        system = side.connect()
        before, cursor = await told(system)
        late = "OVERRIDING SYSTEM VALUE " if side.owner.dialect.name == "postgresql" else ""
        number = side.rows("SELECT MIN(change_no) AS first FROM petition_change")[0].first + 1
        side.run(
            f"INSERT INTO petition_change (change_no, event_id, petition_no, status_code, sequence_no) {late}"
            f"VALUES ({number}, 'E-2', 'P-1', 20, 2)"
        )

        after, cursor = await told(system, cursor)
        again, unmoved = await told(system, cursor)

        assert [one.event_id for one in before] == ["E-1", "E-3"]
        assert [one.event_id for one in after] == ["E-2"]
        assert (again, unmoved) == ([], cursor)

    async def test_a_page_whose_cursor_was_not_kept_is_told_again(self, side: SqlSide) -> None:
        side.change("E-1")
        system = side.connect()
        _, cursor = await told(system)
        side.change("E-2")
        lost, _ = await told(system, cursor)

        again, _ = await told(system, cursor)

        assert {one.event_id for one in again} >= {one.event_id for one in lost} == {"E-2"}

    async def test_a_table_that_was_begun_anew_is_read_from_its_beginning(self, side: SqlSide) -> None:
        side.change("E-1")
        system = side.connect()
        _, cursor = await told(system)
        with capture_logs() as logs:
            after, _ = await told(system, cursor.replace("[-", "[9").replace("[", "[999999"))

        assert [one.event_id for one in after] == ["E-1"]
        assert [log["event"] for log in logs] == ["cursor_reset"]

    async def test_a_last_page_that_is_full_is_not_read_again(self, side: SqlSide) -> None:
        await side.happen(8)

        with capture_logs() as logs:
            changes, _ = await told(side.connect())

        assert (len(changes), logs) == (8, [])

    async def test_a_row_that_cannot_be_read_is_told_as_such_and_stops_no_neighbour(self, side: SqlSide) -> None:
        side.change("E-1")
        side.change("E-2", status_code=None, note="نام شهروند")
        side.change("E-3", petition_no=None)
        side.change("E-4")

        with capture_logs() as logs:
            changes, cursor = await told(side.connect())

        assert [(one.event_id, one.kind) for one in changes] == [
            ("E-1", "status"),
            ("E-2", "unreadable"),
            ("E-4", "status"),
        ]
        assert changes[1].record["why"] == "petition_changes: status_code: expected a value, found nothing"
        assert [(log["row"], log["view"]) for log in logs] == [("E-2", "petition_changes"), ("E-3", "petition_changes")]
        assert "شهروند" not in str(logs)
        assert await told(side.connect(), cursor)

    async def test_an_instant_without_offset_is_the_citys(self, side: SqlSide) -> None:
        side.change("E-1", changed_at="2026-11-21 11:05:27")

        (change,), _ = await told(side.connect())

        assert change.changed_at == datetime(2026, 11, 21, 7, 35, 27, tzinfo=UTC)
        assert change.record["changed_at"] == "2026-11-21T11:05:27+03:30"

    async def test_a_period_of_the_ledger_is_that_of_the_citys_clock(self, side: SqlSide) -> None:
        midnight = read_instant("2026-11-21T00:00:00+03:30")
        assert midnight is not None
        for reference, at in (("a", "2026-11-20 23:59:59"), ("b", "2026-11-21 00:00:00"), ("c", "2026-11-21 23:59:59")):
            said = f"VALUES ('{reference}', '4052718396', '{at}')"
            side.run(f"INSERT INTO petition_inbox (reference, tracking_code, entered_at) {said}")

        entries = [one async for one in side.connect().statement(midnight, midnight + timedelta(days=1))]

        assert [(one.reference, one.at) for one in entries] == [
            ("b", midnight),
            ("c", midnight + timedelta(hours=23, minutes=59, seconds=59)),
        ]

    async def test_a_changed_column_is_named_with_the_place_that_names_it(self, side: SqlSide) -> None:
        side.show(status_name="state_code")

        with pytest.raises(GatewayUnreachable) as raised:
            await side.connect().changes(None)

        place = "contracts/petitions/1.0/statements.toml: GetChanges.columns.status_code"
        lacking = "'petition_changes' has no column 'status_code'; did you mean 'state_code'?"
        assert f"{place}: {lacking}" in str(raised.value)

    async def test_a_missing_view_parks_with_its_name_and_nothing_has_an_effect(self, side: SqlSide) -> None:
        side.run("DROP VIEW petition_by_reference")

        outcome = await submitted(side)

        assert outcome.verdict is Verdict.PARKED
        assert not outcome.left
        assert "RegisterPetition.view: there is no 'petition_by_reference' in this database" in (outcome.reason or "")
        assert side.effects() == []

    async def test_a_constraint_of_theirs_parks_and_is_no_repeated_reference(self, side: SqlSide) -> None:
        side.run("CREATE UNIQUE INDEX one_each ON petition_inbox (tracking_code)")
        await submitted(side)

        outcome = await submitted(side)

        side.run("DROP INDEX one_each" + (" ON petition_inbox" if side.owner.dialect.name == "mysql" else ""))
        assert (outcome.verdict, outcome.code, outcome.left) == (Verdict.PARKED, "constraint", False)
        assert len(side.effects()) == 1

    async def test_a_call_is_bound_and_found_by_our_reference(self, side: SqlSide) -> None:
        system, reference = side.connect(), str(uuid.uuid4())
        payment = {"reference": reference, "tracking_code": "4052718396", "amount_rial": 4_850_000_000_000}
        frozen = system.freeze("ConfirmPayment", payment)

        outcome = await system.deliver("ConfirmPayment", frozen, reference=reference)
        sight = await system.find("ConfirmPayment", reference, frozen)
        entries = [one async for one in system.statement(LONG_AGO, datetime.now(UTC) + timedelta(days=1))]

        assert outcome.verdict is Verdict.DONE
        assert sight.sighting.value == "found"
        assert [(one.operation, one.amount_rial) for one in entries] == [("ConfirmPayment", 4_850_000_000_000)]

    async def test_a_payment_with_another_amount_under_our_reference_is_not_ours(self, side: SqlSide) -> None:
        system, reference = side.connect(), str(uuid.uuid4())
        payment = {"reference": reference, "tracking_code": "4052718396", "amount_rial": 1000}
        await system.deliver("ConfirmPayment", system.freeze("ConfirmPayment", payment), reference=reference)

        asked = system.freeze("ConfirmPayment", {**payment, "amount_rial": 2000})

        assert (await system.find("ConfirmPayment", reference, asked)).sighting.value == "different"
