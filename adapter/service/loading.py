"""All folders of `mappings/`, and the tenants' own ones over them: the services that are sound, the faults of all."""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from adapter.contract.model import Contract
from adapter.errors import FaultyTables
from adapter.service.document import read_stage
from adapter.service.fitting import asking_once, misfits
from adapter.service.layers import TENANTS, Layers, layers_of, overlays, read_document
from adapter.service.model import Service, ServiceStage
from adapter.service.reading import read_service
from adapter.tables import TO_FILL, Document, Fault, read_toml
from adapter.workbench.sides import Fields

NOT_SERVICES = frozenset({"calendars", TENANTS})
"""Folders of `mappings/` that hold something else."""


def load_service(folder: Path, *, contracts: Mapping[str, Contract]) -> Service:
    """Read one folder against the contracts, by their titles; raises FaultyTables with every fault there is."""
    service, faults = read_service(Layers(folder, folder.parent), contracts, misfits)
    if service is None:
        raise FaultyTables([str(fault) for fault in faults])
    return service


def load_services(
    folder: Path,
    contracts: Mapping[str, Contract],
    *,
    only: Collection[str] | None = None,
    fields: Mapping[str, Fields] | None = None,
    today: date = date.min,
) -> tuple[dict[str, Service], dict[str, list[Fault]]]:
    """Read every service of `mappings/`, or `only` some: the sound ones by name, and the faults of the others by name.

    A faulty table stops its own service only; folders with one service id stop each other. With the `fields` of the
    contracts by title the services are reviewed as well: what is found then is among the faults and stops none, so that
    a service may stand in both. A code that ended before `today` need not fit its contract any more.
    Raises FaultyTables when there is no such folder.
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
                said = documents[path.name]
                service, found = read_service(
                    Layers(path, folder), contracts, misfits, said=said, fields=fields, today=today
                )
                faults[path.name] = sorted({*found, *same_ids.get(path.name, ())})
                if service and path.name not in same_ids:
                    services[path.name] = service
    return services, {name: found for name, found in faults.items() if found}


def load_views(
    folder: Path,
    contracts: Mapping[str, Contract],
    *,
    only: Collection[str] | None = None,
    tenants: Collection[str] | None = None,
    fields: Mapping[str, Fields] | None = None,
    today: date = date.min,
) -> tuple[dict[tuple[str, str], Service], dict[tuple[str, str], list[Fault]]]:
    """Read every service that a tenant has laid its own folder over, by (tenant, name): the sound ones and the faults.

    What is wrong in a shared file stops the tenants' views of it, too; what is wrong in a tenant's stops its alone.
    `only` some services, and of some `tenants` alone. With `fields` they are reviewed, as shared services are.
    """
    views: dict[tuple[str, str], Service] = {}
    faults: dict[tuple[str, str], list[Fault]] = {}
    misfits = asking_once()
    with _collector_at_rest():
        for tenant, name in overlays(folder):
            if (only is not None and name not in only) or (tenants is not None and tenant not in tenants):
                continue
            layers, found = layers_of(folder, tenant, name)
            service, more = read_service(layers, contracts, misfits, fields=fields, today=today)
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
    return _declared(folder, "service_id") or folder.name


def declared_gateway(folder: Path) -> str | None:
    """The gateway contract that a faulty folder still declares, so that there is a door at which callers are told."""
    return _declared(folder, "gateway")


def _declared(folder: Path, key: str) -> str | None:
    document, _ = read_toml(folder / "service.toml", folder.name)
    declared = document.values.get(key)
    return declared if isinstance(declared, str) else None


def is_draft(root: Path, name: str, tenant: str | None = None) -> bool:
    """Whether a folder, or a tenant's view of it, still declares that it is only to be checked."""
    layers = Layers(root / name, root) if tenant is None else layers_of(root, tenant, name)[0]
    document, _ = read_document(layers.file("service.toml"))
    return read_stage(document) is ServiceStage.DRAFT


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
