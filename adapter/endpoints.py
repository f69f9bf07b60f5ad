"""The other sides as the flows reach them: a target per tenant and contract, its breaker, and whether it is paused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from adapter.breaker import Breaker
from adapter.channels import Clock, System, Target
from adapter.exchange import Exchange, Outcome, Verdict
from adapter.journal import Journal, Pause
from adapter.retry import Profile

_FORBIDDEN_LIMIT = 3
_FAILURES_IN_A_ROW = 3
"""So many calls without a usable answer are no accident any more."""

_log = structlog.get_logger(__name__)

TECHNICAL = frozenset({Verdict.RETRY, Verdict.IN_DOUBT})
"""Verdicts of calls that got no usable answer: they count against the endpoint."""

EndpointName = tuple[str, str]
"""(tenant, contract title)."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Since when an endpoint does not answer, and what it was last heard to say."""

    since: datetime
    reason: str


@dataclass(slots=True)
class Endpoints:
    """Targets by (tenant, contract title). Breakers are by operation group, pauses by endpoint."""

    targets: Mapping[EndpointName, Target]
    systems: Mapping[EndpointName, System]
    profile: Profile
    paused: dict[EndpointName, str] = field(default_factory=dict)
    _kept: Mapping[EndpointName, str] = field(default_factory=dict)
    _breakers: dict[tuple[str, str, str], Breaker] = field(default_factory=dict)
    _forbidden: dict[EndpointName, set[str]] = field(default_factory=dict)
    _unasked: dict[EndpointName, Loss] = field(default_factory=dict)
    _failing: dict[EndpointName, tuple[int, Loss]] = field(default_factory=dict)

    def breaker(self, endpoint: EndpointName, group: str) -> Breaker:
        """The breaker of one group of operations at an endpoint."""
        return self._breakers.setdefault((*endpoint, group), Breaker(self.profile))

    @contextmanager
    def call(self, endpoint: EndpointName, group: str, clock: Clock) -> Iterator[Callable[[bool], None] | None]:
        """A place for one call, and the function to tell whether it succeeded; None while nothing may be sent there.

        A place left without telling is given back without a verdict: we cancelled the call ourselves.
        """
        breaker = self.breaker(endpoint, group)
        place = None if endpoint in self.paused else breaker.begin(clock())
        if place is None:
            yield None
            return
        told: list[bool] = []
        try:
            yield told.append
        finally:
            if told:
                breaker.end(place, clock(), succeeded=told[0])
                self.remember(endpoint, succeeded=told[0], now=clock())
            else:
                breaker.cancel(place)

    def closed(self, now: datetime) -> frozenset[EndpointName]:
        """Endpoints to which nothing may be sent now: paused, or every group of theirs that was used is open."""
        used: dict[EndpointName, list[bool]] = {}
        for (tenant, contract, _), breaker in self._breakers.items():
            used.setdefault((tenant, contract), []).append(breaker.open_until is not None and breaker.is_open(now))
        return frozenset(self.paused) | {endpoint for endpoint, open_now in used.items() if all(open_now)}

    def open_breakers(self, now: datetime) -> dict[tuple[str, str, str], datetime]:
        """(tenant, contract, group) → until when it is open."""
        return {
            name: breaker.open_until
            for name, breaker in self._breakers.items()
            if breaker.open_until is not None and breaker.is_open(now)
        }

    @property
    def lost(self) -> dict[EndpointName, Loss]:
        """Endpoints that cannot be asked for changes, or where several calls in a row failed: degraded, still tried."""
        failing = {name: loss for name, (times, loss) in self._failing.items() if times >= _FAILURES_IN_A_ROW}
        return failing | self._unasked

    def remember(self, endpoint: EndpointName, *, succeeded: bool, now: datetime, reason: str | None = None) -> None:
        """One call ended, with a usable answer or technically; going and returning are logged once each."""
        times, loss = self._failing.get(endpoint, (0, Loss(now, "")))
        if succeeded:
            self._failing.pop(endpoint, None)
            if times >= _FAILURES_IN_A_ROW:
                _log.info("endpoint_regained", tenant=endpoint[0], endpoint=endpoint[1])
            return
        told = reason or "calls end without a usable answer; their reasons: panjereh exchanges list"
        self._failing[endpoint] = times + 1, Loss(loss.since, told)
        if times + 1 == _FAILURES_IN_A_ROW:
            _log.warning("endpoint_lost", tenant=endpoint[0], endpoint=endpoint[1], reason=told)

    def lose_changes(self, endpoint: EndpointName, reason: str, now: datetime) -> None:
        """Its changes cannot be asked for."""
        known = self._unasked.get(endpoint)
        self._unasked[endpoint] = Loss(known.since if known else now, reason)

    def regain_changes(self, endpoint: EndpointName) -> None:
        """Its changes were asked for again."""
        self._unasked.pop(endpoint, None)

    def is_forbidden_for_all(self, endpoint: EndpointName, exchange_id: str) -> bool:
        """Whether enough distinct exchanges were forbidden there that the endpoint itself must be at fault."""
        met = self._forbidden.setdefault(endpoint, set())
        met.add(exchange_id)
        return len(met) >= _FORBIDDEN_LIMIT

    def follow(self, kept: Mapping[EndpointName, str]) -> None:
        """What any node has paused or resumed since the journal was last looked at is paused or resumed here, too."""
        for endpoint in self._kept.keys() - kept.keys():
            self.resume(endpoint)
        for endpoint in kept.keys() - self._kept.keys():
            self.paused.setdefault(endpoint, kept[endpoint])
        self._kept = kept

    def resume(self, endpoint: EndpointName) -> None:
        """A person has mended what was wrong."""
        self.paused.pop(endpoint, None)
        self._forbidden.pop(endpoint, None)


async def heed(endpoints: Endpoints, journal: Journal, exchange: Exchange, outcome: Outcome) -> None:
    """Pause the exchange's endpoint when the outcome says that nothing sent there can succeed."""
    endpoint = exchange.tenant, exchange.target
    if outcome.pause is None or endpoint in endpoints.paused:
        return
    if outcome.pause == "forbidden" and not endpoints.is_forbidden_for_all(endpoint, exchange.id):
        return
    reason = outcome.reason or outcome.pause
    endpoints.paused[endpoint] = reason
    await journal.pause(Pause(*endpoint, reason=reason))
    _log.error("endpoint_lost", tenant=endpoint[0], endpoint=endpoint[1], reason=reason)
