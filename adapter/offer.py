"""What each tenant offers: its services by service id and by name, and those that stopped for faulty tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from adapter.refusals import ServiceStopped, UnknownService
from adapter.service import Service, ServiceStage


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


Stopped = tuple[str, str]
"""The service id of a faulty folder, and its first fault."""


def offer_of(
    tenants: Mapping[str, Iterable[str]],
    services: Mapping[str, Service],
    stopped: Mapping[str, Stopped],
    *,
    views: Mapping[tuple[str, str], Service | Stopped] | None = None,
) -> Offer:
    """The offer of each tenant, which lists the names of its services: shared ones, sound or stopped, by name.

    A draft is offered to nobody. `views` are those that a tenant has of its own, by (tenant, name): for it they stand
    in the shared one's place.
    """
    shared: dict[str, Service | Stopped] = {**stopped, **services}
    own = views or {}
    found = {
        (tenant, name): own.get((tenant, name), shared.get(name)) for tenant, names in tenants.items() for name in names
    }
    sound = {
        place: one for place, one in found.items() if isinstance(one, Service) and one.stage is not ServiceStage.DRAFT
    }
    return Offer(
        by_id={(tenant, service.service_id): service for (tenant, _), service in sound.items()},
        by_name=sound,
        stopped={(tenant, one[0]): one[1] for (tenant, _), one in found.items() if isinstance(one, tuple)},
    )
