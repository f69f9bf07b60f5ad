"""A folder of `mappings/` becomes a Service, or the list of everything that is wrong in it."""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from adapter.contract.model import Contract
from adapter.errors import FaultyTables
from adapter.exchange import Direction, Operation
from adapter.service import document as parts
from adapter.service.card import card_faults
from adapter.service.case_checks import case_faults
from adapter.service.checks import (
    Between,
    area_faults,
    inward_table_faults,
    minted_key_faults,
    operation_faults,
    outward_table_faults,
    pattern_faults,
    reversal_faults,
    spoken,
    told_by,
)
from adapter.service.contents import contents_of, digest_of
from adapter.service.fitting import Misfits, asking_once, misfits
from adapter.service.layers import TENANTS, File, Layers, layers_of, overlays, read_document
from adapter.service.model import Route, Service, ServiceStage
from adapter.service.papers import read_documents
from adapter.service.referral import REFERRAL, referral_faults
from adapter.service.reviewing import review_faults
from adapter.tables import STILL_TO_FILL, TO_FILL, Document, Fault, read_toml
from adapter.translator import CodeBook, Table, Tools, compile_table, read_codes
from adapter.workbench.sides import Fields

NOT_SERVICES = frozenset({"calendars", TENANTS})
"""Folders of `mappings/` that hold something else."""


@dataclass(slots=True)
class _Reading:
    """One folder while it is read."""

    layers: Layers
    read: Mapping[str, tuple[Document, list[Fault]]] = field(default_factory=dict)
    """Documents that were read before."""
    faults: list[Fault] = field(default_factory=list)

    def read_document(self, name: str) -> Document:
        document, faults = self.read.get(name) or read_document(self.layers.file(name))
        self.faults += faults
        return document


def load_service(folder: Path, *, contracts: Mapping[str, Contract]) -> Service:
    """Read one folder against the contracts, by their titles; raises FaultyTables with every fault there is."""
    service, faults = _read_service(_Reading(Layers(folder, folder.parent)), contracts, misfits)
    if service is None:
        raise FaultyTables([str(fault) for fault in faults])
    return service


def load_services(
    folder: Path,
    contracts: Mapping[str, Contract],
    *,
    only: Collection[str] | None = None,
    fields: Mapping[str, Fields] | None = None,
) -> tuple[dict[str, Service], dict[str, list[Fault]]]:
    """Read every service of `mappings/`, or `only` some: the sound ones by name, and the faults of the others by name.

    A faulty table stops its own service only; folders with one service id stop each other. With the `fields` of the
    contracts by title the services are reviewed as well: what is found then is among the faults and stops none, so that
    a service may stand in both. Raises FaultyTables when there is no such folder.
    """
    if not folder.is_dir():
        raise FaultyTables([f"{folder}: there is no such folder of services"])
    paths = service_folders(folder)
    services: dict[str, Service] = {}
    faults: dict[str, list[Fault]] = {}
    documents = {path.name: read_document(Layers(path, folder).file("service.toml")) for path in paths}
    same_ids = _same_ids({name: document for name, (document, _) in documents.items()})
    misfits = asking_once()
    with _collector_at_rest():
        for path in paths:
            if only is None or path.name in only:
                reading = _Reading(Layers(path, folder), {"service.toml": documents[path.name]})
                service, found = _read_service(reading, contracts, misfits, fields=fields)
                faults[path.name] = sorted({*found, *same_ids.get(path.name, ())})
                if service and path.name not in same_ids:
                    services[path.name] = service
    return services, {name: found for name, found in faults.items() if found}


def load_views(
    folder: Path,
    contracts: Mapping[str, Contract],
    *,
    only: Collection[str] | None = None,
    fields: Mapping[str, Fields] | None = None,
) -> tuple[dict[tuple[str, str], Service], dict[tuple[str, str], list[Fault]]]:
    """Read every service that a tenant has laid its own folder over, by (tenant, name): the sound ones and the faults.

    What is wrong in a shared file stops the tenants' views of it, too; what is wrong in a tenant's stops its alone.
    With `fields` they are reviewed, as shared services are.
    """
    views: dict[tuple[str, str], Service] = {}
    faults: dict[tuple[str, str], list[Fault]] = {}
    misfits = asking_once()
    with _collector_at_rest():
        for tenant, name in overlays(folder):
            if only is not None and name not in only:
                continue
            layers, found = layers_of(folder, tenant, name)
            service, more = _read_service(_Reading(layers), contracts, misfits, fields=fields)
            faults[tenant, name] = sorted({*found, *more})
            if service is not None and not found:
                views[tenant, name] = service
    return views, {at: found for at, found in faults.items() if found}


