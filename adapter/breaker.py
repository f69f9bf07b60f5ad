"""The breaker of one endpoint and operation group: after too many technical failures nothing is sent for a while.

Business refusals are successes of the wire and close it. While it is open no attempt is burnt; one probe is let
through when its time has come, and after success the number at once grows 1, 2, 4 … until it no longer matters. A
failure among these halves the number: an endpoint that loses one answer in ten is slow to trust, but not lost. A call
that began before it opened and ends later takes no place from the probe and says nothing of now.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from adapter.retry import Profile

_LEAST_CALLS = 20
_FAILED_SHARE = 0.5
_IN_A_ROW = 10
_SLOW_START_ENDS = 64


class Breaker:
    """Pure but for what it remembers; time is always an argument."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._calls: deque[tuple[datetime, bool]] = deque()
        self._in_a_row = 0
        self._open_for = profile.breaker_open
        self._open_until: datetime | None = None
        self._allowed: int | None = None
        self._under_way = 0
        self._times_opened = 0

    def is_open(self, now: datetime) -> bool:
        """Whether a call would not be let through now; a clock that was set back does not lengthen its time."""
        if self._open_until is not None and timedelta(0) < self._open_until - now <= self._open_for:
            return True
        return self._allowed is not None and self._under_way >= self._allowed

    @property
    def open_until(self) -> datetime | None:
        """Until when nothing is sent; None while closed."""
        return self._open_until

    def begin(self, now: datetime) -> int | None:
        """A place for one call, to be given back by `end` or `cancel`; None when the breaker lets none through."""
        if self.is_open(now):
            return None
        if self._open_until is not None:
            self._open_until, self._allowed = None, 1
        self._under_way += 1
        return self._times_opened

    def end(self, place: int, now: datetime, *, succeeded: bool) -> None:
        """Give the place back and remember how the call went."""
        if place != self._times_opened:
            return
        self._under_way -= 1
        self._calls.append((now, succeeded))
        while self._calls and not now - self._profile.breaker_window <= self._calls[0][0] <= now:
            self._calls.popleft()
        if succeeded:
            self._succeed()
        else:
            self._fail(now)

    def cancel(self, place: int) -> None:
        """Give the place back without a verdict: the call was cancelled by us."""
        if place == self._times_opened:
            self._under_way -= 1

    def _succeed(self) -> None:
        self._in_a_row = 0
        if self._allowed is None:
            return
        self._allowed *= 2
        if self._allowed >= _SLOW_START_ENDS:
            self._allowed, self._open_for = None, self._profile.breaker_open

    def _fail(self, now: datetime) -> None:
        self._in_a_row += 1
        failed = sum(not succeeded for _, succeeded in self._calls)
        is_share = len(self._calls) >= _LEAST_CALLS and failed >= _FAILED_SHARE * len(self._calls)
        if is_share or self._in_a_row >= _IN_A_ROW or self._allowed == 1:
            self._trip(now)
        elif self._allowed is not None:
            self._allowed //= 2

    def _trip(self, now: datetime) -> None:
        if self._allowed is not None:
            self._open_for = min(self._open_for * 2, self._profile.breaker_longest)
        self._open_until, self._allowed = now + self._open_for, 1
        self._calls.clear()
        self._in_a_row = self._under_way = 0
        self._times_opened += 1


def opened_for(breaker: Breaker, now: datetime) -> timedelta:
    """How long the breaker stays open from now."""
    until = breaker.open_until
    return timedelta(0) if until is None else max(until - now, timedelta(0))
