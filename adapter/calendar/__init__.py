"""Days, instants and working days. Pure; the only room that knows the calendar library."""

from __future__ import annotations

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

__all__ = [
    "INSTANT_SPELLINGS",
    "JALALI_YEARS",
    "SPELLINGS",
    "TEHRAN",
    "jalali_day",
    "jalali_parts",
    "parse_day",
    "parse_instant",
    "spell_day",
    "spell_instant",
    "tehran_day",
]
