"""Delivery: what is due is translated, frozen, announced, sent once, and settled with all that follows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from adapter.breaker import opened_for
from adapter.channels import Clock
from adapter.endpoints import TECHNICAL, Endpoints, heed
from adapter.errors import (
    JournalFailed,
    LeaseLost,
)
from adapter.exchange import Claim, Direction, Exchange, Outcome, State, Verdict
from adapter.journal import Journal, Settlement
from adapter.loops import Loops
from adapter.mark import whole_size
from adapter.offer import Offer
from adapter.preparing import Later, Prepared, Preparing
from adapter.retry import Profile, time_for
from adapter.service import Service, ServiceStage
from adapter.settlement.settling import Settling
from adapter.telemetry import Metrics

_log = structlog.get_logger(__name__)
_WORKERS = 64


@dataclass(slots=True)
class Delivery:
    """The flow from the journal to the other sides. `dispatch` and `run` share one queue of claims."""

    journal: Journal
    offer: Callable[[], Offer]
    endpoints: Endpoints
    settling: Settling
    profile: Profile
    clock: Clock
    metrics: Metrics
    preparing: Preparing
    workers: int = _WORKERS
    loops: Loops = field(default_factory=Loops)
    _queue: asyncio.Queue[Claim] = field(default_factory=asyncio.Queue)
    _hint: asyncio.Event = field(default_factory=asyncio.Event)
    _under_way: int = 0
    _open: set[str] = field(default_factory=set)
    _is_draining: bool = False

    def may_leave(self, tenant: str, target: str) -> bool:
        """Whether its target is not paused; what waits for a person is claimed by nobody meanwhile."""
        return (tenant, target) not in self.endpoints.paused

    def open_here(self) -> Collection[str]:
        """The exchanges that are being sent; each ends with its lease, however far the clock is set forward."""
        return tuple(self._open)

    def dispatch(self, claim: Claim) -> None:
        """Deliver this claim as soon as a worker is free."""
        self._under_way += 1
        self._queue.put_nowait(claim)

    def hint(self) -> None:
        """Something may have become due: look at once."""
        self._hint.set()

    async def run(self) -> None:
        """Deliver until cancelled; an attempt under way is finished by its own time-outs, not here."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self.workers):
                group.create_task(self._work())
            group.create_task(self._claim())

    async def drain(self, grace: timedelta) -> None:
        """Begin nothing more, and wait for the attempts under way, so long at most."""
        self._is_draining = True
        with suppress(TimeoutError):
            async with asyncio.timeout(grace.total_seconds()):
                while self._under_way:  # noqa: ASYNC110 - once in a daemon's life
                    await asyncio.sleep(0.01)

    async def _claim(self) -> None:
        while True:
            self._hint.clear()
            with self.loops.turn("delivery"):
                await self._dispatch_due()
            with suppress(TimeoutError):
                async with asyncio.timeout(self.profile.idle.total_seconds()):
                    await self._hint.wait()

    async def _dispatch_due(self) -> None:
        room = 0 if self._is_draining else 2 * self.workers - self._under_way
        claims = await self.journal.claim_ready(room, self.endpoints.closed(self.clock())) if room > 0 else []
        for claim in claims:
            self.dispatch(claim)
        if claims:
            self.hint()

    async def _work(self) -> None:
        while True:
            claim = await self._queue.get()
            try:
                if not self._is_draining and not await self._guarded(self.deliver(claim), claim):
                    await self._guarded(self._give_back(claim), claim)
            finally:
                self._under_way -= 1

    async def _guarded(self, step: Awaitable[None], claim: Claim) -> bool:
        """Whether it went as foreseen; what nobody foresaw ends no worker."""
        try:
            await step
        except LeaseLost:
            _log.warning("lease_lost", exchange=claim.exchange.id)
        except JournalFailed:
            raise
        except Exception:  # noqa: BLE001 - the edge of a worker
            _log.exception("delivery_failed", exchange=claim.exchange.id)
            return False
        return True

    async def _give_back(self, claim: Claim) -> None:
        """What failed before its INTENT is due again later; an open attempt falls with its lease and is asked for."""
        with suppress(LeaseLost):
            await self.journal.release(claim, self.clock() + self.profile.schedule[0])

    async def deliver(self, claim: Claim) -> None:
        """The life of one attempt: translate, freeze, INTENT, send, settle. Raises LeaseLost when it is not ours."""
        exchange = claim.exchange
        service = self.offer().named(exchange.tenant, exchange.service)
        if service is None:
            await self.journal.release(claim, self.clock() + self.profile.schedule[0])
            return
        endpoint = exchange.tenant, exchange.target
        if endpoint in self.endpoints.paused:  # what cannot be sent is not translated for nothing
            await self.journal.release(claim, self.clock() + self.profile.idle)
            return
        match await self.preparing.prepare(claim, service):
            case Later(claim, due_at):
                await self.journal.release(claim, due_at)
            case Settlement() as parked:
                await self.settle(parked, Verdict.PARKED)
            case Prepared() as prepared if service.stage is ServiceStage.SHADOW:
                await self._keep_in_shadow(prepared.claim)
            case Prepared() as prepared:
                self._open.add(exchange.id)
                try:
                    await self._attempt(prepared, service)
                finally:
                    self._open.discard(exchange.id)

    async def _attempt(self, prepared: Prepared, service: Service) -> None:
        claim, operation = prepared.claim, prepared.operation
        exchange = claim.exchange
        with self.endpoints.call((exchange.tenant, exchange.target), operation.group, self.clock) as end:
            if end is None:
                await self._postpone(claim, operation.group)
                return
            settle = self.settling.settle_after(operation)
            lease = self.profile.lease + time_for(whole_size(prepared.frozen) - len(prepared.frozen))
            await self.journal.intend(claim, prepared.frozen, lease=lease, settle=settle)
            sending = _sending(claim, prepared.frozen, now=self.clock())
            outcome = await _sent(prepared, exchange.reference, within=lease)
            end(outcome.verdict not in TECHNICAL)
        await heed(self.endpoints, self.journal, exchange, outcome)
        payload = prepared.payload
        if payload is None and exchange.direction is Direction.OUTWARD:
            payload = prepared.target.thaw(operation.name, prepared.frozen)
        await self.settle(self.settling.by_outcome(sending, outcome, service, payload), outcome.verdict)

    async def _keep_in_shadow(self, claim: Claim) -> None:
        """Withdraw what was never sent; what was sent before its service went into shadow waits for its return."""
        exchange = claim.exchange
        if claim.frozen is not None:
            await self.journal.release(claim, self.clock() + self.profile.schedule[0])
            return
        await self.journal.settle(self.settling.shadowed(claim))
        _log.info("exchange_shadowed", **_standing(exchange), case=exchange.case_id)
        self.hint()

    async def settle(self, settlement: Settlement, verdict: Verdict) -> None:
        """Commit a settlement and deliver at once what follows from it."""
        exchange = settlement.claim.exchange
        settled = await self.journal.settle(settlement)
        self.metrics.settled(exchange, verdict, seconds=(self.clock() - exchange.accepted_at).total_seconds())
        told = {**_standing(exchange), "code": settlement.code, "reason": settlement.reason}
        _log.info(
            "attempt_settled",
            **told,
            case=exchange.case_id,
            attempt=exchange.attempts,
            verdict=verdict.value,
            state=settlement.state.value,
        )
        if settlement.state is State.PARKED:
            _log.warning("exchange_parked", **told)
        for claim in settled.claims:
            self.dispatch(claim)
        self.hint()

    async def _postpone(self, claim: Claim, group: str) -> None:
        breaker, now = self.endpoints.breaker((claim.exchange.tenant, claim.exchange.target), group), self.clock()
        await self.journal.release(claim, now + max(opened_for(breaker, now), self.profile.idle))


async def _sent(prepared: Prepared, reference: str, *, within: timedelta) -> Outcome:
    """What came of it. Who still waited to send when the lease was over sends no more: another may have done so."""
    try:
        async with asyncio.timeout(within.total_seconds()):
            return await prepared.target.deliver(prepared.operation.name, prepared.frozen, reference=reference)
    except TimeoutError:
        return Outcome(Verdict.IN_DOUBT, "lease_over", "no answer before the lease of the attempt was over")


def _sending(claim: Claim, frozen: bytes, *, now: datetime) -> Claim:
    exchange = replace(
        claim.exchange,
        state=State.SENDING,
        attempts=claim.exchange.attempts + 1,
        attempted_at=now,
        may_have_effect=True,
    )
    return replace(claim, exchange=exchange, frozen=frozen)


def _standing(exchange: Exchange) -> dict[str, str]:
    """What every line of the log tells of an exchange."""
    return {
        "tenant": exchange.tenant,
        "service": exchange.service,
        "operation": exchange.operation.value,
        "exchange": exchange.id,
    }
