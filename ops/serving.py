"""What callers meet: the doors of the gateway contracts, the health pages, and a page for what is not there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Scope, Send
from starlette.types import Receive as Events

from adapter.doors import LargeDocuments, Limits, Receive, routes, webhook_route
from adapter.doors.problems import Problem, as_json
from adapter.endpoints import EndpointName
from adapter.exchange import Caller, Operation, Payload, Record, Reply
from adapter.intake import Intake
from adapter.mark import Brought
from adapter.refusals import RequestRefused, TooBusy
from connectors.webhook import Webhook
from ops.health_pages import health_routes
from ops.webhooks import path_of
from ops.wiring import House

_log = structlog.get_logger(__name__)
_KEPT_NOTHING_OF = frozenset({Operation.GET_STATUS, Operation.GET_HISTORY, Operation.CHECK_HEALTH})


def application(house: House) -> ASGIApp:
    """The doors of every gateway contract that a service speaks, and the health pages."""
    public_url = house.settings.http.public_url
    limits = Limits(spool=house.settings.http.spool)
    store = house.documents
    doors = [
        route
        for name in sorted(house.served)
        for route in routes(
            house.contracts[name],
            house.callers,
            _desk(house, name),
            limits=limits,
            large=LargeDocuments(store, house.intake.behind(name).most_document_bytes),
            public_url=public_url,
        )
    ]
    doors += [_ear(house, endpoint, webhook, limits) for endpoint, webhook in sorted(house.webhooks.items())]
    pages = Starlette(routes=[*doors, *health_routes(house)], exception_handlers={HTTPException: _no_such_page})
    return _straight(doors, pages)


def _ear(house: House, endpoint: EndpointName, webhook: Webhook, limits: Limits) -> Route:
    """Where one internal system of one tenant tells its changes."""
    tenant, title = endpoint
    operation = webhook.said.operation
    take = partial(house.followup.take_told, endpoint)

    async def hear(headers: Mapping[str, str], body: bytes) -> Payload:
        status = HTTPStatus.INTERNAL_SERVER_ERROR.value
        try:
            if house.journal.backlog > house.intake.most_waiting:
                raise TooBusy(retry_after=2)
            told = await webhook.receive(headers, body, take)
            status = HTTPStatus.OK.value
        except RequestRefused as refusal:
            status = refusal.context.get("status", refusal.status)
            raise
        finally:
            house.metrics.requests.labels(tenant, operation, str(status)).inc()
        _log.info("changes_told", tenant=tenant, endpoint=title, **told)
        return told

    return webhook_route(path_of(endpoint), hear, operation=operation, most=webhook.said.max_bytes, limits=limits)


def _straight(doors: Sequence[Route], otherwise: ASGIApp) -> ASGIApp:
    """An address without parameters leads to its door at once, past what is only for pages that are not there."""
    at_once = {(method, one.path): one.app for one in doors if "{" not in one.path for method in one.methods or ()}

    async def serve(scope: Scope, receive: Events, send: Send) -> None:
        door = at_once.get((scope.get("method", ""), scope.get("path", "")), otherwise)
        await door(scope, receive, send)

    return serve


def _desk(house: House, gateway: str) -> Receive:
    """What stands behind one contract's door."""
    return partial(_counted, house, house.intake.behind(gateway))


async def _counted(
    house: House,
    intake: Intake,
    caller: Caller,
    operation: Operation,
    record: Record,
    key: str | None,
    brought: Sequence[Brought],
) -> Reply:
    status = 500
    try:
        reply = await intake.receive(caller, operation, record, key, brought)
        status = reply.status
    except RequestRefused as refusal:
        status = refusal.status
        raise
    finally:
        house.metrics.requests.labels(caller.tenant, operation.value, str(status)).inc()
    if operation not in _KEPT_NOTHING_OF:
        _log.info("exchange_accepted", **_acceptance(caller, operation, record, reply))
    return reply


def _acceptance(caller: Caller, operation: Operation, record: Record, reply: Reply) -> dict[str, Any]:
    """What the log tells of it: no tracking code, for it opens the case."""
    told = {"tenant": caller.tenant, "operation": operation.value, "status": reply.status, "replayed": reply.replayed}
    return told if "service_id" not in record else {**told, "service_id": record["service_id"]}


async def _no_such_page(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        return _other_method(request)
    return as_json(
        Problem(
            kind="no-such-page",
            status=status,
            title_en="There is nothing at this address",
            title_fa="در این نشانی چیزی نیست",
            detail="The contract's OpenAPI or WSDL names every path and its method.",
        )
    )


def _other_method(request: Request) -> Response:
    here = (route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE)
    methods = ", ".join(sorted({method for route in here for method in route.methods}))
    answer = as_json(
        Problem(
            kind="method-not-allowed",
            status=HTTPStatus.METHOD_NOT_ALLOWED,
            title_en=f"This address takes {methods}",
            title_fa=f"این نشانی تنها {methods} را می‌پذیرد",
            detail=f"{request.method} is none of them; the contract's OpenAPI or WSDL names all paths and methods",
        )
    )
    answer.headers["Allow"] = methods
    return answer
