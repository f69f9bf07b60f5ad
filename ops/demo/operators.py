"""The operators' side: what the daemon itself says stands, is in doubt, and differs between the ledgers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapter.exchange import State
from ops import admin

_UNDER_WAY = (State.READY, State.SENDING, State.AWAITING, State.IN_DOUBT)
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Parked:
    """One exchange that waits for a person."""

    tracking_code: str
    service: str
    operation: str
    why: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What an operator sees at the end. `ledgers` are the counts of the reconciliation, one row for each ledger."""

    parked: Sequence[Parked]
    in_doubt: int
    ledgers: Sequence[Mapping[str, Any]]
    findings: Sequence[Mapping[str, Any]]

    @property
    def unreachable(self) -> list[str]:
        """The ledgers that could not be read."""
        return [one["ledger"] for one in self.ledgers if one["unreachable"]]


async def under_way(socket: Path) -> int:
    """How many exchanges are not at rest."""
    return sum([len(await _exchanges(socket, state)) for state in _UNDER_WAY])


async def look(socket: Path) -> Standing:
    """Reconcile, and see what stands; raises DaemonUnreachable."""
    reconciled = await admin.call(socket, "reconcile.run", {})
    parked = [
        Parked(one["tracking_code"], one["service"], one["operation"], one["reason"] or one["code"] or "")
        for one in await _exchanges(socket, State.PARKED)
    ]
    in_doubt = len(await _exchanges(socket, State.IN_DOUBT))
    return Standing(parked, in_doubt, reconciled["ledgers"], reconciled["findings"])


async def _exchanges(socket: Path, state: State) -> Sequence[Mapping[str, Any]]:
    told = await admin.call(socket, "exchanges.list", {"state": state.value, "limit": _MOST})
    found: Sequence[Mapping[str, Any]] = told["exchanges"]
    return found
