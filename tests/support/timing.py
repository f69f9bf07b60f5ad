"""How long something takes on a machine that is never quite quiet."""

from __future__ import annotations

import time
from collections.abc import Callable

_QUIET_SECONDS = 0.02
"""What `_reference` takes on a quiet core of the machine that the limits in the tests were set on."""


def cpu_seconds(act: Callable[[], object], *, enough: float, tries: int = 3) -> float:
    """The least CPU time that a run takes of this thread; the first that needs less than `enough` is the last.

    Neighbours and other tests slow everything down at once: a fixed piece of work is timed before and after, and as
    much slower as that was than on a quiet core is taken off. A quicker machine is given nothing on top.
    """
    least = float("inf")
    for _ in range(tries):
        before = _timed(_reference)
        taken = _timed(act)
        slowness = max(1.0, (before + _timed(_reference)) / 2 / _QUIET_SECONDS)
        least = min(least, taken / slowness)
        if least < enough:
            break
    return least


def _timed(act: Callable[[], object]) -> float:
    began = time.thread_time()
    act()
    return time.thread_time() - began


def _reference() -> int:
    return len({str(number): number for number in range(100_000)})
