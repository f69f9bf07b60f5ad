"""What operators publish: the service cards, to the catalogue of each tenant's gateway."""

from __future__ import annotations

from typing import Any

from adapter.errors import Refused
from adapter.exchange import Exchange, Payload
from ops.operators.desk import Arguments, Desk, needed, refuse_unknown


class Published(Arguments):
    """One service, of one tenant or of all that offer it."""

    service: str
    tenant: str | None = None
    reason: str | None = None
    apply: bool = False


async def publish_service(desk: Desk, wanted: Published) -> Payload:
    """Keep the service's card for each gateway that does not have it yet; it is delivered like anything else."""
    house = desk.house
    refuse_unknown("service", wanted.service, house.tables.now.names)
    refuse_unknown("tenant", wanted.tenant, house.settings.tenants)
    why = needed(wanted.reason) if wanted.apply else ""
    tenants = [name for name in sorted(house.settings.tenants) if wanted.tenant in {None, name}]
    offering = [name for name in tenants if house.offer.named(name, wanted.service) is not None]
    if not offering and wanted.service in house.faults:
        raise Refused(f"{wanted.service} is stopped: its tables have faults; see: panjereh check")
    if not offering:
        raise Refused(f"{wanted.service} is not offered by {wanted.tenant or 'any tenant'}")
    return {"applied": wanted.apply, "publications": [await _publish(desk, one, wanted, why) for one in offering]}


async def _publish(desk: Desk, tenant: str, wanted: Published, why: str) -> dict[str, Any]:
    house = desk.house
    service = house.offer.by_name[tenant, wanted.service]
    content, last, is_same = await house.publishing.standing(tenant, service)
    told = {"tenant": tenant, "service": service.name, "gateway": service.gateway, "revision": content["revision"]}
    if not wanted.apply or is_same:
        return {**told, **_standing(last if is_same else None), "is_changed": False}
    exchange, is_new = await house.publishing.publish(tenant, service, actor=desk.actor, why=why)
    return {**told, **_standing(exchange), "is_changed": is_new}


def _standing(exchange: Exchange | None) -> dict[str, Any]:
    """The exchange that carries this very card; nothing while the gateway was not given it."""
    return {
        "id": None if exchange is None else exchange.id,
        "state": None if exchange is None else exchange.state.value,
    }
