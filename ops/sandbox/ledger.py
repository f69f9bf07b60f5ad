"""The effect ledger of one stand-in: one line per effect that was really applied, never changed, never removed."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One effect. `subject` is what it is about in business words (bill and payment id, document number, event id).

    `state` is the contract's own word for what became of it, empty for the usual one. `digest` tells whether two calls
    carried the same bytes. `answer` is what was (or should have been) answered, and `detail` what the stand-in needs to
    take its state up again after a restart and to repeat when it is asked. No citizen's data stands here.
    """

    seq: int
    at: datetime
    stand_in: str
    operation: str
    reference: str
    tracking_code: str | None = None
    case_no: str | None = None
    subject: str | None = None
    amount_rial: int | None = None
    status_code: str | None = None
    state: str = ""
    digest: str = ""
    answer: Mapping[str, Any] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """The entry as its line has it: what is empty is left out."""
        line = {name: getattr(self, name) for name in self.__slots__}
        line["at"] = self.at.isoformat()
        return {name: value for name, value in line.items() if value or value == 0}


SLIPS = ("tracking_code", "case_no", "subject", "amount_rial", "status_code", "state", "detail")
"""What of an entry a fault can have entered otherwise than it came."""


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """One page of a period, numbered from 1; an empty period has one empty page."""

    entries: Sequence[Entry]
    page: int
    pages: int


class Ledger:
    """Entries in memory and as JSON lines in a file that is only ever appended to and flushed at each entry."""

    def __init__(self, path: Path, stand_in: str) -> None:
        self.path = path
        self.stand_in = stand_in
        path.parent.mkdir(parents=True, exist_ok=True)
        self._entries = [_entry(line) for line in _lines(path)]
        self._first: dict[str, Entry] = {}
        for entry in self._entries:
            self._first.setdefault(entry.reference, entry)
        self.slip: Mapping[str, Any] = {}
        self._file: IO[str] = path.open("a", encoding="utf-8")

    @property
    def entries(self) -> Sequence[Entry]:
        """All entries, oldest first: `entries[n].seq == n + 1`."""
        return self._entries

    @property
    def repeated(self) -> int:
        """How many effects came under a reference that had one before: each is a double effect."""
        return len(self._entries) - len(self._first)

    def enter(self, operation: str, reference: str, at: datetime, **known: Any) -> Entry:
        """Keep the effect: it is in the file when this returns. `known` are further fields of an Entry.

        `slip` has the fields that are entered otherwise than they came, while a fault wants it.
        """
        entry = Entry(len(self._entries) + 1, at, self.stand_in, operation, reference, **{**known, **self.slip})
        self._file.write(json.dumps(entry.told(), ensure_ascii=False, separators=(",", ":")) + "\n")
        self._file.flush()
        self._entries.append(entry)
        self._first.setdefault(reference, entry)
        return entry

    def find(self, reference: str) -> Entry | None:
        """The first effect of this reference."""
        return self._first.get(reference)

    def after(self, seq: int, *, most: int) -> Sequence[Entry]:
        """At most so many entries behind this number."""
        return self._entries[max(0, seq) : max(0, seq) + most]

    def between(self, since: datetime, until: datetime, *, page: int, size: int) -> LedgerPage:
        """The entries with `since <= at < until`, one page of them."""
        first = bisect_left(self._entries, since, key=_at)
        behind = bisect_left(self._entries, until, key=_at)
        start = first + (page - 1) * size
        pages = max(1, -(-(behind - first) // size))
        return LedgerPage(self._entries[start : min(start + size, behind)] if page >= 1 else [], page, pages)

    def close(self) -> None:
        """Close the file; the entries stay readable."""
        self._file.close()


def _at(entry: Entry) -> datetime:
    return entry.at


def _lines(path: Path) -> list[str]:
    """The whole lines of an earlier run. A line cut off by a crash was never an effect that was answered."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole, newline, rest = text.rpartition("\n")
    if rest:
        path.write_text(whole + newline, encoding="utf-8")
    return whole.splitlines()


def _entry(line: str) -> Entry:
    content = json.loads(line)
    return Entry(**{**content, "at": datetime.fromisoformat(content["at"])})
