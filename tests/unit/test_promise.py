from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from adapter.calendar import TEHRAN, DayRow, Days, WorkingDays, jalali_day
from adapter.exchange import Stage
from adapter.promise import Keeping, Promise, Stretch, keeping, stretches_of, working_days_of

THREE, TEN_DAYS = Promise(working_days=3), Promise(days=10)
SATURDAY = jalali_day(1405, 8, 23)
WEEK = WorkingDays(Days(), "kavir")


def at(days: int, hour: int = 10) -> datetime:
    return datetime.combine(SATURDAY + timedelta(days=days), time(hour), TEHRAN)


def day(days: int) -> date:
    return SATURDAY + timedelta(days=days)


def told(days: int, stage: Stage, *, awaited: str | None = None, sequence: int = 0, hour: int = 10) -> dict[str, Any]:
    detail = {"stage": stage.value, "awaited": awaited, "sequence": sequence or days}
    return {"at": at(days, hour), "event": "done", "detail": {name: one for name, one in detail.items() if one}}


def accepted(days: int, operation: str) -> dict[str, Any]:
    return {"at": at(days), "event": "accepted", "detail": {"operation": operation}}


def kept(*audit: dict[str, Any], today: int, promise: Promise = THREE, working: WorkingDays = WEEK) -> Keeping:
    found = keeping(promise, stretches_of(at(0), audit), working, day(today))
    assert found is not None
    return found


def test_the_day_of_filing_does_not_count_and_fridays_do_not() -> None:
    assert kept(today=0) == Keeping(day(3), 0, 0, is_paused=False, is_overdue=False)
    five = kept(today=9, promise=Promise(working_days=6))
    assert (five.promised_until, five.days_used) == (day(7), 8)


def test_a_promise_is_overdue_the_day_after_its_last_day() -> None:
    assert not kept(today=3).is_overdue
    assert kept(today=4).is_overdue


def test_a_promise_pauses_while_the_citizen_is_awaited() -> None:
    incomplete, corrected = told(1, Stage.INCOMPLETE), told(4, Stage.IN_PROGRESS)
    found = kept(incomplete, corrected, today=5)
    assert found == Keeping(day(7), 2, 3, is_paused=False, is_overdue=False)


@pytest.mark.parametrize("stage", [Stage.INCOMPLETE, Stage.TO_PAY])
def test_while_it_is_paused_the_day_is_told_as_if_the_citizen_acted_today(stage: Stage) -> None:
    found = kept(told(0, stage, sequence=1, hour=12), today=19)
    assert (found.is_paused, found.days_used, found.is_overdue) == (True, 0, False)
    assert found.promised_until == day(19 + 4), "the 20th day is a Friday"


def test_a_citizen_who_is_awaited_in_another_stage_pauses_it_too_and_nobody_else_does() -> None:
    by_citizen = kept(told(1, Stage.IN_PROGRESS, awaited="citizen"), today=2)
    by_engineers = kept(told(1, Stage.IN_PROGRESS, awaited="engineers"), today=2)
    assert (by_citizen.days_paused, by_engineers.days_paused) == (2, 0)


@pytest.mark.parametrize(("operation", "is_paused"), [("CorrectRequest", False), ("AttachDocument", True)])
def test_the_promise_runs_on_once_the_citizen_has_done_what_was_awaited(operation: str, *, is_paused: bool) -> None:
    assert kept(told(1, Stage.INCOMPLETE), accepted(2, operation), today=2).is_paused is is_paused


def test_a_day_belongs_to_whoever_had_the_case_at_its_end_in_tehran() -> None:
    back = [told(1, Stage.INCOMPLETE, hour=9), told(2, Stage.IN_PROGRESS, sequence=2, hour=23)]
    assert kept(*back, today=2).days_paused == 1
    late = told(1, Stage.INCOMPLETE, hour=9)
    utc_night = {**told(2, Stage.IN_PROGRESS, sequence=2), "at": datetime.fromisoformat("2026-11-16T20:31:00Z")}
    assert kept(late, utc_night, today=3).days_paused == 2, "it is past midnight in Tehran"


def test_plain_days_count_fridays_and_holidays() -> None:
    found = kept(told(1, Stage.TO_PAY), told(3, Stage.IN_PROGRESS), today=6, promise=TEN_DAYS)
    assert found == Keeping(day(12), 4, 2, is_paused=False, is_overdue=False)


def test_a_closure_announced_later_moves_the_promise() -> None:
    closed = Days(by_day={day(2): (DayRow("kavir", "closure", title="آلودگی هوا"),)})
    assert kept(today=1, working=closed.of("kavir")).promised_until == day(4)
    assert kept(today=1, working=closed.of("other")).promised_until == day(3)


def test_after_the_end_nothing_is_used_and_a_late_end_stays_overdue() -> None:
    in_time, late = (kept(told(end, Stage.ENDED), today=40) for end in (2, 5))
    assert (in_time.days_used, in_time.is_overdue) == (2, False)
    assert (late.days_used, late.is_overdue) == (5, True)


def test_nothing_promised_is_nothing_kept() -> None:
    assert keeping(Promise(), stretches_of(at(0), []), WEEK, day(1)) is None


def test_a_status_that_came_late_changes_no_stage() -> None:
    newer, older = told(2, Stage.IN_PROGRESS, sequence=5), told(3, Stage.INCOMPLETE, sequence=4)
    stages = stretches_of(at(0), [newer, older])
    assert stages == (
        Stretch(Stage.RECEIVED, is_paused=False, began=at(0), ended=at(2)),
        Stretch(Stage.IN_PROGRESS, is_paused=False, began=at(2)),
    )


def test_each_stage_tells_the_working_days_that_ended_in_it() -> None:
    stages = stretches_of(at(0), [told(3, Stage.INCOMPLETE), told(8, Stage.ENDED)])
    assert [working_days_of(one, WEEK, day(30)) for one in stages] == [3, 4, 0]
