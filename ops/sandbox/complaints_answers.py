"""How the complaints system words its answers."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from datetime import timedelta

from ops.sandbox.calls import Record
from ops.sandbox.ledger import Entry
from ops.sandbox.papers import one_page_pdf
from ops.sandbox.timeline import Happening

DONE = "OK"
UNIT = "خدمات شهری منطقه"
OFFICIAL_REPLY = "9"
"""The reply among the kinds of documents."""
_REPEATED = (
    "tracking_code",
    "subject",
    "note_no",
    "document_no",
    "sha256",
    "correction_no",
    "objection_no",
    "score",
)


def sent(record: Record) -> Record:
    """What FindByReference repeats of a message; nothing of the citizen."""
    return {name: record[name] for name in _REPEATED if name in record}


def found(entry: Entry) -> Record:
    """An effect that was asked for: what its message had said, and what was answered."""
    number = {} if entry.case_no is None else {"report_no": entry.case_no}
    told = {**entry.detail.get("sent", {}), **number}
    return {"found": True, "operation": entry.operation, **told, "result": dict(entry.answer)}


def change(happening: Happening) -> Record:
    """One change event."""
    return {
        "event_id": f"{happening.number}-{happening.sequence}",
        "sequence": happening.sequence,
        "report_no": happening.number,
        "kind": happening.step.kind,
        "changed_at": happening.at.isoformat(),
        **_CONTENTS[happening.step.kind](happening),
    }


def ledger_entry(entry: Entry) -> Record:
    """One line of the complaints system's own ledger."""
    told = {
        "reference": entry.reference,
        "operation": entry.operation,
        "report_no": entry.case_no,
        "at": entry.at.isoformat(),
        "state": entry.state or "ENTERED",
    }
    return {name: value for name, value in told.items() if value is not None}


def _status(happening: Happening) -> Record:
    told = {"status_code": happening.step.code, "note": happening.step.note, "unit": UNIT}
    return {name: value for name, value in told.items() if value is not None}


def _visit(happening: Happening) -> Record:
    """One morning, three days on; the citizen answers until the day before."""
    start = happening.at.replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=3)
    slot = {"starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=1)).isoformat()}
    visit = {
        "visit_no": f"V-{happening.number}",
        "purpose": "بازدید از محل",
        "place": "نشانی موضوع گزارش",
        "slots": [slot],
        "answer_until": (start - timedelta(days=1)).isoformat(),
    }
    return {"unit": UNIT, "visit": visit}


def _document(happening: Happening) -> Record:
    content = one_page_pdf(f"Official reply to report {happening.number} (sandbox)")
    return {
        "document": {
            "document_no": f"D-{happening.number}",
            "kind": OFFICIAL_REPLY,
            "title": "پاسخ رسمی",
            "media_type": "application/pdf",
            "content": base64.b64encode(content).decode("ascii"),
            "sha256": hashlib.sha256(content).hexdigest(),
            "issued_at": happening.at.isoformat(),
        }
    }


_CONTENTS: Mapping[str, Callable[[Happening], Record]] = {"status": _status, "visit": _visit, "document": _document}
