"""What a service asks of its internal system that this kind of system cannot do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from adapter.contract.abilities import Ability, lacking
from adapter.contract.model import Contract
from adapter.exchange import Operation
from adapter.service.model import Route
from adapter.tables import Document, Fault

_ANSWERED = frozenset(
    {("bill", Operation.SUBMIT_REQUEST), ("inquiry", Operation.INQUIRE), ("calculation", Operation.INQUIRE)}
)
"""By pattern: the operations whose answer is what the citizen came for."""

_BY_OPERATION: Mapping[Operation, Ability] = {Operation.ATTACH_DOCUMENT: Ability.DOCUMENTS}
_BY_TABLE: Mapping[str, Ability] = {"document": Ability.DOCUMENTS}
_TOLD_LATER = frozenset({"status", "visit", "bill_cancelled"})
"""Tables that only what a system tells later can fill."""

_MEND = "leave it out, or choose another system"


def ability_faults(
    document: Document, system: Contract | None, inward: Mapping[Operation, Route], outward: Mapping[str, Operation]
) -> list[Fault]:
    """Return every operation and table of the service for which the system's kind has no way."""
    if system is None:
        return []
    asked = [*_asked(str(document.values.get("pattern")), inward), *_told(outward)]
    return [
        document.fault(key, f"asks {system.title} for {ability}", why, what_to_do=_MEND)
        for key, ability in asked
        if (why := lacking(system, ability))
    ]


def silence_faults(document: Document, system: Contract | None, outward: Mapping[str, Operation]) -> list[Fault]:
    """Return every table that waits for changes of a system that tells none."""
    if system is None or system.changes is not None or system.webhook is not None:
        return []
    why = f"contracts/{system.title}/contract.toml has neither [changes] nor [webhook]"
    told = f"waits for changes that {system.title} never tells"
    return [
        document.fault(f"outward.{table}", told, why, what_to_do=_MEND) for table in outward if table in _TOLD_LATER
    ]


def _asked(pattern: str, inward: Mapping[Operation, Route]) -> Iterator[tuple[str, Ability]]:
    for operation in inward:
        if (pattern, operation) in _ANSWERED:
            yield f"inward.{operation}", Ability.ANSWER
        if operation in _BY_OPERATION:
            yield f"inward.{operation}", _BY_OPERATION[operation]


def _told(outward: Mapping[str, Operation]) -> Iterator[tuple[str, Ability]]:
    for table in outward:
        if table in _BY_TABLE:
            yield f"outward.{table}", _BY_TABLE[table]
