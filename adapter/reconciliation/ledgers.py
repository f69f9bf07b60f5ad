"""The two ledgers side by side: theirs read whole and sorted, ours page by page in the same order.

Theirs comes in the order of time and is held as sorted lines, some 150 bytes an entry: a period with a million entries
takes 150 MB, a longer one is compared in parts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from adapter.channels import Target
from adapter.exchange import LedgerEntry, State
from adapter.journal import Journal, inspecting
from adapter.journal.inspecting import Kept

_SEPARATOR = "\x1f"
_UNKNOWN = "?"
"""Before a word for a state that no table knows."""

_EFFECTS = frozenset({State.DONE, State.AWAITING})


@dataclass(frozen=True, slots=True)
class Period:
    """From `since`, before `until`."""

    since: datetime
    until: datetime

    def holds(self, at: datetime | None) -> bool:
        """Whether the moment lies in the period; one that is not told does."""
        return at is None or self.since <= at < self.until


@dataclass(frozen=True, slots=True)
class Entry:
    """What their ledger has under one reference: how many effects, whether one lies in the period, and its last word.

    `state` and `amount_rial` are those of the last of them; `word` is theirs where `state` is None.
    """

    reference: str
    operation: str
    tracking_code: str
    times: int
    is_in_period: bool
    state: State | None = State.DONE
    word: str = ""
    amount_rial: int | None = None

    @property
    def has_effect(self) -> bool:
        """Whether it stands there as something that was done or taken."""
        return self.state in _EFFECTS


class Theirs:
    """The other side's ledger, held as sorted lines."""

    def __init__(self, lines: list[str], in_period: int) -> None:
        self._lines, self.in_period = lines, in_period

    @classmethod
    async def read(cls, target: Target, reach: Period, period: Period) -> Theirs:
        """Read all pages of `reach`; raises GatewayUnreachable when one of them cannot be read."""
        lines: list[str] = []
        in_period = 0
        async for entry in target.statement(reach.since, reach.until):
            is_in_period = period.holds(entry.at)
            in_period += is_in_period
            lines.append(_line(len(lines), entry, is_in_period=is_in_period))
        lines.sort()
        return cls(lines, in_period)

    def entries(self) -> Iterator[Entry]:
        """By reference, each once."""
        for reference, lines in groupby(self._lines, key=_reference_of):
            rows = [_Row(*line.split(_SEPARATOR)) for line in lines]
            last = rows[-1]
            is_unknown = last.state.startswith(_UNKNOWN)
            yield Entry(
                reference,
                last.operation,
                last.tracking_code,
                times=sum(row.state in _EFFECTS for row in rows),
                is_in_period=any(row.is_in_period for row in rows),
                state=None if is_unknown else State(last.state),
                word=last.state.removeprefix(_UNKNOWN) if is_unknown else "",
                amount_rial=int(last.amount_rial) if last.amount_rial else None,
            )


class _Row(NamedTuple):
    """A line, split; `number` keeps the statement's own order within a reference, `is_in_period` is empty for no."""

    reference: str
    number: str
    operation: str
    tracking_code: str
    is_in_period: str
    state: str
    amount_rial: str


def _line(number: int, entry: LedgerEntry, *, is_in_period: bool) -> str:
    row = _Row(
        entry.reference,
        f"{number:09}",
        entry.operation,
        entry.tracking_code or "",
        "1" if is_in_period else "",
        f"{_UNKNOWN}{entry.word}" if entry.state is None else entry.state.value,
        "" if entry.amount_rial is None else str(entry.amount_rial),
    )
    return _SEPARATOR.join(row)


def _reference_of(line: str) -> str:
    return line.partition(_SEPARATOR)[0]


async def ours(journal: Journal, tenant: str, target: str, period: Period) -> AsyncIterator[Kept]:
    """Our ledger towards one target, by reference."""
    after = ""
    while True:
        page = await journal.read(
            inspecting.ledger_page,
            tenant,
            target,
            since=period.since,
            until=period.until,
            after=after,
        )
        for kept in page:
            yield kept
        if not page:
            return
        after = page[-1].exchange.reference


async def merged(ours: AsyncIterator[Kept], theirs: Iterator[Entry]) -> AsyncIterator[tuple[Kept | None, Entry | None]]:
    """Both ledgers side by side; both must come in the order of references."""
    entry = next(theirs, None)
    async for kept in ours:
        while entry is not None and entry.reference < kept.exchange.reference:
            yield None, entry
            entry = next(theirs, None)
        if entry is not None and entry.reference == kept.exchange.reference:
            yield kept, entry
            entry = next(theirs, None)
        else:
            yield kept, None
    while entry is not None:
        yield None, entry
        entry = next(theirs, None)
