"""Which rows, codes and rules of a service no case has touched.

A row is touched when a case that passed holds a value which the row gave; a code when it was looked up for such a
value; a rule when a row of it was touched. A case that expects no payload touches nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from adapter.service.cases import CaseResult
from adapter.service.model import Service
from adapter.translator import RULES


@dataclass(frozen=True, slots=True)
class Share:
    """How many there are, and those that no case has touched: what each is, by its place (a rule by its name)."""

    count: int
    untouched: Mapping[str, str]

    @property
    def percent(self) -> float:
        """How many of a hundred are touched, rounded down to a tenth; 100 when there is none to touch."""
        touched = self.count - len(self.untouched)
        return touched * 1000 // self.count / 10 if self.count else 100.0


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the cases of one service, or of all, have touched of its tables, its codes files and its rules."""

    rows: Share
    codes: Share
    rules: Share

    def reaches(self, least: float) -> bool:
        """Whether enough rows and codes are touched, each counted by itself."""
        return min(self.rows.percent, self.codes.percent) >= least


def coverage_of(service: Service, results: Iterable[CaseResult]) -> Coverage:
    """Return what the cases of one service have touched of it; its rules are those that its rows name."""
    lines = [line for table in service.tables.values() for line in table.lines]
    steps = [step for result in results for step in result.steps]
    rows = {line.row.place: f"{line.target} by {line.row['rule']}" for line in lines}
    codes = {cell.row.place: f"'{cell.code}'" for line in lines for cell in line.cells}
    return Coverage(
        _share(rows, {step.line.row.place for step in steps}),
        _share(codes, {cell.row.place for step in steps for cell in step.codes}),
        _share({line.row["rule"]: "" for line in lines}, {step.line.row["rule"] for step in steps}),
    )


def coverage_of_all(services: Collection[Coverage], touched: Collection[str]) -> Coverage:
    """Return the coverages of several services together; `touched` are the rules that any of their cases has."""
    untouched = {rule for one in services for rule in one.rules.untouched}
    return Coverage(
        _sum([one.rows for one in services]),
        _sum([one.codes for one in services]),
        _share(dict.fromkeys(untouched | set(touched), ""), touched),
    )


def rules_without_use(services: Collection[Service]) -> list[str]:
    """Rules of the closed set that no row of these services names: their examples in the reference alone try them."""
    used = {line.row["rule"] for service in services for table in service.tables.values() for line in table.lines}
    return sorted(RULES.keys() - used)


def _share(known: Mapping[str, str], touched: Collection[str]) -> Share:
    return Share(len(known), {place: what for place, what in known.items() if place not in touched})


def _sum(shares: Collection[Share]) -> Share:
    untouched = {place: what for one in shares for place, what in one.untouched.items()}
    return Share(sum(one.count for one in shares), untouched)
