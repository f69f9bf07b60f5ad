"""The only composition root: from settings to a house whose parts know each other."""

from __future__ import annotations

import asyncio
import hashlib
import random  # noqa: TID251 - the one place where real randomness is chosen
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import structlog

from adapter.calendar import Days, read_calendars
from adapter.callers import Credentials, HttpTarget, InCallRetries, Timeouts
from adapter.channels import Clock, Randomness, System, Target
from adapter.contract import load_contract
from adapter.contract.checks import door_clashes
from adapter.contract.model import Contract
from adapter.contract.outcomes import Classify, classify
from adapter.delivery import Delivery
from adapter.endpoints import EndpointName, Endpoints
from adapter.errors import FaultySettings, FaultyTables, WrongMasterKey
from adapter.exchange import Caller, Direction, Payload
from adapter.followup import FollowUp
from adapter.intake import Intake
from adapter.journal import Journal, open_journal, reading
from adapter.offer import Offer, offer_of
from adapter.publishing import Publishing
from adapter.retry import Profile
from adapter.service import Service, declared_id, load_services
from adapter.settlement.drafting import Drafting
from adapter.settlement.settling import Settling
from adapter.tables import Fault, near
from adapter.telemetry import Metrics
from adapter.wsdl import read_wsdl
from connectors import file, rest, soap, sql
from ops.health import tenant_health
from ops.randomness import buffered
from ops.settings import EndpointSettings, Settings, key_of, master_key, profile_of

_CONNECT: Mapping[str, Callable[..., ConnectedSystem]] = {
    "rest": rest.connect,
    "soap": soap.connect,
    "sql": sql.connect,
    "file": file.connect,
}
_DIGEST = re.compile(r"[0-9a-f]{64}")

_log = structlog.get_logger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


class Closable(Protocol):
    """What holds connections."""

    async def aclose(self) -> None:
        """Afterwards no connection is open."""
        ...


class ConnectedSystem(System, Closable, Protocol):
    """An internal system as a connector makes it."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a test may replace: clocks, randomness, and the parts whose weakening a score must notice."""

    clock: Clock = _now
    randomness: Randomness = field(default_factory=buffered)
    fraction: Callable[[], float] = random.SystemRandom().random
    classify: Classify = classify
    journal: Callable[[Journal], Journal] = lambda journal: journal
    target: Callable[[Target], Target] = lambda target: target
    system: Callable[[System], System] = lambda system: system


@dataclass(slots=True)
class House:
    """The parts of a running installation, or of one that a command opens for itself."""

    settings: Settings
    profile: Profile
    contracts: Mapping[str, Contract]
    services: Mapping[str, Service]
    faults: Mapping[str, list[Fault]]
    offer: Offer
    days: Days
    journal: Journal
    endpoints: Endpoints
    settling: Settling
    delivery: Delivery
    followup: FollowUp
    intake: Intake
    publishing: Publishing
    callers: Mapping[str, Caller]
    metrics: Metrics
    clock: Clock
    started_at: datetime
    _connected: list[Closable] = field(default_factory=list)

    async def aclose(self) -> None:
        """Afterwards every connection is closed and all that was acknowledged is on disk."""
        await asyncio.gather(*(target.aclose() for target in self._connected))
        self.journal.close()


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


async def open_house(settings: Settings, parts: Parts | None = None) -> House:
    """Everything connected, nothing running yet.

    Raises FaultyTables, FaultySettings, JournalLocked or JournalUnusable.
    """
    parts = parts or Parts()
    profile = profile_of(settings)
    _check_folders(settings)
    contracts = load_contracts(settings.contracts)
    services, faults = load_services(settings.mappings, contracts)
    if clashes := door_clashes(contracts[name] for name in {one.gateway for one in services.values()}):
        raise FaultyTables(clashes)
    offer = _offer(settings, services, faults)
    days, calendar_faults = read_calendars(settings.mappings / "calendars")
    if calendar_faults:
        raise FaultyTables([str(fault) for fault in calendar_faults])
    _check_endpoints(settings, services, contracts)
    callers = callers_of(settings)
    connected: list[Closable] = []
    endpoints = _endpoints(settings, contracts, profile, parts, connected)
    journal = parts.journal(_open_journal(settings, profile, parts))
    endpoints.paused.update(await journal.read(reading.paused_endpoints))
    loaded = _Loaded(profile, contracts, services, faults, offer, days, callers)
    return _join(settings, parts, loaded, journal, endpoints, connected)


