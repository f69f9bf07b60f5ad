"""What an observation of the wire means: a table of what HTTP says, and the contract's own table of codes.

Unknown means `in_doubt` for whatever changes something, and an unknown code is parked, never probably fine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import TypeAlias

from adapter.contract.codec import Fault
from adapter.contract.model import Contract, OperationContract
from adapter.contract.paths import holds, values_at
from adapter.exchange import Effect, Outcome, Payload, Verdict

SHORTEST_RETRY_AFTER = timedelta(seconds=1)
LONGEST_RETRY_AFTER = timedelta(hours=1)


class Seen(StrEnum):
    """How a try ended, as the witness below the client tells it."""

    UNSENT = "unsent"
    CERTIFICATE = "certificate"
    SHUT = "shut"
    WITHHELD = "withheld"
    BROKEN_OFF = "broken_off"
    LOST = "lost"
    UNREADABLE = "unreadable"
    ANSWERED = "answered"


class Pause(StrEnum):
    """Why an endpoint is to rest. FORBIDDEN is a hint: it counts when several exchanges met it."""

    CERTIFICATE = "certificate"
    CREDENTIALS = "credentials"
    FORBIDDEN = "forbidden"
    SIGNATURE = "signature"


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen of one try: UNSENT, CERTIFICATE and SHUT left nothing, LOST brought no whole answer.

    A document of the message could not be read: WITHHELD before anything left, BROKEN_OFF before its end.
    UNREADABLE came whole and does not fit the contract; `detail` says why, without any of its text.
    """

    seen: Seen
    status: int | None = None
    content: Payload | Fault | None = None
    detail: str | None = None
    retry_after: timedelta | None = None
    link: str | None = None

    @property
    def left(self) -> bool:
        """Whether a byte of the request may have left us."""
        return self.seen not in {Seen.UNSENT, Seen.CERTIFICATE, Seen.SHUT, Seen.WITHHELD}


Classify: TypeAlias = Callable[[Contract, OperationContract, Observation], Outcome]


@dataclass(frozen=True, slots=True)
class _Meaning:
    verdict: Verdict
    reason: str
    pause: Pause | None = None


_BY_SIGHT: Mapping[Seen, _Meaning] = {
    Seen.UNSENT: _Meaning(Verdict.RETRY, "the request never left"),
    Seen.CERTIFICATE: _Meaning(Verdict.PARKED, "their certificate was not accepted: configuration", Pause.CERTIFICATE),
    Seen.SHUT: _Meaning(Verdict.RETRY, "they give us no token", Pause.CREDENTIALS),
    Seen.WITHHELD: _Meaning(Verdict.PARKED, "nothing was sent: a document of it cannot be read"),
    Seen.BROKEN_OFF: _Meaning(Verdict.PARKED, "broken off before its end: a document of it cannot be read"),
    Seen.LOST: _Meaning(Verdict.IN_DOUBT, "the request may have arrived, no whole answer came"),
    Seen.UNREADABLE: _Meaning(Verdict.IN_DOUBT, "the answer cannot be read by the contract"),
}

_BY_STATUS: Mapping[int, _Meaning] = {
    401: _Meaning(Verdict.RETRY, "they do not accept our credentials", Pause.CREDENTIALS),
    403: _Meaning(Verdict.RETRY, "they forbid this to us", Pause.FORBIDDEN),
    408: _Meaning(Verdict.IN_DOUBT, "they waited too long for the request"),
    409: _Meaning(Verdict.IN_DOUBT, "they know this reference or see a conflict"),
    429: _Meaning(Verdict.RETRY, "too many requests"),
    501: _Meaning(Verdict.PARKED, "they do not offer this"),
    502: _Meaning(Verdict.IN_DOUBT, "a gateway on the way had no good answer"),
    503: _Meaning(Verdict.RETRY, "they are not available"),
    504: _Meaning(Verdict.IN_DOUBT, "a gateway on the way had no answer in time"),
}
"""Statuses that mean the same with every body; the others mean what their class does, or what a fault says."""

_BY_CLASS: Mapping[int, _Meaning] = {
    1: _Meaning(Verdict.IN_DOUBT, "they answered with a status that ends nothing"),
    3: _Meaning(Verdict.PARKED, "they redirect, which is never followed: configuration"),
    4: _Meaning(Verdict.PARKED, "they refuse the request as it is"),
    5: _Meaning(Verdict.IN_DOUBT, "they failed while working on it"),
}

_SIGNATURE = _Meaning(Verdict.RETRY, "they do not accept our signature", Pause.SIGNATURE)
_BY_FAULT: Mapping[str, _Meaning] = {
    "MustUnderstand": _Meaning(Verdict.PARKED, "they do not know a header that we send: configuration"),
    "VersionMismatch": _Meaning(Verdict.PARKED, "they speak another SOAP version: configuration"),
    "DataEncodingUnknown": _Meaning(Verdict.PARKED, "they do not know our encoding: configuration"),
    "UnsupportedSecurityToken": _SIGNATURE,
    "UnsupportedAlgorithm": _SIGNATURE,
    "InvalidSecurity": _SIGNATURE,
    "InvalidSecurityToken": _SIGNATURE,
    "FailedAuthentication": _SIGNATURE,
    "FailedCheck": _SIGNATURE,
    "SecurityTokenUnavailable": _SIGNATURE,
    "MessageExpired": _SIGNATURE,
}

