"""What the complaints system puts into its database when something has happened to a report."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ops.sandbox.papers import one_page_pdf
from ops.sandbox.timeline import Happening

UNIT = "خدمات شهری منطقه"
UNKNOWN = 998
"""A status that a clerk has invented overnight: no table knows it."""
OFFICIAL_REPLY = "9"
"""The reply among the kinds of documents."""
_ZONE = ZoneInfo("Asia/Tehran")
"""That of every instant here; the database keeps no offset."""


def change_row(happening: Happening) -> dict[str, Any]:
    """One row of what happened, by its columns."""
    return {
        "event_id": f"{happening.number}-{happening.sequence}",
        "sequence_no": happening.sequence,
        "report_no": happening.number,
        "kind": happening.step.kind,
        "changed_at": _local(happening.at),
        **_CONTENTS[happening.step.kind](happening),
    }


def _local(at: datetime) -> str:
    return at.astimezone(_ZONE).replace(tzinfo=None).isoformat(sep=" ")


def _status(happening: Happening) -> dict[str, Any]:
    return {"status_code": happening.step.code, "note": happening.step.note, "unit": UNIT}


def _visit(happening: Happening) -> dict[str, Any]:
    """One morning, three days on; the citizen answers until the day before."""
    local = happening.at.astimezone(_ZONE)
    start = local.replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=3)
    slot = {"starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=1)).isoformat()}
    return {
        "unit": UNIT,
        "visit_no": f"V-{happening.number}",
        "purpose": "بازدید از محل",
        "place": "نشانی موضوع گزارش",
        "slots": json.dumps([slot]),
        "answer_until": _local(start - timedelta(days=1)),
    }


def _document(happening: Happening) -> dict[str, Any]:
    content = one_page_pdf(f"Official reply to report {happening.number} (sandbox)")
    return {
        "document_no": f"D-{happening.number}",
        "document_kind": OFFICIAL_REPLY,
        "title": "پاسخ رسمی",
        "media_type": "application/pdf",
        "content": base64.b64encode(content).decode("ascii"),
        "sha256": hashlib.sha256(content).hexdigest(),
        "issued_at": _local(happening.at),
    }


_CONTENTS: Mapping[str, Callable[[Happening], dict[str, Any]]] = {
    "status": _status,
    "visit": _visit,
    "document": _document,
}
