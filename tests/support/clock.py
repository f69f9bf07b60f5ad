"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MORNING = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)


class StandingClock:
    """The time now, for every part of a house under test."""

    def __init__(self, now: datetime = MORNING) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, wait: timedelta | float) -> datetime:
        """Move on by a duration, or by seconds."""
        self.now += wait if isinstance(wait, timedelta) else timedelta(seconds=wait)
        return self.now
