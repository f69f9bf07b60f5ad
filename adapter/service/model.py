"""What a service is, as frozen values, and the two things that are computed from a record by its service.toml."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from adapter.exchange import Operation, Parallel, Record
from adapter.promise import Promise
from adapter.service.referral import REFERRAL
from adapter.text import canonical_text
from adapter.translator import Table

_BETWEEN_PARTS = "\x1f"
_BETWEEN_VALUES = "\x1e"
"""Control characters never stand in canonical text, so that different parts never make the same key."""

NATIONAL_ID = "national_id"
"""The kind in `[search]` by which a citizen's history is found."""


class ServiceStage(StrEnum):
    """How far a service has come: its tables are only checked, or taken in and compared, or really sent."""

    DRAFT = "draft"
    SHADOW = "shadow"
    LIVE = "live"


@dataclass(frozen=True, slots=True)
class Route:
    """What an inward operation becomes: the internal contract's operation, and the table that translates for it."""

    operation: str
    table: str


@dataclass(frozen=True, slots=True)
class Source:
    """A path of service.toml, compiled: `collect` gives every present value in a record."""

    path: str
    collect: Callable[[Record], list[Any]]


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """What one document of a citizen may be, and how many a case may have; no types named are all of the gateway's."""

    most_bytes: int = 20 * 1024 * 1024
    media_types: tuple[str, ...] = ()
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """One folder of `mappings/`.

    `outward` maps a table to the gateway operation that its payload is for; `gateway` and `system` are contracts'
    titles, `name/version`; `system` is empty where there is none. `channels` names channels whose requests are dealt
    with by another pattern than the service's. `answer_within` is how long intake awaits the answer of an inquiry,
    `objection_within` how long after its end a case may be objected to. `sha256` is over every file of the folder, so
    that what a message was translated by can be told later.
    """

    name: str
    service_id: str
    title: str
    title_en: str
    pattern: str
    tier: str
    kind: str
    gateway: str
    system: str
    inward: Mapping[Operation, Route]
    outward: Mapping[str, Operation]
    tables: Mapping[str, Table]
    business_key: Mapping[Operation, tuple[Source, ...]] = field(default_factory=dict)
    search: Mapping[str, Source] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    answer_within: timedelta | None = None
    objection_within: timedelta | None = None
    promise: Promise = field(default_factory=Promise)
    documents: DocumentLimits = DocumentLimits()
    card: Mapping[str, Any] = field(default_factory=dict)
    sha256: str = ""
    stage: ServiceStage = ServiceStage.LIVE
    parallel: Parallel = Parallel.REFUSE

    def refers(self, channel: str) -> bool:
        """Whether what comes through this channel is referred to the office."""
        return self.channels.get(channel, self.pattern) == REFERRAL


def business_key_of(service: Service, operation: Operation, record: Record) -> str | None:
    """Return what makes the record's subject unique: canonical values, joined; None when there is none to tell.

    A repeated path counts as a set: the order of its values does not matter.
    """
    sources = service.business_key.get(operation, ())
    parts = [_BETWEEN_VALUES.join(sorted(map(_canonical, source.collect(record)))) for source in sources]
    return _BETWEEN_PARTS.join(parts) if any(parts) else None


def search_values(service: Service, record: Record) -> dict[str, str]:
    """Return what the case can be found by later: kind → canonical value; kinds without a value are left out."""
    found = {kind: source.collect(record) for kind, source in service.search.items()}
    return {kind: search_value(values[0]) for kind, values in found.items() if values}


def search_value(value: Any) -> str:
    """Return a searched value in the one form in which it was kept, however it is spelt."""
    return _canonical(value)


def _canonical(value: Any) -> str:
    return canonical_text(str(value), digits=True)
