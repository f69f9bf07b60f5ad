"""The play: the requests, the outage, the kill, the replies; then it waits until everything is at rest."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ops.demo.callers import AckLedger, Callers, Envelope
from ops.demo.citizens import Citizens
from ops.demo.count import accepted_requests, ends
from ops.demo.messages import Forms
from ops.demo.operators import under_way
from ops.demo.processes import NotStartedError
from ops.demo.requests import Request
from ops.demo.scenes import Scene, Script, fill
from ops.demo.stage import GATEWAY_CONTRACT, Stage

_LOOK_SECONDS = 0.1
_QUIET_SECONDS = 0.5
_REPEAT_AFTER_SECONDS = 0.3


def _nothing(_told: object) -> None:
    """Nobody looks on."""


@dataclass(slots=True)
class Progress:
    """How far the play is. `happened` is told each remarkable thing as it comes, `watch` the figures as they grow."""

    requests: int
    acknowledged: int = 0
    ended: int = 0
    killed: int = 0
    happened: Callable[[str], None] = _nothing
    watch: Callable[[Progress], None] = _nothing


@dataclass(slots=True)
class Play:
    """One run. All of it follows from the requests, the script and the seed, but for the race of the processes.

    `struck` tells at the end how often each kind of fault struck.
    """

    stage: Stage
    scenes: Mapping[str, Scene]
    script: Script
    requests: Sequence[Request]
    ledger: AckLedger
    seed: int
    progress: Progress
    callers: Callers = field(init=False)
    citizens: Citizens = field(init=False)
    struck: dict[str, int] = field(default_factory=dict)
    _middle: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        forms = Forms(GATEWAY_CONTRACT)
        self.callers = Callers(self.stage.door, self.stage.installation.keys, forms, self.ledger)
        gateway = self.stage.stand_ins["gateway"].address
        self.citizens = Citizens(self.callers, gateway, self.scenes, self.script, self.seed)

    async def run(self) -> None:
        """Everything was sent, and is at rest or had its time. Raises NotStartedError when the daemon stays down."""
        await self.stage.set_faults(self.script)
        try:
            await self._play()
        except BaseExceptionGroup as group:
            known = group.subgroup(NotStartedError)
            if known is None:
                raise
            raise known.exceptions[0] from group
        self.struck = await self.stage.end_faults()

    async def _play(self) -> None:
        async with asyncio.TaskGroup() as group:
            first = [group.create_task(one) for one in (self._send_all(), self._kill())]
            beside = [group.create_task(one) for one in (self._watch(), self.citizens.run(), self._tell_outage())]
            await self._until_rest(*first)
            for task in (*first, *beside):
                task.cancel()

    async def _send_all(self) -> None:
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for place, request in enumerate(self.requests):
                await asyncio.sleep(max(0.0, began + place / self.script.times.requests_per_second - time.monotonic()))
                group.create_task(self._send(request))

    async def _send(self, request: Request) -> None:
        envelope = _envelope(request)
        ack = await self.callers.send(envelope)
        if ack is None:
            return
        self.citizens.requests[ack.tracking_code] = request
        if request.is_repeated:
            await asyncio.sleep(_REPEAT_AFTER_SECONDS)
            await self.callers.send(envelope)

    async def _kill(self) -> None:
        """In the middle, and while work is under way."""
        await self._middle.wait()
        killed, started = await self.stage.restart_after_kill()
        self.progress.killed += 1
        self.progress.happened(f"kill -9 of the daemon (pid {killed}); started again as {started}")

    async def _until_rest(self, *first: asyncio.Task[None]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._longest()):
                await asyncio.gather(*first)
                await self._rest()

    async def _rest(self) -> None:
        while True:
            if await self._is_over():
                return
            await asyncio.sleep(_LOOK_SECONDS)

    def _longest(self) -> float:
        times = self.script.times
        return len(self.requests) / times.requests_per_second + times.rest_within_seconds

    async def _is_over(self) -> bool:
        """Everything but what was planted has ended, and the daemon has nothing under way."""
        planted = sum(request.is_planted for request in self.requests)
        if self.progress.ended < len(self.requests) - planted:
            return False
        last = max((effect.at for effect in self.citizens.told), default=0.0)
        return time.time() - last > _QUIET_SECONDS and not await under_way(self.stage.socket)

    async def _tell_outage(self) -> None:
        rule = self.script.outage
        await asyncio.sleep(rule["after_seconds"])
        self.progress.happened(f"{rule['stand_in']} is down for {rule['seconds']} s")
        await asyncio.sleep(rule["seconds"])
        self.progress.happened(f"{rule['stand_in']} is back")

    async def _watch(self) -> None:
        while True:
            requests = accepted_requests(self.ledger.acks)
            self.progress.acknowledged = len(requests)
            if len(requests) >= self.script.times.kill_after_share * len(self.requests):
                self._middle.set()
            self.progress.ended = len(ends(requests, self.citizens.told, self.scenes))
            self.progress.watch(self.progress)
            await asyncio.sleep(_LOOK_SECONDS)


def _envelope(request: Request) -> Envelope:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return Envelope(
        key=request.key,
        operation=request.operation,
        channel=request.channel,
        binding=request.binding,
        record=fill(request.record, {**request.values, "now": now}),
        subject=request.key,
        scene=request.scene,
        title=request.title,
        is_planted=request.is_planted,
        is_request=True,
    )
