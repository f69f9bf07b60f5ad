"""The only composition root: from settings to a house whose parts know each other."""

from __future__ import annotations

import asyncio
import random  # noqa: TID251 - the one place where real randomness is chosen
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import structlog

from adapter.asking import Asking
from adapter.calendar import Days, WorkingDays
from adapter.callers import Clamd, HttpTarget
from adapter.channels import Clock, Randomness, System, Target
from adapter.contract.model import Contract
from adapter.contract.outcomes import Classify, classify
from adapter.delivery import Delivery
from adapter.endpoints import EndpointName, Endpoints
from adapter.errors import FaultySettings, FaultyTables, WrongMasterKey
from adapter.examining import Examination, tell
from adapter.exchange import Caller, Payload
from adapter.fetching import Fetching
from adapter.followup import FollowUp
from adapter.intake import Intake
from adapter.journal import Journal, open_journal, reading
from adapter.loops import Loops
from adapter.mark import Mark
from adapter.offer import Offer
from adapter.preparing import Preparing
from adapter.publishing import Publishing
from adapter.retry import Profile
from adapter.service import Service
from adapter.settlement.drafting import Drafting
from adapter.settlement.settling import Settling
from adapter.tables import Fault
from adapter.telemetry import Metrics
from connectors.webhook import Webhook
from ops.callers import callers_of
from ops.connecting import Closable, ConnectedSystem, connect_endpoints
from ops.health import tenant_health
from ops.randomness import buffered
from ops.settings import Settings, master_key, profile_of
from ops.tables import Folders, LiveTables, read_folders
from ops.webhooks import webhooks_of

