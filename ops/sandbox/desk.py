"""What a stand-in's behaviour offers to the machinery around it, and small parts that they share."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from ops.sandbox.calls import Call, InvalidCallError, Record
from ops.sandbox.ledger import Entry


@dataclass(frozen=True, slots=True)
class Manner:
    """How one kind of system speaks: names of fields, and the codes it has for what all systems must say."""

    reference: str
    effects: frozenset[str]
    busy: str
    invalid: str
    duplicate: str
    busy_fault: str
    unavailable_fault: str
    invalid_fault: str
    unknown_fault: str
    changes_operation: str = ""
    changes: str = ""


Handler = Callable[[Call, datetime], Record]
"""Do what the call asks at this time, and answer."""


class Desk(Protocol):
    """One kind of system at work; `handlers` has each operation served, by name."""

    manner: Manner
    handlers: Mapping[str, Handler]

    def says(self, operation: str, code: str, *, at: datetime, known: Entry | None = None) -> Record | None:
        """The operation's answer with only a business code in it, and the numbers of a known effect; None: it has none.

        The duplicate code comes with `known`.
        """
        ...

    def is_done(self, content: Record) -> bool:
        """Whether an answer tells of success."""
        ...

    def replay(self) -> None:
        """Take up the state again that the ledger tells of."""
        ...


def period_of(call: Call, since: str, until: str) -> tuple[datetime, datetime]:
    """The two ends of a statement's period; a day that no calendar has passes a pattern, but not this."""
    try:
        return datetime.fromisoformat(call.record[since]), datetime.fromisoformat(call.record[until])
    except ValueError as error:
        raise InvalidCallError(call.operation, f"{since}, {until}: {error}") from error


Titles = Mapping[str, str]
"""Code → Persian sentence."""


def read_titles(outcomes: Path) -> Titles:
    """The sentences of a contract's outcome table, so that stand-ins say what the contract says."""
    with outcomes.open(encoding="utf-8", newline="") as rows:
        return {row["code"]: row["fa"] for row in csv.DictReader(rows) if row["where"] == "body"}


@dataclass(slots=True)
class MonotoneClock:
    """A wall clock that never runs back, so that ledgers and timelines stay in order."""

    now: Callable[[], datetime]
    _latest: datetime | None = None

    def __call__(self) -> datetime:
        at = self.now()
        if self._latest is None or at > self._latest:
            self._latest = at
        return self._latest
