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
from ops.demo.requests import Request
from ops.demo.scenes import Scene, Script, fill
from ops.demo.stage import GATEWAY_CONTRACT, Stage

_LOOK_SECONDS = 0.1
_QUIET_SECONDS = 1.5
_REPEAT_AFTER_SECONDS = 0.3


@dataclass(slots=True)
class Progress:
    """How far the play is; `happened` is told each remarkable thing as it comes."""

    requests: int
    acknowledged: int = 0
    ended: int = 0
    told: int = 0
    replies: int = 0
    event: str = ""
    happened: Callable[[str], None] = lambda _event: None
    look: Callable[[Progress], None] = lambda _progress: None


@dataclass(slots=True)
class Play:
    """One run. All of it follows from the requests, the script and the seed, but for the race of the processes."""

    stage: Stage
    scenes: Mapping[str, Scene]
    script: Script
    requests: Sequence[Request]
    ledger: AckLedger
    seed: int
    progress: Progress
    callers: Callers = field(init=False)
    citizens: Citizens = field(init=False)

    def __post_init__(self) -> None:
        forms = Forms(GATEWAY_CONTRACT)
        self.callers = Callers(self.stage.door, self.stage.installation.keys, forms, self.ledger)
        gateway = self.stage.stand_ins["gateway"]
        self.citizens = Citizens(self.callers, gateway, self.scenes, self.script, self.seed)

    async def run(self) -> None:
        """Everything was sent, and is at rest or had its time."""
        await self.stage.set_faults(self.script)
        watching = asyncio.create_task(self._watch())
        replying = asyncio.create_task(self.citizens.run())
        sending = asyncio.create_task(self._send_all())
        killing = asyncio.create_task(self._kill())
        try:
            await self._until_rest(sending, killing)
        finally:
            for task in (sending, killing, replying, watching):
                task.cancel()
            await asyncio.gather(sending, killing, replying, watching, return_exceptions=True)
        await self.stage.end_faults()

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
        share = self.script.times.kill_after_share
        while self.progress.acknowledged < share * len(self.requests):
            await asyncio.sleep(_LOOK_SECONDS / 4)
        killed, started = await self.stage.restart_after_kill()
        self.progress.happened(f"kill -9 of the daemon (pid {killed}); started again as {started}")

    async def _until_rest(self, *first: asyncio.Task[None]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._longest()):
                await asyncio.gather(*first)
                while not self._is_over():
                    await asyncio.sleep(_LOOK_SECONDS)

    def _longest(self) -> float:
        times = self.script.times
        return len(self.requests) / times.requests_per_second + times.rest_within_seconds

    def _is_over(self) -> bool:
        """Everything but what was planted has ended, and the gateway has heard nothing new for a while."""
        planted = sum(request.planted is not None for request in self.requests)
        last = max((effect.at for effect in self.citizens.told), default=0.0)
        return self.progress.ended >= len(self.requests) - planted and time.time() - last > _QUIET_SECONDS

    async def _watch(self) -> None:
        while True:
            requests = accepted_requests(self.ledger.acks)
            self.progress.acknowledged = len(requests)
            self.progress.ended = len(ends(requests, self.citizens.told, self.scenes))
            self.progress.told = len(self.citizens.told)
            self.progress.replies = self.citizens.replies
            self.progress.look(self.progress)
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
        planted=request.planted.title if request.planted else None,
        is_request=True,
    )


