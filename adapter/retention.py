"""Retention: what has been kept long enough is retired, now and again, a little at a time."""

from __future__ import annotations

import asyncio

from adapter.journal import Journal, Retention
from adapter.loops import Loops
from adapter.retry import Profile


async def keep_retiring(journal: Journal, profile: Profile, loops: Loops) -> None:
    """Retire until cancelled: a batch at a pulse while more is due, then nothing until the next sweep.

    A batch is one step of the journal's writer among the others, and between two of them there is always a pulse.
    """
    age = Retention(keys=profile.keys_kept, tombstones=profile.tombstones_kept)
    while True:
        is_more_due = False
        with loops.turn("retention"):
            keys = await journal.retire_keys(age)
            documents = await journal.documents.sweep(profile.documents_kept)
            is_more_due = keys or documents
        await asyncio.sleep((profile.idle if is_more_due else profile.sweep).total_seconds())