@dataclass(frozen=True, slots=True)
class _Loaded:
    profile: Profile
    contracts: Mapping[str, Contract]
    services: Mapping[str, Service]
    faults: Mapping[str, list[Fault]]
    offer: Offer
    days: Days
    callers: Mapping[str, Caller]


def _join(
    settings: Settings,
    parts: Parts,
    loaded: _Loaded,
    journal: Journal,
    endpoints: Endpoints,
    connected: list[Closable],
) -> House:
    metrics = Metrics()
    metrics.watch(contract.drift for contract in loaded.contracts.values())
    drafting = Drafting(loaded.contracts, loaded.profile, parts.randomness)
    settling = Settling(drafting, loaded.profile, parts.clock, parts.fraction)
    delivery = Delivery(journal, lambda: loaded.offer, endpoints, settling, loaded.profile, parts.clock, metrics)
    house = House(
        settings=settings,
        profile=loaded.profile,
        contracts=loaded.contracts,
        services=loaded.services,
        faults=loaded.faults,
        offer=loaded.offer,
        days=loaded.days,
        journal=journal,
        endpoints=endpoints,
        settling=settling,
        delivery=delivery,
        followup=FollowUp(
            journal,
            lambda: loaded.offer,
            endpoints,
            settling,
            loaded.profile,
            parts.clock,
            settle=delivery.settle,
            hint=delivery.hint,
        ),
        intake=None,  # type: ignore[arg-type] # given below: its health answer looks at the house
        publishing=Publishing(journal, drafting, parts.clock, delivery.dispatch),
        callers=loaded.callers,
        metrics=metrics,
        clock=parts.clock,
        started_at=parts.clock(),
        _connected=connected,
    )

    async def health(tenant: str) -> Payload:
        told: Payload = await tenant_health(house, tenant)
        return told

    house.intake = Intake(
        journal,
        lambda: loaded.offer,
        drafting,
        parts.clock,
        ask=delivery.ask,
        may_leave=delivery.may_leave,
        dispatch=delivery.dispatch,
        health=health,
    )
    return house


def callers_of(settings: Settings) -> dict[str, Caller]:
    """Callers by the SHA-256 of each of their keys; raises FaultySettings where one could be taken for another."""
    faults: list[str] = []
    names: dict[tuple[str, str], int] = {}
    digests: dict[str, int] = {}
    for number, caller in enumerate(settings.callers):
        first = names.setdefault((caller.tenant, caller.name), number)
        told = [("tenant", _tenant_fault(caller.tenant, settings))]
        told += [("name", None if first == number else f"{caller.name!r} stands at callers.{first} already")]
        told += [("key_sha256", _digest_fault(digest.lower(), number, digests)) for digest in caller.key_sha256]
        faults += [f"callers.{number}.{setting}: {fault}" for setting, fault in told if fault]
    if faults:
        raise FaultySettings(faults)
    callers = [Caller(caller.name, caller.tenant, caller.channel) for caller in settings.callers]
    return {digest: callers[number] for digest, number in digests.items()}


def _tenant_fault(tenant: str, settings: Settings) -> str | None:
    return None if tenant in settings.tenants else f"there is no tenant {tenant!r}; {near(tenant, settings.tenants)}"


def _digest_fault(digest: str, number: int, seen: dict[str, int]) -> str | None:
    """What is wrong with the digest, without telling it: it may be a key that was put in its place."""
    if not _DIGEST.fullmatch(digest):
        return 'a digest has 64 hexadecimal digits: printf %s "$KEY" | sha256sum'
    if digest == key_digest(""):
        return "this is the digest of no key at all"
    if digest in seen:
        return f"the same digest stands at callers.{seen[digest]} already"
    seen[digest] = number
    return None


