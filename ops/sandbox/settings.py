"""What a sandbox is started with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ops.sandbox.faults import FaultRule
from ops.sandbox.telling import OPERATIONS, Listening

STAND_INS = ("gateway", "urban_core", "revenue", "complaints")


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """`ports` by stand-in; 0 or absent takes a free one. The same `pace_seconds` must be given to the same ledgers.

    `pace_seconds` lies between two events of a case. `seed` is added to the seed of every fault rule. `dedupe` lets the
    stand-ins refuse a repeated reference, where they otherwise apply it again and so show a double effect. `listening`
    tells who is told the changes of a stand-in before it is asked.
    """

    contracts_folder: Path
    ledger_folder: Path
    host: str = "127.0.0.1"
    ports: Mapping[str, int] = field(default_factory=dict)
    pace_seconds: float = 0.5
    seed: int = 0
    dedupe: bool = False
    faults: tuple[FaultRule, ...] = ()
    listening: Mapping[str, Listening] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.ports) - set(STAND_INS)):
            raise ValueError(f"ports: {unknown[0]!r} is no stand-in; known are {', '.join(STAND_INS)}")
        if mute := sorted(set(self.listening) - set(OPERATIONS)):
            raise ValueError(f"listening: {mute[0]!r} tells nothing by itself; known are {', '.join(OPERATIONS)}")
        if self.pace_seconds < 0:
            raise ValueError(f"pace_seconds: must not be below 0, is {self.pace_seconds}")
