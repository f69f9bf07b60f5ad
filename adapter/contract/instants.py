"""Instants as XML Schema and RFC 3339 let them be written, which is more than Python's calendar reads."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_INSTANT = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})T(?P<clock>[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?)(?P<offset>Z|[+-][0-9]{2}:[0-9]{2})"
)
_LEAP_SECOND = re.compile(r":60(\.[0-9]+)?$")
_END_OF_DAY = re.compile(r"24:00:00(\.0+)?")


def read_instant(text: object) -> datetime | None:
    """The aware instant in its own offset; None for what no calendar has, or has in one offset only.

    24:00 is the next day's midnight (XML Schema 1.0, 3.2.7); a leap second is the last microsecond before it ends.
    """
    found = _INSTANT.fullmatch(text.upper()) if isinstance(text, str) else None
    if found is None:
        return None
    clock = _LEAP_SECOND.sub(":59.999999", found["clock"])
    is_end_of_day = _END_OF_DAY.fullmatch(clock) is not None
    try:
        instant = datetime.fromisoformat(f"{found['day']}T{'00:00:00' if is_end_of_day else clock}{found['offset']}")
        instant += timedelta(days=is_end_of_day)
        instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return instant
