"""The two ledgers side by side: theirs read whole and sorted, ours page by page in the same order.

Theirs comes in the order of time and is held as sorted lines, some 150 bytes an entry: a period with a million entries
takes 150 MB, a longer one is compared in parts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from adapter.channels import Target
from adapter.exchange import LedgerEntry
from adapter.journal import Journal, inspecting
from adapter.journal.inspecting import Kept

_SEPARATOR = "\x1f"


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
    """What their ledger has under one reference: how often within the period, and whether at all."""

    reference: str
    operation: str
    tracking_code: str
    times: int
    is_in_period: bool


class Theirs:
    """The other side's ledger, held as sorted lines."""

    def __init__(self, lines: list[str], in_period: int) -> None:
        self._lines, self.in_period = lines, in_period

    @classmethod
    async def read(cls, target: Target, reach: Period, period: Period) -> Theirs:
        """Read all pages of `reach`; raises GatewayUnreachable when one of them cannot be read."""
        lines, in_period = [], 0
        async for entry in target.statement(reach.since, reach.until):
            is_in_period = period.holds(entry.at)
            in_period += is_in_period
            lines.append(_line(entry, is_in_period=is_in_period))
        lines.sort()
        return cls(lines, in_period)

    def entries(self) -> Iterator[Entry]:
        """By reference, each once."""
        for reference, lines in groupby(self._lines, key=_reference_of):
            rows = [line.split(_SEPARATOR) for line in lines]
            times = sum(row[3] == "1" for row in rows)
            yield Entry(reference, rows[0][1], rows[0][2], times=len(rows), is_in_period=times > 0)


def _line(entry: LedgerEntry, *, is_in_period: bool) -> str:
    return _SEPARATOR.join((entry.reference, entry.operation, entry.tracking_code or "", str(int(is_in_period))))


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
