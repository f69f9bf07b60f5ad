"""A stand-in that tells its changes by itself, signed as Standard Webhooks says, and tries again as vendors do."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ops.demo.wire import NoAnswerError, call
from ops.sandbox.calls import Call, Record
from ops.sandbox.faults import FaultRule, Mode
from ops.sandbox.stand_in import StandIn

OPERATIONS: Mapping[str, str] = {"revenue": "TellChanges"}
"""What a stand-in's own message is called; the others wait until they are asked."""

MOST_CHANGES = 100
OLD_SECONDS = 301
_ANSWERED_WITHIN_SECONDS = 5.0
_SUCCESS = 2


@dataclass(frozen=True, slots=True)
class Listening:
    """Who is told: the address of its webhook, and the secret that both know."""

    address: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it leaves, but for its signature, which every try has anew."""

    name: str
    body: bytes


@dataclass(slots=True)
class Teller:
    """Looks every `look_seconds`; a message that is not taken is tried `tries` times, each wait twice the one before.

    What nobody took by then is not told again: it can still be asked for.
    """

    stand_in: StandIn
    listening: Listening
    look_seconds: float = 0.02
    wait_seconds: float = 0.05
    tries: int = 8
    told: list[tuple[str, int]] = field(default_factory=list)
    """Every try: the message's name, and the status that was answered; 0 for no answer."""
    _cursor: str | None = None

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            changes = self._changes()
            if changes:
                await self._tell(changes, self._fault())
            else:
                await asyncio.sleep(self.look_seconds)

    def _changes(self) -> Sequence[Record]:
        manner, asked = self.stand_in.desk.manner, {"count": MOST_CHANGES}
        record = asked if self._cursor is None else {**asked, "cursor": self._cursor}
        page = self.stand_in.desk.handlers[manner.changes_operation](
            Call(manner.changes_operation, record, ""), self.stand_in.now()
        )
        self._cursor = page["next_cursor"]
        found: Sequence[Record] = page[manner.changes]
        return found

    def _fault(self) -> FaultRule | None:
        operation = OPERATIONS[self.stand_in.name]
        return self.stand_in.script.pick(
            operation, has_effect=False, tells_changes=True, now=self.stand_in.seconds(), is_told=True
        )

    async def _tell(self, changes: Sequence[Record], fault: FaultRule | None) -> None:
        mode = fault.mode if fault is not None else None
        groups = [[one] for one in reversed(changes)] if mode is Mode.OUT_OF_ORDER_CALLBACKS else [changes]
        for group in groups:
            message = self._message(group)
            for _ in range(2 if mode is Mode.DUPLICATE_CALLBACKS else 1):
                await self._until_taken(message, mode)

    def _message(self, changes: Sequence[Record]) -> Message:
        name = f"msg_{self.stand_in.name}_{changes[0]['event_id']}_{len(changes)}"
        bare = [{key: value for key, value in one.items() if value is not None} for one in changes]
        return Message(name, json.dumps({self.stand_in.desk.manner.changes: bare}, ensure_ascii=False).encode())

    async def _until_taken(self, message: Message, mode: Mode | None) -> None:
        """Tried until it is taken; the fault strikes the first try."""
        wait = self.wait_seconds
        for number in range(self.tries):
            status = await self._try(message, mode if number == 0 else None)
            self.told.append((message.name, status))
            if status // 100 == _SUCCESS:
                return
            await asyncio.sleep(wait)
            wait *= 2

    async def _try(self, message: Message, mode: Mode | None) -> int:
        at = int(self.stand_in.now().timestamp()) - (OLD_SECONDS if mode is Mode.OLD_TIMESTAMP else 0)
        secret = b"a secret that nobody else knows" if mode is Mode.WRONG_SIGNATURE else self.listening.secret
        place = urlsplit(self.listening.address)
        try:
            answer = await call(
                f"{place.scheme}://{place.netloc}",
                "POST",
                place.path,
                headers={"Content-Type": "application/json", **signed(message.name, message.body, secret, at=at)},
                body=message.body,
                within_seconds=_ANSWERED_WITHIN_SECONDS,
            )
        except NoAnswerError:
            return 0
        return answer.status


def signed(name: str, body: bytes, secret: bytes, *, at: int) -> dict[str, str]:
    """The headers of a message of this name and body; `at` is in seconds since 1970."""
    digest = hmac.digest(secret, f"{name}.{at}.".encode() + body, "sha256")
    return {
        "webhook-id": name,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
