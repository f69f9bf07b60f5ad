"""A stand-in that nobody calls: its clerk looks at what was laid down for him, and lays down what has happened."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from ops.sandbox.faults import FaultRule, FaultScript, Mode
from ops.sandbox.ledger import Ledger
from ops.sandbox.wire import Reply, Request

SHORTEST_BEAT, LONGEST_BEAT = 0.02, 0.5
_LOOKS_PER_PACE = 4


@dataclass(frozen=True, slots=True)
class Troubles:
    """By the script and the clock as they are when they are asked: a script may come in the middle of a look."""

    script: Callable[[], FaultScript]
    seconds: Callable[[], float]

    def in_force(self, mode: Mode) -> Collection[str]:
        """The operations that are in this state now; empty when none is."""
        return self.script().in_force(mode, self.seconds())

    def strike(self, operation: str, modes: Collection[Mode], *, has_effect: bool = False) -> FaultRule | None:
        """The rule of one of these modes that strikes the next thing of the operation."""
        return self.script().pick(
            operation, has_effect=has_effect, tells_changes=not has_effect, now=self.seconds(), modes=modes
        )


class Clerk(Protocol):
    """One kind of system at work behind a door that is no wire."""

    @property
    def address(self) -> str:
        """Where the adapter finds the door."""
        ...

    @property
    def operations(self) -> Collection[str]:
        """What can be asked of him, as the contract names it."""
        ...

    @property
    def modes(self) -> Collection[Mode]:
        """Which misfortunes can befall him."""
        ...

    async def open(self, now: datetime, troubles: Callable[[], Troubles]) -> None:
        """Afterwards the door is there, and everything that the ledger tells has happened again."""
        ...

    def look(self, now: datetime, troubles: Troubles) -> None:
        """Everything that came is in the ledger, and everything that is due has been told. It may block."""
        ...

    async def aclose(self) -> None:
        """Give everything back."""
        ...


@dataclass(slots=True)
class Office:
    """The clerk at work, at each beat."""

    name: str
    clerk: Clerk
    ledger: Ledger
    script: FaultScript
    now: Callable[[], datetime]
    seconds: Callable[[], float]
    beat_seconds: float
    _is_closing: asyncio.Event = field(default_factory=asyncio.Event)
    _work: asyncio.Task[None] | None = None

    @property
    def operations(self) -> Collection[str]:
        """What a rule of the fault script may name."""
        return self.clerk.operations

    @property
    def modes(self) -> Collection[Mode]:
        """Which misfortunes can befall it."""
        return self.clerk.modes

    def receive(self, request: Request) -> Reply:
        """Nobody is served over HTTP; only the page stands there."""
        text = f"{request.path}: nothing is served here; the door is {self.clerk.address}"
        return Reply(404, text.encode(), "text/plain; charset=utf-8")

    async def open(self) -> None:
        """From now on the clerk looks at each beat."""
        await self.clerk.open(self.now(), self._troubles)
        self._work = asyncio.create_task(self._run())

    async def aclose(self) -> None:
        """He has ended his last look."""
        self._is_closing.set()
        if self._work is not None:
            await self._work
        await self.clerk.aclose()

    async def _run(self) -> None:
        while not self._is_closing.is_set():
            try:
                await asyncio.to_thread(self.clerk.look, self.now(), self._troubles())
            except (SQLAlchemyError, OSError) as error:
                print(f"{self.name}: {type(error).__name__}: {error}; he looks again", file=sys.stderr)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_closing.wait(), self.beat_seconds)

    def _troubles(self) -> Troubles:
        return Troubles(lambda: self.script, self.seconds)


def beat_of(pace_seconds: float) -> float:
    """How often a clerk looks, so that what is due comes in time."""
    return min(max(pace_seconds / _LOOKS_PER_PACE, SHORTEST_BEAT), LONGEST_BEAT)
