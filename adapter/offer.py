"""What each tenant offers: its services by service id and by name, and those that stopped for faulty tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from adapter.errors import ServiceStopped, UnknownService
from adapter.service import Service


@dataclass(frozen=True, slots=True)
class Offer:
    """Keys are (tenant, service id) and (tenant, service name); `stopped` tells the first fault of a service."""

    by_id: Mapping[tuple[str, str], Service]
    by_name: Mapping[tuple[str, str], Service]
    stopped: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def asked_for(self, tenant: str, service_id: str) -> Service:
        """The tenant's service with this id; raises ServiceStopped, or UnknownService with ids that are near."""
        service = self.by_id.get((tenant, service_id))
        if service is not None:
            return service
        fault = self.stopped.get((tenant, service_id))
        if fault is not None:
            raise ServiceStopped(retry_after=300)
        offered = [known for owner, known in self.by_id if owner == tenant]
        near = get_close_matches(service_id, offered, n=3, cutoff=0.7)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise UnknownService(f"service {service_id} is not offered to this tenant{hint}", near=near)

    def named(self, tenant: str, name: str) -> Service | None:
        """The tenant's service with this name; None while its tables have faults or it is offered no more."""
        return self.by_name.get((tenant, name))


def offer_of(
    tenants: Mapping[str, Iterable[str]], services: Mapping[str, Service], stopped: Mapping[str, tuple[str, str]]
) -> Offer:
    """The offer of each tenant, which lists the names of its services; `stopped`: name → (service id, first fault)."""
    offered = [(tenant, name) for tenant, names in tenants.items() for name in names]
    return Offer(
        by_id={(tenant, services[name].service_id): services[name] for tenant, name in offered if name in services},
        by_name={(tenant, name): services[name] for tenant, name in offered if name in services},
        stopped={(tenant, stopped[name][0]): stopped[name][1] for tenant, name in offered if name in stopped},
    )
