"""How the urban-planning core words its answers, in the order of its schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from ops.sandbox.bills import Bill
from ops.sandbox.calls import Record
from ops.sandbox.desk import Titles
from ops.sandbox.families import Paper
from ops.sandbox.ledger import Entry
from ops.sandbox.papers import Papers
from ops.sandbox.timeline import Happening

UNIT = "شهرسازی منطقه"
_REPEATED = (
    "TrackingCode",
    "RequestKind",
    "DocumentNo",
    "Kind",
    "Sha256",
    "CorrectionNo",
    "ObjectionNo",
    "Score",
    "BillId",
    "PaymentId",
)

__all__ = [
    "CONTENTS",
    "Happening",
    "biz_error",
    "change",
    "document",
    "found",
    "house_and_block",
    "ledger_entry",
    "line_of",
    "numbers",
    "sent",
    "taken",
    "warned",
]


def taken() -> Record:
    """Success without a word."""
    return {"ErrorResult": {}}


def biz_error(code: str, title: str, *, action: int = 0) -> Record:
    """A business error; action 1 makes it a warning beside success."""
    return {"ErrorResult": {"BizErrors": [{"ErrorTitel": title[:200], "ErrorKey": code, "ErrorAction": action}]}}


def warned(code: str | None, titles: Titles) -> Record:
    """Success, with a warning if there is one."""
    return biz_error(code, titles.get(code, code), action=1) if code else taken()


def numbers(entry: Entry | None) -> Record:
    """The numbers that the first answer to this effect had."""
    if entry is None:
        return {}
    told = {"CaseNo": entry.case_no, "RahgiriCode": entry.answer.get("RahgiriCode")}
    return {name: value for name, value in told.items() if value is not None}


def found(entry: Entry) -> Record:
    """An effect that was asked for: its numbers, and what its message had said."""
    return {
        **taken(),
        "Found": True,
        "Operation": entry.operation,
        **numbers(entry),
        **entry.detail.get("sent", {}),
        "Price": entry.amount_rial,
    }


def sent(record: Record) -> Record:
    """What FindByReference repeats of a message, but for its sum, which stands in the ledger by itself."""
    return {name: record[name] for name in _REPEATED if name in record}


def house_and_block(record: Record) -> tuple[int | None, int | None]:
    """The two parts of the renovation code that choose a magic."""
    house, block = (record.get(name) for name in ("House", "Block"))
    return (None if house is None else int(house), None if block is None else int(block))


def change(happening: Happening, content: Record) -> Record:
    """One change event."""
    return {
        "EventId": f"{happening.number}-{happening.sequence}",
        "Sequence": happening.sequence,
        "CaseNo": happening.number,
        "Kind": happening.step.kind,
        "ChangedAt": happening.at.isoformat(),
        **content,
    }


def ledger_entry(entry: Entry) -> Record:
    """One line of the core's own ledger."""
    return {
        "Reference": entry.reference,
        "Operation": entry.operation,
        "CaseNo": entry.case_no,
        "At": entry.at.isoformat(),
        "State": entry.state or "Registered",
        "Price": entry.amount_rial,
    }


def _status(happening: Happening, _bills: Sequence[Bill]) -> Record:
    return {"StatusCode": happening.step.code, "Note": happening.step.note, "Unit": UNIT}


def _bill(_happening: Happening, bills: Sequence[Bill]) -> Record:
    return {"Bills": [_fiche(bill) for bill in bills]}


def _fiche(bill: Bill) -> Record:
    return {
        "FicheNo": bill.fiche_no,
        "FicheType": bill.kind,
        "Title": bill.title,
        "Price": bill.amount_rial,
        "BillId": bill.bill_id,
        "PaymentId": bill.payment_id,
        "ValidUntil": bill.last_day(""),
        "Iban": bill.iban,
    }


def line_of(paper: Paper, case_no: str) -> str:
    """The line on the document that a case ends with."""
    return f"{paper.line} of case {case_no} (sandbox)"


def document(happening: Happening, paper: Paper, papers: Papers) -> Record:
    """What a case ends with."""
    told = papers.told(line_of(paper, happening.number), content="Content", sha256="Sha256")
    return {
        "Document": {
            "DocumentNo": f"P-{happening.number}",
            "Kind": paper.kind,
            "Title": paper.title,
            "MediaType": "application/pdf",
            **told,
            "IssuedAt": happening.at.isoformat(),
        }
    }


def _visit(happening: Happening, _bills: Sequence[Bill]) -> Record:
    """Two mornings, three and four days on; the citizen answers until the day before the first."""
    mornings = [
        happening.at.replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=days) for days in (3, 4)
    ]
    return {
        "Unit": UNIT,
        "Visit": {
            "VisitNo": f"V-{happening.number}",
            "Purpose": "بازدید از ملک",
            "Place": "نشانی ملک موضوع درخواست",
            "Slots": [
                {"Start": start.isoformat(), "End": (start + timedelta(hours=1)).isoformat()} for start in mornings
            ],
            "AnswerUntil": (mornings[0] - timedelta(days=1)).isoformat(),
        },
    }


CONTENTS: Mapping[str, Callable[[Happening, Sequence[Bill]], Record]] = {
    "status": _status,
    "bill": _bill,
    "bill_cancelled": _bill,
    "visit": _visit,
}
"""What a change of each kind carries; answers are worded by the inquiries, documents by the family of the request."""
