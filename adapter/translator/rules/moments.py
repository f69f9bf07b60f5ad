"""Rules for days and instants, as partners spell them; `adapter.calendar` reads and writes."""

from __future__ import annotations

from typing import Any

from adapter import calendar
from adapter.errors import Unfit
from adapter.translator.paths import Context, is_absent
from adapter.translator.rules.making import Conversion, Tools, one_of
from adapter.translator.values import plain_text


def jalali_date(argument: str, _: Tools) -> Conversion:
    """Write a day in any spelling as `YYYY/MM/DD` (default), `YYYYMMDD` (a whole number) or `iso` (Gregorian).

    Two sources are twin fields of one day, in two calendars for example: one may be absent, both must agree.
    """
    one_of(argument, ("", *calendar.SPELLINGS))
    spell = calendar.SPELLINGS[argument or "YYYY/MM/DD"]

    def convert(value: Any, _: Context) -> str | int:
        if not isinstance(value, list):
            return spell(calendar.parse_day(plain_text(value)))
        days = {calendar.parse_day(plain_text(one)) for one in value if not is_absent(one)}
        if len(days) != 1:
            raise Unfit("the twin fields name two different days")
        return spell(days.pop())

    return convert


def datetime(argument: str, _: Tools) -> Conversion:
    """Write an instant as ISO 8601 with offset, or as one of the spellings of INSTANT_SPELLINGS.

    Two sources are the day and the time of day; without an offset both are Tehran time.
    """
    one_of(argument, ("", *calendar.INSTANT_SPELLINGS))
    spell = calendar.INSTANT_SPELLINGS.get(argument, calendar.spell_instant)

    def convert(value: Any, _: Context) -> str:
        if isinstance(value, list):
            value = " ".join(plain_text(part) for part in value if not is_absent(part))
        return spell(calendar.parse_instant(plain_text(value)))

    return convert
