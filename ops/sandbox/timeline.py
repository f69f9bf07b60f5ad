"""What happens to cases by itself, at a pace. A pure function of what was begun, paid and turned, and when.

Nothing runs in the background: what is due happens when somebody looks. So a restarted stand-in that replays its ledger
tells the same events in the same order, and the cursors given out before stay good.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens. `waits_for` stops the life behind it until that word is given to `resume`."""

    kind: str
    code: int | None = None
    note: str | None = None
    waits_for: str | None = None
    beats: int = 1


@dataclass(frozen=True, slots=True)
class Happening:
    """One step that has happened; `sequence` counts within the number's own life, from 1."""

    number: str
    sequence: int
    at: datetime
    step: Step


@dataclass(slots=True)
class _Life:
    steps: Sequence[Step]
    course: int = 0
    ahead: int = 0
    happened: int = 0
    waits_for: str | None = None


class Timeline:
    """All lives of one stand-in. Times given to it never run back."""

    def __init__(self, pace: timedelta) -> None:
        self._pace = pace
        self._lives: dict[str, _Life] = {}
        self._due: list[tuple[datetime, str, int]] = []
        self._happenings: list[Happening] = []

    def begin(self, number: str, steps: Sequence[Step], *, at: datetime) -> None:
        """Start a life; an empty one waits for a `turn`."""
        self._lives[number] = _Life(steps)
        self._schedule(number, at)

    def resume(self, number: str, word: str, *, at: datetime) -> None:
        """Let the life go on if it waits for this word."""
        life = self._lives[number]
        if life.waits_for == word:
            life.waits_for = None
            self._schedule(number, at)

    def turn(self, number: str, steps: Sequence[Step], *, at: datetime) -> None:
        """Leave what was ahead and take another course."""
        life = self._lives[number]
        life.steps, life.ahead, life.waits_for = steps, 0, None
        life.course += 1
        self._schedule(number, at)

    def release(self, now: datetime) -> None:
        """Let everything happen that is due by now."""
        while self._due and self._due[0][0] <= now:
            at, number, course = heapq.heappop(self._due)
            life = self._lives[number]
            if course != life.course:
                continue
            step = life.steps[life.ahead]
            life.ahead += 1
            life.happened += 1
            life.waits_for = step.waits_for
            self._happenings.append(Happening(number, life.happened, at, step))
            if life.waits_for is None:
                self._schedule(number, at)

    def after(self, position: int, *, most: int) -> tuple[Sequence[Happening], int]:
        """At most so many happenings behind a position, and the position behind them."""
        found = self._happenings[max(0, position) : max(0, position) + most]
        return found, max(0, position) + len(found)

    def knows(self, number: str) -> bool:
        """Whether this life was begun."""
        return number in self._lives

    def is_over(self, number: str) -> bool:
        """Whether nothing is ahead of this life and it waits for nothing."""
        life = self._lives[number]
        return life.ahead >= len(life.steps) and life.waits_for is None

    def _schedule(self, number: str, at: datetime) -> None:
        life = self._lives[number]
        if life.ahead < len(life.steps):
            due = at + self._pace * life.steps[life.ahead].beats
            heapq.heappush(self._due, (due, number, life.course))
