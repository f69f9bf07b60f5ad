"""The count: from the callers' ack ledger and the stand-ins' effect ledgers alone, never from the journal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ops.demo.callers import Ack
from ops.demo.effects import Effect
from ops.demo.scenes import Scene

GATEWAY = "gateway"
DONE, REFUSED = "done", "refused"
_PAYMENT_AT_THE_DOOR, _PAYMENT_INSIDE = "ConfirmPayment", "RegisterPayment"


@dataclass(frozen=True, slots=True)
class End:
    """How a request ended, and when, in seconds since the epoch."""

    how: str
    at: float


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Seconds."""

    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Count:
    """What all ledgers say.

    `repeated` are sendings under a key that was acknowledged before, `confirmed_twice` those about a subject that was
    acknowledged under another key, `contradicted` the keys or subjects with unlike answers. `unasked` are tracking
    codes with effects that no caller was ever told. `parked_codes` have no end by design, `lost_codes` by fault.
    """

    accepted: int
    done: int
    refused: int
    parked: int
    planted: int
    effects: Mapping[str, int]
    lost: int
    doubled: int
    contradicted: int
    unasked: int
    payments: int
    repeated: int
    confirmed_twice: int
    parked_codes: tuple[str, ...]
    lost_codes: tuple[str, ...]
    acceptance: Percentiles
    completion: Percentiles
    rate: float


def count(acks: Sequence[Ack], effects: Mapping[str, Sequence[Effect]], scenes: Mapping[str, Scene]) -> Count:
    """Who was told what, and what really happened."""
    requests = accepted_requests(acks)
    ended = ends(requests, effects[GATEWAY], scenes)
    hows = Counter(end.how for end in ended.values())
    open_codes = [code for code in requests if code not in ended]
    planted = [code for code, ack in requests.items() if ack.is_planted]
    parked = tuple(code for code in open_codes if requests[code].is_planted)
    lost = [code for code in open_codes if not requests[code].is_planted] + lost_payments(acks, effects)
    everything = [effect for ledger in effects.values() for effect in ledger]
    return Count(
        accepted=len(requests),
        done=hows[DONE],
        refused=hows[REFUSED],
        parked=len(parked),
        planted=len(planted),
        effects={name: len(ledger) for name, ledger in effects.items()},
        lost=len(lost),
        doubled=sum(doubled(ledger) for ledger in effects.values()) + answered_twice(requests, effects[GATEWAY]),
        contradicted=contradicted(acks),
        unasked=len({effect.tracking_code for effect in everything if effect.tracking_code} - set(requests)),
        payments=len({ack.subject for ack in acks if ack.operation == _PAYMENT_AT_THE_DOOR}),
        repeated=len(acks) - len({ack.key for ack in acks}),
        confirmed_twice=len({ack.key for ack in acks}) - len({ack.subject for ack in acks}),
        parked_codes=parked,
        lost_codes=tuple(lost),
        acceptance=percentiles(ack.acknowledged - ack.first_sent for ack in acks),
        completion=percentiles(max(ended[code].at - requests[code].acknowledged, 0.0) for code in ended),
        rate=_rate(acks, everything),
    )


def accepted_requests(acks: Iterable[Ack]) -> dict[str, Ack]:
    """The first acknowledgement of each request by its tracking code."""
    found: dict[str, Ack] = {}
    for ack in acks:
        if ack.is_request:
            found.setdefault(ack.tracking_code, ack)
    return found


def ends(requests: Mapping[str, Ack], told: Sequence[Effect], scenes: Mapping[str, Scene]) -> dict[str, End]:
    """The end of each request: what the gateway was last told of it, or what the caller was answered at once."""
    last = {code: (ack.code, ack.acknowledged) for code, ack in requests.items() if ack.code}
    for effect in told:
        if effect.status_code and effect.tracking_code and effect.tracking_code in requests:
            last[effect.tracking_code] = (effect.status_code, effect.at)
    return {
        code: End(how, at)
        for code, (status, at) in last.items()
        if (how := scenes[requests[code].scene].ends.get(status))
    }


def doubled(ledger: Iterable[Effect]) -> int:
    """Effects that had been before: under the same reference, or about the same business subject."""
    references: set[str] = set()
    subjects: set[tuple[str, ...]] = set()
    again = 0
    for effect in ledger:
        again += effect.reference in references or effect.business in subjects
        references.add(effect.reference)
        subjects.add(effect.business)
    return again


def answered_twice(requests: Mapping[str, Ack], told: Iterable[Effect]) -> int:
    """Requests that were answered to the caller at once and to the gateway again."""
    at_once = {code for code, ack in requests.items() if ack.code}
    return len(at_once & {effect.tracking_code for effect in told})


def contradicted(acks: Iterable[Ack]) -> int:
    """Keys and subjects whose answers were not all the same as the first."""
    answers: dict[tuple[str, str], set[str]] = defaultdict(set)
    for ack in acks:
        answers["key", ack.key].add(ack.digest)
        answers["subject", ack.subject].add(ack.digest)
    keys, subjects = (sum(len(found) > 1 for (by, _), found in answers.items() if by == kind) for kind in _BY)
    return max(keys, subjects)


def lost_payments(acks: Iterable[Ack], effects: Mapping[str, Iterable[Effect]]) -> list[str]:
    """Payments that were acknowledged, and entered in no internal system."""
    entered = {
        effect.subject for ledger in effects.values() for effect in ledger if effect.operation == _PAYMENT_INSIDE
    }
    return sorted({ack.subject for ack in acks if ack.operation == _PAYMENT_AT_THE_DOOR} - entered)


def percentiles(seconds: Iterable[float]) -> Percentiles:
    """Nearest-rank percentiles; zeros of nothing."""
    ordered = sorted(seconds) or [0.0]
    ranks = (max(-(-len(ordered) * share // 100) - 1, 0) for share in (50, 99))
    return Percentiles(*(round(ordered[rank], 3) for rank in ranks))


_BY = ("key", "subject")


def _rate(acks: Sequence[Ack], effects: Sequence[Effect]) -> float:
    """Effects a second from the first call to the last effect."""
    if not acks or not effects:
        return 0.0
    spent = max(effect.at for effect in effects) - min(ack.first_sent for ack in acks)
    return round(len(effects) / spent, 1) if spent > 0 else 0.0
