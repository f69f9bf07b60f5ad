"""A service whose cells all name what there is, looked at once more: what can never happen, and what does not fit.

These faults stop nothing that runs: the daemon loads a service without asking for them, `panjereh check` tells them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from adapter.contract.model import Contract
from adapter.exchange import Direction, Operation
from adapter.service.checks import Between
from adapter.service.facets import facet_faults
from adapter.service.model import Route
from adapter.service.reaching import book_faults, code_faults, never_faults, shadowed_faults
from adapter.tables import Fault
from adapter.translator import CodeBook, Table
from adapter.workbench.fields import Field
from adapter.workbench.sides import Fields, Paths, Sides


@dataclass(frozen=True, slots=True)
class Stands:
    """A table between two messages: the fields that it reads, those that it fills, and what both are called."""

    table: Table
    direction: Direction
    gives: Paths
    takes: Paths
    giver: str
    giving_message: str
    message: str
    always: frozenset[str]


def review_faults(
    tables: Mapping[str, Table],
    books: Mapping[str, CodeBook],
    inward: Mapping[Operation, Route],
    outward: Mapping[str, Operation],
    between: Between,
    *,
    fields: Mapping[str, Fields],
) -> list[Fault]:
    """Return every row and code that nothing reaches, and whatever can come and does not fit."""
    stands = list(standing(tables, inward, outward, between, fields=fields))
    used = {one.table.name: (one.table, one.direction) for one in stands}
    faults = book_faults(books, used) if inward else []  # what only refers has its codes for people: an area's subjects
    faults += code_faults((one.table, one.gives, one.giver) for one in stands)
    for one in stands:
        faults += shadowed_faults(one.table)
        faults += never_faults(one.table, one.gives, one.always, one.giving_message)
        faults += facet_faults(one.table, one.takes, one.gives, one.message)
    return faults


def standing(
    tables: Mapping[str, Table],
    inward: Mapping[Operation, Route],
    outward: Mapping[str, Operation],
    between: Between,
    *,
    fields: Mapping[str, Fields],
) -> Iterator[Stands]:
    """Each table with the fields of the messages between which it stands, as far as they are known."""
    gateway, system = _title(between.gateway), _title(between.system)
    theirs, ours = fields.get(gateway, {}), fields.get(system, {})
    for operation, route in inward.items():
        told = theirs.get(operation, Sides()).request
        takes = ours.get(route.operation, Sides()).request
        shape = between.gateway.shapes.get(operation, {}) if between.gateway else {}
        always = frozenset(path for path, is_required in shape.items() if is_required)
        yield Stands(tables[route.table], Direction.INWARD, told, takes, gateway, operation, route.operation, always)
    tells = told_by(between.system, inward, ours)
    for name, operation in outward.items():
        takes = theirs.get(operation, Sides()).request
        gives = {} if operation is Operation.PUBLISH_SERVICE else tells
        told_as = f"what {system} tells"
        yield Stands(tables[name], Direction.OUTWARD, gives, takes, system, told_as, operation, frozenset())


def told_by(system: Contract | None, inward: Mapping[Operation, Route], fields: Fields) -> Paths:
    """The fields of its changes and of its answers, those fetched later included, by the paths that tables use."""
    found: dict[str, tuple[Field, ...]] = {}
    if system is None:
        return found
    if system.changes and system.changes.operation in fields:
        prefix = f"{system.changes.items}[]."
        for path, one in fields[system.changes.operation].answer.items():
            if path.startswith(prefix):
                found[path.removeprefix(prefix)] = one
    for route in inward.values():
        operation = system.operations.get(route.operation)
        for name in filter(None, (route.operation, operation.poll if operation else None)):
            for path, one in fields.get(name, Sides()).answer.items():
                found[path] = (*found.get(path, ()), *one)
    return found


def _title(contract: Contract | None) -> str:
    return contract.title if contract else ""
