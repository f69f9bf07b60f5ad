"""The complaints system's side of complaints/1.0: a desk behind its database, and what becomes of the reports there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import text

from ops.sandbox.complaints_changes import UNKNOWN, change_row
from ops.sandbox.complaints_schema import ANSWER, DONE, VIEW_OF, set_up, show_views
from ops.sandbox.database import Database
from ops.sandbox.faults import Mode
from ops.sandbox.ledger import Entry, Ledger
from ops.sandbox.lives import REPORT_LIVES, REPORT_OBJECTED, REPORT_WITHDRAWN
from ops.sandbox.office import Troubles
from ops.sandbox.timeline import Timeline

_NEW = text("SELECT * FROM message WHERE is_taken = 0 ORDER BY entry_no")
_TAKEN = text("UPDATE message SET is_taken = 1 WHERE entry_no = :entry_no")
_CLOSED = text("UPDATE report SET is_closed = :is_closed WHERE report_no = :report_no")
_TOLD = text("SELECT COUNT(*) FROM happening")
_MOST_AT_ONCE = 1000


class ComplaintsClerk:
    """All that he knows follows from the ledger; the database has it beside."""

    def __init__(self, ledger: Ledger, database: Database, *, pace: timedelta, dedupe: bool) -> None:
        self._ledger = ledger
        self._database = database
        self._timeline = Timeline(pace)
        self._dedupe = dedupe
        self._shown: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())
        self._told = 0
        self._apply: Mapping[str, Callable[[Entry], None]] = {
            "RegisterReport": self._open,
            "AddNote": self._completed,
            "AddDocument": self._completed,
            "CorrectReport": self._completed,
            "CancelReport": self._cancelled,
            "RegisterObjection": self._objected,
            "RegisterSurvey": lambda _entry: None,
        }

    @property
    def address(self) -> str:
        """The database's URL."""
        return self._database.address

    @property
    def operations(self) -> Collection[str]:
        """Those that change something, and the readings."""
        return {*self._apply, *VIEW_OF}

    @property
    def modes(self) -> Collection[Mode]:
        """Those of any database, and what the system does to its own views and rows."""
        return {Mode.VIEW_MISSING, Mode.COLUMN_RENAMED, Mode.UNKNOWN_CODE} | self._database.modes

    async def open(self, now: datetime, troubles: Callable[[], Troubles]) -> None:
        """The database is set up, and everything that is in the ledger has happened again."""
        await asyncio.to_thread(self._replay, now)
        await self._database.open(troubles)

    def look(self, now: datetime, troubles: Troubles) -> None:
        """Take what came, and tell what is due; a database that is down or locked is left alone."""
        if self._database.obey(troubles):
            self._obey(troubles)
            self._take(now)
            self._timeline.release(now)
            self._tell(troubles)

    async def aclose(self) -> None:
        """Nothing is connected any more."""
        await self._database.aclose()

    def _replay(self, now: datetime) -> None:
        """In its order and at its time; what was told stands in the database already."""
        with self._database.work() as connection:
            set_up(connection, dedupe=self._dedupe, now=now)
            self._told = connection.execute(_TOLD).scalar_one()
        for entry in self._ledger.entries:
            self._timeline.release(entry.at)
            self._apply[entry.operation](entry)

    def _obey(self, troubles: Troubles) -> None:
        wanted = (_views(troubles.in_force(Mode.VIEW_MISSING)), _views(troubles.in_force(Mode.COLUMN_RENAMED)))
        if wanted != self._shown:
            with self._database.work() as connection:
                show_views(connection, missing=wanted[0], renamed=wanted[1])
            self._shown = wanted

    def _take(self, now: datetime) -> None:
        """What was refused had no effect."""
        if not (came := self._database.read(_NEW)):
            return
        with self._database.work() as connection:
            connection.execute(_TAKEN, [{"entry_no": row["entry_no"]} for row in came])
        for row in came:
            if row["code"] == DONE:
                entry = self._ledger.enter(
                    row["operation"],
                    row["reference"],
                    now,
                    case_no=row["report_no"],
                    tracking_code=row["tracking_code"],
                    subject=row["item_no"],
                    detail={"life": row["life"], "subject": row["subject"]} if row["life"] else {},
                )
                self._timeline.release(now)
                self._apply[entry.operation](entry)

    def _tell(self, troubles: Troubles) -> None:
        found, behind = self._timeline.after(self._told, most=_MOST_AT_ONCE)
        if not found:
            return
        numbers = {happening.number for happening in found}
        closed = [{"report_no": one, "is_closed": int(self._timeline.is_over(one))} for one in numbers]
        with self._database.work() as connection:
            for happening in found:
                row = change_row(happening)
                if row.get("status_code") and troubles.strike("GetChanges", {Mode.UNKNOWN_CODE}):
                    row["status_code"] = UNKNOWN
                names, values = ", ".join(row), ", ".join(f":{name}" for name in row)
                connection.execute(text(f"INSERT INTO happening ({names}) VALUES ({values})"), row)
            connection.execute(_CLOSED, closed)
        self._told = behind

    def _open(self, entry: Entry) -> None:
        number = str(entry.case_no)
        self._timeline.begin(number, REPORT_LIVES[str(entry.detail["life"])], at=entry.at)

    def _completed(self, entry: Entry) -> None:
        self._timeline.resume(str(entry.case_no), "correction", at=entry.at)

    def _cancelled(self, entry: Entry) -> None:
        self._timeline.turn(str(entry.case_no), REPORT_WITHDRAWN, at=entry.at)

    def _objected(self, entry: Entry) -> None:
        if entry.case_no is not None and self._timeline.is_over(entry.case_no):
            self._timeline.turn(entry.case_no, REPORT_OBJECTED, at=entry.at)


def _views(operations: Collection[str]) -> frozenset[str]:
    """The views that these operations read; any and every effect read their answer."""
    every = {*VIEW_OF.values(), ANSWER}
    return frozenset(every if "*" in operations else {VIEW_OF.get(one, ANSWER) for one in operations})
