"""Every duration of the engine in one value, and the pure functions that turn it into due times.

The defaults are for production; a demo or a test takes `Profile.scaled`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, Self

Fraction = Callable[[], float]
"""A random number in [0, 1)."""

_S, _M, _H, _D = (timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1))


@dataclass(frozen=True, slots=True)
class Profile:
    """The durations by which an installation lives.

    `schedule` are the waits between attempts, the last one repeating; `asks` those between questions about an
    exchange in doubt; `payment_absence` how far apart a payment must be found missing twice before it is sent again;
    `keys_kept` how long an idempotency key gives its first answer after the end of its case, `tombstones_kept` how
    long it is still known to have been used, `documents_kept` how long the large documents of a case are kept after its
    end, `sweep` how often what is due is looked for;
    `contract_scale` multiplies what a contract itself says, so that a demo need not wait a minute.
    """

    name: str = "default"
    schedule: tuple[timedelta, ...] = (30 * _S, 2 * _M, 5 * _M, 15 * _M, 30 * _M, _H, 2 * _H, 4 * _H, 6 * _H)
    jitter: float = 0.2
    asks: tuple[timedelta, ...] = (10 * _S, 30 * _S, 2 * _M, 10 * _M, _H, 6 * _H)
    polls: tuple[timedelta, ...] = (10 * _S, 30 * _S, 2 * _M, 10 * _M, _H)
    settle_after: timedelta = 10 * _S
    payment_absence: timedelta = 15 * _M
    deadline: timedelta = 7 * _D
    lease: timedelta = 120 * _S
    heartbeat: timedelta = 2 * _S
    silence: timedelta = 6 * _S
    idle: timedelta = timedelta(seconds=0.5)
    change_poll: timedelta = 5 * _S
    connect: timedelta = 3 * _S
    write: timedelta = 15 * _S
    first_byte: timedelta = 30 * _S
    total: timedelta = 90 * _S
    in_call_base: timedelta = timedelta(milliseconds=200)
    in_call_cap: timedelta = 5 * _S
    in_call_total: timedelta = 10 * _S
    breaker_open: timedelta = 30 * _S
    breaker_longest: timedelta = 5 * _M
    breaker_window: timedelta = 60 * _S
    retry_after_least: timedelta = _S
    retry_after_most: timedelta = _H
    keys_kept: timedelta = 90 * _D
    tombstones_kept: timedelta = 3650 * _D
    documents_kept: timedelta = 90 * _D
    sweep: timedelta = _H
    contract_scale: float = 1.0

    def scaled(self, name: str, scale: float, *, longest: timedelta | None = None) -> Self:
        """The same profile with every waiting time multiplied, but never the time an answer or a heartbeat may take.

        No wait is longer than `longest`, and no pulse faster than is of use.
        """
        times: dict[str, Any] = {
            field.name: _times(getattr(self, field.name), scale, longest or timedelta.max)
            for field in fields(self)
            if field.name not in _NEVER_SCALED
        }
        pulses = {pulse: max(times[pulse], min(least, getattr(self, pulse))) for pulse, least in _LEAST_PULSES.items()}
        scaled = {**times, **pulses, "contract_scale": self.contract_scale * scale}
        return replace(self, name=name, **scaled)


_NEVER_SCALED = frozenset(
    {"name", "jitter", "contract_scale", "connect", "write", "first_byte", "total"}
    | {"lease", "deadline", "heartbeat", "silence"}
    | {"keys_kept", "tombstones_kept", "documents_kept", "sweep"}
)
_LEAST_PULSES: Mapping[str, timedelta] = {
    "idle": timedelta(milliseconds=20),
    "change_poll": timedelta(milliseconds=50),
}


def _times(
    value: timedelta | tuple[timedelta, ...], scale: float, longest: timedelta
) -> timedelta | tuple[timedelta, ...]:
    if isinstance(value, tuple):
        return tuple(min(wait * scale, longest) for wait in value)
    return min(value * scale, longest)


LEAST_BYTES_PER_SECOND = 64 * 1024
"""Slower than this nobody may send or take a document."""


def time_for(size: int) -> timedelta:
    """How much longer a message may take for so many bytes of documents."""
    return timedelta(seconds=size / LEAST_BYTES_PER_SECOND)


def _step(waits: tuple[timedelta, ...], number: int) -> timedelta:
    return waits[min(number, len(waits) - 1)]


def retry_at(
    profile: Profile, attempts: int, *, now: datetime, fraction: Fraction, retry_after: timedelta | None
) -> datetime:
    """When the next attempt is due after `attempts` of them: by schedule ± jitter, never before Retry-After."""
    wait = _step(profile.schedule, max(attempts - 1, 0)) * (1 - profile.jitter + 2 * profile.jitter * fraction())
    if retry_after is not None:
        wait = max(wait, min(max(retry_after, profile.retry_after_least), profile.retry_after_most))
    return now + wait


def wait_by_age(profile: Profile, age: timedelta) -> timedelta:
    """How long to wait with what was tried in vain for so long: as long again, within the schedule."""
    return min(max(age, profile.schedule[0]), profile.schedule[-1])


def ask_at(profile: Profile, asked: int, *, now: datetime, settle_after: timedelta) -> datetime:
    """When to ask next about an exchange in doubt; never sooner than the other side needs to know the truth."""
    return now + max(_step(profile.asks, asked), settle_after)


def poll_at(profile: Profile, polled: int, *, now: datetime) -> datetime:
    """When to fetch a deferred answer next."""
    return now + _step(profile.polls, polled)