def service_folders(folder: Path) -> list[Path]:
    """Return the folders of `mappings/` that hold a service, sorted by name."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_dir() and path.name not in NOT_SERVICES and not path.name.startswith((".", "_"))
    )


def declared_id(folder: Path) -> str:
    """The service id that a faulty folder still declares, so that callers are told it stopped; its name when none."""
    document, _ = read_toml(folder / "service.toml", folder.name)
    declared = document.values.get("service_id")
    return declared if isinstance(declared, str) else folder.name


def is_draft(root: Path, name: str, tenant: str | None = None) -> bool:
    """Whether a folder, or a tenant's view of it, still declares that it is only to be checked."""
    layers = Layers(root / name, root) if tenant is None else layers_of(root, tenant, name)[0]
    document, _ = read_document(layers.file("service.toml"))
    return parts.read_stage(document) is ServiceStage.DRAFT


def _same_ids(documents: Mapping[str, Document]) -> dict[str, list[Fault]]:
    """Return a fault for every folder whose service id another folder has, too; what is no id is told elsewhere."""
    folders: dict[str, list[str]] = {}
    for name, document in documents.items():
        declared = document.values.get("service_id")
        if isinstance(declared, str) and declared != TO_FILL:
            folders.setdefault(declared, []).append(name)
    return {
        name: [_same_id(documents[name], declared, [other for other in names if other != name])]
        for declared, names in folders.items()
        if len(names) > 1
        for name in names
    }


def _same_id(document: Document, declared: str, others: list[str]) -> Fault:
    what = f"'{declared}' is also the id of {', '.join(others)}"
    return document.fault("service_id", what, what_to_do="a service id belongs to one folder")


def _read_service(
    reading: _Reading,
    contracts: Mapping[str, Contract],
    misfits: Misfits,
    *,
    fields: Mapping[str, Fields] | None = None,
) -> tuple[Service | None, list[Fault]]:
    """Give the service, or else its faults, all of them, in the order of files and lines; and what its review found."""
    layers, faults = reading.layers, reading.faults
    doubts: list[Fault] = []
    document, card = reading.read_document("service.toml"), reading.read_document("card.toml")
    faults += [*parts.document_faults(document), *card_faults(card)]
    if not document.values:
        return None, sorted(set(faults))
    between = Between(
        parts.read_contract_name(document, "gateway", contracts, faults),
        parts.read_contract_name(document, "system", contracts, faults),
        misfits,
    )
    inward, outward = parts.read_inward(document, faults), parts.read_outward(document, faults)
    books = _read_books(reading)
    faults += [*pattern_faults(document, inward, outward), *area_faults(document, books)]
    outward = spoken(document, outward)
    tables = _read_tables(reading, document, books, inward, outward)
    faults += operation_faults(document, between, inward, outward)
    faults += _table_faults(tables, inward, outward, between)
    contents = [contents_of(one) for one in layers.folders]
    faults += case_faults(layers, contents, tables, named=_named_tables(document))
    if fields is not None:
        told = {(one.file, one.line, one.column) for one in faults if one.column}
        is_whole = layers.own is None and _named_tables(document) == tables.keys()
        found = review_faults(tables, books if is_whole else {}, inward, outward, between, fields=fields)
        doubts = [one for one in found if (one.file, one.line, one.column) not in told]
    keys = parts.read_business_keys(document, inward, between.gateway, faults)
    faults += [*minted_key_faults(document, between, inward, keys), *reversal_faults(document, inward, keys)]
    search = parts.read_search(document, between.gateway, faults)
    channels = parts.read_channels(document, between, faults)
    documents = read_documents(document, inward, between, faults)
    faults += referral_faults(document, card, between.gateway)
    if faults:
        return None, _each_once([*faults, *doubts])
    service = Service(
        name=layers.name,
        **{name: document.values.get(name, "") for name in _AS_WRITTEN},
        inward=inward,
        outward=outward,
        tables=tables,
        business_key=keys,
        search=search,
        channels=channels,
        answer_within=parts.read_answer_within(document),
        objection_within=parts.read_objection_within(document),
        stage=parts.read_stage(document),
        parallel=parts.read_parallel(document),
        promise=parts.read_promise(document),
        documents=documents,
        card=card.values,
        sha256=digest_of(*contents),
    )
    return service, _each_once(doubts)


