"""The stages of cases, drawn from the audit on both databases, and what operators are told of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapter.calendar import Days, WorkingDays, spell_day, tehran_day
from adapter.errors import FaultyTables
from adapter.exchange import Caller, Case, Event, Operation, Stage, State
from adapter.journal import Command, Journal, inspecting, lives
from adapter.promise import stretches_of
from ops.cli.lives import print_case
from ops.demo.installation import TENANT
from ops.operators import Desk, perform
from ops.overdue import overdue_counts
from ops.settings_file import load_settings
from ops.wiring import House, open_house
from tests.integration.journal_making import (
    addition,
    begun,
    claim_of,
    new_case,
    new_exchange,
    opening,
    outward,
    settlement,
    told,
)
from tests.support.installed import install_alone

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def status(journal: Journal, case: Case, number: int, stage: Stage, **changes: Any) -> None:
    """The gateway was told of a stage."""
    acceptance = addition(case, exchange=outward(case, event_id=f"e{number}"))
    claim = claim_of(await journal.accept(acceptance))
    await journal.settle(settlement(await begun(journal, claim), told=told(number, stage, **changes)))


async def test_the_stages_of_a_case_are_kept_in_the_order_in_which_they_were_told(journal: Journal) -> None:
    case = new_case()
    first = claim_of(await journal.accept(opening(case=case)))
    await journal.settle(settlement(await begun(journal, first)))
    await status(journal, case, 1, Stage.IN_PROGRESS)
    await status(journal, case, 2, Stage.INCOMPLETE, awaited_party="citizen")
    correction = new_exchange(case, operation=Operation.CORRECT_REQUEST, table="correct")
    await journal.accept(addition(case, exchange=correction))

    (life,) = await journal.read(lives.lives_since, LONG_AGO, service=case.service)

    found = [(one.stage, one.is_paused, one.ended is None) for one in life.stretches]
    assert found == [
        (Stage.RECEIVED, False, False),
        (Stage.IN_PROGRESS, False, False),
        (Stage.INCOMPLETE, True, False),
        (Stage.INCOMPLETE, False, True),
    ]
    audit = [inspecting.detail_of(row) for row in await journal.read(inspecting.audit_of_case, case.id)]
    assert stretches_of(case.opened_at, audit)[1:] == life.stretches[1:]
    assert await journal.read(lives.lives_since, LONG_AGO, tenant="another") == []
    assert await journal.read(lives.lives_since, datetime.now(UTC) + timedelta(days=1)) == []


async def test_only_open_cases_that_are_old_enough_are_looked_at(journal: Journal) -> None:
    open_one, ended_one = new_case(), new_case()
    for case in (open_one, ended_one):
        await journal.accept(opening(case=case))
    await status(journal, ended_one, 9, Stage.ENDED)

    found = await journal.read(lives.open_lives, opened_before=datetime.now(UTC) + timedelta(1))

    assert [life.tracking_code for life in found] == [open_one.tracking_code]
    assert await journal.read(lives.open_lives, opened_before=LONG_AGO) == []


async def test_a_case_that_a_person_withdrew_has_that_stage_last(journal: Journal) -> None:
    case = new_case()
    exchange = new_exchange(case, state=State.PARKED)
    await journal.accept(opening(case=case, exchange=exchange))
    order = Command(exchange, Event.WITHDRAWN, State.WITHDRAWN, "uid:1000", "کنار گذاشته شد")

    await journal.command(order)

    (life,) = await journal.read(lives.lives_since, LONG_AGO)
    assert life.stretches[-1].stage is Stage.WITHDRAWN


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    services = ["building_permit", "renovation_toll", "notary_inquiry"]
    installation = install_alone(tmp_path, services)
    house = await open_house(load_settings(installation.settings))
    yield house
    await house.aclose()


async def filed(house: House, days_ago: int) -> Case:
    """A building permit filed so long ago, of which one status was told."""
    case = new_case(tenant=TENANT, opened_at=datetime.now(UTC) - timedelta(days=days_ago))
    caller = Caller("counter", TENANT, "counter")
    await house.journal.accept(replace(opening(case=case), caller=caller))
    await status(house.journal, case, 1, Stage.IN_PROGRESS)
    return case


async def test_a_case_tells_its_promise_and_what_each_stage_took(house: House) -> None:
    case = await filed(house, days_ago=14)
    shown = await perform(Desk(house, "uid:1000"), "cases.show", {"tracking_code": case.tracking_code})

    working: WorkingDays = house.days.of(TENANT)
    opened_on, today = tehran_day(case.opened_at), tehran_day(house.clock())
    passed = working.between(opened_on, today)
    promise = shown["promise"]
    assert (promise["unit"], promise["working_days"], promise["days_paused"]) == ("working_days", 21, 0)
    assert promise["promised_until"] == working.after(opened_on, 21).isoformat()
    assert promise["days_used"] == passed
    assert [(one["stage"], one["working_days"]) for one in shown["stages"]] == [
        ("received", passed),
        ("in_progress", 0),
    ]
    assert json.loads(json.dumps(shown)) == shown


async def test_a_terminal_tells_the_promise_in_jalali_and_every_stage(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    case = await filed(house, days_ago=14)
    print_case(await perform(Desk(house, "uid:1000"), "cases.show", {"tracking_code": case.tracking_code}))

    printed = capsys.readouterr().out
    promised = house.days.of(TENANT).after(tehran_day(case.opened_at), 21)
    assert f"promised_until  {spell_day(promised)}" in printed
    assert [line.split()[0] for line in printed.split("stages\n")[1].splitlines()[1:3]] == ["received", "in_progress"]


async def test_a_calendar_with_a_fault_stops_the_start_and_names_its_cell(tmp_path: Path) -> None:
    installation = install_alone(tmp_path)
    settings = load_settings(installation.settings)
    mappings = tmp_path / "mappings"
    shutil.copytree(settings.mappings, mappings)
    path = mappings / "calendars" / "ir-1405.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("01,*,holiday", "01,*,holyday", 1), encoding="utf-8")
    with pytest.raises(FaultyTables, match=r"mappings/calendars/ir-1405\.csv:2: kind: 'holyday'"):
        await open_house(settings.model_copy(update={"mappings": mappings}))


async def test_the_durations_of_a_service_are_the_median_and_what_nine_of_ten_stay_within(house: House) -> None:
    ages = (1, 8, 15, 22, 29)
    cases = [await filed(house, days_ago=age) for age in ages]
    told_all = await perform(Desk(house, "uid:1000"), "services.durations", {"service": "building_permit"})

    working, today = house.days.of(TENANT), tehran_day(house.clock())
    taken = sorted(working.between(tehran_day(case.opened_at), today) for case in cases)
    assert told_all["durations"] == [
        {
            "tenant": TENANT,
            "service": "building_permit",
            "stage": "received",
            "cases": 5,
            "median": taken[2],
            "p90": taken[4],
        }
    ]
    assert told_all["since"] == spell_day(today - timedelta(days=365))
    few = await perform(Desk(house, "uid:1000"), "services.durations", {"days": 10})
    assert few["durations"][0]["cases"] == 2


async def test_cases_whose_promise_is_broken_are_counted(house: House) -> None:
    await filed(house, days_ago=1)
    await filed(house, days_ago=25)
    old = await filed(house, days_ago=90)
    await filed(house, days_ago=91)
    assert (await overdue_counts(house))[TENANT, "building_permit"] == 2
    await status(house.journal, old, 2, Stage.ENDED)
    assert (await overdue_counts(house))[TENANT, "building_permit"] == 1


async def test_a_house_knows_the_calendars_of_its_mappings(house: House) -> None:
    assert isinstance(house.days, Days)
    assert 1405 in house.days.spans
