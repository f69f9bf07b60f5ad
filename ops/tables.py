"""The live tables: all mappings read as one, what each tenant offers by them, and how the last reading went."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path

from adapter.calendar import Days, read_calendars, tehran_day
from adapter.contract import load_contract
from adapter.contract.checks import door_clashes
from adapter.contract.model import Contract
from adapter.errors import FaultySettings, FaultyTables
from adapter.offer import Offer, Stopped, offer_of
from adapter.service import (
    TENANTS,
    Service,
    declared_gateway,
    declared_id,
    is_draft,
    layers_of,
    load_services,
    load_views,
    overlays,
    service_folders,
)
from adapter.service.contents import contents_of, digest_of
from adapter.tables import Fault, near
from adapter.workbench.sides import Fields
from adapter.wsdl import read_wsdl
from ops.settings import Settings
from ops.signing import signed_views
from ops.swapping import settled

CALENDARS = "calendars"
"""The folder of `mappings/` that holds the calendars, one table a year."""


@dataclass(frozen=True, slots=True)
class Calendars:
    """The working days of all tenants, what is wrong in the calendars, and the digest of their folder."""

    days: Days
    faults: tuple[Fault, ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class Tables:
    """One reading of all mappings: the shared services by name, those of a tenant's own by (tenant, name).

    `faults` are those of the services that stopped for them: by name, a tenant's own by `tenant/name`. `doubts` are
    what a review found in services that run: rows that never work, codes that may come and have no row. `offer` is
    what is live, `on_disk` what would be if every tenant had signed it. `gateways` are the contracts that the services
    speak, stopped ones included.
    """

    services: Mapping[str, Service]
    views: Mapping[tuple[str, str], Service]
    faults: Mapping[str, list[Fault]]
    offer: Offer
    on_disk: Offer
    calendars: Calendars
    gateways: frozenset[str]
    read_at: datetime
    doubts: tuple[str, ...] = ()

    @property
    def names(self) -> set[str]:
        """Of every service there is, sound or not, shared or a tenant's own."""
        named = {*self.services, *self.faults, *(name for _, name in self.views)}
        return {name.rpartition("/")[2] for name in named}

    @property
    def sha256(self) -> str:
        """Over every folder read: two readings of the same files have the same."""
        lines = [f"{name} {service.sha256}" for name, service in self.services.items()]
        lines += [f"{tenant}/{name} {service.sha256}" for (tenant, name), service in self.views.items()]
        lines += [f"{'/'.join(at)} {service.sha256}" for at, service in self.offer.by_name.items()]
        lines += [f"{name} {fault}" for name, faults in self.faults.items() for fault in faults]
        lines.append(f"{CALENDARS} {self.calendars.sha256}")
        return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Folders:
    """What a house is made of: every contract by `name/version`, and the tables that its tenants offer."""

    contracts: Mapping[str, Contract]
    tables: Tables


@dataclass(frozen=True, slots=True)
class Reading:
    """How a reading of new tables went: with any fault the tables before it went on. `sha256` is what was read."""

    at: datetime
    actor: str
    sha256: str | None = None
    faults: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


@dataclass(slots=True)
class LiveTables:
    """The tables by which everything is translated now, and the last reading after the first; one reads at a time.

    `fields` are those of the contracts that a reading has looked through, by digest.
    """

    now: Tables
    last: Reading | None = None
    fields: dict[str, Fields] = field(default_factory=dict)
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)


def read_folders(settings: Settings, *, now: datetime) -> Folders:
    """The folders that the settings name; raises FaultyTables and FaultySettings as the parts below do."""
    check_folders(settings)
    contracts = load_contracts(settings.contracts)
    return Folders(contracts, read_tables(settings, contracts, now=now))


def load_contracts(folder: Path) -> dict[str, Contract]:
    """Every contract of the folder by `name/version`; raises FaultyTables with the faults of all of them."""
    contracts, faults = {}, []
    for path in sorted(folder.glob("*/*/contract.toml")):
        try:
            contract = load_contract(path.parent, read_wsdl)
            contracts[contract.title] = contract
        except FaultyTables as error:
            faults += error.faults
    if faults:
        raise FaultyTables(faults)
    return contracts


def check_folders(settings: Settings) -> None:
    """Raises FaultySettings for a folder that is not there."""
    named = {"contracts": settings.contracts, "mappings": settings.mappings}
    missing = [f"{name}: there is no folder {folder}" for name, folder in named.items() if not folder.is_dir()]
    if missing:
        raise FaultySettings(missing)


