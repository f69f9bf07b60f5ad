"""Random bytes from the operating system, drawn by the page: one call for a handful of bytes costs 20 µs on some
machines, five of them were a third of an exchange's cost.
"""

from __future__ import annotations

import os
import threading

from adapter.channels import Randomness

_PAGE = 4096


def buffered(source: Randomness = os.urandom) -> Randomness:
    """Bytes of the source, each given out once, to any thread. Make a new one after a fork."""
    lock = threading.Lock()
    page, used = b"", 0

    def take(count: int) -> bytes:
        nonlocal page, used
        if count > _PAGE:
            return source(count)
        with lock:
            if used + count > len(page):
                page, used = source(_PAGE), 0
            taken = page[used : used + count]
            used += count
            return taken

    return take
