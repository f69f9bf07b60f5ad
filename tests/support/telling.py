"""Messages as an internal system tells them by itself, signed as Standard Webhooks says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ops.sandbox.telling import signed

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
