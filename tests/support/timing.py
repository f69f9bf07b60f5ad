"""How long something takes on a machine that is never quite quiet."""

from __future__ import annotations

import time
from collections.abc import Callable


def cpu_seconds(act: Callable[[], object], *, enough: float, tries: int = 3) -> float:
    """The least CPU time that a run takes of this thread; the first that needs less than `enough` is the last."""
    least = float("inf")
    for _ in range(tries):
        began = time.thread_time()
        act()
        least = min(least, time.thread_time() - began)
        if least < enough:
            break
    return least
