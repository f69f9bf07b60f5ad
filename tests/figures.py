"""Figures as people and machines read them: one line each, and a JSON file beside."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

SEED = 1
"""Seeds the faults of every trial: the same seed and order of calls give the same faults."""

HOUSE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value beside its target; `at_most` says on which side of the target it must lie."""

    name: str
    value: float
    unit: str
    target: float | None
    at_most: bool = False
    note: str = ""

    @property
    def passed(self) -> bool:
        if self.target is None:
            return True
        return self.value <= self.target if self.at_most else self.value >= self.target

    def line(self) -> str:
        target = "" if self.target is None else f"{'≤' if self.at_most else '≥'} {self.target:g} {self.unit}"
        verdict = "PASS" if self.passed else "FAIL"
        return f"{self.name:<44} {self.value:>12,.1f} {self.unit:<12} {target:<24} {verdict}  {self.note}".rstrip()


def report(figures: Sequence[Figure], file: str) -> int:
    """Print the lines, write build/<file>; 0 when every figure passed."""
    build = HOUSE / "build"
    build.mkdir(exist_ok=True)
    content = {
        "seed": SEED,
        "commit": _commit(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "figures": [{**asdict(figure), "passed": figure.passed} for figure in figures],
    }
    (build / file).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"seed {SEED}, commit {content['commit']}, {content['machine']}")
    for figure in figures:
        print(figure.line())
    return 0 if all(figure.passed for figure in figures) else 1


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    found = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"
