"""Internal systems that call us: a message is believed by its signature, its time and its id, and then read."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from adapter.callers.rows import told_changes
from adapter.channels import Clock
from adapter.contract.codec import Row
from adapter.contract.model import Contract, WebhookContract
from adapter.contract.paths import values_at
from adapter.errors import FaultySettings
from adapter.exchange import Change, Payload
from adapter.refusals import MessageReused, NotSigned, OutOfTime, SchemaViolation, StillInFlight, Unreadable
from adapter.strict_json import parse_json
from connectors.changes import change_of

OLDEST, AHEAD = timedelta(seconds=300), timedelta(seconds=60)
"""How long ago a message may have been signed, and how far another clock may run before ours."""

LEAST_SECRET_BYTES = 16
MOST_SECRETS = 2
MOST_SIGNATURES = 8
"""In one message: a sender changes its own secrets one after the other."""

MOST_REMEMBERED = 10_000
_UNFIT = 422
_STANDARD = b"whsec_"
"""Before a secret in Base64, as Standard Webhooks writes it."""

Take = Callable[[Sequence[Change]], Awaitable[None]]
"""Afterwards the changes are kept."""


def secrets_of(content: bytes) -> tuple[bytes, ...]:
    """The secrets of a key file, one a line: two while one takes the place of the other. Raises FaultySettings."""
    lines = [line.strip() for line in content.splitlines() if line.strip()]
    try:
        found = tuple(
            base64.b64decode(line.removeprefix(_STANDARD), validate=True) if line.startswith(_STANDARD) else line
            for line in lines
        )
    except binascii.Error as error:
        raise FaultySettings([f"webhook_key_file: what stands behind {_STANDARD.decode()} is not Base64"]) from error
    if not 0 < len(found) <= MOST_SECRETS:
        raise FaultySettings([f"webhook_key_file: holds {len(found)} secrets, one a line; one or two are wanted"])
    if min(map(len, found)) < LEAST_SECRET_BYTES:
        raise FaultySettings([f"webhook_key_file: a secret has less than {LEAST_SECRET_BYTES} bytes"])
    return found


@dataclass(frozen=True, slots=True)
class _Remembered:
    """A message of a moment ago: its content's digest, and what was answered; nothing while it is being taken."""

    digest: bytes
    until: datetime
    answer: Payload | None = None


@dataclass(slots=True, eq=False)
class Webhook:
    """One tenant's ear for one internal system. What it remembers may be forgotten: the journal knows each event."""

    contract: Contract
    said: WebhookContract
    secrets: Sequence[bytes] = field(repr=False)
    clock: Clock
    _messages: dict[str, _Remembered] = field(default_factory=dict, init=False)

    async def receive(self, headers: Mapping[str, str], body: bytes, take: Take) -> Payload:
        """The answer once all changes of the message are kept; the same message again gets the same answer.

        `headers` are those that stand once, by their names in small letters. Raises NotSigned, OutOfTime,
        MessageReused, StillInFlight, or Unreadable and SchemaViolation with the status 422.
        """
        name = self._admitted(headers, body)
        digest, now = hashlib.sha256(body).digest(), self.clock()
        if (known := self._known(name, digest, now)) is not None:
            return known
        self._messages[name] = _Remembered(digest, now + OLDEST + AHEAD)
        answer: Payload | None = None
        try:
            changes, rows = self._read(body, now)
            await take(changes)
            answer = {"told": rows, "taken": len(changes)}
        finally:
            if answer is None:
                self._messages.pop(name, None)
        self._messages[name] = _Remembered(digest, now + OLDEST + AHEAD, answer)
        return answer

    def _admitted(self, headers: Mapping[str, str], body: bytes) -> str:
        """The message's id, once its signature and its time have been believed."""
        said = self.said
        given = [headers.get(one.lower(), "") for one in (said.id, said.timestamp, said.signature)]
        name, timestamp, signatures = given
        if not all(given) or not re.fullmatch("[0-9]{1,12}", timestamp):
            raise NotSigned(f"Send {said.id}, {said.timestamp} (seconds since 1970) and {said.signature}, each once")
        head, _, tail = said.signed.partition("{body}")
        parts = {"{id}": name, "{timestamp}": timestamp}
        signed = _filled(head, parts) + body + _filled(tail, parts)
        if not self._is_made_of(signed, signatures.split()[:MOST_SIGNATURES]):
            raise NotSigned
        if not -OLDEST <= datetime.fromtimestamp(int(timestamp), UTC) - self.clock() <= AHEAD:
            raise OutOfTime
        return name

    def _is_made_of(self, signed: bytes, signatures: Sequence[str]) -> bool:
        """Whether one of our secrets made one of these signatures of the content, which is hashed once for each."""
        digests = [hmac.digest(secret, signed, "sha256") for secret in self.secrets]
        wanted = [_filled(self.said.form, _written(one)) for one in digests]
        pairs = ((made, given.encode()) for made in wanted for given in signatures)
        return any([hmac.compare_digest(made, given) for made, given in pairs])  # noqa: C419 - all are compared

    def _known(self, name: str, digest: bytes, now: datetime) -> Payload | None:
        """What the same message was answered a moment ago; raises when that was another, or is still being taken."""
        self._forget(now)
        known = self._messages.get(name)
        if known is None:
            return None
        if known.digest != digest:
            raise MessageReused
        if known.answer is None:
            raise StillInFlight(retry_after=1)
        return known.answer

    def _forget(self, now: datetime) -> None:
        while self._messages:
            name, oldest = next(iter(self._messages.items()))
            if oldest.until > now and len(self._messages) < MOST_REMEMBERED:
                return
            del self._messages[name]

    def _read(self, body: bytes, now: datetime) -> tuple[list[Change], int]:
        """The changes that can be told, and how many rows there were."""
        try:
            rows = self._rows(body)
        except (Unreadable, SchemaViolation) as error:
            error.context["status"] = _UNFIT
            raise
        title = self.contract.title
        records = told_changes(self.contract, self.said, rows)
        return [change_of(title, self.said, one, now=now) for one in records], len(rows)

    def _rows(self, body: bytes) -> Sequence[Row]:
        codec, operation, items = self.said.codec, self.said.operation, self.said.items
        try:
            content = codec.decode_answer(operation, body)
        except SchemaViolation as error:
            if items is not None:
                return codec.sift_answer(operation, body, rows=items)[1]
            loose = parse_json(body)
            return [Row(loose if isinstance(loose, dict) else {}, tuple(error.violations))]
        if not isinstance(content, dict):
            raise Unreadable("The message is not an object")
        return [Row(content)] if items is None else [Row(one) for one, _ in values_at(content, f"{items}[]")]


def _filled(text: str, parts: Mapping[str, str]) -> bytes:
    """A text with its places filled in one pass: what comes in is never looked through again."""
    return re.sub("|".join(map(re.escape, parts)), lambda found: parts[found[0]], text).encode()


def _written(digest: bytes) -> Mapping[str, str]:
    return {"{hex}": digest.hex(), "{base64}": base64.b64encode(digest).decode()}
