"""Answers of many rows: one that breaks the contract is told by itself, and takes no neighbour with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from adapter.contract.codec import Row
from adapter.contract.model import Told
from adapter.contract.paths import put, value_at, values_at
from adapter.exchange import Payload
from adapter.refusals import SchemaViolation, Unreadable, Violation
from adapter.strict_json import faults_in

UNREADABLE = "unreadable"
"""The kind of a change whose row breaks the contract: no table has it, so it is seen and parked."""

_LONGEST_WORD = 255
_Raw = TypeVar("_Raw")


def sift(
    rows: Sequence[_Raw], path: str, hold: Callable[[Sequence[_Raw]], Payload], loose: Callable[[_Raw], Payload]
) -> tuple[Payload, list[Row]]:
    """The message without rows, and each row for itself; raises SchemaViolation for a fault that is in no row.

    `hold` gives the message with only these rows as the contract has it, or raises SchemaViolation; `path` is where
    rows stand in it, `loose` what can be read of a row that breaks the contract.
    """
    found: list[Row] = []
    whole: Payload | None = None
    for place, row in enumerate(rows):
        try:
            whole = hold([row])
            found += [Row(one) for one, _ in values_at(whole, f"{path}[]")]
        except SchemaViolation as error:
            found.append(Row(loose(row), tuple(_of_row(error, path, place))))
    if whole is None:
        whole = hold([])
    put(whole, path, [])
    return whole, found


def _of_row(error: SchemaViolation, path: str, place: int) -> Iterable[Violation]:
    """The violations, each with the row's own number in its path; raises the error where one is in no row."""
    for one in error.violations:
        bare, steps = re.sub(r"\[[0-9]+\]", "", one.path), path.count(".") + 1
        if bare != path and not bare.startswith(f"{path}."):
            raise error
        rest = "".join(f".{step}" for step in one.path.split(".")[steps:])
        yield Violation(f"{path}[{place}]{rest}", one.expected, one.found, one.line)


def marked(said: Told, record: Payload, why: str) -> Payload | None:
    """A row that breaks the contract as a change of the kind UNREADABLE; None where not even its case can be read."""
    readable = {name: value for name, value in record.items() if _is_carriable(value)}
    event, reference = _word(value_at(readable, said.event)), _word(value_at(readable, said.reference))
    if event is None or reference is None:
        return None
    sequence = _word(value_at(readable, said.sequence)) or ""
    told = {
        said.event: event,
        said.reference: reference,
        said.kind: UNREADABLE,
        said.sequence: int(sequence) if re.fullmatch("-?[0-9]{1,15}", sequence) else 0,
    }
    for path, value in told.items():
        put(readable, path, value)
    return {**readable, "why": why}


def _is_carriable(value: Any) -> bool:
    try:
        return not faults_in(value)
    except Unreadable:
        return False


def _word(value: Any) -> str | None:
    """A number or short text as text; nothing else is an event's or a case's name."""
    if type(value) is int or (isinstance(value, str) and 0 < len(value) <= _LONGEST_WORD):
        return str(value)
    return None
