"""Messages as an internal system tells them by itself, signed as Standard Webhooks says."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from adapter.contract.model import Contract
from adapter.exchange import Change, Payload
from connectors.webhook import Webhook
from ops.sandbox.telling import signed
from tests.support.clock import StandingClock

SECRET = b"an invented secret of 32 letters"


@dataclass(frozen=True)
class Told:
    """One message as it leaves."""

    headers: dict[str, str]
    body: bytes


def message(
    rows: Sequence[Any],
    *,
    at: datetime,
    name: str = "msg-1",
    secret: bytes = SECRET,
    ago: timedelta = timedelta(),
    body: bytes | None = None,
) -> Told:
    """A message of the revenue system; `body` in place of rows where it is to be no such message."""
    content = json.dumps({"changes": rows}, ensure_ascii=False).encode() if body is None else body
    return Told(signed(name, content, secret, at=int((at - ago).timestamp())), content)


def change(number: int, reference: str = "N-1405-100001", **more: Any) -> dict[str, Any]:
    """A change of status, its fields replaced by `more`; those of None are left out."""
    row = {
        "event_id": f"{reference}-{number}",
        "sequence": number,
        "assessment_no": reference,
        "kind": "status",
        "changed_at": "2026-11-21T11:30:00+03:30",
        "status_code": 30,
    }
    return {name: value for name, value in (row | more).items() if value is not None}


@dataclass
class Ear:
    """The webhook of a contract and what was taken by it. `beside` is what its rows hold besides their places."""

    contract: Contract
    beside: Mapping[str, Any] = field(default_factory=lambda: {"status_code": 30})
    reference: str = "N-1405-100001"
    secrets: Sequence[bytes] = (SECRET,)
    clock: StandingClock = field(default_factory=StandingClock)
    taken: list[list[Change]] = field(default_factory=list)
    fails: Exception | None = None

    def __post_init__(self) -> None:
        assert self.contract.webhook is not None
        self.said = self.contract.webhook
        self.restart()

    def restart(self) -> None:
        """Afterwards nothing of any message is remembered."""
        self.webhook = Webhook(self.contract, self.said, self.secrets, self.clock)

    def row(self, number: int, **more: Any) -> dict[str, Any]:
        """One change as the contract has it; `more` names its places as the contract's section does."""
        told = {
            "event": f"{self.reference}-{number}",
            "sequence": number,
            "reference": self.reference,
            "kind": "status",
            "changed_at": "2026-11-21T11:30:00+03:30",
        }
        return {**self.beside, **{getattr(self.said, place, place): value for place, value in (told | more).items()}}

    def message(self, *rows: Any, **more: Any) -> Told:
        """A signed message of these rows, at this moment unless it is said otherwise."""
        body = json.dumps({str(self.said.items): rows}, ensure_ascii=False).encode()
        return message([], **{"at": self.clock(), "body": body, **more})

    async def hear(self, told: Told) -> Payload:
        return await self.webhook.receive(told.headers, told.body, self.take)

    async def take(self, changes: Sequence[Change]) -> None:
        if self.fails is not None:
            raise self.fails
        self.taken.append(list(changes))
