"""What the stand-ins' effect ledgers tell: every effect that was really applied, outside the adapter."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

STAND_INS = ("gateway", "urban_core", "revenue", "complaints")
"""Those that the demo's scenes need."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One line of an effect ledger; `at` in seconds since the epoch."""

    seq: int
    at: float
    stand_in: str
    operation: str
    reference: str
    tracking_code: str | None = None
    case_no: str | None = None
    subject: str | None = None
    status_code: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def business(self) -> tuple[str, ...]:
        """What must happen once, whatever reference it came under."""
        return (self.operation, self.tracking_code or self.case_no or "", self.subject or "")


def read_effects(folder: Path) -> dict[str, list[Effect]]:
    """Every stand-in's effects, oldest first."""
    return {name: list(_lines(folder / f"{name}.jsonl")) for name in STAND_INS}


def effect_of(line: Mapping[str, Any]) -> Effect:
    """The effect that a line of a ledger tells."""
    known = {name: line[name] for name in Effect.__slots__ if name in line}
    return Effect(**{**known, "at": datetime.fromisoformat(line["at"]).timestamp()})


def _lines(path: Path) -> Iterable[Effect]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                yield effect_of(json.loads(line))
