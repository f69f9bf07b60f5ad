"""What a kind of system cannot do, in one place: contracts may not promise it, and services may not ask for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum

from adapter.contract.model import Contract


class Ability(StrEnum):
    """What a contract or a service may ask of an internal system, beside taking what is handed to it."""

    ANSWER = "an answer that says more than what was sent"
    CODES = "codes in its answers"
    DEFERRED = "a deferred answer by its number"
    DOCUMENTS = "taking and giving documents"
    STATEMENT = "a ledger of a period"


CANNOT: Mapping[str, Mapping[Ability, str]] = {
    "rest": {},
    "soap": {},
    "sql": {},
    "file": {
        Ability.ANSWER: "a folder answers nothing but that a file lies there; what follows comes as changes",
        Ability.CODES: "a folder answers nothing that could hold a code",
        Ability.DEFERRED: "a folder cannot be asked; what is answered later comes as a change",
        Ability.DOCUMENTS: "a cell of a sheet holds no document",
        Ability.STATEMENT: "a folder keeps no ledger",
    },
}
"""By binding. A webhook is no binding: it tells changes beside one of these, and nothing else."""


def lacking(contract: Contract, ability: Ability) -> str | None:
    """Why no binding of the contract can do this; None where one can."""
    reasons = [CANNOT[binding].get(ability) for binding in contract.bindings]
    return reasons[0] if reasons and all(reasons) else None


def promised_faults(contract: Contract) -> Iterator[str]:
    """What the contract promises and its kind cannot do."""
    promised = [(f"operations.{name}.poll", Ability.DEFERRED) for name, one in contract.operations.items() if one.poll]
    promised += [("statement", Ability.STATEMENT)] if contract.statement is not None else []
    promised += [("codes.paths", Ability.CODES)] if contract.code_paths else []
    for place, ability in promised:
        if why := lacking(contract, ability):
            yield f"{place}: {why}; leave it out"
