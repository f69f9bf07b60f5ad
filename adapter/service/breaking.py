"""Which cells of the services' tables stop fitting when one contract takes another's place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from adapter.contract.model import Contract
from adapter.service.fitting import misfits
from adapter.service.loading import load_services
from adapter.service.model import Service
from adapter.tables import Fault
from adapter.translator import Table
from adapter.translator.lines import Line
from adapter.workbench.differing import FieldChange, Side


def broken_cells(
    mappings: Path,
    contracts: Mapping[str, Contract],
    old: Contract,
    new: Contract,
    *,
    changed: Iterable[FieldChange],
) -> list[Fault]:
    """Every cell that is sound with the old contract and not with the new one, as the check would tell it then.

    Beside what the check finds: targets that take less than before, and codes that may come now and stand in no row.
    """
    services, before = load_services(mappings, contracts)
    _, after = load_services(mappings, {**contracts, old.title: new})
    known = {str(fault).replace(old.title, new.title) for found in before.values() for fault in found}
    faults = {fault for found in after.values() for fault in found if str(fault) not in known}
    told = {(fault.file, fault.line) for fault in faults}
    changes = list(changed)
    for service in services.values():
        for fault in _changed_cells(service, old, new, changes):
            if (fault.file, fault.line) not in told:
                faults.add(fault)
    return sorted(faults)


def _changed_cells(service: Service, old: Contract, new: Contract, changed: list[FieldChange]) -> Iterator[Fault]:
    is_gateway, is_system = service.gateway == old.title, service.system == old.title
    for operation, route in service.inward.items():
        table = service.tables[route.table]
        if is_system:
            yield from _targets(table, new, route.operation, changed)
        if is_gateway:
            yield from _sources(table, _told(changed, Side.REQUEST, {operation}))
    for name, operation in service.outward.items():
        if is_gateway:
            yield from _targets(service.tables[name], new, operation, changed)
        if is_system:
            yield from _sources(service.tables[name], _told(changed, Side.ANSWER, _asked(service, old), _items(old)))


def _targets(table: Table, new: Contract, operation: str, changed: list[FieldChange]) -> Iterator[Fault]:
    narrower = {
        one.path: one for one in changed if (one.operation, one.side) == (operation, Side.REQUEST) and one.narrower
    }
    for line in table.lines:
        change = narrower.get(line.target.text.replace("[]", ""))
        if change is None or line.cells:
            continue
        if line.row["rule"] == "constant":
            yield from _constant(line, new, operation)
        else:
            why = f"'{line.target}' of {operation}: {'; '.join(change.narrower)}"
            yield line.row.fault("target", "it takes less than before", why, what_to_do="see whether the values fit")


def _constant(line: Line, new: Contract, operation: str) -> Iterator[Fault]:
    value = line.row["argument"]
    for expected in misfits(new, operation, line.target.text, {value}).values():
        why = f"'{line.target}' of {operation} takes {expected}"
        yield line.row.fault("argument", f"'{value}' does not fit", why, what_to_do="mend the cell")


def _sources(table: Table, changes: Mapping[str, FieldChange]) -> Iterator[Fault]:
    for line in table.lines:
        for source in line.sources:
            change = changes.get(source.text.replace("[]", ""))
            if change is None:
                continue
            if (change.old.limits.kind, change.old.is_repeated) != (change.new.limits.kind, change.new.is_repeated):
                yield line.row.fault("source", f"'{source}' is another now", "; ".join(change.what), what_to_do=_LOOK)
            missing = set(change.added_values) - {cell.code for cell in line.cells}
            for value in sorted(missing) if line.cells else ():
                what = f"'{value}' of '{source}' has no row in {line.cells[0].row.file}"
                yield line.row.fault("source", what, what_to_do="add one")


_LOOK = "see whether the rule still reads it"


def _told(
    changed: list[FieldChange], side: Side, operations: Iterable[str], items: str | None = None
) -> dict[str, FieldChange]:
    """The changes by the paths under which a table's sources name them; a page's entries are named without the page."""
    wanted = set(operations)
    found = {one.path: one for one in changed if one.side is side and one.operation in wanted}
    inside = {path.removeprefix(f"{items}."): one for path, one in found.items() if items and path.startswith(items)}
    return found | inside


def _asked(service: Service, system: Contract) -> set[str]:
    """The operations whose answers a service reads."""
    names: set[str] = {route.operation for route in service.inward.values()}
    names |= {poll for name in set(names) if (poll := _poll(system, name))}
    return names | ({system.changes.operation} if system.changes else set())


def _poll(system: Contract, name: str) -> str | None:
    operation = system.operations.get(name)
    return operation.poll if operation else None


def _items(system: Contract) -> str | None:
    return system.changes.items if system.changes else None
