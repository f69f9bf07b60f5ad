"""Days and instants as partners spell them: Jalali or Gregorian, text or number, Tehran time. Inside they are dates.

The only module that knows the calendar library. Unfit texts name the rule that was broken, never the value; the
library's own texts repeat values and are therefore not chained.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from persiantools.jdatetime import JalaliDate

from adapter.errors import Unfit
from adapter.text import canonical_digits

TEHRAN = ZoneInfo("Asia/Tehran")
"""+03:30 with no daylight saving since the end of 2022; older instants still need the tz database."""

_Jalali: Any = JalaliDate
"""The library's own annotations are incomplete."""

JALALI_YEARS = range(1200, 1600)
GREGORIAN_YEARS = range(1821, 2222)

_DAY = re.compile(r"([0-9]{4})(?:([/-])([0-9]{1,2})\2([0-9]{1,2})|([0-9]{2})([0-9]{2}))")
_INSTANT = re.compile(r"([0-9/-]{8,10})(?:[T ]([0-9:.]+))?(Z|[+-][0-9]{2}:?[0-9]{2})?")


def jalali_day(year: int, month: int, day: int) -> date:
    """Return the day that a Jalali year, month and day name; Unfit when the calendar has no such day."""
    try:
        found: date = _Jalali(year, month, day).to_gregorian()
    except ValueError:
        raise Unfit(f"the Jalali calendar has no such day{_leap_hint(year, month, day)}") from None
    return found


def jalali_parts(day: date) -> tuple[int, int, int]:
    """Year, month and day in the Jalali calendar."""
    jalali = _Jalali(day)
    return jalali.year, jalali.month, jalali.day


def parse_day(value: str | int) -> date:
    """Read a day spelt `1403/12/30`, `1403-12-30`, `14031230`, `2025-03-20` or so; the year tells the calendar."""
    found = _DAY.fullmatch(canonical_digits(str(value)).strip())
    if found is None:
        raise Unfit("a date is spelt YYYY/MM/DD, YYYYMMDD or YYYY-MM-DD")
    year, month, day = int(found[1]), int(found[3] or found[5]), int(found[4] or found[6])
    if year in JALALI_YEARS:
        return jalali_day(year, month, day)
    if year not in GREGORIAN_YEARS:
        raise Unfit("the year is neither Jalali (1200 to 1599) nor Gregorian (1821 to 2221)")
    try:
        return date(year, month, day)
    except ValueError:
        raise Unfit("the Gregorian calendar has no such day") from None


def _with_slashes(day: date) -> str:
    year, month, day_of_month = jalali_parts(day)
    return f"{year:04}/{month:02}/{day_of_month:02}"


def _as_number(day: date) -> int:
    year, month, day_of_month = jalali_parts(day)
    return year * 10_000 + month * 100 + day_of_month


SPELLINGS: Mapping[str, Callable[[date], str | int]] = {
    "YYYY/MM/DD": _with_slashes,
    "YYYYMMDD": _as_number,
    "iso": date.isoformat,
}
"""How a day is written for a partner: Jalali text, Jalali whole number, or Gregorian ISO text."""


def spell_day(day: date, spelling: str = "YYYY/MM/DD") -> str | int:
    """Write the day as one of SPELLINGS; KeyError for another spelling."""
    return SPELLINGS[spelling](day)


def parse_instant(value: str) -> datetime:
    """Read an aware instant from ISO text or `1403/12/30 14:05:00`; without an offset it is Tehran time."""
    text = canonical_digits(value).strip()
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise Unfit("an instant is spelt YYYY-MM-DDTHH:MM:SS with an offset")
    day = parse_day(found[1])
    try:
        instant = datetime.fromisoformat(f"{day.isoformat()}T{found[2] or '00:00'}{found[3] or ''}")
    except ValueError:
        raise Unfit("there is no such time of day or offset") from None
    return instant if found[3] else instant.replace(tzinfo=TEHRAN)


def spell_instant(instant: datetime, *, zone: str = "") -> str:
    """ISO 8601 with offset: in `tehran` time, in `utc`, or in the instant's own offset when empty."""
    zones = {"tehran": TEHRAN, "utc": UTC, "": instant.tzinfo}
    return instant.astimezone(zones[zone]).isoformat()


def _on_the_wall(instant: datetime) -> str:
    return instant.astimezone(TEHRAN).replace(tzinfo=None).isoformat()


def _with_jalali_day(instant: datetime) -> str:
    there = instant.astimezone(TEHRAN)
    return f"{_with_slashes(there.date())} {there:%H:%M:%S}"


INSTANT_SPELLINGS: Mapping[str, Callable[[datetime], str]] = {
    "tehran": partial(spell_instant, zone="tehran"),
    "utc": partial(spell_instant, zone="utc"),
    "local": _on_the_wall,
    "jalali": _with_jalali_day,
}
"""How an instant is written for a partner: ISO in a zone, Tehran time without its offset, or with the Jalali day."""


def tehran_day(instant: datetime) -> date:
    """Return the day on the wall in Tehran at an aware instant."""
    return instant.astimezone(TEHRAN).date()


def _leap_hint(year: int, month: int, day: int) -> str:
    return f": Esfand of {year} has 29 days" if (month, day) == (12, 30) else ""
