"""The urban-planning core's side of urban_core/1.0: cases that live, bills that wait to be paid, inquiries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ops.sandbox import urban_answers as say
from ops.sandbox.bills import LARGE_SUM_RIAL, Bill, Item, issue, spread
from ops.sandbox.calculations import Calculations
from ops.sandbox.calls import Call, Record
from ops.sandbox.desk import Handler, Manner, Titles, period_of
from ops.sandbox.families import Requests, requests_of
from ops.sandbox.identifiers import jalali_year
from ops.sandbox.inquiries import Inquiries
from ops.sandbox.ledger import Entry, Ledger
from ops.sandbox.lives import LATE_REFUSAL_DIGIT, PERMIT_HOUSES, PERMIT_LIVES, PERMIT_OBJECTED, PERMIT_WITHDRAWN, chosen
from ops.sandbox.papers import Papers
from ops.sandbox.timeline import Step, Timeline

PAGE_SIZE = 500
FIRST_CASE = 100_000
SYSTEM = 1
_EFFECTS = frozenset(
    {
        "RegisterRequest",
        "AddDocument",
        "CorrectRequest",
        "CancelRequest",
        "RegisterPayment",
        "RegisterReversal",
        "RegisterObjection",
        "RegisterSurvey",
    }
)
_MANNER = Manner(
    reference="Reference",
    effects=_EFFECTS,
    busy="E900",
    invalid="E200",
    duplicate="E100",
    busy_fault="Busy",
    unavailable_fault="Unavailable",
    invalid_fault="Validation",
    unknown_fault="ActionNotSupported",
    changes_operation="GetChanges",
    changes="Changes",
)


@dataclass(slots=True)
class _Case:
    family: Requests
    bills: Mapping[str, Bill]
    unpaid: set[str]
    paid_back: set[str] = field(default_factory=set)


class UrbanCoreDesk:
    """All state follows from the two ledgers: effects, and inquiries that are answered later."""

    def __init__(
        self,
        ledger: Ledger,
        inquiries: Ledger,
        titles: Titles,
        *,
        pace: timedelta,
        dedupe: bool,
        papers: Papers,
    ) -> None:
        self._papers = papers
        self.manner = _MANNER
        self._ledger = ledger
        self._titles = titles
        self._dedupe = dedupe
        self._timeline = Timeline(pace)
        self._cases: dict[str, _Case] = {}
        self._were_busy: set[str] = set()
        self._inquiries = Inquiries(inquiries, self._timeline, self.says, pace=pace)
        calculations = Calculations(self.says)
        self._apply: Mapping[str, Callable[[Entry], None]] = {
            "RegisterRequest": self._open,
            "AddDocument": self._corrected,
            "CorrectRequest": self._corrected,
            "CancelRequest": self._cancelled,
            "RegisterPayment": self._paid,
            "RegisterReversal": self._paid_back,
            "RegisterObjection": self._objected,
            "RegisterSurvey": lambda _entry: None,
        }
        self.handlers: Mapping[str, Handler] = {
            "RegisterRequest": self._register,
            "AddDocument": self._amend,
            "CorrectRequest": self._amend,
            "CancelRequest": self._amend,
            "RegisterPayment": self._pay,
            "RegisterReversal": self._pay_back,
            "RegisterObjection": self._hear,
            "RegisterSurvey": self._hear,
            "AskProperty": self._inquiries.ask,
            "GetAnswer": self._inquiries.tell,
            "Calculate": calculations.calculate,
            "VerifyCertificate": calculations.verify,
            "GetDocument": self._document,
            "FindByReference": self._find,
            "GetChanges": self._changes,
            "GetLedger": self._tell_ledger,
            "Ping": lambda _call, _now: say.taken(),
        }

    def says(self, operation: str, code: str, *, at: datetime, known: Entry | None = None) -> Record | None:  # noqa: ARG002 - the answer tells no time
        content = say.biz_error(code, self._titles.get(code, code))
        if operation == "FindByReference":
            content["Found"] = False
        if operation == "GetLedger":
            content |= {"Page": 0, "Pages": 0}
        return content | say.numbers(known)

    def is_done(self, content: Record) -> bool:
        return all(error["ErrorAction"] == 1 for error in content["ErrorResult"].get("BizErrors", ()))

    def replay(self) -> None:
        """Let everything happen again in its order and at its time."""
        entries = [*self._ledger.entries, *self._inquiries.entries]
        for entry in sorted(entries, key=lambda entry: (entry.at, entry.seq)):
            self._timeline.release(entry.at)
            self._apply.get(entry.operation, self._inquiries.opened)(entry)

    def _register(self, call: Call, now: datetime) -> Record:
        record = call.record
        magic = chosen(PERMIT_HOUSES, *say.house_and_block(record))
        if magic.busy and record["Reference"] not in self._were_busy:
            self._were_busy.add(record["Reference"])
            return self._error(call.operation, magic.busy, now)
        if magic.code:
            return self._error(call.operation, magic.code, now)
        case_no = f"{jalali_year(now)}-{FIRST_CASE + len(self._cases) + 1}"
        is_late_refusal = magic.life == "ordinary" and case_no.endswith(LATE_REFUSAL_DIGIT)
        answer = say.warned(magic.warning, self._titles) | {"CaseNo": case_no}
        self._enter(
            call,
            case_no,
            now,
            tracking_code=record["TrackingCode"],
            answer=answer,
            life="late_refusal" if is_late_refusal else magic.life,
        )
        return answer

    def _amend(self, call: Call, now: datetime) -> Record:
        case_no = call.record["CaseNo"]
        self._timeline.release(now)
        if case_no not in self._cases:
            return self._error(call.operation, "E220", now)
        if self._timeline.is_over(case_no) and self._ledger.find(call.record["Reference"]) is None:
            return self._error(call.operation, "E230", now)
        subject = call.record.get("DocumentNo") or call.record.get("CorrectionNo")
        return self._enter(call, case_no, now, subject=subject, answer=self._receipt())

    def _pay(self, call: Call, now: datetime) -> Record:
        record = call.record
        case = self._cases.get(record["CaseNo"])
        ids = f"{record['BillId']}/{record['PaymentId']}"
        if case is None:
            return self._error(call.operation, "E220", now)
        if ids not in case.bills:
            return self._error(call.operation, "E420", now)
        price = int(record["Price"])
        if case.bills[ids].amount_rial != price:
            return self._error(call.operation, "E410", now)
        if self._dedupe and ids not in case.unpaid:
            return self._error(call.operation, "E400", now)
        answer = self._receipt()
        return self._enter(call, record["CaseNo"], now, subject=ids, amount_rial=price, answer=answer)

    def _pay_back(self, call: Call, now: datetime) -> Record:
        record = call.record
        case = self._cases.get(record["CaseNo"])
        ids, price = f"{record['BillId']}/{record['PaymentId']}", int(record["Price"])
        if case is None or ids not in case.bills or ids in case.unpaid - case.paid_back:
            return self._error(call.operation, "E430", now)
        if case.bills[ids].amount_rial != price:
            return self._error(call.operation, "E410", now)
        if self._dedupe and ids in case.paid_back:
            return self._error(call.operation, "E440", now)
        answer = self._receipt()
        return self._enter(call, record["CaseNo"], now, subject=ids, amount_rial=price, answer=answer)

    def _hear(self, call: Call, now: datetime) -> Record:
        """An objection or a survey: of a case, or of a request that was refused before it became one."""
        record = call.record
        case_no = record.get("CaseNo")
        if case_no is not None and case_no not in self._cases:
            return self._error(call.operation, "E220", now)
        tracking_code, subject = record["TrackingCode"], record.get("ObjectionNo")
        answer = self._receipt()
        return self._enter(call, case_no, now, tracking_code=tracking_code, subject=subject, answer=answer)

    def _receipt(self) -> Record:
        return say.taken() | {"RahgiriCode": f"R-{len(self._ledger.entries) + 1:06d}"}

    def _enter(self, call: Call, case_no: str | None, now: datetime, *, life: str = "", **known: object) -> Record:
        self._timeline.release(now)
        detail = {"life": life, "sent": say.sent(call.record)}
        entry = self._ledger.enter(
            call.operation, call.record["Reference"], now, case_no=case_no, digest=call.digest, detail=detail, **known
        )
        self._apply[entry.operation](entry)
        return dict(entry.answer)

    def _error(self, operation: str, code: str, now: datetime) -> Record:
        return self.says(operation, code, at=now) or {}

    def _open(self, entry: Entry) -> None:
        number = str(entry.case_no)
        life = str(entry.detail["life"])
        year, case = map(int, number.split("-"))
        family = requests_of(int(entry.detail["sent"].get("RequestKind", 1)))
        bills = issue(_fees(case, life, family), case=case, system=SYSTEM, year=year)
        self._cases[number] = _Case(family, {bill.ids: bill for bill in bills}, {bill.ids for bill in bills})
        steps = _course(PERMIT_LIVES[life], family)
        self._timeline.begin(number, steps, at=entry.at)

    def _corrected(self, entry: Entry) -> None:
        self._timeline.resume(str(entry.case_no), "correction", at=entry.at)

    def _cancelled(self, entry: Entry) -> None:
        self._timeline.turn(str(entry.case_no), PERMIT_WITHDRAWN, at=entry.at)

    def _paid(self, entry: Entry) -> None:
        case = self._cases[str(entry.case_no)]
        case.unpaid.discard(str(entry.subject))
        if not case.unpaid:
            self._timeline.resume(str(entry.case_no), "payment", at=entry.at)

    def _paid_back(self, entry: Entry) -> None:
        case = self._cases[str(entry.case_no)]
        case.unpaid.add(str(entry.subject))
        case.paid_back.add(str(entry.subject))

    def _objected(self, entry: Entry) -> None:
        if entry.case_no is not None and self._timeline.is_over(entry.case_no):
            self._timeline.turn(entry.case_no, _course(PERMIT_OBJECTED, self._cases[entry.case_no].family), at=entry.at)

    def _find(self, call: Call, _now: datetime) -> Record:
        entry = self._ledger.find(call.record["Reference"])
        if entry is None:
            return say.taken() | {"Found": False}
        return say.found(entry)

    def _changes(self, call: Call, now: datetime) -> Record:
        self._timeline.release(now)
        cursor = call.record.get("Cursor", "0")
        start = int(cursor) if cursor.isdigit() else 0
        found, behind = self._timeline.after(start, most=int(call.record["Count"]))
        changes = [self._change(happening) for happening in found]
        return say.taken() | {"Changes": changes, "NextCursor": str(behind)}

    def _change(self, happening: say.Happening) -> Record:
        if happening.step.kind == "answer":
            return say.change(happening, {"Answer": self._inquiries.answer_of(happening.number)})
        case = self._cases[happening.number]
        if happening.step.kind == "document":
            return say.change(happening, say.document(happening, case.family.paper, self._papers))
        return say.change(happening, say.CONTENTS[happening.step.kind](happening, tuple(case.bills.values())))

    def _document(self, call: Call, now: datetime) -> Record:
        case_no = call.record["DocumentNo"].removeprefix("P-")
        case = self._cases.get(case_no)
        if case is None:
            return self._error(call.operation, "E390", now)
        return say.taken() | {"Content": self._papers.content(say.line_of(case.family.paper, case_no))}

    def _tell_ledger(self, call: Call, _now: datetime) -> Record:
        since, until = period_of(call, "Since", "Until")
        found = self._ledger.between(since, until, page=int(call.record["Page"]), size=PAGE_SIZE)
        entries = [say.ledger_entry(entry) for entry in found.entries]
        return say.taken() | {"Page": found.page, "Pages": found.pages, "Entries": entries}


def _course(life: Sequence[Step], family: Requests) -> list[Step]:
    """The life as a case of this family of requests goes through it."""
    return [step for step in life if step.code not in family.skips]


def _fees(case: int, life: str, family: Requests) -> list[Item]:
    area = LARGE_SUM_RIAL if life == "large" else spread(case, base_rial=180_000_000, step_rial=1_250_000)
    return [
        Item(*family.fees[0], area),
        Item(*family.fees[1], spread(case, base_rial=9_000_000, step_rial=62_000)),
    ]
