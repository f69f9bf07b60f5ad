"""The revenue system's side of revenue/1.0: assessments, bills, payments, and the bank's file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ops.sandbox import revenue_answers as say
from ops.sandbox.bills import Bill
from ops.sandbox.calls import Call, InvalidCallError, Record
from ops.sandbox.desk import Handler, Manner, Titles, period_of
from ops.sandbox.families import RENOVATION, tolls_of
from ops.sandbox.identifiers import jalali_year
from ops.sandbox.ledger import Entry, Ledger
from ops.sandbox.lives import (
    ACCOUNTS,
    BANK_PAID,
    BILL_VOID,
    CAR_PLATES,
    ORDINARY,
    PAID_BACK,
    TOLL_HOUSES,
    TOLL_LIVES,
    Magic,
    chosen,
    parts_of,
    plate_number,
)
from ops.sandbox.papers import Papers
from ops.sandbox.revenue_answers import DONE
from ops.sandbox.timeline import Step, Timeline

PAGE_SIZE = 500
FIRST_ASSESSMENT = 100_000
_EFFECTS = frozenset(
    {
        "CreateAssessment",
        "RegisterPayment",
        "CancelAssessment",
        "RegisterReversal",
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
_CODED = _EFFECTS | {"AskAccount", "Ping"}
_REPEATED = (
    "tracking_code",
    "kind",
    "renovation_code",
    "year_from",
    "year_to",
    "bill_id",
    "payment_id",
    "objection_no",
    "score",
)
"""What FindExchange repeats of a message, but for its sum, which stands in the ledger by itself."""


@dataclass(slots=True)
class _Assessment:
    life: str
    kind: str
    bills: Mapping[str, Bill]
    unpaid: set[str]
    is_void: bool = False
    paid_back: set[str] = field(default_factory=set)


class RevenueDesk:
    """All state follows from the ledger."""

    def __init__(self, ledger: Ledger, titles: Titles, *, pace: timedelta, dedupe: bool, papers: Papers) -> None:
        self._papers = papers
        self.manner = _MANNER
        self._ledger = ledger
        self._titles = titles
        self._dedupe = dedupe
        self._timeline = Timeline(pace)
        self._assessments: dict[str, _Assessment] = {}
        self._were_busy: set[str] = set()
        self._apply: Mapping[str, Callable[[Entry], None]] = {
            "CreateAssessment": self._open,
            "RegisterPayment": self._paid,
            "CancelAssessment": self._cancelled,
            "RegisterReversal": self._paid_back,
            "RegisterObjection": self._objected,
            "RegisterSurvey": lambda _entry: None,
        }
        self.handlers: Mapping[str, Handler] = {
            "CreateAssessment": self._assess,
            "RegisterPayment": self._pay,
            "CancelAssessment": self._cancel,
            "RegisterReversal": self._pay_back,
            "RegisterObjection": self._hear,
            "RegisterSurvey": self._hear,
            "AskAccount": self._account,
            "GetDocument": self._document,
            "FindExchange": self._find,
            "GetChanges": self._changes,
            "GetLedger": self._tell_ledger,
            "Ping": lambda _call, _now: {"code": DONE},
        }

    def says(self, operation: str, code: str, *, at: datetime, known: Entry | None = None) -> Record | None:  # noqa: ARG002 - the answer tells no time
        if operation not in _CODED:
            return None
        if known is not None and known.operation == operation:
            return dict(known.answer) | {"code": code}
        return {"code": code} | ({"message": self._titles.get(code, code)} if operation != "Ping" else {})

    def is_done(self, content: Record) -> bool:
        return bool(content.get("code", DONE) == DONE)

    def replay(self) -> None:
        """Let everything happen again in its order and at its time."""
        for entry in self._ledger.entries:
            self._timeline.release(entry.at)
            self._apply[entry.operation](entry)

    def _assess(self, call: Call, now: datetime) -> Record:
        record = call.record
        magic = _magic(record)
        if magic.busy and record["reference"] not in self._were_busy:
            self._were_busy.add(record["reference"])
            return self._code(call, magic.busy, now)
        if magic.code:
            return self._code(call, magic.code, now)
        number = f"N-{jalali_year(now)}-{FIRST_ASSESSMENT + len(self._assessments) + 1}"
        kind = record.get("kind", RENOVATION)
        answer = say.assessed(number, magic.life, kind, at=now, papers=self._papers)
        known = {"tracking_code": record["tracking_code"], "answer": answer, "life": magic.life}
        return self._enter(call, number, now, kind=kind, **known)

    def _pay(self, call: Call, now: datetime) -> Record:
        self._timeline.release(now)
        record = call.record
        assessment = self._assessments.get(record["assessment_no"])
        ids = f"{record['bill_id']}/{record['payment_id']}"
        if assessment is None or ids not in assessment.bills:
            return self._code(call, "UNKNOWN_BILL", now)
        if assessment.is_void:
            return self._code(call, "CANCELLED", now)
        if assessment.bills[ids].amount_rial != record["amount_rial"]:
            return self._code(call, "AMOUNT_MISMATCH", now)
        if self._was_paid(record["assessment_no"], assessment, ids):
            return self._code(call, "ALREADY_PAID", now) | {"status_code": BANK_PAID}
        answer = {"code": DONE, "receipt_no": f"R-{len(self._ledger.entries) + 1:06d}", "status_code": BANK_PAID}
        if not assessment.unpaid - {ids}:
            answer |= say.document(record["assessment_no"], assessment.kind, now, self._papers)
        number, amount = record["assessment_no"], record["amount_rial"]
        return self._enter(call, number, now, subject=ids, amount_rial=amount, answer=answer)

    def _was_paid(self, number: str, assessment: _Assessment, ids: str) -> bool:
        by_bank = assessment.life == "bank_file" and self._timeline.is_over(number)
        return by_bank or (self._dedupe and ids not in assessment.unpaid)

    def _cancel(self, call: Call, now: datetime) -> Record:
        number = call.record["assessment_no"]
        if number not in self._assessments:
            return self._code(call, "UNKNOWN_BILL", now)
        return self._enter(call, number, now, answer={"code": DONE, "status_code": BILL_VOID})

    def _pay_back(self, call: Call, now: datetime) -> Record:
        record = call.record
        number, amount = record["assessment_no"], record["amount_rial"]
        assessment = self._assessments.get(number)
        ids = f"{record['bill_id']}/{record['payment_id']}"
        if assessment is None or ids not in assessment.bills or ids in assessment.unpaid - assessment.paid_back:
            return self._code(call, "UNKNOWN_PAYMENT", now)
        if assessment.bills[ids].amount_rial != amount:
            return self._code(call, "AMOUNT_MISMATCH", now)
        if self._dedupe and ids in assessment.paid_back:
            return self._code(call, "ALREADY_REVERSED", now) | {"status_code": PAID_BACK}
        answer = {"code": DONE, "receipt_no": f"R-{len(self._ledger.entries) + 1:06d}", "status_code": PAID_BACK}
        return self._enter(call, number, now, subject=ids, amount_rial=amount, answer=answer)

    def _hear(self, call: Call, now: datetime) -> Record:
        """An objection or a survey: of an assessment, or of a request that was refused one."""
        record = call.record
        number = record.get("assessment_no")
        if number is not None and number not in self._assessments:
            return self._code(call, "UNKNOWN_BILL", now)
        tracking_code, subject = record["tracking_code"], record.get("objection_no")
        return self._enter(call, number, now, tracking_code=tracking_code, subject=subject, answer={"code": DONE})

    def _account(self, call: Call, now: datetime) -> Record:
        """What is owed; a read, which is asked again as often as one likes."""
        record = call.record
        magic = ACCOUNTS.get(say.account_number(record), ORDINARY)
        if magic.busy and record["reference"] not in self._were_busy:
            self._were_busy.add(record["reference"])
            return self._code(call, magic.busy, now)
        return self._code(call, magic.code, now) if magic.code else say.account(record, magic.life)

    def _enter(
        self, call: Call, number: str | None, now: datetime, *, life: str = "", kind: str = "", **known: object
    ) -> Record:
        self._timeline.release(now)
        sent = {name: call.record[name] for name in _REPEATED if name in call.record}
        detail = {"life": life, "kind": kind, "sent": sent}
        entry = self._ledger.enter(
            call.operation, call.record["reference"], now, case_no=number, digest=call.digest, detail=detail, **known
        )
        self._apply[entry.operation](entry)
        return dict(entry.answer)

    def _code(self, call: Call, code: str, now: datetime) -> Record:
        return self.says(call.operation, code, at=now) or {}

    def _open(self, entry: Entry) -> None:
        number = str(entry.case_no)
        life = str(entry.detail["life"])
        kind = str(entry.detail.get("kind") or RENOVATION)
        bills = say.bills_of(number, life, kind)
        by_ids = {bill.ids: bill for bill in bills}
        self._assessments[number] = _Assessment(life, kind, by_ids, set(by_ids), is_void=life == "void")
        self._timeline.begin(number, TOLL_LIVES[life], at=entry.at)

    def _paid(self, entry: Entry) -> None:
        assessment = self._assessments[str(entry.case_no)]
        was_unpaid = bool(assessment.unpaid)
        assessment.unpaid.discard(str(entry.subject))
        if was_unpaid and not assessment.unpaid:
            posted = Step("status", tolls_of(assessment.kind).posted)
            self._timeline.turn(str(entry.case_no), (posted,), at=entry.at)

    def _cancelled(self, entry: Entry) -> None:
        self._assessments[str(entry.case_no)].is_void = True
        self._timeline.turn(str(entry.case_no), (), at=entry.at)

    def _paid_back(self, entry: Entry) -> None:
        assessment = self._assessments[str(entry.case_no)]
        assessment.unpaid.add(str(entry.subject))
        assessment.paid_back.add(str(entry.subject))
        self._timeline.turn(str(entry.case_no), (), at=entry.at)

    def _objected(self, entry: Entry) -> None:
        assessment = self._assessments.get(entry.case_no or "")
        if assessment is not None:
            assessment.is_void = bool(assessment.unpaid)
            course = "objection_heard" if assessment.unpaid else "objection_refused"
            self._timeline.turn(str(entry.case_no), TOLL_LIVES[course], at=entry.at)

    def _find(self, call: Call, _now: datetime) -> Record:
        entry = self._ledger.find(call.record["reference"])
        if entry is None:
            return {"found": False}
        told = {"assessment_no": entry.case_no, **entry.detail.get("sent", {}), "amount_rial": entry.amount_rial}
        return {"found": True, "operation": entry.operation, **told, "result": dict(entry.answer)}

    def _changes(self, call: Call, now: datetime) -> Record:
        self._timeline.release(now)
        cursor = call.record.get("cursor", "0")
        found, behind = self._timeline.after(int(cursor) if cursor.isdigit() else 0, most=call.record["count"])
        changes = [say.change(one, tuple(self._assessments[one.number].bills.values())) for one in found]
        return {"changes": changes, "next_cursor": str(behind)}

    def _document(self, call: Call, _now: datetime) -> Record:
        number = call.record["document_no"].removeprefix("D-")
        assessment = self._assessments.get(number)
        line = say.line_of(number, assessment.kind) if assessment else None
        if line is None:
            raise InvalidCallError(call.operation, f"there is no document {call.record['document_no']}")
        return {"content": self._papers.content(line)}

    def _tell_ledger(self, call: Call, _now: datetime) -> Record:
        since, until = period_of(call, "since", "until")
        found = self._ledger.between(since, until, page=call.record["page"], size=PAGE_SIZE)
        return {
            "page": found.page,
            "pages": found.pages,
            "entries": [say.ledger_entry(entry) for entry in found.entries],
        }


def _magic(record: Record) -> Magic:
    """By the house and block of a property, else by the plate of a car."""
    if "renovation_code" in record:
        return chosen(TOLL_HOUSES, *parts_of(record["renovation_code"]))
    plate = record.get("vehicle", {}).get("plate")
    return chosen(CAR_PLATES, plate_number(plate) if plate else None, None)