def key_digest(key: str) -> str:
    """How an API key is written in the settings."""
    return hashlib.sha256(key.encode()).hexdigest()


def _open_journal(settings: Settings, profile: Profile, parts: Parts) -> Journal:
    try:
        journal = open_journal(
            settings.database,
            master_key=master_key(settings),
            node=settings.node,
            environment=settings.environment,
            clock=parts.clock,
            randomness=parts.randomness,
            silence=profile.silence,
        )
    except WrongMasterKey as error:
        told = f"master_key_file: {settings.master_key_file} is not the key under which this journal was sealed"
        raise FaultySettings([f"{told}; name the file that was there when it was made"]) from error
    if journal.created is not None:
        _log.warning("journal_created", path=journal.created)
    return journal


def _check_folders(settings: Settings) -> None:
    named = {"contracts": settings.contracts, "mappings": settings.mappings}
    missing = [f"{name}: there is no folder {folder}" for name, folder in named.items() if not folder.is_dir()]
    if missing:
        raise FaultySettings(missing)


def _offer(settings: Settings, services: Mapping[str, Service], faults: Mapping[str, list[Fault]]) -> Offer:
    known = {*services, *faults}
    missing = [
        f"tenants.{tenant}.services: there is no folder {name!r} in {settings.mappings}"
        for tenant, its in settings.tenants.items()
        for name in its.services
        if name not in known
    ]
    if missing:
        raise FaultySettings(missing)
    stopped = {name: (declared_id(settings.mappings / name), str(found[0])) for name, found in faults.items()}
    return offer_of({tenant: its.services for tenant, its in settings.tenants.items()}, services, stopped)


def _check_endpoints(settings: Settings, services: Mapping[str, Service], contracts: Mapping[str, Contract]) -> None:
    wanted = {
        (tenant, contract)
        for tenant, its in settings.tenants.items()
        for name in its.services
        if name in services
        for contract in (services[name].gateway, services[name].system)
    }
    given = {(tenant, name) for tenant, its in settings.tenants.items() for name in its.endpoints}
    faults = [f"tenants.{tenant}.endpoints: {name!r} is needed by its services" for tenant, name in wanted - given]
    faults += [
        f"tenants.{tenant}.endpoints.{name}: there is no such contract; there are {', '.join(sorted(contracts))}"
        for tenant, name in given
        if name not in contracts
    ]
    if faults:
        raise FaultySettings(sorted(faults))


def _endpoints(
    settings: Settings,
    contracts: Mapping[str, Contract],
    profile: Profile,
    parts: Parts,
    connected: list[Closable],
) -> Endpoints:
    targets: dict[EndpointName, Target] = {}
    systems: dict[EndpointName, System] = {}
    for tenant, its in settings.tenants.items():
        for name, endpoint in its.endpoints.items():
            contract, wire = contracts[name], _wire(endpoint, profile, parts)
            if _is_gateway(contract):
                gateway = HttpTarget(contract, endpoint.binding, endpoint.address, **wire)
                connected.append(gateway)
                targets[tenant, name] = parts.target(gateway)
            else:
                system = _CONNECT[endpoint.binding](contract, endpoint.address, **wire)
                connected.append(system)
                systems[tenant, name] = parts.system(system)
                targets[tenant, name] = systems[tenant, name]
    return Endpoints(targets, systems, profile)


def _is_gateway(contract: Contract) -> bool:
    return any(operation.direction is Direction.OUTWARD for operation in contract.operations.values())


def _wire(endpoint: EndpointSettings, profile: Profile, parts: Parts) -> dict[str, Any]:
    key = key_of(endpoint)
    return {
        "credentials": None if key is None else Credentials(endpoint.key_header, key.get_secret_value()),
        "timeouts": Timeouts(
            connect=profile.connect, write=profile.write, first_byte=profile.first_byte, total=profile.total
        ),
        "retries": InCallRetries(base=profile.in_call_base, cap=profile.in_call_cap, total=profile.in_call_total),
        "classify": parts.classify,
        "clock": parts.clock,
        "connections": endpoint.connections,
    }
