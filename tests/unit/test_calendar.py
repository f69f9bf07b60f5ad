from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from persiantools.jdatetime import JalaliDate

from adapter import calendar
from adapter.errors import Unfit


def test_the_30th_of_esfand_1403_exists_and_that_of_1404_does_not() -> None:
    assert calendar.parse_day("1403/12/30") == date(2025, 3, 20)
    with pytest.raises(Unfit, match="Esfand of 1404 has 29 days"):
        calendar.parse_day("1404/12/30")


@pytest.mark.parametrize(
    "written", ["1403/12/30", "1403-12-30", "14031230", 14031230, "۱۴۰۳/۱۲/۳۰", "2025-03-20", "20250320"]
)
def test_every_spelling_names_the_same_day(written: str | int) -> None:
    assert calendar.parse_day(written) == date(2025, 3, 20)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "1403/13/01",
        "1403/07/31",
        "1403/00/10",
        "403/1/1",
        "1403/12-30",
        "140312",
        "2025-02-29",
        "1700/01/01",
        "فردا",
    ],
)
def test_what_is_no_day_is_refused(wrong: str) -> None:
    with pytest.raises(Unfit):
        calendar.parse_day(wrong)


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(2121, 1, 1)), st.sampled_from(sorted(calendar.SPELLINGS)))
def test_a_day_survives_every_spelling(day: date, spelling: str) -> None:
    assert calendar.parse_day(calendar.spell_day(day, spelling)) == day


def test_spellings_are_text_number_and_iso() -> None:
    day = date(2025, 3, 21)
    assert calendar.spell_day(day) == "1404/01/01"
    assert calendar.spell_day(day, "YYYYMMDD") == 14040101
    assert calendar.spell_day(day, "iso") == "2025-03-21"


def test_an_instant_without_offset_is_tehran_time() -> None:
    assert calendar.parse_instant("1404/01/01 08:30:00").astimezone(UTC) == datetime(2025, 3, 21, 5, tzinfo=UTC)
    assert calendar.parse_instant("2025-03-21T05:00:00Z") == datetime(2025, 3, 21, 5, tzinfo=UTC)


def test_summer_time_counts_before_its_end_in_2022_only() -> None:
    assert calendar.parse_instant("2022-07-01T12:00:00").utcoffset() == timedelta(hours=4, minutes=30)
    assert calendar.parse_instant("2023-07-01T12:00:00").utcoffset() == timedelta(hours=3, minutes=30)


def test_an_instant_is_spelt_in_the_asked_zone() -> None:
    instant = datetime(2025, 3, 21, 5, tzinfo=UTC)
    assert calendar.spell_instant(instant, zone="tehran") == "2025-03-21T08:30:00+03:30"
    assert calendar.spell_instant(instant.astimezone(timezone(timedelta(hours=2)))) == "2025-03-21T07:00:00+02:00"


@pytest.mark.parametrize("wrong", ["", "2025-03-21T25:00:00Z", "2025-03-21T10:00:00+99:00", "2025-03-21Tten", "soon"])
def test_what_is_no_instant_is_refused(wrong: str) -> None:
    with pytest.raises(Unfit):
        calendar.parse_instant(wrong)


def test_the_day_in_tehran_begins_before_the_day_in_utc() -> None:
    assert calendar.tehran_day(datetime(2025, 3, 20, 20, 29, tzinfo=UTC)) == date(2025, 3, 20)
    assert calendar.tehran_day(datetime(2025, 3, 20, 20, 31, tzinfo=UTC)) == date(2025, 3, 21)


def test_every_month_of_four_centuries_begins_where_the_library_says() -> None:
    for year in calendar.JALALI_YEARS:
        for month in range(1, 13):
            theirs = JalaliDate(year, month, 1).to_gregorian()  # type: ignore[no-untyped-call]
            assert calendar.jalali_day(year, month, 1) == theirs
            assert calendar.jalali_parts(theirs) == (year, month, 1)


@pytest.mark.parametrize(
    ("year", "month", "day"), [(1199, 12, 29), (1600, 1, 1), (1405, 13, 1), (1405, 0, 1), (1405, 7, 31)]
)
def test_a_day_outside_the_calendar_is_refused(year: int, month: int, day: int) -> None:
    with pytest.raises(Unfit, match="no such day"):
        calendar.jalali_day(year, month, day)


def test_a_day_before_the_known_years_has_no_jalali_spelling() -> None:
    with pytest.raises(Unfit, match="1200"):
        calendar.spell_day(date(1800, 1, 1))