def read_tables(
    settings: Settings,
    contracts: Mapping[str, Contract],
    *,
    now: datetime,
    fields: Mapping[str, Fields] | None = None,
) -> Tables:
    """The services that a tenant offers, against the contracts; a faulty one stops, and is told among the faults.

    What nobody offers is not read: a start should not wait for it, and `panjereh check` tells its faults.
    The faults of a draft are nobody's matter but its clerk's: `panjereh check` tells them. With the `fields` of the
    contracts the services are reviewed as well, and what is found are doubts.
    Raises FaultyTables when two contracts want one door, FaultySettings for a service that is not there and for an
    endpoint that a service needs and its tenant has not.
    """
    offered = {name for tenant in settings.tenants.values() for name in tenant.services}
    today = tehran_day(now)
    with settled(settings.mappings):
        services, faults = load_services(settings.mappings, contracts, only=offered, fields=fields, today=today)
        views, faulty_views = load_views(
            settings.mappings, contracts, only=offered, tenants=settings.tenants, fields=fields, today=today
        )
        calendars = _calendars(settings.mappings / CALENDARS)
    faults = {name: found for name, found in faults.items() if not is_draft(settings.mappings, name)}
    faulty_views = {at: found for at, found in faulty_views.items() if not is_draft(settings.mappings, at[1], at[0])}
    doubts = [faults.pop(name) for name in services.keys() & faults.keys()]
    doubts += [faulty_views.pop(at) for at in views.keys() & faulty_views.keys()]
    stopped = {at: _stopped(settings, *at, found) for at, found in faulty_views.items()}
    on_disk = _offer(settings, services, faults, {**views, **stopped})
    signed, faulty_signed = signed_views(settings, contracts, today=today)
    offer = _offer(settings, services, faults, {**views, **stopped, **signed})
    faulty_views |= faulty_signed
    told = {**faults, **{"/".join(at): found for at, found in faulty_views.items()}}
    spoken = {service.gateway for service in (*services.values(), *views.values())}
    gateways = frozenset(spoken | (_gateways_of_stopped(settings, told) & contracts.keys()))
    if clashes := door_clashes(contracts[name] for name in sorted(gateways)):
        raise FaultyTables(clashes)
    _check_settings(settings, offer, contracts)
    return Tables(services, views, told, offer, on_disk, calendars, gateways, now, _told(doubts))


def changed_on_disk(settings: Settings, tables: Tables) -> list[str]:
    """What lies on disk otherwise than it was read: services, tenants' own ones by `tenant/name`, the calendars."""
    root = settings.mappings
    was = {name: service.sha256 for name, service in tables.services.items()}
    now = {name: _digest(root / name) for name in was}
    for tenant, name in {*tables.views, *overlays(root)}:
        if (tenant, name) in tables.views or (tenant in settings.tenants and name in was):
            at = f"{tenant}/{name}"
            was[at] = tables.views[tenant, name].sha256 if (tenant, name) in tables.views else ""
            now[at] = _digest(*layers_of(root, tenant, name)[0].folders)
    was[CALENDARS], now[CALENDARS] = tables.calendars.sha256, _digest(root / CALENDARS)
    return sorted(name for name, digest in was.items() if now[name] != digest)


def _digest(*folders: Path) -> str:
    there = [contents_of(folder) for folder in folders if folder.is_dir()]
    return digest_of(*there) if there else ""


def _gateways_of_stopped(settings: Settings, stopped: Iterable[str]) -> set[str]:
    """As far as their folders tell: who calls them should learn that they stopped, and not that there is no door."""
    folders = [settings.mappings / name.rpartition("/")[2] for name in stopped]
    folders += [settings.mappings / TENANTS / name for name in stopped if "/" in name]
    return set(filter(None, map(declared_gateway, folders)))


def _told(doubts: list[list[Fault]]) -> tuple[str, ...]:
    """Each once: a shared row is looked at again for every tenant that lays its own over it."""
    return tuple(dict.fromkeys(str(fault) for fault in sorted(chain.from_iterable(doubts))))


def _calendars(folder: Path) -> Calendars:
    days, faults = read_calendars(folder)
    return Calendars(days, tuple(faults), _digest(folder))


def _stopped(settings: Settings, tenant: str, name: str, faults: list[Fault]) -> Stopped:
    own, shared = settings.mappings / TENANTS / tenant / name, settings.mappings / name
    declared = declared_id(own)
    return declared if declared != name else declared_id(shared), str(faults[0])


def _offer(
    settings: Settings,
    services: Mapping[str, Service],
    faults: Mapping[str, list[Fault]],
    views: Mapping[tuple[str, str], Service | Stopped],
) -> Offer:
    stopped = {name: (declared_id(settings.mappings / name), str(found[0])) for name, found in faults.items()}
    return offer_of({tenant: its.services for tenant, its in settings.tenants.items()}, services, stopped, views=views)


def _check_settings(settings: Settings, offer: Offer, contracts: Mapping[str, Contract]) -> None:
    """Raises FaultySettings for each service without a folder, each endpoint that is missing or of no contract."""
    faults = [*_missing_services(settings), *_misfitting_endpoints(settings, offer, contracts)]
    if faults:
        raise FaultySettings(sorted(faults))


def _missing_services(settings: Settings) -> Iterator[str]:
    known, overlaid = {path.name for path in service_folders(settings.mappings)}, set(overlays(settings.mappings))
    for tenant, its in settings.tenants.items():
        for name in its.services:
            if name not in known and (tenant, name) not in overlaid:
                hint = near(name, known)
                yield f"tenants.{tenant}.services: there is no folder {name!r} in {settings.mappings}; {hint}"


def _misfitting_endpoints(settings: Settings, offer: Offer, contracts: Mapping[str, Contract]) -> Iterator[str]:
    wanted = {
        (tenant, contract)
        for (tenant, _), service in offer.by_name.items()
        for contract in filter(None, (service.gateway, service.system))
    }
    given = {(tenant, name) for tenant, its in settings.tenants.items() for name in its.endpoints}
    yield from (f"tenants.{tenant}.endpoints: {name!r} is needed by its services" for tenant, name in wanted - given)
    for tenant, name in given:
        if name not in contracts:
            yield f"tenants.{tenant}.endpoints.{name}: there is no such contract; {near(name, contracts)}"
