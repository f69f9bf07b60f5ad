"""Every field of every message of a contract by its path, whichever binding says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from adapter.contract.model import Contract
from adapter.workbench.fields import Field, flat
from adapter.workbench.reviewing import messages_of

Paths: TypeAlias = Mapping[str, tuple[Field, ...]]
"""Path, `[]` after what repeats → the field as each binding has it."""


@dataclass(frozen=True, slots=True)
class Sides:
    """What an operation takes and what it answers."""

    request: dict[str, tuple[Field, ...]] = field(default_factory=dict)
    answer: dict[str, tuple[Field, ...]] = field(default_factory=dict)


Fields: TypeAlias = Mapping[str, Sides]
"""By operation."""


def fields_of(folder: Path, contract: Contract) -> Fields:
    """Return every field of a contract that has loaded from the folder."""
    found: dict[str, Sides] = {}
    for messages in messages_of(folder, contract).values():
        for name, message in messages.items():
            sides = found.setdefault(name, Sides())
            for side, root in ((sides.request, message.request), (sides.answer, message.answer)):
                for path, one in flat(root):
                    side[path] = (*side.get(path, ()), one)
    return found
