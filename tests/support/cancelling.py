"""Cancellation at a chosen await: before what is awaited has landed, or after, its result lost."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Coroutine, Generator
from typing import Any


@types.coroutine
def cancelled_at(work: Coroutine[Any, Any, Any], point: int, *, lands: bool) -> Generator[Any, Any, bool]:
    """Run until the await number `point` (from 1), then cancel; whether it came so far.

    With `lands` what is awaited there is let happen first and only its result is lost, as when a commit succeeds
    and the process is stopped before it learns of it.
    """
    try:
        awaited = work.send(None)
        for _ in range(point - 1):
            yield awaited
            awaited = work.send(None)
    except StopIteration:
        return False
    if lands:
        yield awaited
    try:
        work.throw(asyncio.CancelledError())
    except (asyncio.CancelledError, StopIteration):
        pass
    else:
        work.close()
    return True
