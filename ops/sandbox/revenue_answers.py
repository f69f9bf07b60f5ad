"""How the revenue system words its answers, and how it comes by its sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from ops.sandbox.bills import LARGE_SUM_RIAL, Bill, Item, issue, spread
from ops.sandbox.calls import Record
from ops.sandbox.families import RENOVATION, tolls_of
from ops.sandbox.ledger import Entry
from ops.sandbox.lives import BILL_ISSUED, NO_DEBT
from ops.sandbox.papers import Papers
from ops.sandbox.timeline import Happening

SYSTEM = 2
DONE = "OK"
_NAMES_OF_ACCOUNTS = ("account_no", "national_id", "legal_id")


def bills_of(number: str, life: str, kind: str = RENOVATION) -> tuple[Bill, ...]:
    """The bills of an assessment; none where nothing is owed."""
    _, year, case = number.split("-")
    payable = _payable(_figures(int(case), life))
    fees = [Item(tolls_of(kind).bill, tolls_of(kind).title, payable)] if payable else []
    return issue(fees, case=int(case), system=SYSTEM, year=int(year))


def assessed(number: str, life: str, kind: str, *, at: datetime, papers: Papers) -> Record:
    """The answer to an assessment: its figures, and its bills; or the document, where nothing is owed."""
    figures, bills = _figures(int(number.rpartition("-")[2]), life), bills_of(number, life, kind)
    status = tolls_of(kind).billed if bills else NO_DEBT
    answer: Record = {"code": DONE, "assessment_no": number, "status_code": status, **figures}
    answer["payable_rial"] = _payable(figures)
    return answer | ({"bills": [_told_bill(bill) for bill in bills]} if bills else document(number, kind, at, papers))


def line_of(number: str, kind: str) -> str | None:
    """The line on the document that an assessment of this kind ends with; None for kinds that end without."""
    paper = tolls_of(kind).paper
    return None if paper is None else f"{paper.line} of assessment {number} (sandbox)"


def document(number: str, kind: str, at: datetime, papers: Papers) -> Record:
    """The document that an assessment of this kind ends with; nothing for kinds that end without."""
    paper, line = tolls_of(kind).paper, line_of(number, kind)
    if paper is None or line is None:
        return {}
    told = {
        "document_no": f"D-{number}",
        "kind": str(paper.kind),
        "title": paper.title,
        "media_type": "application/pdf",
        **papers.told(line, content="content", sha256="sha256"),
        "issued_at": at.isoformat(),
    }
    return {"document": told}


def account_number(record: Record) -> int:
    """The last figures of whatever names an account; they choose its magic and its sums."""
    named = next((str(record[name]) for name in _NAMES_OF_ACCOUNTS if name in record), "")
    if "renovation_code" in record:
        return int(str(record["renovation_code"]).split("-")[3])
    figures = "".join(letter for letter in named if letter.isdigit())
    return int(figures[-3:] or 0)


def account(record: Record, life: str) -> Record:
    """An account as it stands: the sum owed, and of what."""
    debt = _figures(account_number(record), life)["debt_rial"]
    line = {"kind": RENOVATION, "title": tolls_of(RENOVATION).title, "value": str(debt), "unit": "ریال"}
    answer: Record = {"code": DONE, "status_code": BILL_ISSUED if debt else NO_DEBT}
    if "account_no" in record:
        answer["account_no"] = record["account_no"]
    return answer | {"debt_rial": debt, "credit_rial": 0, "results": [line] if debt else []}


def change(happening: Happening, bills: Sequence[Bill]) -> Record:
    """One change event; a bill that is cancelled is told as it was issued."""
    told = {
        "event_id": f"{happening.number}-{happening.sequence}",
        "sequence": happening.sequence,
        "assessment_no": happening.number,
        "kind": happening.step.kind,
        "changed_at": happening.at.isoformat(),
        "status_code": happening.step.code,
        "note": happening.step.note,
    }
    if happening.step.kind != "status":
        told["bills"] = [_told_bill(bill) for bill in bills]
    return {name: value for name, value in told.items() if value is not None}


def ledger_entry(entry: Entry) -> Record:
    """One line of the revenue system's own ledger."""
    told = {
        "reference": entry.reference,
        "operation": entry.operation,
        "assessment_no": entry.case_no,
        "at": entry.at.isoformat(),
        "state": entry.state or "ENTERED",
        "amount_rial": entry.amount_rial,
    }
    return {name: value for name, value in told.items() if value is not None}


def _figures(case: int, life: str) -> dict[str, int]:
    """The parts of the sum; they add up to the payable rial, a multiple of 1,000."""
    if life == "no_debt":
        return dict.fromkeys(("debt_rial", "waste_rial", "penalty_rial", "reward_rial", "rounding_rial"), 0)
    debt = LARGE_SUM_RIAL if life == "large" else spread(case, base_rial=6_500_000, step_rial=41_300)
    figures = {
        "debt_rial": debt,
        "waste_rial": spread(case, base_rial=1_200_000, step_rial=7_450),
        "penalty_rial": debt // 50,
        "reward_rial": debt // 20,
    }
    total = figures["debt_rial"] + figures["waste_rial"] + figures["penalty_rial"] - figures["reward_rial"]
    return figures | {"rounding_rial": -(total % 1000)}


def _payable(figures: Mapping[str, int]) -> int:
    return sum(-amount if name == "reward_rial" else amount for name, amount in figures.items())


def _told_bill(bill: Bill) -> Record:
    return {
        "fiche_no": bill.fiche_no,
        "bill_type": str(bill.kind),
        "title": bill.title,
        "amount_rial": bill.amount_rial,
        "bill_id": bill.bill_id,
        "payment_id": bill.payment_id,
        "valid_until": bill.last_day("/"),
        "iban": bill.iban,
    }
