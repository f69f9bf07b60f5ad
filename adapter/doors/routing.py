"""Starlette routes of a gateway contract: one per REST operation, and one address for SOAP and its published WSDL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapter.contract.model import Contract
from adapter.contract.openapi import JSON
from adapter.contract.rest import RestCodec
from adapter.contract.soap import SoapCodec
from adapter.doors.arriving import LargeDocuments, Room, bringing_for, largest
from adapter.doors.packages import Taking, envelope_of, fields_of
from adapter.doors.problems import Problem, as_fault, as_json
from adapter.doors.publishing import Publication, base_of
from adapter.doors.reading import (
    Limits,
    OwnAnswerFaultyError,
    Receive,
    body_of,
    caller_of,
    check_action,
    check_headers,
    check_media_type,
    guarded,
    key_of,
)
from adapter.exchange import Caller, Direction, Operation, Payload, Record, Reply
from adapter.refusals import RequestRefused, Unreadable
from adapter.strict_json import read_json
from adapter.xml.types import SOAP_11

Work = Callable[[Request], Awaitable[Response]]
Write = Callable[[str, Payload], bytes]


def routes(
    contract: Contract,
    callers: Mapping[str, Caller],
    receive: Receive,
    *,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    large: LargeDocuments | None = None,
    public_url: str | None = None,
) -> list[Route]:
    """Every inward operation of the contract behind its door, in all bindings that it has.

    `callers` are known by the hexadecimal SHA-256 of their API key; two keys may lead to one caller. `public_url` is
    where callers reach us when a proxy stands before us; else the WSDL tells the address at which it was asked for.
    Without a place for `large` documents they are held as all else is.
    """
    inward = sorted(name for name, one in contract.operations.items() if one.direction is Direction.INWARD)
    door = _Door(contract, callers, receive, limits, large)
    over_rest = [door.rest_route(name) for name in inward if name in contract.routes]
    soap = contract.bindings.get("soap")
    if isinstance(soap, SoapCodec) and soap.operations & set(inward):
        return [*door.soap_routes(soap, frozenset(inward), public_url), *over_rest]
    return over_rest


class _Door:
    """One contract's door: what all its routes share."""

    def __init__(
        self,
        contract: Contract,
        callers: Mapping[str, Caller],
        receive: Receive,
        limits: Limits,
        large: LargeDocuments | None,
    ) -> None:
        self._contract = contract
        self._callers = callers
        self._receive = receive
        self._limits = limits
        self._large = large
        self._rooms = {name: Room.of(one.max_bytes, one.document_bytes) for name, one in contract.operations.items()}

    def rest_route(self, name: str) -> Route:
        method, path = self._contract.routes[name]
        endpoint = guarded(self._rest(name), lambda _, problem: as_json(problem), operation=name)
        return Route(f"{self._contract.door}{path}", endpoint, methods=[method], name=f"{self._contract.title}.{name}")

    def soap_routes(self, codec: SoapCodec, inward: frozenset[str], public_url: str | None) -> list[Route]:
        path = f"{self._contract.door}{self._contract.soap_path}"
        calls = guarded(self._soap(codec, inward), _teller(codec), operation="soap")
        pages = _published(Publication(codec.documents, inward), path, public_url)
        return [
            Route(path, calls, methods=["POST"], name=f"{self._contract.title}.soap"),
            Route(path, pages, methods=["GET"], name=f"{self._contract.title}.wsdl"),
        ]

    def _rest(self, name: str) -> Work:
        codec = self._contract.bindings["rest"]
        packagings = codec.packagings(name) if isinstance(codec, RestCodec) else {}
        room, (method, _) = self._rooms[name], self._contract.routes[name]

        async def work(request: Request) -> Response:
            check_headers(request, self._limits)
            caller = caller_of(request, self._callers)
            told = JSON if method == "GET" else check_media_type(request, JSON, *packagings)
            given: dict[str, Any] = {"parameters": _parameters(request), "partner": caller.name}

            async def narrow(message: bytes) -> Room:
                fields = read_json(message)
                told_there = fields if isinstance(fields, dict) else {}
                return await self._narrowed(caller, name, given["parameters"] | told_there)

            async with bringing_for(self._large, caller) as bringing:
                if isinstance(codec, RestCodec) and told in packagings:
                    taking = Taking(room, self._limits, narrow, bringing)
                    fields = await fields_of(request, packagings[told], taking)
                    decoded = codec.decode_fields(fields, operation=name, **given)
                else:
                    body = await body_of(request, most=room.message, limits=self._limits)
                    decoded = codec.decode_request(body, operation=name, **given)
                reply = await self._receive(caller, Operation(name), decoded.content, key_of(request), bringing.brought)
            return _answer(codec.encode_answer, name, reply, status=reply.status, media_type=JSON)

        return work

    def _soap(self, codec: SoapCodec, inward: frozenset[str]) -> Work:
        room = largest(self._rooms[name] for name in inward)

        async def work(request: Request) -> Response:
            check_headers(request, self._limits)
            caller = caller_of(request, self._callers)

            async def narrow(envelope: bytes) -> Room:
                return await self._narrowed(caller, *codec.announced(envelope, partner=caller.name))

            async with bringing_for(self._large, caller) as bringing:
                opened = await envelope_of(request, Taking(room, self._limits, narrow, bringing))
                decoded = codec.decode(opened, partner=caller.name)
                if decoded.operation not in inward:
                    raise Unreadable(f"{decoded.operation} is not served here; it is ours to call")
                check_action(request, decoded.operation, codec.actions)
                key = decoded.key or key_of(request)
                reply = await self._receive(
                    caller, Operation(decoded.operation), decoded.content, key, bringing.brought
                )
            write = partial(codec.encode_answer, version=opened.version.name)
            return _answer(write, decoded.operation, reply, status=200, media_type=opened.version.content_type)

        return work

    async def _narrowed(self, caller: Caller, name: str, fields: Record) -> Room:
        """The room of the operation's message, by its service once that is known: after this nothing more may come."""
        room = self._rooms[name]
        if self._large is None or room.documents == 0:
            return room
        return room.within(await self._large.most_for(caller, Operation(name), fields))


def _parameters(request: Request) -> dict[str, str]:
    query = request.query_params.multi_items()
    if len({name for name, _ in query}) < len(query):
        raise Unreadable("A query parameter stands twice")
    return {**dict(query), **request.path_params}


def _teller(codec: SoapCodec) -> Callable[[Request, Problem], Response]:
    """Faults in the version of the envelope, else of the media type, else in the oldest."""

    def tell(request: Request, problem: Problem) -> Response:
        return as_fault(problem, codec, getattr(request.state, "soap_version", SOAP_11))

    return tell


def _answer(write: Write, operation: str, reply: Reply, *, status: int, media_type: str) -> Response:
    try:
        body = write(operation, reply.body)
    except RequestRefused as error:
        raise OwnAnswerFaultyError(error.detail) from error
    headers = {"Idempotency-Replayed": "true"} if reply.replayed else {}
    if reply.location:
        headers["Location"] = reply.location
    return Response(body, status, headers=headers, media_type=media_type)


def _published(publication: Publication, path: str, public_url: str | None) -> Work:
    async def serve(request: Request) -> Response:
        base = base_of(request, public_url)
        if base is None:
            return Response("The Host cannot be one.\n", HTTPStatus.BAD_REQUEST, media_type="text/plain")
        return publication.answer(request, base + path)

    return serve
