"""How the revenue system words its answers, and how it comes by its sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ops.sandbox.bills import LARGE_SUM_RIAL, Bill, Item, issue, spread
from ops.sandbox.calls import Record
from ops.sandbox.ledger import Entry
from ops.sandbox.lives import BILL_ISSUED, NO_DEBT
from ops.sandbox.timeline import Happening

SYSTEM = 2
DONE = "OK"


def bills_of(number: str, life: str) -> tuple[Bill, ...]:
    """The bills of an assessment; none where nothing is owed."""
    _, year, case = number.split("-")
    payable = _payable(_figures(int(case), life))
    fees = [Item(1, "عوارض نوسازی و بهای خدمات پسماند", payable)] if payable else []
    return issue(fees, case=int(case), system=SYSTEM, year=int(year))


def assessed(number: str, life: str) -> Record:
    """The answer to an assessment: its figures, and its bills."""
    figures, bills = _figures(int(number.rpartition("-")[2]), life), bills_of(number, life)
    status = BILL_ISSUED if bills else NO_DEBT
    answer: Record = {"code": DONE, "assessment_no": number, "status_code": status, **figures}
    answer["payable_rial"] = _payable(figures)
    return answer | ({"bills": [_told_bill(bill) for bill in bills]} if bills else {})


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
