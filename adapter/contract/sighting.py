"""What the answer to a query says of an earlier attempt."""

from __future__ import annotations

from adapter.channels import Sight, Sighting
from adapter.contract.agreement import agreement
from adapter.contract.model import Contract, OperationContract
from adapter.contract.paths import value_at
from adapter.exchange import Payload


def sight_of(contract: Contract, operation: str, answer: Payload, *, asked: Payload | None) -> Sight:
    """Found only when it is the same operation and agrees in what the contract compares; `asked` is what we had sent.

    A field that we had not sent is not compared. One that we had sent and the answer does not tell leaves the sight
    unclear: no amount is adopted that was not compared.
    """
    said = contract.operations[operation]
    find = contract.finds[said.query or ""]
    if value_at(answer, find.found) is not True:
        return Sight(Sighting.NOT_FOUND)
    theirs = value_at(answer, find.operation) if find.operation else None
    if theirs not in {None, operation}:
        return Sight(Sighting.DIFFERENT, reason="the reference belongs to another operation there")
    if (unlike := _unlike(said, answer, asked)) is not None:
        return unlike
    original = value_at(answer, find.answer) if find.answer else answer
    if not isinstance(original, dict):
        return Sight(Sighting.UNCLEAR, reason="it was found without what had been answered")
    return Sight(Sighting.FOUND, original)


def _unlike(said: OperationContract, answer: Payload, asked: Payload | None) -> Sight | None:
    """Why what was found cannot be taken for ours; None when it can."""
    if asked is None:
        reason = "it was found, but what we had sent is not kept and cannot be compared"
        return Sight(Sighting.UNCLEAR, reason=reason) if said.compare else None
    agreed = agreement(said.compare, asked, answer)
    if agreed.differs is not None:
        return Sight(Sighting.DIFFERENT, reason=f"the reference is known there with another {agreed.differs}")
    if agreed.untold is not None:
        return Sight(Sighting.UNCLEAR, reason=f"{said.query} does not tell {agreed.untold}, which we had sent")
    return None
