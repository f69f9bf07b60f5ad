"""How many open cases have a broken promise."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from adapter.calendar import tehran_day
from adapter.journal import lives
from adapter.promise import keeping

if TYPE_CHECKING:
    from ops.wiring import House


async def overdue_counts(house: House) -> Counter[tuple[str, str]]:
    """(tenant, service) → open cases whose promise is broken; those too young for that are not looked at."""
    now, counts = house.clock(), Counter[tuple[str, str]]()
    promises = {name: service.promise for name, service in house.services.items()}
    shortest = min((one.working_days or one.days or 0 for one in promises.values()), default=0)
    for life in await house.journal.read(lives.open_lives, opened_before=now - timedelta(days=shortest)):
        promise = promises.get(life.service)
        if promise is not None:
            kept = keeping(promise, life.stretches, house.days.of(life.tenant), tehran_day(now))
            counts[life.tenant, life.service] += kept is not None and kept.is_overdue
    return counts
