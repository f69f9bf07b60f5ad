"""Days and instants as partners spell them: Jalali or Gregorian, text or number, Tehran time. Inside they are dates.

The only module that knows the calendar library, and asks it for each new year alone. Unfit texts name the rule that was
broken, never the value.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, tzinfo
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
_ISO_INSTANT = re.compile(
    r"(?:1[89]|2[01])[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
"""By far the commonest spelling; a Jalali year never begins so."""
_INSTANT = re.compile(r"([0-9/-]{8,10})(?:[T ]([0-9:.]+))?(Z|[+-][0-9]{2}:?[0-9]{2})?")


def _new_years() -> tuple[int, ...]:
    """The ordinal of each 1 Farvardin from 1200 on, and of the one after the last year."""
    return tuple(_Jalali(year, 1, 1).to_gregorian().toordinal() for year in range(1200, 1601))


_NEW_YEARS = _new_years()
"""Asked of the library once: a day is then an addition, and costs a twentieth of what the library takes for it."""

_DAYS_BEFORE = (0, 31, 62, 93, 124, 155, 186, 216, 246, 276, 306, 336)
_MOST_DAYS = (31, 31, 31, 31, 31, 31, 30, 30, 30, 30, 30, 30)
_ESFAND = 12
_LEAP_YEAR_DAYS = 366


def jalali_day(year: int, month: int, day: int) -> date:
    """Return the day that a Jalali year (1200 to 1599), month and day name; Unfit when the calendar has no such day."""
    if year not in JALALI_YEARS or not 1 <= month <= _ESFAND or not 1 <= day <= _most_days(year, month):
        raise Unfit(f"the Jalali calendar has no such day{_leap_hint(year, month, day)}")
    return date.fromordinal(_NEW_YEARS[year - 1200] + _DAYS_BEFORE[month - 1] + day - 1)


def _most_days(year: int, month: int) -> int:
    if month < _ESFAND:
        return _MOST_DAYS[month - 1]
    return 30 if _NEW_YEARS[year - 1199] - _NEW_YEARS[year - 1200] == _LEAP_YEAR_DAYS else 29


def jalali_parts(day: date) -> tuple[int, int, int]:
    """Year (1200 to 1599), month and day in the Jalali calendar; Unfit for a day outside of them."""
    ordinal = day.toordinal()
    place = bisect_right(_NEW_YEARS, ordinal)
    if place in {0, len(_NEW_YEARS)}:
        raise Unfit("the day is outside the Jalali years 1200 to 1599")
    since = ordinal - _NEW_YEARS[place - 1]
    month = bisect_right(_DAYS_BEFORE, since)
    return 1199 + place, month, since - _DAYS_BEFORE[month - 1] + 1


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
    if _ISO_INSTANT.fullmatch(text):
        return _iso_instant(text)
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise Unfit("a day or an instant is spelt 1405/08/30, 1405/08/30 14:05 or YYYY-MM-DDTHH:MM:SS with an offset")
    day = parse_day(found[1])
    instant = _iso_instant(f"{day.isoformat()}T{found[2] or '00:00'}{found[3] or ''}")
    return instant if found[3] else instant.replace(tzinfo=TEHRAN)


def _iso_instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Unfit("there is no such day, time of day or offset") from None


_ZONES: Mapping[str, tzinfo] = {"tehran": TEHRAN, "utc": UTC}


def spell_instant(instant: datetime, *, zone: str = "") -> str:
    """ISO 8601 with offset: in `tehran` time, in `utc`, or in the instant's own offset when empty."""
    return instant.astimezone(_ZONES[zone]).isoformat() if zone else instant.isoformat()


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
