"""How the installation stands: its endpoints, its health, and whether its audit is whole."""

from __future__ import annotations

from typing import Any

import structlog

from adapter.endpoints import EndpointName
from adapter.errors import NotFound
from adapter.exchange import Payload
from adapter.journal import Pause, inspecting
from adapter.tables import near
from ops.health import whole_health
from ops.operators.desk import Arguments, Desk, Nothing, needed, refuse_unknown

_log = structlog.get_logger(__name__)
_RESTS = "its breaker is open: too many calls failed; it is tried again by itself"


class Resumed(Arguments):
    """One endpoint that is mended."""

    tenant: str
    endpoint: str
    reason: str | None = None
    apply: bool = False


async def list_endpoints(desk: Desk, _nothing: Nothing) -> Payload:
    """Every endpoint with where it is and whether it is called now."""
    since = await desk.house.journal.read(inspecting.pauses)
    return {"endpoints": [_told(desk, name, since.get(name)) for name in sorted(desk.house.endpoints.targets)]}


def _told(desk: Desk, name: EndpointName, paused_at: Any) -> dict[str, Any]:
    house, (tenant, contract) = desk.house, name
    open_until = {
        group: until
        for (owner, title, group), until in house.endpoints.open_breakers(house.clock()).items()
        if (owner, title) == name
    }
    settings = house.settings.tenants[tenant].endpoints[contract]
    is_paused, loss = name in house.endpoints.paused, house.endpoints.lost.get(name)
    state = "paused" if is_paused else "degraded" if loss else "resting" if open_until else "up"
    return {
        "tenant": tenant,
        "endpoint": contract,
        "binding": settings.binding,
        "address": settings.address,
        "state": state,
        "reason": house.endpoints.paused.get(name) or (loss.reason if loss else _RESTS if open_until else None),
        "since": paused_at if is_paused else loss.since if loss else None,
        "rests_until": open_until,
    }


async def resume_endpoint(desk: Desk, wanted: Resumed) -> Payload:
    """Let a paused endpoint be called again, in this daemon at once and after restarts."""
    house, name = desk.house, (wanted.tenant, wanted.endpoint)
    if name not in house.endpoints.targets:
        refuse_unknown("tenant", wanted.tenant, house.settings.tenants)
        names = [contract for tenant, contract in house.endpoints.targets if tenant == wanted.tenant]
        hint = f"{near(wanted.endpoint, names)} see: panjereh endpoints list"
        raise NotFound(f"there is no endpoint {wanted.endpoint!r} of {wanted.tenant!r}; {hint}")
    was = house.endpoints.paused.get(name)
    if wanted.apply and was is not None:
        why = needed(wanted.reason)
        await house.journal.pause(Pause(*name, reason=None, actor=desk.actor, why=why))
        house.endpoints.resume(name)
        house.delivery.hint()
        _log.info("endpoint_regained", tenant=wanted.tenant, endpoint=wanted.endpoint, actor=desk.actor)
    told = {"tenant": wanted.tenant, "endpoint": wanted.endpoint, "was_paused_for": was}
    return {"applied": wanted.apply, **told, "is_changed": wanted.apply and was is not None}


async def health(desk: Desk, _nothing: Nothing) -> Payload:
    """What `/healthz` tells."""
    return await whole_health(desk.house)


async def verify_audit(desk: Desk, _nothing: Nothing) -> Payload:
    """Whether every audit record follows from the one before; else the first that does not."""
    journal = desk.house.journal
    broken = await journal.read(inspecting.first_broken_audit)
    told = (
        None if broken is None else {"writer": broken["writer"], "number": broken["number"], "event": broken["event"]}
    )
    return {"is_whole": broken is None, "records": await journal.read(inspecting.audit_counts), "first_broken": told}
