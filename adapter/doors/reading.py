"""What every request must pass before its content is looked at: limits, the caller's key, the body in time."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from adapter.contract.mime import media_type_of
from adapter.contract.multipart import PartLimits
from adapter.doors.problems import FAILED, Problem, problem_of
from adapter.exchange import Caller, Operation, Record, Reply
from adapter.mark import Brought
from adapter.refusals import KeyUnusable, RequestRefused, TooLarge, Unauthenticated, Unreadable

_PASSED_OVER = 1024 * 1024
_log = structlog.get_logger(__name__)

Receive = Callable[[Caller, Operation, Record, str | None, Sequence[Brought]], Awaitable[Reply]]
"""Caller, operation, record, idempotency key and large documents that came → the answer; raises RequestRefused."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may be at most, beside the size that its operation's contract allows.

    A body may take `body_time`, and longer as long as `least_rate` bytes a second have come of it and no silence of
    its sender lasts `body_time`.
    `spool` is the folder in which attachments wait while they come, the system's own for such files by default.
    """

    headers: int = 100
    header_bytes: int = 16 * 1024
    body_time: timedelta = timedelta(seconds=30)
    least_rate: int = 64 * 1024
    parts: PartLimits = PartLimits()  # noqa: RUF009 - frozen
    spool: Path | None = None


def guarded(
    work: Callable[[Request], Awaitable[Response]], tell: Callable[[Request, Problem], Response], *, operation: str
) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that answers every error: a refusal with its problem, anything else with 500 and a log line."""

    async def endpoint(request: Request) -> Response:
        try:
            return await work(request)
        except RequestRefused as error:
            problem = problem_of(error)
            _log.info("request_refused", operation=operation, kind=problem.kind, status=problem.status)
            return _told(request, tell(request, problem))
        except ClientDisconnect:
            _log.info("caller_left", operation=operation)
            return Response(status_code=HTTPStatus.REQUEST_TIMEOUT)
        except Exception:  # noqa: BLE001 - the edge of the door: logged once, told without internals
            _log.exception("request_failed", operation=operation)
            return _told(request, tell(request, FAILED))

    return endpoint


def _told(request: Request, response: Response) -> Response:
    """Without its body read the connection is closed: nobody goes on sending what was refused already."""
    if not getattr(request.state, "is_read", False):
        response.headers["Connection"] = "close"
    return response


def caller_of(request: Request, callers: Mapping[str, Caller]) -> Caller:
    """Who knocked; keys are known by their SHA-256 alone, so that the lookup tells nothing by its duration."""
    given = request.headers.getlist("X-Api-Key")
    caller = callers.get(hashlib.sha256(given[0].encode()).hexdigest()) if len(given) == 1 else None
    if caller is None:
        raise Unauthenticated
    return caller


def check_headers(request: Request, limits: Limits) -> None:
    """Raise TooLarge (431) for more headers than anyone needs."""
    raw = request.headers.raw
    size = sum(len(name) + len(value) for name, value in raw)
    if len(raw) > limits.headers or size > limits.header_bytes:
        raise TooLarge("The headers are too many or too large", status=HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)


async def body_of(request: Request, *, most: int, limits: Limits) -> bytes:
    """The body, counted while it streams; raises TooLarge, or Unreadable (408) when it takes too long."""
    body = bytearray()

    async def take(chunk: bytes) -> None:
        body.extend(chunk)

    await take_body(request, take, most=most, limits=limits)
    return bytes(body)


async def take_body(request: Request, take: Callable[[bytes], Awaitable[None]], *, most: int, limits: Limits) -> None:
    """Every piece of the body was taken in its order; raises TooLarge, or Unreadable (408) when it takes too long."""
    announced = request.headers.get("Content-Length", "")
    if announced.isascii() and announced.isdigit() and int(announced[:20]) > most:
        raise TooLarge(f"The body may have at most {most} bytes")
    came, now, body = 0, asyncio.get_running_loop().time, request.stream()
    began, silence = now(), limits.body_time.total_seconds()
    try:
        async with asyncio.timeout(silence) as time_left:
            try:
                async for chunk in body:
                    came += len(chunk)
                    if came > most:
                        raise TooLarge(f"The body may have at most {most} bytes")
                    due = began + max(silence, came / limits.least_rate)
                    time_left.reschedule(due)
                    await take(chunk)
                    time_left.reschedule(min(due, now() + silence))
                request.state.is_read = True
            except RequestRefused:
                time_left.reschedule(now() + silence)
                request.state.is_read = await _has_soon_ended(body)
                raise
    except TimeoutError as error:
        raise Unreadable("The body did not arrive in time", status=HTTPStatus.REQUEST_TIMEOUT) from error


async def _has_soon_ended(body: AsyncIterator[bytes]) -> bool:
    """Whether little more came: who is cut off while he sends may never read why."""
    passed_over = 0
    async for chunk in body:
        passed_over += len(chunk)
        if passed_over > _PASSED_OVER:
            return False
    return True


def key_of(request: Request) -> str | None:
    """The Idempotency-Key, bare or as a quoted structured string; what a usable key is, intake decides."""
    given = request.headers.getlist("Idempotency-Key")
    if len(given) > 1:
        raise KeyUnusable("The Idempotency-Key stands twice")
    if not given:
        return None
    value = given[0].strip()
    is_quoted = len(value) > 1 and value.startswith('"') and value.endswith('"')
    return value[1:-1] if is_quoted else value


def check_media_type(request: Request, *allowed: str) -> str:
    """The body's media type; raises Unreadable (415) when the body says to be something else, or is not in UTF-8."""
    media_type, _, rest = request.headers.get("Content-Type", "").lower().partition(";")
    charset = rest.partition("charset=")[2].partition(";")[0].strip(' "')
    if media_type.strip() not in allowed or charset not in {"", "utf-8", "utf8", "us-ascii"}:
        wanted = " or ".join(allowed)
        raise Unreadable(f"The media type must be {wanted} in UTF-8", status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Unreadable("Compressed bodies are not accepted", status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    return media_type.strip()


def check_action(request: Request, operation: str, actions: Mapping[str, Collection[str]]) -> None:
    """Raise Unreadable when the action names another operation than the Body, which alone is believed.

    It stands in SOAPAction, or in SOAP 1.2 in the media type.

    Absent, empty or unknown here it names none: clients of every age send what they like. What stands before us and
    lets calls pass by their action must not be told another one than is carried out.
    """
    told = media_type_of(request.headers.get("Content-Type", "")).parameters.get("action", "")
    for given in (*request.headers.getlist("SOAPAction"), told):
        named = actions.get(given.strip().strip('"'), ())
        if named and operation not in named:
            raise Unreadable(f"The action names {' or '.join(sorted(named))}, but the Body holds {operation}")


class OwnAnswerFaultyError(Exception):
    """What we were about to answer breaks our own contract; the request itself was taken."""