def _each_once(faults: list[Fault]) -> list[Fault]:
    """In the order of files and lines; what one cell is for several operations is told for the first.

    Of a cell that is still to be filled in nothing else is told.
    """
    first: dict[tuple[str, int, str, str], Fault] = {}
    unfilled = {(one.file, one.line, one.column) for one in faults if one.what == STILL_TO_FILL}
    for fault in sorted(faults):
        if fault.what != STILL_TO_FILL and (fault.file, fault.line, fault.column) in unfilled:
            continue
        first.setdefault((fault.file, fault.line, fault.column, fault.what), fault)
    return list(first.values())


def _named_tables(document: Document) -> set[str]:
    """Every table that service.toml names, in however faulty a line."""
    inward, outward = (document.values.get(name) for name in ("inward", "outward"))
    routes = inward.values() if isinstance(inward, dict) else ()
    named = {str(route.get("table")) for route in routes if isinstance(route, dict)}
    return named | set(outward if isinstance(outward, dict) else ())


_AS_WRITTEN = ("service_id", "title", "title_en", "pattern", "tier", "kind", "gateway", "system")


def _read_tables(
    reading: _Reading,
    document: Document,
    books: Mapping[str, CodeBook],
    inward: Mapping[Operation, Route],
    outward: Mapping[str, Operation],
) -> dict[str, Table]:
    """Compile every table that service.toml names, from the folder called as the internal contract, or `referral`."""
    layers = reading.layers
    directions = dict.fromkeys(outward, Direction.OUTWARD)
    for operation, route in inward.items():
        if route.table in directions:
            what = f"'{route.table}' is also an outward table"
            reading.faults.append(document.fault(f"inward.{operation}.table", what, "a table has one direction"))
        directions[route.table] = Direction.INWARD
    system = str(document.values.get("system", "")).partition("/")[0]
    if document.values.get("pattern") == REFERRAL:
        system = REFERRAL
    tables = {}
    for name, direction in directions.items():
        tools = Tools(direction, books)
        file = layers.file(system, f"{name}.csv")
        tables[name], faults = compile_table(file.path, file.label, tools, _own(file))
        reading.faults += [*faults, *tools.faults]
    used = {*tables, *_named_tables(document)}
    unused = [name for name in layers.names(system, ".csv") if name.removesuffix(".csv") not in used]
    reading.faults += [
        Fault(_written(layers.file(system, name)), 0, "", "no operation of service.toml uses this table")
        for name in (unused if system else ())
        if layers.own is None or (layers.own / system / name).is_file()  # a tenant need not use what is shared
    ]
    return tables


def _own(file: File) -> tuple[Path, str] | None:
    return None if file.own is None else (file.own.path, file.own.label)


def _written(file: File) -> str:
    """The name of the file that was written last: the tenant's where it has one."""
    return file.label if file.own is None else file.own.label


def _read_books(reading: _Reading) -> dict[str, CodeBook]:
    books = {}
    for name in reading.layers.names("codes", ".csv"):
        file = reading.layers.file("codes", name)
        books[name.removesuffix(".csv")], faults = read_codes(file.path, file.label, _own(file))
        reading.faults += faults
    return books


def _table_faults(
    tables: Mapping[str, Table], inward: Mapping[Operation, Route], outward: Mapping[str, Operation], between: Between
) -> list[Fault]:
    faults: list[Fault] = []
    for operation, route in inward.items():
        faults += inward_table_faults(tables[route.table], operation, route, between)
    told = told_by(between.system, inward) if between.system else ()
    for name, operation in outward.items():
        faults += outward_table_faults(tables[name], operation, told, between)
    return faults


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Nothing that is read here is garbage, and looking for some takes a third of the time of 300 services.

    Frozen and thawed, all of it counts as old, so that the collector does not walk through it at once.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()
        if was_enabled:
            gc.enable()
