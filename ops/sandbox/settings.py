"""What a sandbox is started with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ops.sandbox.faults import FaultRule
from ops.sandbox.telling import OPERATIONS, Listening

WIRED = ("gateway", "urban_core", "revenue")
"""Those that are called over HTTP."""
STAND_INS = (*WIRED, "complaints", "village")


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """`ports` by stand-in, of its page where it is not called over HTTP; 0 or absent takes a free one.

    The same `pace_seconds` must be given to the same ledgers.

    `pace_seconds` lies between two events of a case. `seed` is added to the seed of every fault rule. `dedupe` lets the
    stand-ins refuse a repeated reference, where they otherwise apply it again and so show a double effect. `listening`
    tells who is told the changes of a stand-in before it is asked. With `document_bytes` each document of the core and
    of revenue has so many, and is asked for by its number. `database` is that of the complaints on a PostgreSQL server;
    without it they have a SQLite file beside the ledgers, as the village has its folder.
    """

    contracts_folder: Path
    ledger_folder: Path
    host: str = "127.0.0.1"
    ports: Mapping[str, int] = field(default_factory=dict)
    pace_seconds: float = 0.5
    seed: int = 0
    dedupe: bool = False
    document_bytes: int = 0
    faults: tuple[FaultRule, ...] = ()
    listening: Mapping[str, Listening] = field(default_factory=dict)
    stand_ins: tuple[str, ...] = STAND_INS
    database: str | None = None

    def __post_init__(self) -> None:
        for name, given in (("ports", self.ports), ("stand_ins", self.stand_ins)):
            if unknown := sorted(set(given) - set(STAND_INS)):
                raise ValueError(f"{name}: {unknown[0]!r} is no stand-in; known are {', '.join(STAND_INS)}")
        if mute := sorted(set(self.listening) - set(OPERATIONS)):
            raise ValueError(f"listening: {mute[0]!r} tells nothing by itself; known are {', '.join(OPERATIONS)}")
        if self.database is not None and not self.database.startswith("postgresql"):
            raise ValueError("database: is not the URL of a PostgreSQL database, such as postgresql://user@host/name")
        if self.pace_seconds < 0:
            raise ValueError(f"pace_seconds: must not be below 0, is {self.pace_seconds}")
