"""How promises are kept: of one case, and how long each stage of a service really takes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from statistics import median
from typing import Any

from pydantic import Field

from adapter.calendar import Days, spell_day, tehran_day
from adapter.exchange import CLOSED_STAGES, Case, Payload
from adapter.journal import lives
from adapter.promise import Stretch, keeping, stretches_of, working_days_of
from ops.operators.desk import Arguments, Desk, refuse_unknown

_NEAR_ALL = 0.9


class DurationsWanted(Arguments):
    """Of which cases: those opened in the last `days`, of one tenant or service where they are given."""

    tenant: str | None = None
    service: str | None = None
    days: int = Field(default=365, ge=1, le=3650)


def told_promise(desk: Desk, case: Case, audit: Sequence[Mapping[str, Any]]) -> Payload:
    """The promise of a case, and how many working days each of its stages took."""
    working, today = desk.house.days.of(case.tenant), tehran_day(desk.house.clock())
    stretches = stretches_of(case.opened_at, audit)
    service = desk.house.offer.named(case.tenant, case.service)
    kept = keeping(service.promise, stretches, working, today) if service else None
    stages = [{**asdict(one), "working_days": working_days_of(one, working, today)} for one in stretches]
    if service is None or kept is None:
        return {"promise": None, "stages": stages}
    unit = "days" if service.promise.working_days is None else "working_days"
    return {"promise": {"unit": unit, **asdict(service.promise), **asdict(kept)}, "stages": stages}


async def show_durations(desk: Desk, wanted: DurationsWanted) -> Payload:
    """Median and 90th percentile, in working days, of what each stage of each service took; days of one case add up."""
    now = desk.house.clock()
    refuse_unknown("service", wanted.service, desk.house.tables.now.names)
    refuse_unknown("tenant", wanted.tenant, desk.house.settings.tenants)
    found = await desk.house.journal.read(
        lives.lives_since, now - timedelta(days=wanted.days), tenant=wanted.tenant, service=wanted.service
    )
    taken: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for life in found:
        for stage, working_days in _by_stage(life.stretches, desk.house.days, life.tenant, tehran_day(now)).items():
            taken[life.tenant, life.service, stage].append(working_days)
    return {"since": spell_day(tehran_day(now) - timedelta(days=wanted.days)), "durations": _summary(taken)}


def _by_stage(stretches: Iterable[Stretch], days: Days, tenant: str, today: date) -> dict[str, int]:
    """What each stage took that has ended; one that lasts would make the figures look better than they are."""
    found: dict[str, int] = defaultdict(int)
    for one in stretches:
        if one.ended is not None and one.stage not in CLOSED_STAGES:
            found[one.stage.value] += working_days_of(one, days.of(tenant), today)
    return found


def _summary(taken: Mapping[tuple[str, str, str], list[int]]) -> list[dict[str, Any]]:
    return [
        {
            **dict(zip(("tenant", "service", "stage"), key, strict=True)),
            "cases": len(values),
            "median": median(values),
            "p90": sorted(values)[math.ceil(_NEAR_ALL * len(values)) - 1],
        }
        for key, values in sorted(taken.items())
    ]
