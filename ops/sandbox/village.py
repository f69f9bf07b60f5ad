"""The village office's side of village/1.0: a clerk with spreadsheets, and what becomes of the requests there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from ops.sandbox.faults import Mode
from ops.sandbox.ledger import Entry, Ledger
from ops.sandbox.lives import VILLAGE_LIVES, VILLAGE_OBJECTED, VILLAGE_PLACES, VILLAGE_WITHDRAWN, chosen
from ops.sandbox.office import Troubles
from ops.sandbox.sheets import SHEET_MODES, Sheet, read_sheet, sheets_of
from ops.sandbox.timeline import Timeline

FOLDERS = {
    "requests": "RegisterRequest",
    "corrections": "CorrectRequest",
    "cancellations": "CancelRequest",
    "objections": "RegisterObjection",
}
"""What lies in which folder of the office."""
NEWS, TAKEN = "news", "taken"
REFERENCE, TRACKING_CODE, POSTAL_CODE = "شمارهٔ ارجاع", "کد رهگیری", "کد پستی"
_ITEMS = ("شمارهٔ اصلاح", "شمارهٔ اعتراض")
_PLACE_FIGURES = 3
_MOST_ROWS = 50
_READY = ".done"


@dataclass(slots=True)
class VillageClerk:
    """All that he knows follows from the ledger; `noted` has how many of the happenings he has put into sheets."""

    ledger: Ledger
    folder: Path
    noted: Path
    pace: timedelta
    modes: Collection[Mode] = SHEET_MODES | {Mode.DOWN}
    _timeline: Timeline = field(init=False)
    _told: int = 0
    _later: list[Sheet] = field(default_factory=list)
    _is_away: bool = False

    def __post_init__(self) -> None:
        self._timeline = Timeline(self.pace)

    @property
    def address(self) -> str:
        """The office's folder."""
        return str(self.folder)

    @property
    def operations(self) -> Collection[str]:
        """What can be put into his folders, and his own sheets."""
        return {*FOLDERS.values(), "GetChanges"}

    async def open(self, now: datetime, troubles: Callable[[], Troubles]) -> None:  # noqa: ARG002 - nothing of his needs the hour
        """The folders are there, and everything that is in the ledger has happened again."""
        await asyncio.to_thread(self._open)

    def look(self, now: datetime, troubles: Troubles) -> None:
        """Take what lies there, and put down what is due; a folder that is away is left alone."""
        self._come_or_go(is_away=bool(troubles.in_force(Mode.DOWN)))
        if self._is_away:
            return
        for name, operation in FOLDERS.items():
            for path in sorted((self.folder / name).glob("*.*")):
                self._take(path, operation, now)
        self._timeline.release(now)
        self._tell(troubles)

    async def aclose(self) -> None:
        """A folder that was away is back."""
        await asyncio.to_thread(self._come_or_go, is_away=False)

    def _open(self) -> None:
        for name in (*FOLDERS, NEWS, TAKEN):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        if self.noted.exists():
            self._told = int(self.noted.read_text(encoding="ascii"))
        for entry in self.ledger.entries:
            self._timeline.release(entry.at)
            self._apply(entry)

    def _come_or_go(self, *, is_away: bool) -> None:
        away = self.folder.with_name(f"{self.folder.name}.away")
        if is_away != self._is_away:
            (self.folder if is_away else away).rename(away if is_away else self.folder)
            self._is_away = is_away

    def _take(self, path: Path, operation: str, now: datetime) -> None:
        """A file that he has taken is an effect, whatever becomes of it."""
        row = read_sheet(path)
        path.rename(self.folder / TAKEN / path.name)
        entry = self.ledger.enter(
            operation,
            row[REFERENCE],
            now,
            tracking_code=row[TRACKING_CODE],
            subject=next((row[name] for name in _ITEMS if name in row), None),
            detail={"life": _life(row)} if operation == "RegisterRequest" else {},
        )
        self._timeline.release(now)
        self._apply(entry)

    def _apply(self, entry: Entry) -> None:
        """What is about a request that nobody here knows changes nothing."""
        if entry.operation == "RegisterRequest" or self._timeline.knows(str(entry.tracking_code)):
            _APPLY[entry.operation](self._timeline, entry)

    def _tell(self, troubles: Troubles) -> None:
        """One sheet of what is new; behind a bad one comes what he should have put down."""
        for sheet in self._later:
            self._put(sheet)
        self._later.clear()
        found, behind = self._timeline.after(self._told, most=_MOST_ROWS)
        if not found:
            return
        rule = troubles.strike("GetChanges", SHEET_MODES)
        now, *self._later = sheets_of(found, number=self._told, trouble=rule.mode if rule else None)
        self._put(now)
        self._told = behind
        self.noted.write_text(str(behind), encoding="ascii")

    def _put(self, sheet: Sheet) -> None:
        path = self.folder / NEWS / sheet.name
        whole = path.with_name(f".{sheet.name}")
        whole.write_bytes(sheet.content)
        whole.rename(path)
        if sheet.is_whole:
            path.with_name(f"{sheet.name}{_READY}").touch()


def _life(row: Mapping[str, str]) -> str:
    figures = row.get(POSTAL_CODE, "")[-_PLACE_FIGURES:]
    return chosen(VILLAGE_PLACES, int(figures) if figures else None, None).life


def _begin(timeline: Timeline, entry: Entry) -> None:
    timeline.begin(str(entry.tracking_code), VILLAGE_LIVES[str(entry.detail["life"])], at=entry.at)


def _complete(timeline: Timeline, entry: Entry) -> None:
    timeline.resume(str(entry.tracking_code), "correction", at=entry.at)


def _cancel(timeline: Timeline, entry: Entry) -> None:
    timeline.turn(str(entry.tracking_code), VILLAGE_WITHDRAWN, at=entry.at)


def _object(timeline: Timeline, entry: Entry) -> None:
    if timeline.is_over(str(entry.tracking_code)):
        timeline.turn(str(entry.tracking_code), VILLAGE_OBJECTED, at=entry.at)


_APPLY: Mapping[str, Callable[[Timeline, Entry], None]] = {
    "RegisterRequest": _begin,
    "CorrectRequest": _complete,
    "CancelRequest": _cancel,
    "RegisterObjection": _object,
}
