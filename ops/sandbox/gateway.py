"""The gateway's side of window/1.0: it takes what a municipality tells, and can be asked for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ops.sandbox.calls import Call, Record
from ops.sandbox.desk import Handler, Manner, Titles, period_of
from ops.sandbox.ledger import Entry, Ledger

TAKEN = "200"
PAGE_SIZE = 500
_EFFECTS = frozenset(
    {"PushStatus", "IssueBill", "PushDocument", "AnswerInquiry", "CancelBill", "ProposeVisit", "PublishService"}
)
_MANNER = Manner(
    reference="reference",
    effects=_EFFECTS,
    busy="290",
    invalid="203",
    duplicate="201",
    busy_fault="Busy",
    unavailable_fault="Unavailable",
    invalid_fault="Validation",
    unknown_fault="UnknownOperation",
)


class GatewayDesk:
    """Every effect is receipted and kept; nothing is checked against what came before."""

    def __init__(self, ledger: Ledger, titles: Titles) -> None:
        self.manner = _MANNER
        self._ledger = ledger
        self._titles = titles
        self.handlers: Mapping[str, Handler] = {
            **dict.fromkeys(sorted(_EFFECTS), self._take),
            "QueryExchange": self._query,
            "GetStatement": self._statement,
        }

    def says(self, operation: str, code: str, *, at: datetime, known: Entry | None = None) -> Record | None:  # noqa: ARG002 - a receipt tells no numbers
        if operation not in _EFFECTS:
            return None
        return {"result_code": code, "result_message": self._titles.get(code, code), "received_at": at.isoformat()}

    def is_done(self, content: Record) -> bool:
        return bool(content.get("result_code", TAKEN) == TAKEN)

    def replay(self) -> None:
        """Nothing is known here but the ledger itself."""

    def _take(self, call: Call, now: datetime) -> Record:
        receipt = self.says(call.operation, TAKEN, at=now) or {}
        record = call.record
        self._ledger.enter(
            call.operation,
            record["reference"],
            now,
            tracking_code=record.get("tracking_code"),
            digest=call.digest,
            answer=receipt,
            **_TOLD[call.operation](record),
        )
        return receipt

    def _query(self, call: Call, _now: datetime) -> Record:
        entry = self._ledger.find(call.record["reference"])
        if entry is None:
            return {"reference": call.record["reference"], "found": False}
        subject = {_SUBJECTS[entry.operation]: entry.subject}
        return {
            "reference": entry.reference,
            "found": True,
            "operation": entry.operation,
            "tracking_code": entry.tracking_code,
            "received_at": entry.at.isoformat(),
            "event_id": subject.get("event_id"),
            "status_code": entry.status_code,
            "document_no": subject.get("document_no"),
            "sha256": entry.detail.get("sha256"),
            "answer_no": subject.get("answer_no"),
            "visit_no": entry.detail.get("visit_no"),
            "service_id": subject.get("service_id"),
            "card_revision": entry.detail.get("card_revision"),
            "amount_rial": entry.amount_rial,
            "bills": entry.detail.get("bills", []),
        }

    def _statement(self, call: Call, _now: datetime) -> Record:
        since, until = period_of(call, "since", "until")
        found = self._ledger.between(since, until, page=int(call.record["page"]), size=PAGE_SIZE)
        return {
            "page": found.page,
            "pages": found.pages,
            "entries": [_statement_entry(entry) for entry in found.entries],
        }


def _told_of_status(record: Record) -> Record:
    return {
        "subject": record["event_id"],
        "status_code": record["status_code"],
        "detail": {"stage": record["stage"], "sequence": record["sequence"]},
    }


def _told_of_bills(record: Record) -> Record:
    bills = [
        {"bill_id": bill["bill_id"], "payment_id": bill["payment_id"], "amount_rial": int(bill["amount_rial"])}
        for bill in record["bills"]
    ]
    return {
        "subject": record["event_id"],
        "amount_rial": sum(bill["amount_rial"] for bill in bills),
        "detail": {"bills": bills},
    }


def _told_of_document(record: Record) -> Record:
    return {"subject": record["document_no"], "detail": {"kind": record["kind"], "sha256": record["sha256"]}}


def _told_of_answer(record: Record) -> Record:
    answer = record["answer"]
    debt_rial = answer.get("debt_rial")
    return {
        "subject": answer.get("answer_no"),
        "amount_rial": None if debt_rial is None else int(debt_rial),
        "status_code": answer["code"],
    }


def _told_of_visit(record: Record) -> Record:
    return {"subject": record["event_id"], "detail": {"visit_no": record["visit_no"], "slots": len(record["slots"])}}


def _told_of_card(record: Record) -> Record:
    return {"subject": record["service_id"], "detail": {"card_revision": record["card_revision"]}}


_SUBJECTS = {
    "PushStatus": "event_id",
    "IssueBill": "event_id",
    "PushDocument": "document_no",
    "AnswerInquiry": "answer_no",
    "CancelBill": "event_id",
    "ProposeVisit": "event_id",
    "PublishService": "service_id",
}
"""Which field of the message its entry's subject is."""

_TOLD: Mapping[str, Any] = {
    "PushStatus": _told_of_status,
    "IssueBill": _told_of_bills,
    "PushDocument": _told_of_document,
    "AnswerInquiry": _told_of_answer,
    "CancelBill": _told_of_bills,
    "ProposeVisit": _told_of_visit,
    "PublishService": _told_of_card,
}


def _statement_entry(entry: Entry) -> Record:
    told = {
        "reference": entry.reference,
        "operation": entry.operation,
        "tracking_code": entry.tracking_code,
        "received_at": entry.at.isoformat(),
        "state": entry.state or "taken",
        "amount_rial": entry.amount_rial,
        "status_code": entry.status_code,
    }
    return {name: value for name, value in told.items() if value is not None}
