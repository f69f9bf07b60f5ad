"""Whether what the other side tells of a message agrees with what we had sent, in the fields that a contract pairs."""

from __future__ import annotations

import re
from base64 import b64decode
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from typing import Any, TypeAlias

from adapter.contract.paths import value_at, values_at
from adapter.exchange import Payload
from adapter.mark import Mark, mark_of

Cells: TypeAlias = list[str | None]
"""What stands at a path, row by row of the group that repeats, as text; None where a row has nothing."""

_FRACTION = re.compile(r"-?[0-9]+\.[0-9]+")


@dataclass(frozen=True, slots=True)
class Agreement:
    """The first field in which both differ, and the first that we had sent and they do not tell."""

    differs: str | None
    untold: str | None


def agreement(pairs: Iterable[tuple[str, str]], sent: Payload, told: Payload) -> Agreement:
    """Compare each path of `sent` that carries something with its partner in `told`.

    A number and its text are equal, so are decimals of one value. The rows of a repeating group may stand in another
    order, but what stands in one row stays together.
    """
    columns = [_column(path, there, sent, told) for path, there in pairs]
    carried = [column for column in columns if _tells(column.ours)]
    untold = next((column.path for column in carried if not _tells(column.theirs)), None)
    return Agreement(next(_differences([one for one in carried if _tells(one.theirs)]), None), untold)


@dataclass(frozen=True, slots=True)
class _Column:
    """A path of ours and its partner there, with what stands at each."""

    path: str
    there: str
    ours: Cells
    theirs: Cells

    @property
    def groups(self) -> tuple[str, str]:
        """The repeating group of each; empty where none repeats."""
        return _split(self.path)[0], _split(self.there)[0]


def _column(path: str, there: str, sent: Payload, told: Payload) -> _Column:
    """Where we sent a document by its mark, the content that they tell is compared by its own."""
    ours, theirs = _cells(sent, path), _cells(told, there)
    if any(cell and mark_of(cell) for cell in ours):
        theirs = [cell and _marked(cell) for cell in theirs]
    return _Column(path, there, ours, theirs)


def _marked(text: str) -> str:
    try:
        content = b64decode(text, validate=True)
    except ValueError:
        return text
    return text if mark_of(text) else Mark(sha256(content).digest(), len(content)).text


def _differences(columns: list[_Column]) -> Iterator[str]:
    yield from (one.path for one in columns if Counter(one.ours) != Counter(one.theirs))
    by_group = sorted(columns, key=lambda one: one.groups)
    for (group, _), together in groupby(by_group, key=lambda one: one.groups):
        ours, theirs = zip(*((one.ours, one.theirs) for one in together), strict=True)
        if Counter(zip(*ours, strict=True)) != Counter(zip(*theirs, strict=True)):
            yield group


def _tells(cells: Cells) -> bool:
    return any(cell is not None for cell in cells)


def _cells(content: Payload, path: str) -> Cells:
    group, field = _split(path)
    rows = [row for row, _ in values_at(content, group)] if group else [content]
    return [_as_text(value_at(row, field) if field else row) for row in rows]


def _split(path: str) -> tuple[str, str]:
    """The group that repeats, and the field in each of its rows."""
    group, mark, field = path.rpartition("[]")
    return group + mark, field.removeprefix(".")


def _as_text(value: Any) -> str | None:
    if value is None:
        return None
    text = str(value)
    return text.rstrip("0").rstrip(".") if _FRACTION.fullmatch(text) else text
