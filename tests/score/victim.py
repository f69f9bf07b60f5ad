"""The daemon as a process that dies at a chosen step, or lives with one of its safeties taken out.

Everything here is injected through the composition root's parts; the product knows nothing of it.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import secrets
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adapter.channels import Sight, Sighting
from adapter.contract.outcomes import Seen, classify
from adapter.exchange import Outcome, State, Verdict
from ops.daemon import run_daemon
from ops.settings_file import load_settings
from ops.wiring import Parts


@dataclass(frozen=True, slots=True)
class Point:
    """`side` of the `nth` call of `name` on a part: `journal`, `gateway` or `system`."""

    part: str
    name: str
    nth: int
    side: str

    def __str__(self) -> str:
        return f"{self.part}.{self.name}#{self.nth}:{self.side}"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Mortal:
    """A part whose nth call of one method kills the process, before or after it."""

    def __init__(self, part: Any, point: Point, count: list[int]) -> None:
        self._part, self._point, self._count = part, point, count

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._part, name)
        if name != self._point.name:
            return attribute
        return self._asynchronous(attribute) if inspect.iscoroutinefunction(attribute) else self._plain(attribute)

    def _is_now(self) -> bool:
        self._count[0] += 1
        return self._count[0] == self._point.nth

    def _asynchronous(self, attribute: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*arguments: Any, **named: Any) -> Any:
            is_now = self._is_now()
            if is_now and self._point.side == "before":
                die()
            result = await attribute(*arguments, **named)
            if is_now and (self._point.name != "claim_unsettled" or result):
                die()
            if is_now:
                self._count[0] -= 1
            return result

        return call

    def _plain(self, attribute: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            is_now = self._is_now()
            if is_now and self._point.side == "before":
                die()
            result = attribute(*arguments, **named)
            if is_now:
                die()
            return result

        return call


class NoIntent:
    """A journal that announces nothing before the first byte."""

    def __init__(self, journal: Any) -> None:
        self._journal = journal

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def intend(self, claim: Any, frozen: bytes, *, lease: Any, settle: Any) -> None:
        pass

    async def settle(self, settlement: Any) -> Any:
        claim = settlement.claim
        if claim.exchange.state is State.SENDING:
            claim = replace(claim, exchange=replace(claim.exchange, state=State.READY))
        return await self._journal.settle(replace(settlement, claim=claim))


class NoDedupe:
    """A journal that takes every call for a new one."""

    def __init__(self, journal: Any) -> None:
        self._journal = journal

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def accept(self, acceptance: Any) -> Any:
        return await self._journal.accept(replace(acceptance, scope=secrets.token_bytes(32), business_key=None))


class NoQuery:
    """A target that never asks and always says: not there."""

    def __init__(self, target: Any) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    async def find(self, *_arguments: Any) -> Sight:
        return Sight(Sighting.NOT_FOUND)


def classify_by_class(contract: Any, operation: Any, observation: Any) -> Outcome:
    """Believe the client's exception alone: what it calls a failed connection never left."""
    if observation.seen is Seen.LOST:
        return Outcome(Verdict.RETRY, reason="connection failed", left=False)
    return classify(contract, operation, observation)


WEAKNESSES: dict[str, Callable[[Parts], Parts]] = {
    "no intent row": lambda parts: _with(parts, journal=NoIntent),
    "no query before resend": lambda parts: _with(parts, target=NoQuery, system=NoQuery),
    "no dedupe key": lambda parts: _with(parts, journal=NoDedupe),
    "classified by exception class": lambda parts: _with(parts, classify=classify_by_class),
}


def parts_for(point: Point | None, weakness: str | None) -> Parts:
    parts = Parts()
    if weakness is not None:
        parts = WEAKNESSES[weakness](parts)
    if point is None:
        return parts
    count = [0]
    field = {"journal": "journal", "gateway": "target", "system": "system"}[point.part]
    inner = getattr(parts, field)
    return _with(parts, **{field: lambda part: Mortal(inner(part), point, count)})


def _with(parts: Parts, **changes: Any) -> Parts:
    return replace(parts, **changes)


def main(settings: Path, point: Point | None, weakness: str | None, log: Path) -> None:
    """Run the daemon in this process until it is told to stop, or until the point comes."""
    with log.open("a") as file:
        os.dup2(file.fileno(), sys.stderr.fileno())
        os.dup2(file.fileno(), sys.stdout.fileno())
        sys.exit(asyncio.run(run_daemon(load_settings(settings), parts_for(point, weakness))))
