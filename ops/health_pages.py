"""The pages of health: for an orchestrator, for people, and Prometheus' figures; looked at anew every few seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from prometheus_client.exposition import CONTENT_TYPE_LATEST
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapter.journal import reading
from ops.health import Status, checks, report, whole_health
from ops.overdue import overdue_counts
from ops.protocol import is_within

if TYPE_CHECKING:
    from ops.wiring import House

HEALTH_JSON = "application/health+json"
CACHED_SECONDS = 2.0
OVERDUE_SECONDS = 600.0
"""Promises are counted in days, and looking through every open case is dearer than the rest of the page."""
_Answer = TypeVar("_Answer")


def health_routes(house: House) -> list[Route]:
    """`/livez /readyz /healthz /metrics`; what is asked again within two seconds is answered as before.

    Who is not in `http.pages_for` learns only whether we live and are ready: the rest names every tenant.
    """
    ready = _Remembered(lambda: _readiness(house))
    whole = _Remembered(lambda: whole_health(house))
    counts = _Remembered(lambda: _open_counts(house))
    overdue = _Remembered(lambda: _overdue_counts(house), seconds=OVERDUE_SECONDS)

    def is_ours(request: Request) -> bool:
        return is_within(request.client.host if request.client else None, house.settings.http.pages_for)

    def check_ours(request: Request) -> None:
        if not is_ours(request):
            raise HTTPException(HTTPStatus.NOT_FOUND)

    async def livez(_request: Request) -> Response:
        return _answer({"status": Status.PASS.value})

    async def readyz(request: Request) -> Response:
        told = await ready.told()
        return _answer(told if is_ours(request) else {"status": told["status"]})

    async def healthz(request: Request) -> Response:
        check_ours(request)
        return _answer(await whole.told())

    async def metrics(request: Request) -> Response:
        check_ours(request)
        _count(house, await counts.told(), await overdue.told())
        return Response(house.metrics.page(), media_type=CONTENT_TYPE_LATEST)

    return [Route(f"/{endpoint.__name__}", endpoint) for endpoint in (livez, readyz, healthz, metrics)]


async def _readiness(house: House) -> dict[str, Any]:
    return report(await checks(house))


async def _open_counts(house: House) -> dict[tuple[str, str, str], int]:
    return {} if house.journal.failure is not None else await house.journal.read(reading.open_counts)


async def _overdue_counts(house: House) -> dict[tuple[str, str], int]:
    return {} if house.journal.failure is not None else await overdue_counts(house)


def _count(house: House, counts: Mapping[tuple[str, str, str], int], overdue: Mapping[tuple[str, str], int]) -> None:
    """Bring the gauges up to date."""
    house.metrics.waiting.set(house.journal.backlog)
    closed = house.endpoints.closed(house.clock())
    for tenant, contract in house.endpoints.targets:
        house.metrics.endpoints.labels(tenant, contract).set((tenant, contract) not in closed)
    last, live = house.tables.last, house.tables.now
    house.metrics.tables_read.clear()
    house.metrics.tables_read.labels(live.sha256).set(live.read_at.timestamp())
    house.metrics.tables_faults.set(sum(map(len, live.faults.values())) if last is None else len(last.faults))
    house.metrics.open.clear()
    for labels, number in counts.items():
        house.metrics.open.labels(*labels).set(number)
    house.metrics.overdue.clear()
    for place, number in overdue.items():
        house.metrics.overdue.labels(*place).set(number)


class _Remembered(Generic[_Answer]):
    """An answer that is worked out at most every so many seconds, by one asker for all."""

    def __init__(self, ask: Callable[[], Awaitable[_Answer]], *, seconds: float = CACHED_SECONDS) -> None:
        self._ask = ask
        self._seconds = seconds
        self._lock = asyncio.Lock()
        self._answer: _Answer | None = None
        self._until = float("-inf")

    async def told(self) -> _Answer:
        async with self._lock:
            if self._answer is None or time.monotonic() >= self._until:
                self._answer = await self._ask()
                self._until = time.monotonic() + self._seconds
            return self._answer


def _answer(told: dict[str, Any]) -> Response:
    status = 503 if told["status"] == Status.FAIL.value else 200
    return Response(to_json(told), status, media_type=HEALTH_JSON, headers={"Cache-Control": "no-store"})
