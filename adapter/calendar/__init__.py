"""Days, instants and working days. Pure; the only room that knows the calendar library."""

from __future__ import annotations

from adapter.calendar.reading import read_calendars, with_closure
from adapter.calendar.spelling import (
    INSTANT_SPELLINGS,
    JALALI_YEARS,
    SPELLINGS,
    TEHRAN,
    jalali_day,
    jalali_parts,
    parse_day,
    parse_instant,
    spell_day,
    spell_instant,
    tehran_day,
)
from adapter.calendar.working import EVERYBODY, DayRow, Days, WorkingDays, days_after, weekday_of

__all__ = [
    "EVERYBODY",
    "INSTANT_SPELLINGS",
    "JALALI_YEARS",
    "SPELLINGS",
    "TEHRAN",
    "DayRow",
    "Days",
    "WorkingDays",
    "days_after",
    "jalali_day",
    "jalali_parts",
    "parse_day",
    "parse_instant",
    "read_calendars",
    "spell_day",
    "spell_instant",
    "tehran_day",
    "weekday_of",
    "with_closure",
]
