"""The complaints system's side of complaints/1.0: reports about places of the city, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from ops.sandbox import complaints_answers as say
from ops.sandbox.calls import Call, Record
from ops.sandbox.complaints_answers import DONE
from ops.sandbox.desk import Handler, Manner, Titles, period_of
from ops.sandbox.identifiers import jalali_year
from ops.sandbox.ledger import Entry, Ledger
from ops.sandbox.lives import (
    REPORT_LIVES,
    REPORT_OBJECTED,
    REPORT_PLACES,
    REPORT_RECEIVED,
    REPORT_WITHDRAWN,
    Magic,
    chosen,
    parts_of,
)
from ops.sandbox.timeline import Timeline

PAGE_SIZE = 500
FIRST_REPORT = 300_000
_PLACE_FIGURES = 3
_EFFECTS = frozenset(
    {
        "RegisterReport",
        "AddNote",
        "AddDocument",
        "CorrectReport",
        "CancelReport",
        "RegisterObjection",
        "RegisterSurvey",
    }
)
_MANNER = Manner(
    reference="reference",
    effects=_EFFECTS,
    busy="BUSY",
    invalid="VALIDATION",
    duplicate="DUPLICATE",
    busy_fault="BUSY",
    unavailable_fault="UNAVAILABLE",
    invalid_fault="VALIDATION",
    unknown_fault="UNKNOWN_OPERATION",
    changes_operation="GetChanges",
    changes="changes",
)
_SUBJECTS = ("note_no", "document_no", "correction_no", "objection_no")


class ComplaintsDesk:
    """All state follows from the ledger."""

    def __init__(self, ledger: Ledger, titles: Titles, *, pace: timedelta) -> None:
        self.manner = _MANNER
        self._ledger = ledger
        self._titles = titles
        self._timeline = Timeline(pace)
        self._reports: set[str] = set()
        self._were_busy: set[str] = set()
        self._apply: Mapping[str, Callable[[Entry], None]] = {
            "RegisterReport": self._open,
            "AddNote": self._completed,
            "AddDocument": self._completed,
            "CorrectReport": self._completed,
            "CancelReport": self._cancelled,
            "RegisterObjection": self._objected,
            "RegisterSurvey": lambda _entry: None,
        }
        self.handlers: Mapping[str, Handler] = {
            "RegisterReport": self._register,
            "AddNote": self._amend,
            "AddDocument": self._amend,
            "CorrectReport": self._amend,
            "CancelReport": self._amend,
            "RegisterObjection": self._hear,
            "RegisterSurvey": self._hear,
            "FindByReference": self._find,
            "GetChanges": self._changes,
            "GetLedger": self._tell_ledger,
            "Ping": lambda _call, _now: {"code": DONE},
        }

    def says(self, operation: str, code: str, *, at: datetime, known: Entry | None = None) -> Record | None:  # noqa: ARG002 - the answer tells no time
        if operation not in _EFFECTS and operation != "Ping":
            return None
        if known is not None and known.operation == operation:
            return dict(known.answer) | {"code": code}
        return {"code": code} | ({"message": self._titles.get(code, code)} if operation in _EFFECTS else {})

    def is_done(self, content: Record) -> bool:
        return bool(content.get("code", DONE) == DONE)

    def replay(self) -> None:
        """Let everything happen again in its order and at its time."""
        for entry in self._ledger.entries:
            self._timeline.release(entry.at)
            self._apply[entry.operation](entry)

    def _register(self, call: Call, now: datetime) -> Record:
        record = call.record
        magic = _magic(record)
        if magic.busy and record["reference"] not in self._were_busy:
            self._were_busy.add(record["reference"])
            return self._code(call, magic.busy, now)
        if magic.code:
            return self._code(call, magic.code, now)
        number = f"K-{jalali_year(now)}-{FIRST_REPORT + len(self._reports) + 1}"
        answer = {"code": DONE, "report_no": number, "status_code": REPORT_RECEIVED}
        return self._enter(call, number, now, answer=answer, life=magic.life)

    def _amend(self, call: Call, now: datetime) -> Record:
        number = call.record["report_no"]
        self._timeline.release(now)
        if number not in self._reports:
            return self._code(call, "UNKNOWN_REPORT", now)
        if self._timeline.is_over(number) and self._ledger.find(call.record["reference"]) is None:
            return self._code(call, "CLOSED", now)
        return self._enter(call, number, now, answer={"code": DONE})

    def _hear(self, call: Call, now: datetime) -> Record:
        """An objection or a survey: of a report, or of one that was refused before it had a number."""
        number = call.record.get("report_no")
        if number is not None and number not in self._reports:
            return self._code(call, "UNKNOWN_REPORT", now)
        return self._enter(call, number, now, answer={"code": DONE})

    def _enter(self, call: Call, number: str | None, now: datetime, *, answer: Record, life: str = "") -> Record:
        self._timeline.release(now)
        record = call.record
        entry = self._ledger.enter(
            call.operation,
            record["reference"],
            now,
            case_no=number,
            tracking_code=record.get("tracking_code"),
            subject=next((record[name] for name in _SUBJECTS if name in record), None),
            digest=call.digest,
            detail={"life": life, "sent": say.sent(record)},
            answer=answer,
        )
        self._apply[entry.operation](entry)
        return dict(entry.answer)

    def _code(self, call: Call, code: str, now: datetime) -> Record:
        return self.says(call.operation, code, at=now) or {}

    def _open(self, entry: Entry) -> None:
        number = str(entry.case_no)
        self._reports.add(number)
        self._timeline.begin(number, REPORT_LIVES[str(entry.detail["life"])], at=entry.at)

    def _completed(self, entry: Entry) -> None:
        self._timeline.resume(str(entry.case_no), "correction", at=entry.at)

    def _cancelled(self, entry: Entry) -> None:
        self._timeline.turn(str(entry.case_no), REPORT_WITHDRAWN, at=entry.at)

    def _objected(self, entry: Entry) -> None:
        if entry.case_no is not None and self._timeline.is_over(entry.case_no):
            self._timeline.turn(entry.case_no, REPORT_OBJECTED, at=entry.at)

    def _find(self, call: Call, _now: datetime) -> Record:
        entry = self._ledger.find(call.record["reference"])
        return {"found": False} if entry is None else say.found(entry)

    def _changes(self, call: Call, now: datetime) -> Record:
        self._timeline.release(now)
        cursor = call.record.get("cursor", "0")
        found, behind = self._timeline.after(int(cursor) if cursor.isdigit() else 0, most=call.record["count"])
        return {"changes": [say.change(one) for one in found], "next_cursor": str(behind)}

    def _tell_ledger(self, call: Call, _now: datetime) -> Record:
        since, until = period_of(call, "since", "until")
        found = self._ledger.between(since, until, page=call.record["page"], size=PAGE_SIZE)
        entries = [say.ledger_entry(entry) for entry in found.entries]
        return {"page": found.page, "pages": found.pages, "entries": entries}


def _magic(record: Record) -> Magic:
    """By the house and block of a property, else by the last three figures of the postal code."""
    if "renovation_code" in record:
        return chosen(REPORT_PLACES, *parts_of(record["renovation_code"]))
    figures = str(record.get("postal_code", ""))[-_PLACE_FIGURES:]
    return chosen(REPORT_PLACES, int(figures) if figures else None, None)
