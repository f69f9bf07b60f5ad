"""A tenant's own rows laid over those of a shared table: by their key they take their place, or take them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adapter.tables import Columns, Fault, Row, near

TAKEN_OUT = "taken_out"
"""The column, in a tenant's own table alone, whose `yes` takes the shared rows out and puts nothing in their place."""


def columns_of_own(columns: Columns) -> Columns:
    """The header of a tenant's own table."""
    return replace(columns, optional=(*columns.optional, TAKEN_OUT))


def is_taken_out(row: Row) -> bool:
    """Whether the row takes out what is shared."""
    return row[TAKEN_OUT] == "yes"


def taking_faults(shared: Sequence[Row], own: Sequence[Row], *keys: str) -> list[Fault]:
    """Return rows that take out what is not there, and words in that column that are none."""
    faults = [
        row.fault(TAKEN_OUT, f"'{row[TAKEN_OUT]}' is neither yes nor empty")
        for row in own
        if row[TAKEN_OUT] not in {"yes", ""}
    ]
    for row in filter(is_taken_out, own):
        for key in (one for one in keys if row[one]):
            known = {other[key] for other in shared}
            if row[key] not in known:
                what = f"'{row[key]}' is taken out and stands in no shared row"
                faults.append(row.fault(key, what, what_to_do=near(row[key], known)))
    return faults


def laid_over(shared: Sequence[Row], own: Sequence[Row], *, key: str) -> tuple[Row, ...]:
    """The shared rows whose key no own row has, then the own ones; sorted by the key, as a table is."""
    named = {row[key] for row in own}
    kept = [row for row in shared if row[key] not in named]
    return tuple(sorted([*kept, *(row for row in own if not is_taken_out(row))], key=lambda row: row[key]))