_WEIGHT = (Verdict.PARKED, Verdict.IN_DOUBT, Verdict.RETRY, Verdict.REFUSED, Verdict.AWAITING, Verdict.DONE)
"""Of several codes in one answer the first of these verdicts counts."""


def classify(contract: Contract, operation: OperationContract, observation: Observation) -> Outcome:
    """The outcome of one try, by tables alone."""
    if observation.seen is not Seen.ANSWERED:
        return _outcome(operation, observation, _BY_SIGHT[observation.seen], code=observation.seen)
    if isinstance(observation.content, Fault):
        return _of_fault(contract, operation, observation, observation.content)
    status = observation.status or 0
    if observation.content is None or status // 100 != _SUCCESS:
        return _outcome(operation, observation, _of_status(status), code=f"http-{status}")
    return meaning_of_answer(contract, operation, observation.content)


def meaning_of_answer(contract: Contract, operation: OperationContract, answer: Payload) -> Outcome:
    """What a readable answer says by its codes, whether it came at once or was found by a query."""
    rows = [_row(contract, "body", code) for code in _codes(contract, answer)]
    verdict, code, reason = min(rows, key=lambda row: _WEIGHT.index(row[0]), default=(Verdict.DONE, None, None))
    if verdict is Verdict.DONE and holds(answer, operation.awaiting):
        verdict = Verdict.AWAITING
    return Outcome(_for_effect(verdict, operation), code, reason, answer)


def retry_after(header: str | None, now: datetime) -> timedelta | None:
    """Seconds or an HTTP date, between one second and one hour; anything else is not believed."""
    if header is None:
        return None
    if re.fullmatch(r"[0-9]{1,10}", header.strip()):
        wait = timedelta(seconds=int(header))
    else:
        try:
            until = parsedate_to_datetime(header)
        except (ValueError, OverflowError, TypeError):
            return None
        wait = (until if until.tzinfo else until.replace(tzinfo=UTC)) - now
    return min(max(wait, SHORTEST_RETRY_AFTER), LONGEST_RETRY_AFTER)


_SUCCESS = 2


def _of_status(status: int) -> _Meaning:
    return _BY_STATUS.get(status) or _BY_CLASS.get(status // 100, _BY_CLASS[1])


def _of_fault(contract: Contract, operation: OperationContract, observation: Observation, fault: Fault) -> Outcome:
    """Who may not enter or must slow down had no effect; else the contract's own row, then HTTP, then the class."""
    status = observation.status or 0
    code = safe_code(fault.code)
    if status in _BEFORE_CODES or status // 100 == _REDIRECT:
        meaning = _of_status(status)
    elif ("fault", fault.code) in contract.outcomes:
        verdict, code, reason = _row(contract, "fault", fault.code)
        meaning = _Meaning(verdict, reason)
    else:
        by_class = _BY_CLASS[4] if fault.sender else _BY_CLASS[5]
        meaning = _BY_STATUS.get(status) or _BY_FAULT.get(fault.code) or by_class
    return _outcome(operation, observation, meaning, code=code)


_BEFORE_CODES = frozenset({401, 403, 429})
_REDIRECT = 3


def _outcome(operation: OperationContract, observation: Observation, meaning: _Meaning, *, code: str) -> Outcome:
    reason = f"{meaning.reason} ({observation.detail})" if observation.detail else meaning.reason
    return Outcome(
        verdict=_for_effect(meaning.verdict, operation),
        code=code,
        reason=reason,
        left=observation.left,
        retry_after=observation.retry_after,
        pause=meaning.pause,
    )


def _for_effect(verdict: Verdict, operation: OperationContract) -> Verdict:
    """What only reads has no effect to be in doubt of: it is asked again."""
    is_read = operation.effect is Effect.READ
    return Verdict.RETRY if is_read and verdict is Verdict.IN_DOUBT else verdict


def _codes(contract: Contract, answer: Payload) -> Iterator[str]:
    """The business codes of an answer, without those that are a warning only."""
    for path in contract.code_paths:
        for value, beside in values_at(answer, path):
            if not holds(beside, contract.ignore_codes_when):
                yield str(value)


def _row(contract: Contract, where: str, code: str) -> tuple[Verdict, str, str]:
    """Verdict, code and sentence: a refusal's is for the citizen and Persian, any other is for the operator."""
    row = contract.outcomes.get((where, code))
    if row is None:
        table = f"contracts/{contract.title}/outcomes.csv"
        told = safe_code(code)
        return Verdict.PARKED, told, f"{table}: has no row for {where},{told}; add one, then replay"
    return row.verdict, code, row.fa if row.verdict is Verdict.REFUSED else row.en


def safe_code(code: str) -> str:
    """A code that no table may know, as it may stand in a log: the other side chose it."""
    return code if re.fullmatch(r"[A-Za-z0-9._:-]{1,64}", code) else "(a code that is not one)"
