"""Rows of changes and ledgers that another side tells: one that breaks the contract is logged and stops no other."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from adapter.contract.codec import Row
from adapter.contract.model import Contract, Told
from adapter.contract.outcomes import safe_code
from adapter.contract.paths import value_at
from adapter.contract.sifting import marked
from adapter.exchange import Payload

_log = structlog.get_logger(__name__)


def rows_of(contract: Contract, operation: str) -> str | None:
    """Where the answer of this operation has its rows; None for one that tells no changes and no ledger."""
    sections = (contract.changes, contract.statement)
    return next((said.items for said in sections if said is not None and said.operation == operation), None)


def told_rows(contract: Contract, operation: str, rows: Sequence[Row]) -> list[Payload]:
    """The rows that can be told: a change that breaks the contract as such, a ledger's entry only if it does not."""
    changes, ledger = contract.changes, contract.statement
    if changes is not None and changes.operation == operation:
        return told_changes(contract, changes, rows)
    key = "" if ledger is None else ledger.reference
    return [row.content for row in rows if not _is_broken(contract, operation, row, key)]


def told_changes(contract: Contract, said: Told, rows: Sequence[Row]) -> list[Payload]:
    """The changes; one that breaks the contract is of the kind UNREADABLE, and left out if its case cannot be read."""
    found = []
    for row in rows:
        record: Payload | None = row.content
        if _is_broken(contract, said.operation, row, said.event):
            record = marked(said, row.content, f"{said.operation}: {'; '.join(map(str, row.violations))}")
        if record is not None:
            found.append(record)
    return found


def _is_broken(contract: Contract, operation: str, row: Row, key: str) -> bool:
    """Whether it breaks the contract; then its name and what is wrong with it are logged, without its values."""
    if row.violations:
        name, places = safe_code(str(value_at(row.content, key))), [str(one) for one in row.violations]
        _log.warning("row_unreadable", system=contract.title, operation=operation, row=name, places=places)
    return bool(row.violations)
