"""The loops of a daemon: each goes on whatever one of its turns raises, and the last turn that failed is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from adapter.errors import JournalFailed

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Loops:
    """`failing` names the loops whose last turn failed, each with the class of its error; the log has its place."""

    failing: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """One turn of a loop. Whatever it raises is told, and does not end the loop, but for JournalFailed."""
        try:
            yield
        except JournalFailed:
            raise
        except Exception as error:  # noqa: BLE001 - the edge of a worker
            _log.exception("loop_failed", loop=name)
            self.failing[name] = type(error).__name__
        else:
            self.failing.pop(name, None)
