"""The callers: each sends under one key until it is acknowledged, and writes the acknowledgement down."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from ops.demo.messages import Forms, Meaning, Told
from ops.demo.wire import NoAnswerError, call

_PAUSE_SECONDS = 0.15
_AT_ONCE = 48
_TRUE = (True, "true")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a caller sends. `subject` is what it is about: the request, or a bill in business words."""

    key: str
    operation: str
    channel: str
    binding: str
    record: Mapping[str, Any] = field(repr=False)
    subject: str
    scene: str
    title: str
    is_planted: bool = False
    is_request: bool = False


@dataclass(frozen=True, slots=True)
class Ack:
    """One acknowledgement, in seconds since the epoch. `digest` is equal for equal answers; `code` an answer's code."""

    key: str
    operation: str
    channel: str
    binding: str
    subject: str
    scene: str
    title: str
    is_planted: bool
    is_request: bool
    tracking_code: str
    digest: str
    code: str | None
    sendings: int
    first_sent: float
    acknowledged: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the door refused for good; the demo expects none."""

    key: str
    operation: str
    problem: str
    detail: str


@dataclass(slots=True)
class AckLedger:
    """All that callers were told: in memory, and one line each in a file that is only ever appended to."""

    file: IO[str]
    acks: list[Ack] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def keep(self, ack: Ack) -> None:
        """It is in the file when this returns."""
        self.file.write(json.dumps(asdict(ack), ensure_ascii=False) + "\n")
        self.file.flush()
        self.acks.append(ack)


def read_acks(path: Path) -> list[Ack]:
    """The acknowledgements in a ledger's file."""
    return [Ack(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


@contextmanager
def ack_ledger(path: Path) -> Iterator[AckLedger]:
    """An ack ledger whose file is closed at the end."""
    with path.open("a", encoding="utf-8") as file:
        yield AckLedger(file)


@dataclass(slots=True)
class Callers:
    """All callers of the door at one address; `keys` are their API keys by channel."""

    address: str
    keys: Mapping[str, str]
    forms: Forms
    ledger: AckLedger
    _free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def send(self, envelope: Envelope) -> Ack | None:
        """Send until acknowledged, always the same bytes under the same key; None when refused for good."""
        first_sent, sendings = time.time(), 0
        while True:
            sendings += 1
            told = await self._once(envelope)
            if told.meaning is Meaning.TAKEN:
                ack = _ack(envelope, told.record, sendings=sendings, first_sent=first_sent)
                self.ledger.keep(ack)
                return ack
            if told.meaning is Meaning.REFUSED:
                detail = str(told.record.get("detail", ""))
                self.ledger.refusals.append(Refusal(envelope.key, envelope.operation, told.problem, detail))
                return None
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _once(self, envelope: Envelope) -> Told:
        message = self.forms.write(envelope.binding, envelope.operation, envelope.record, envelope.key)
        headers = {**message.headers, "X-Api-Key": self.keys[envelope.channel]}
        try:
            async with self._free:
                answer = await call(self.address, message.method, message.path, headers=headers, body=message.body)
        except NoAnswerError:
            return Told(Meaning.AGAIN)
        return self.forms.read(envelope.binding, answer.status, answer.body)


def _ack(envelope: Envelope, record: Mapping[str, Any], *, sendings: int, first_sent: float) -> Ack:
    answer = record.get("answer") if record.get("answered") in _TRUE else None
    return Ack(
        key=envelope.key,
        operation=envelope.operation,
        channel=envelope.channel,
        binding=envelope.binding,
        subject=envelope.subject,
        scene=envelope.scene,
        title=envelope.title,
        is_planted=envelope.is_planted,
        is_request=envelope.is_request,
        tracking_code=str(record["tracking_code"]),
        digest=_digest(record),
        code=str(answer["code"]) if isinstance(answer, Mapping) else None,
        sendings=sendings,
        first_sent=first_sent,
        acknowledged=time.time(),
    )


def _digest(record: Mapping[str, Any]) -> str:
    """Equal for equal answers in either binding: XML has no numbers, so all is compared as text."""
    text = json.dumps(_as_text(record), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _as_text(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _as_text(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_as_text(part) for part in value]
    return str(value).lower() if isinstance(value, bool) else str(value)
