"""A mapping table of a few rows, compiled, and the context that it translates in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from adapter.translator import Context, Table, Tools, compile_table

HEADER = "target,source,rule,argument,when,required,note\n"
CONTEXT = Context(
    date(2026, 11, 21),
    case={"tracking_code": "20000004", "internal_reference": None},
    service={"service_id": "13042652104"},
    exchange={"reference": "r-1", "sequence": 3},
    outcome={"code": "E300"},
)
Compile = Callable[..., Table]


def compiled(folder: Path, rows: tuple[str, ...], tools: Tools) -> tuple[Table, list[Any]]:
    """What the rows become as a table of the folder, and its faults."""
    path = folder / "submit.csv"
    path.write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
    return compile_table(path, "mappings/x/core/submit.csv", tools)
