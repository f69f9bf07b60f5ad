"""Bills of the stand-ins: their ids and sums follow from a case's number alone, and all are payable as they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ops.sandbox.identifiers import MOST_PAYABLE_RIAL, bill_id, iban, payment_id

MOST_BILLS = 10
"""File numbers are `case * MOST_BILLS + place`; the case part repeats only after ten million cases."""
LARGE_SUM_RIAL = 250_000_000_000


@dataclass(frozen=True, slots=True)
class Item:
    """One fee before it becomes bills."""

    kind: int
    title: str
    amount_rial: int


@dataclass(frozen=True, slots=True)
class Bill:
    """One payable bill; `last_day` is the Jalali year's 29 Esfand."""

    fiche_no: str
    kind: int
    title: str
    amount_rial: int
    bill_id: str
    payment_id: str
    iban: str
    year: int

    @property
    def ids(self) -> str:
        """Bill and payment id, as one word."""
        return f"{self.bill_id}/{self.payment_id}"

    def last_day(self, separator: str) -> str:
        """The last day of payment, `YYYY/12/29` with this separator."""
        return separator.join((str(self.year), "12", "29"))


def issue(items: Sequence[Item], *, case: int, system: int, year: int) -> tuple[Bill, ...]:
    """The bills of these fees; a fee above what one payment id carries is split into several."""
    pieces = [Item(item.kind, item.title, piece) for item in items for piece in _pieces(item.amount_rial)]
    bills = []
    for place, item in enumerate(pieces):
        bill = bill_id(case * MOST_BILLS + place + system * 10_000_000)
        bills.append(
            Bill(
                fiche_no=f"F{system}-{year}-{case}-{place + 1}",
                kind=item.kind,
                title=item.title,
                amount_rial=item.amount_rial,
                bill_id=bill,
                payment_id=payment_id(bill, item.amount_rial, year=year),
                iban=iban(system * 1000 + item.kind),
                year=year,
            )
        )
    return tuple(bills)


def spread(case: int, *, base_rial: int, step_rial: int) -> int:
    """A sum that differs from case to case and repeats after 97 of them."""
    return base_rial + case % 97 * step_rial


def _pieces(amount_rial: int) -> list[int]:
    whole, rest = divmod(amount_rial, MOST_PAYABLE_RIAL)
    return [MOST_PAYABLE_RIAL] * whole + ([rest] if rest else [])
