"""Health: what a gateway asks about its services, and what an orchestrator and people ask about the process."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from adapter.calendar import INSTANT_SPELLINGS
from adapter.endpoints import EndpointName
from adapter.exchange import Direction, Payload
from adapter.journal import inspecting, reading
from adapter.service import Service

if TYPE_CHECKING:  # wiring gives intake its health answer, so it imports this module
    from ops.wiring import House

_DISK_FAILS_BELOW, _DISK_WARNS_BELOW = 0.05, 0.10
_JOURNAL_ANSWERS_WITHIN = timedelta(seconds=2)


class Condition(StrEnum):
    """How a service is, in the words of the gateway's contract."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"


class Status(StrEnum):
    """How a check went, from best to worst."""

    PASS = "pass"  # noqa: S105 - the word of application/health+json
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `output` says what is wrong."""

    status: Status
    output: str | None = None


async def tenant_health(house: House, tenant: str) -> Payload:
    """How the tenant's services are, as CheckHealth answers: a service whose other side is away is degraded."""
    if house.journal.failure is not None:
        return {"state": Condition.DOWN.value, "since": _told(house.clock()), "services": []}
    lost = await _lost(house)
    undelivered = await house.journal.read(inspecting.undelivered, tenant)
    services = [
        await _service_health(house, tenant, service, lost=lost, undelivered=undelivered.get(service.name, 0))
        for (owner, _), service in sorted(house.offer.by_id.items())
        if owner == tenant
    ]
    services += [
        {"service_id": service_id, "state": Condition.DOWN.value, "undelivered": 0}
        for owner, service_id in sorted(house.offer.stopped)
        if owner == tenant and service_id.isascii() and service_id.isdigit()
    ]
    since = min((at for (owner, _), at in lost.items() if owner == tenant), default=house.started_at)
    return {"state": _worst(services), "since": _told(since), "services": services}


async def _service_health(
    house: House, tenant: str, service: Service, *, lost: dict[EndpointName, datetime], undelivered: int
) -> Payload:
    is_degraded = any((tenant, name) in lost for name in (service.gateway, service.system))
    told: Payload = {
        "service_id": service.service_id,
        "state": (Condition.DEGRADED if is_degraded else Condition.UP).value,
        "undelivered": undelivered,
    }
    succeeded = await house.journal.read(reading.last_done, tenant, service.name)
    return told if succeeded is None else {**told, "last_success_at": _told(succeeded)}


def _worst(services: list[Payload]) -> str:
    states = {service["state"] for service in services}
    if states == {Condition.UP.value}:
        return Condition.UP.value
    return Condition.DOWN.value if states <= {Condition.DOWN.value} else Condition.DEGRADED.value


async def _lost(house: House) -> dict[EndpointName, datetime]:
    """Endpoints that are paused, that do not answer, or whose breaker is open → since when."""
    since = {
        name: at for name, at in (await house.journal.read(inspecting.pauses)).items() if name in house.endpoints.paused
    }
    for (tenant, contract, _), until in house.endpoints.open_breakers(house.clock()).items():
        opened = until - house.profile.breaker_open
        since[tenant, contract] = min(opened, since.get((tenant, contract), opened))
    for name, loss in house.endpoints.lost.items():
        since[name] = min(loss.since, since.get(name, loss.since))
    return since


def _why(house: House, name: EndpointName) -> str:
    loss = house.endpoints.lost.get(name)
    told = f"{loss.reason}; since {_when(loss.since)}" if loss else "its breaker is open"
    return house.endpoints.paused.get(name, told)


async def checks(house: House) -> dict[str, Check]:
    """Everything that readiness looks at; an endpoint that is away is a warning: keeping is what we are for."""
    found = {
        "journal": await _journal_check(house),
        "disk": _disk_check(house.settings.database),
        "configuration": _configuration_check(house),
        "tables": _tables_check(house),
    }
    for loop, error in house.loops.failing.items():
        found[f"loop:{loop}"] = Check(Status.WARN, f"its last turn failed: {error}; the log has its place")
    if found["journal"].status is Status.FAIL:
        return found
    for tenant, contract in await _lost(house):
        found[f"endpoint:{tenant}/{contract}"] = Check(Status.WARN, _why(house, (tenant, contract)))
    return found


