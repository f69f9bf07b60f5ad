"""Working days: which days an office works, by the tables of `mappings/calendars/`. Pure once read.

The week begins on Saturday and Friday is closed. A row for a day goes before a row for a weekday, and among rows of one
kind a tenant's own goes before everybody's; so a municipality works on a Thursday on which its province does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta

WEEKDAYS = ("saturday", "sunday", "monday", "tuesday", "wednesday", "thursday", "friday")
"""In the order of the week here."""
EVERYBODY = "*"
_ONE_DAY = timedelta(days=1)
_FROM_MONDAY_TO_SATURDAY = 2


@dataclass(frozen=True, slots=True)
class DayRow:
    """What a table says of a day or weekday for one tenant or all: `holiday`, `closure`, or `open` and its hours."""

    tenant: str
    kind: str
    opens: time | None = None
    closes: time | None = None
    title: str = ""

    @property
    def is_working(self) -> bool:
        """Whether the office works then."""
        return self.kind == "open"


@dataclass(frozen=True, slots=True)
class Days:
    """The rows of all tables: by day, and for each Jalali year by weekday. `spans`: the years' first and last days."""

    by_day: Mapping[date, tuple[DayRow, ...]] = field(default_factory=dict)
    by_weekday: Mapping[tuple[int, str], tuple[DayRow, ...]] = field(default_factory=dict)
    spans: Mapping[int, tuple[date, date]] = field(default_factory=dict)

    @property
    def tenants(self) -> frozenset[str]:
        """Everybody who has a row of their own."""
        rows = (*self.by_day.values(), *self.by_weekday.values())
        return frozenset(row.tenant for found in rows for row in found) - {EVERYBODY}

    def of(self, tenant: str) -> WorkingDays:
        """The working days of one tenant."""
        return WorkingDays(self, tenant)


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """One tenant's working days. Of a year without a table only Fridays are known to be closed."""

    days: Days
    tenant: str

    def row(self, day: date) -> DayRow | None:
        """The row that decides about a day; None when no table speaks of it."""
        year = next((year for year, (first, last) in self.days.spans.items() if first <= day <= last), 0)
        found = self.days.by_day.get(day, ()), self.days.by_weekday.get((year, weekday_of(day)), ())
        return next((row for rows in found for name in (self.tenant, EVERYBODY) for row in _of(rows, name)), None)

    def is_working(self, day: date) -> bool:
        """Whether the office works on a day."""
        row = self.row(day)
        return weekday_of(day) != "friday" if row is None else row.is_working

    def after(self, day: date, working_days: int) -> date:
        """The day on which so many working days have passed; `day` itself does not count."""
        for _ in range(working_days):
            day += _ONE_DAY
            while not self.is_working(day):
                day += _ONE_DAY
        return day

    def between(self, first: date, last: date) -> int:
        """How many working days lie after `first`, up to and with `last`."""
        return sum(map(self.is_working, days_after(first, last)))


def weekday_of(day: date) -> str:
    """The day's name in English, in lower case."""
    return WEEKDAYS[(day.weekday() + _FROM_MONDAY_TO_SATURDAY) % len(WEEKDAYS)]


def days_after(first: date, last: date) -> Iterator[date]:
    """Every day after `first`, up to and with `last`."""
    return (first + timedelta(days=number) for number in range(1, (last - first).days + 1))


def _of(rows: Iterable[DayRow], tenant: str) -> Iterator[DayRow]:
    return (row for row in rows if row.tenant == tenant)
