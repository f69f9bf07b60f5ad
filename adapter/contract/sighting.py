"""What the answer to a query says of an earlier attempt."""

from __future__ import annotations

from adapter.channels import Sight, Sighting
from adapter.contract.model import Contract
from adapter.contract.paths import value_at
from adapter.exchange import Payload


def sight_of(contract: Contract, operation: str, answer: Payload, *, asked: Payload | None) -> Sight:
    """Found only when it is the same operation and agrees in what the contract compares; `asked` is what we had sent.

    A field that the query does not tell is not compared.
    """
    said = contract.operations[operation]
    find = contract.finds[said.query or ""]
    if value_at(answer, find.found) is not True:
        return Sight(Sighting.NOT_FOUND)
    theirs = value_at(answer, find.operation) if find.operation else None
    if theirs not in {None, operation}:
        return Sight(Sighting.DIFFERENT, reason="the reference belongs to another operation there")
    original = value_at(answer, find.answer) if find.answer else answer
    if not isinstance(original, dict):
        return Sight(Sighting.UNCLEAR, reason="it was found without what had been answered")
    for path in said.compare if asked is not None else ():
        theirs = value_at(answer, path) or value_at(original, path)
        if theirs is not None and theirs != value_at(asked or {}, path):
            return Sight(Sighting.DIFFERENT, reason=f"the reference is known there with another {path}")
    return Sight(Sighting.FOUND, original)
