"""The way in for internal systems that tell their changes by themselves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapter.contract.openapi import JSON
from adapter.doors.problems import as_json
from adapter.doors.reading import Limits, body_of, check_headers, check_media_type, guarded
from adapter.exchange import Payload
from adapter.strict_json import write_json

Hear = Callable[[Mapping[str, str], bytes], Awaitable[Payload]]
"""Headers and body as they came → what is answered, once all that was told is kept; raises RequestRefused."""


def webhook_route(path: str, hear: Hear, *, operation: str, most: int, limits: Limits) -> Route:
    """A POST of JSON of so many bytes at most, heard as it came; headers that stand twice are as if they did not."""

    async def work(request: Request) -> Response:
        check_headers(request, limits)
        check_media_type(request, JSON)
        body = await body_of(request, most=most, limits=limits)
        return Response(write_json(await hear(_headers(request), body)), media_type=JSON)

    endpoint = guarded(work, lambda _, problem: as_json(problem), operation=operation)
    return Route(path, endpoint, methods=["POST"], name=path)


def _headers(request: Request) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for name, value in request.headers.items():
        found.setdefault(name.lower(), []).append(value)
    return {name: values[0] for name, values in found.items() if len(values) == 1}
