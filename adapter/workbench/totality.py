"""Whether outcomes.csv has a row for every code that the schemas know, and for every fault that is declared."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from adapter.contract.model import OutcomeRow
from adapter.tables import Fault as Finding
from adapter.tables import near
from adapter.workbench.fields import Field, Message, Messages, flat

BODY, FAULT = "body", "fault"


@dataclass(frozen=True, slots=True)
class Codes:
    """Every code that a contract's schemas know, by the place where outcomes.csv looks for it → where it is declared.

    `open` are the places where some message may carry a code that no enumeration lists.
    """

    known: Mapping[tuple[str, str], str]
    open: frozenset[str]


def codes_of(messages: Collection[Messages], code_paths: Collection[str]) -> Codes:
    """The codes of answers at the contract's code paths, and of declared faults: their code's, else their own name."""
    known: dict[tuple[str, str], str] = {}
    open_places: set[str] = set()
    for operation, message in ((name, one) for binding in messages for name, one in binding.items()):
        for place, code, where in _codes(message, code_paths):
            if code is None:
                open_places.add(place)
            else:
                known.setdefault((place, code), f"{operation}: {where}")
    return Codes(known, frozenset(open_places))


def untold(codes: Codes, outcomes: Mapping[tuple[str, str], OutcomeRow], file: str) -> Iterator[Finding]:
    """Codes that the schemas know and no row tells; exchanges that meet one are parked."""
    for (place, code), where in sorted(codes.known.items()):
        if (place, code) not in outcomes:
            what_to_do = f"add a row {place},{code},parked,…,… and decide its verdict"
            yield Finding(file, 0, "code", f"'{code}' has no row for {place}", f"{where} declares it", what_to_do)


def unheard(codes: Codes, outcomes: Mapping[tuple[str, str], OutcomeRow], file: str) -> Iterator[Finding]:
    """Rows for codes that no message can carry: told only where every message lists its codes."""
    listed = {place: {code for known, code in codes.known if known == place} for place in (BODY, FAULT)}
    for line, (place, code) in enumerate(outcomes, start=2):
        if listed[place] and place not in codes.open and code not in listed[place]:
            what = f"no schema knows '{code}' for {place}"
            yield Finding(file, line, "code", what, what_to_do=near(code, listed[place]))


def _codes(message: Message, code_paths: Collection[str]) -> Iterator[tuple[str, str | None, str]]:
    for path, field in flat(message.answer):
        if path in code_paths:
            yield from ((BODY, code, path) for code in field.limits.enumeration or (None,))
    for fault in message.faults:
        coded = next((one for _, one in flat(fault) if one.name.lower() == "code" and not one.is_section), None)
        values = coded.limits.enumeration or (None,) if coded else (_own_name(fault),)
        yield from ((FAULT, code, fault.name or "its problem") for code in values)


def _own_name(fault: Field) -> str | None:
    """A fault without a code is told by its element; a problem document always has a code of its own."""
    return fault.name or None