_log = structlog.get_logger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a test may replace: what is read, clocks, randomness, and the parts whose weakening a score must notice."""

    folders: Callable[..., Folders] = read_folders
    clock: Clock = _now
    randomness: Randomness = field(default_factory=buffered)
    fraction: Callable[[], float] = random.SystemRandom().random
    classify: Classify = classify
    journal: Callable[[Journal], Journal] = lambda journal: journal
    target: Callable[[Target], Target] = lambda target: target
    system: Callable[[System], System] = lambda system: system


@dataclass(slots=True, repr=False)  # asyncio shows what a task gave: here that would be the whole installation
class House:
    """The parts of a running installation, or of one that a command opens for itself.

    `served` are the gateway contracts that have a door while it lives.
    """

    settings: Settings
    profile: Profile
    contracts: Mapping[str, Contract]
    tables: LiveTables
    served: frozenset[str]
    journal: Journal
    endpoints: Endpoints
    settling: Settling
    delivery: Delivery
    followup: FollowUp
    intake: Intake
    documents: Examination
    publishing: Publishing
    callers: Mapping[str, Caller]
    webhooks: Mapping[EndpointName, Webhook]
    metrics: Metrics
    loops: Loops
    clock: Clock
    started_at: datetime
    _connected: list[Closable] = field(default_factory=list)

    @property
    def services(self) -> Mapping[str, Service]:
        """The sound services by name, as the live tables have them."""
        return self.tables.now.services

    @property
    def faults(self) -> Mapping[str, list[Fault]]:
        """The faults of the services that stopped, by name."""
        return self.tables.now.faults

    @property
    def offer(self) -> Offer:
        """What each tenant offers now."""
        return self.tables.now.offer

    @property
    def days(self) -> Days:
        """The working days of all tenants, as the live calendars have them."""
        return self.tables.now.calendars.days

    async def aclose(self) -> None:
        """Afterwards every connection is closed and all that was acknowledged is on disk."""
        await asyncio.gather(*(target.aclose() for target in self._connected))
        self.journal.close()


async def open_house(settings: Settings, parts: Parts | None = None) -> House:
    """Everything connected, nothing running yet.

    Raises FaultyTables, FaultySettings, JournalLocked or JournalUnusable.
    """
    parts = parts or Parts()
    profile = profile_of(settings)
    folders = parts.folders(settings, now=parts.clock())
    contracts, tables = folders.contracts, LiveTables(folders.tables)
    if calendar_faults := tables.now.calendars.faults:
        raise FaultyTables([str(fault) for fault in calendar_faults])
    callers = callers_of(settings)
    webhooks = webhooks_of(settings, contracts, parts.clock)

    def content(tenant: str, reference: str, mark: Mark) -> AsyncIterator[bytes]:
        return journal.documents.content(tenant, reference, mark)

    connected = connect_endpoints(
        settings, contracts, profile, classify=parts.classify, clock=parts.clock, content=content
    )
    endpoints = _endpoints(connected, profile, parts)
    journal = parts.journal(_open_journal(settings, profile, parts))
    endpoints.follow(await journal.read(reading.paused_endpoints))
    loaded = _Loaded(profile, contracts, tables, callers, webhooks)
    return _join(settings, parts, loaded, journal, endpoints, list(connected.values()))


@dataclass(frozen=True, slots=True)
class _Loaded:
    profile: Profile
    contracts: Mapping[str, Contract]
    tables: LiveTables
    callers: Mapping[str, Caller]
    webhooks: Mapping[EndpointName, Webhook]


def _join(
    settings: Settings,
    parts: Parts,
    loaded: _Loaded,
    journal: Journal,
    endpoints: Endpoints,
    connected: list[Closable],
) -> House:
    def offer() -> Offer:
        return loaded.tables.now.offer

    metrics, loops = Metrics(), Loops()
    metrics.watch(contract.drift for contract in loaded.contracts.values())
    drafting = Drafting(loaded.contracts, loaded.profile, parts.randomness)
    settling = Settling(drafting, loaded.profile, parts.clock, parts.fraction)
    documents = _examined(settings, journal)
    fetching = Fetching(journal, endpoints, loaded.contracts, parts.clock, documents)
    preparing = Preparing(journal, endpoints, settling, loaded.profile, parts.clock, fetching, documents)
    delivery = Delivery(
        journal, offer, endpoints, settling, loaded.profile, parts.clock, metrics, preparing, loops=loops
    )
    house = House(
        settings=settings,
        profile=loaded.profile,
        contracts=loaded.contracts,
        tables=loaded.tables,
        served=loaded.tables.now.gateways,
        journal=journal,
        endpoints=endpoints,
        settling=settling,
        delivery=delivery,
        followup=FollowUp(
            journal,
            offer,
            endpoints,
            settling,
            loaded.profile,
            parts.clock,
            settle=delivery.settle,
            hint=delivery.hint,
            open_here=delivery.open_here,
            loops=loops,
        ),
        intake=None,  # type: ignore[arg-type] # given below: its health answer looks at the house
        documents=documents,
        publishing=Publishing(journal, drafting, parts.clock, delivery.dispatch),
        callers=loaded.callers,
        webhooks=loaded.webhooks,
        metrics=metrics,
        loops=loops,
        clock=parts.clock,
        started_at=parts.clock(),
        _connected=connected,
    )

    async def health(tenant: str) -> Payload:
        told: Payload = await tenant_health(house, tenant)
        return told

    def working(tenant: str) -> WorkingDays:
        return house.days.of(tenant)

    house.intake = Intake(
        journal,
        offer,
        drafting,
        parts.clock,
        ask=Asking(journal, endpoints, settling, parts.clock, documents.untold()).ask,
        may_leave=delivery.may_leave,
        dispatch=delivery.dispatch,
        health=health,
        working=working,
        examine=documents.check,
    )
    return house


def _examined(settings: Settings, journal: Journal) -> Examination:
    """The store of large documents, past the virus scanner if there is one."""
    return Examination(journal.documents, Clamd(settings.clamd) if settings.clamd else None, partial(tell, journal))


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


def _endpoints(
    connected: Mapping[EndpointName, HttpTarget | ConnectedSystem], profile: Profile, parts: Parts
) -> Endpoints:
    gateways = {name: parts.target(one) for name, one in connected.items() if isinstance(one, HttpTarget)}
    systems = {name: parts.system(one) for name, one in connected.items() if not isinstance(one, HttpTarget)}
    return Endpoints({**gateways, **systems}, systems, profile)
