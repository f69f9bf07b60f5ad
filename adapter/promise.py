"""What was promised to the citizen, and how it is kept. Pure: the case's stages in, days out.

A promise pauses while the citizen is awaited; a legal limit (an objection's days, a bill's last day) never does and is
not computed here. A day belongs to whoever had the case at its end in Tehran; the day of filing does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from adapter.calendar import WorkingDays, tehran_day
from adapter.exchange import CLOSED_STAGES, Operation, Stage

CITIZEN = "citizen"
WAITING_STAGES = frozenset({Stage.INCOMPLETE, Stage.TO_PAY})
"""In these the citizen is awaited, whoever else a status names."""
RETURNING_OPERATIONS = frozenset({Operation.CORRECT_REQUEST, Operation.CONFIRM_PAYMENT})
"""By these the citizen has done what was awaited: the promise runs on, before the internal system says so."""

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Promise:
    """What the service promises the citizen; working days by the tenant's calendar, or plain days."""

    working_days: int | None = None
    days: int | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """One stage of a case without a break; `ended` is None for the one that lasts. Paused: the citizen is awaited."""

    stage: Stage
    is_paused: bool
    began: datetime
    ended: datetime | None = None


@dataclass(frozen=True, slots=True)
class Keeping:
    """How a promise stands: the day until which it is kept, and the days used and paused, in its own unit.

    While it is paused `promised_until` is the day it would be if the citizen acted today.
    """

    promised_until: date
    days_used: int
    days_paused: int
    is_paused: bool
    is_overdue: bool


def stretches_of(opened_at: datetime, audit: Iterable[Mapping[str, Any]]) -> tuple[Stretch, ...]:
    """The stages of a case from its audit records in the order of time, each with `at`, `event` and `detail`.

    A status that came late, behind a newer one, changed nothing and is passed over.
    """
    found = [Stretch(Stage.RECEIVED, is_paused=False, began=opened_at)]
    newest = -1
    for row in audit:
        detail, last = row["detail"], found[-1]
        sequence = detail.get("sequence", newest)
        if "stage" in detail and sequence >= newest:
            newest = sequence
            stage = Stage(detail["stage"])
            is_paused = stage in WAITING_STAGES or (stage not in CLOSED_STAGES and detail.get("awaited") == CITIZEN)
        elif row["event"] == "accepted" and detail.get("operation") in RETURNING_OPERATIONS:
            stage, is_paused = last.stage, False
        else:
            continue
        if (stage, is_paused) != (last.stage, last.is_paused):
            found[-1] = replace(last, ended=row["at"])
            found.append(Stretch(stage, is_paused=is_paused, began=row["at"]))
    return tuple(found)


def keeping(promise: Promise, stretches: Sequence[Stretch], working: WorkingDays, today: date) -> Keeping | None:
    """How the promise of a case with these stages stands on a day; None where nothing was promised."""
    promised = promise.days if promise.working_days is None else promise.working_days
    if promised is None:
        return None
    counts: Callable[[date], bool] = (lambda _: True) if promise.working_days is None else working.is_working
    last = stretches[-1]
    until = tehran_day(last.began) if last.stage in CLOSED_STAGES else today
    used, paused = _used_and_paused(stretches, until, counts)
    promised_until = _promised_until(stretches, promised, until, counts)
    return Keeping(promised_until, used, paused, last.is_paused, until > promised_until)


def working_days_of(stretch: Stretch, working: WorkingDays, today: date) -> int:
    """How many working days ended in a stage; so far, while it lasts. A closed stage lasts no more."""
    if stretch.ended is None and stretch.stage in CLOSED_STAGES:
        return 0
    return working.between(tehran_day(stretch.began), tehran_day(stretch.ended) if stretch.ended else today)


def _used_and_paused(stretches: Sequence[Stretch], until: date, counts: Callable[[date], bool]) -> tuple[int, int]:
    used = paused = 0
    day = tehran_day(stretches[0].began) + _ONE_DAY
    while day <= until:
        if counts(day):
            is_paused = _is_paused_on(stretches, day)
            paused, used = paused + is_paused, used + (not is_paused)
        day += _ONE_DAY
    return used, paused


def _promised_until(stretches: Sequence[Stretch], promised: int, until: date, counts: Callable[[date], bool]) -> date:
    """The day on which the last promised day ends; days after `until` are the municipality's."""
    day = tehran_day(stretches[0].began)
    while promised:
        day += _ONE_DAY
        if counts(day) and not (day <= until and _is_paused_on(stretches, day)):
            promised -= 1
    return day


def _is_paused_on(stretches: Sequence[Stretch], day: date) -> bool:
    """Whether the citizen was awaited at the day's end."""
    return next(one.is_paused for one in reversed(stretches) if tehran_day(one.began) <= day)
