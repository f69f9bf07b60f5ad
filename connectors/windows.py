"""How far a view of changes has been told: pages by the order of its cursor column, and a look back at its end.

Rows that were written later may stand before what was read: a transaction that took long, a clock that differs. So
each look begins a little before the last one's end, and rows that were told and kept are told once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from adapter.contract.instants import read_instant
from adapter.contract.statements import Statement

Mark = tuple[Any, Any]
"""Where a row stands: what its cursor column says in the message's words, and its key."""


@dataclass(frozen=True, slots=True)
class Place:
    """A cursor: behind this mark. `tag` is another after each page that told something, so that a page which was
    never kept is told again.
    """

    mark: Mark | None
    tag: str = ""

    @classmethod
    def read(cls, text: str | None) -> Place:
        """The place that a kept cursor means; the beginning for one that is not ours."""
        try:
            value, key, tag = json.loads(text or "")
        except (ValueError, TypeError):
            return cls(None)
        return cls((value, key), str(tag))

    def text(self) -> str:
        """The cursor as it is kept."""
        value, key = self.mark or (None, None)
        return "" if self.mark is None else json.dumps([value, key, self.tag], ensure_ascii=False)


@dataclass(slots=True)
class Window:
    """What one connector remembers of the last pages. It may be forgotten: the journal knows each event by its id."""

    statement: Statement
    _told: str | None = field(default=None, init=False)
    _seen: dict[Mark, None] = field(default_factory=dict, init=False)

    def begin(self, cursor: str | None) -> Place:
        """The place to look from; what was told before counts as kept only if its cursor was."""
        if cursor != self._told:
            self._seen.clear()
        return Place.read(cursor)

    def fresh(self, marks: Sequence[Mark]) -> set[Mark]:
        """Those of the marks that were not told before."""
        return {mark for mark in marks if mark not in self._seen}

    def end(self, place: Place, last: Mark | None, fresh: Iterable[Mark], *, is_end: bool) -> str:
        """The cursor behind the last mark, set back by the overlap where nothing more stands for now."""
        self._seen |= dict.fromkeys(new := list(fresh))
        self._forget(last)
        tag = hashlib.blake2b(json.dumps([place.tag, new], ensure_ascii=False).encode(), digest_size=6).hexdigest()
        behind = self._set_back(last) if is_end else last
        self._told = Place(behind, tag if new else place.tag).text()
        return self._told

    def _set_back(self, last: Mark | None) -> Mark | None:
        """A mark without key: all that equals it was before it."""
        if last is None or self.statement.overlap == 0:
            return last
        value = last[0]
        if isinstance(value, int):
            return value - self.statement.overlap, None
        instant = read_instant(value)
        return last if instant is None else ((instant - timedelta(seconds=self.statement.overlap)).isoformat(), None)

    def _forget(self, last: Mark | None) -> None:
        """Marks before the overlap are not met again."""
        if (back := self._set_back(last)) is None or not self._seen:
            return
        least = _comparable(back[0])
        self._seen = {mark: None for mark in self._seen if _comparable(mark[0]) >= least}


def _comparable(value: Any) -> Any:
    instant: datetime | None = read_instant(value)
    return value if instant is None else instant