async def _journal_check(house: House) -> Check:
    if house.journal.failure is not None:
        return Check(Status.FAIL, "the journal can not be written any more")
    try:
        async with asyncio.timeout(_JOURNAL_ANSWERS_WITHIN.total_seconds()):
            await house.journal.read(inspecting.is_alive)
    except (TimeoutError, SQLAlchemyError) as error:
        return Check(Status.FAIL, f"the journal does not answer: {type(error).__name__}")
    return Check(Status.PASS)


def _disk_check(database: str) -> Check:
    url = make_url(database)
    if url.get_backend_name() != "sqlite" or not url.database:
        return Check(Status.PASS)
    usage = shutil.disk_usage(Path(url.database).resolve().parent)
    free = usage.free / usage.total
    told = f"{free:.0%} of the journal's disk is free"
    if free < _DISK_FAILS_BELOW:
        return Check(Status.FAIL, told)
    return Check(Status.WARN, told) if free < _DISK_WARNS_BELOW else Check(Status.PASS)


def _configuration_check(house: House) -> Check:
    if not house.offer.by_id:
        return Check(Status.FAIL, "no service is offered; run: panjereh check")
    stopped = sorted({service_id for _, service_id in house.offer.stopped})
    if stopped:
        return Check(Status.WARN, f"stopped for faulty tables: {', '.join(stopped)}; run: panjereh check")
    return Check(Status.PASS)


def _tables_check(house: House) -> Check:
    last, live = house.tables.last, house.tables.now
    if last is None or not last.faults:
        return Check(Status.PASS)
    told = f"{len(last.faults)} faults in what {last.actor} had read at {_when(last.at)}"
    todo = "mend them; run: panjereh check, then: panjereh tables reload"
    return Check(Status.WARN, f"{told}; the tables of {_when(live.read_at)} go on; {todo}")


def _tables_told(house: House) -> dict[str, Any]:
    """Which tables are live since when, and how the last reading after the first went."""
    last, live = house.tables.last, house.tables.now
    reading = (
        None
        if last is None
        else {**asdict(last), "at": _told(last.at), "faults": len(last.faults), "doubts": len(last.doubts)}
    )
    return {"sha256": live.sha256, "since": _told(live.read_at), "last_reading": reading}


def report(found: dict[str, Check]) -> dict[str, Any]:
    """The checks as application/health+json tells them."""
    order = list(Status)
    worst = max((check.status for check in found.values()), key=order.index)
    told = {
        name: [{"status": check.status.value} | ({"output": check.output} if check.output else {})]
        for name, check in found.items()
    }
    return {"status": worst.value, "checks": told}


async def whole_health(house: House) -> dict[str, Any]:
    """Readiness, and how every tenant's services are, for people."""
    told = report(await checks(house))
    is_readable = told["checks"]["journal"][0]["status"] != Status.FAIL.value
    tenants = {name: await _for_people(house, name) for name in house.settings.tenants} if is_readable else {}
    return {
        **told,
        "node": house.settings.node,
        "profile": house.profile.name,
        "started_at": _told(house.started_at),
        "tables": _tables_told(house),
        "tenants": tenants,
    }


async def _for_people(house: House, tenant: str) -> dict[str, Any]:
    """How the tenant's services are, each with its name and what the internal system has not been given yet."""
    told = await tenant_health(house, tenant)
    pending = await house.journal.read(inspecting.undelivered, tenant, Direction.INWARD)
    names = {service_id: service.name for (owner, service_id), service in house.offer.by_id.items() if owner == tenant}
    services = [
        {
            **one,
            "name": names.get(one["service_id"]),
            "pending_inside": pending.get(names.get(one["service_id"], ""), 0),
        }
        for one in told["services"]
    ]
    return {**told, "services": services}


def _told(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def _when(moment: datetime) -> str:
    """For people, as every other answer of a command has it: the Jalali day and the time in Tehran."""
    return INSTANT_SPELLINGS["jalali"](moment)
