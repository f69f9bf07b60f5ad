"""Starlette routes of a gateway contract: one per REST operation, one for SOAP, and its published WSDL."""

from __future__ import annotations

import posixpath
from collections.abc import Awaitable, Callable, Iterator, Mapping

from lxml import etree
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapter.contract.model import Codec, Contract
from adapter.contract.openapi import JSON
from adapter.contract.soap import XML, SoapCodec
from adapter.doors.problems import as_fault, as_json
from adapter.doors.reading import (
    Limits,
    OwnAnswerFaultyError,
    Receive,
    body_of,
    caller_of,
    check_headers,
    check_media_type,
    guarded,
    key_of,
)
from adapter.errors import RequestRefused, Unreadable
from adapter.exchange import Caller, Direction, Operation, Reply

Work = Callable[[Request], Awaitable[Response]]


def routes(
    contract: Contract,
    callers: Mapping[str, Caller],
    receive: Receive,
    *,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> list[Route]:
    """Every inward operation of the contract behind its door, in all bindings that it has.

    `callers` are known by the hexadecimal SHA-256 of their API key; two keys may lead to one caller.
    """
    inward = sorted(name for name, one in contract.operations.items() if one.direction is Direction.INWARD)
    door = _Door(contract, callers, receive, limits)
    found = [door.rest_route(name) for name in inward if name in contract.routes]
    soap = contract.bindings.get("soap")
    if isinstance(soap, SoapCodec) and soap.operations & set(inward):
        found += door.soap_routes(soap, frozenset(inward))
    return found


class _Door:
    """One contract's door: what all its routes share."""

    def __init__(self, contract: Contract, callers: Mapping[str, Caller], receive: Receive, limits: Limits) -> None:
        self._contract = contract
        self._callers = callers
        self._receive = receive
        self._limits = limits

    def rest_route(self, name: str) -> Route:
        method, path = self._contract.routes[name]
        endpoint = guarded(self._rest(name), as_json, operation=name)
        return Route(f"{self._contract.door}{path}", endpoint, methods=[method], name=f"{self._contract.title}.{name}")

    def soap_routes(self, codec: SoapCodec, inward: frozenset[str]) -> list[Route]:
        path = f"{self._contract.door}{self._contract.soap_path}"
        calls = guarded(self._soap(codec, inward), lambda problem: as_fault(problem, codec), operation="soap")
        first, *schemas = codec.documents.items()
        return [
            Route(path, calls, methods=["POST"], name=f"{self._contract.title}.soap"),
            Route(path, _wsdl(first[1], inward), methods=["GET"], name=f"{self._contract.title}.wsdl"),
            *(Route(posixpath.join(posixpath.dirname(path), name), _file(content)) for name, content in schemas),
        ]

    def _rest(self, name: str) -> Work:
        codec = self._contract.bindings["rest"]
        most = self._contract.operations[name].max_bytes
        method, _ = self._contract.routes[name]

        async def work(request: Request) -> Response:
            check_headers(request, self._limits)
            caller = caller_of(request, self._callers)
            if method != "GET":
                check_media_type(request, JSON)
            body = await body_of(request, most=most, limits=self._limits)
            decoded = codec.decode_request(body, operation=name, parameters=_parameters(request), partner=caller.name)
            reply = await self._receive(caller, Operation(name), decoded.content, key_of(request))
            return _answer(codec, name, reply, status=reply.status, media_type=JSON)

        return work

    def _soap(self, codec: SoapCodec, inward: frozenset[str]) -> Work:
        most = max(one.max_bytes for name, one in self._contract.operations.items() if name in inward)

        async def work(request: Request) -> Response:
            check_headers(request, self._limits)
            caller = caller_of(request, self._callers)
            check_media_type(request, XML)
            body = await body_of(request, most=most, limits=self._limits)
            decoded = codec.decode_request(body, partner=caller.name)
            if decoded.operation not in inward:
                raise Unreadable(f"{decoded.operation} is not served here; it is ours to call")
            key = decoded.key or key_of(request)
            reply = await self._receive(caller, Operation(decoded.operation), decoded.content, key)
            return _answer(codec, decoded.operation, reply, status=200, media_type=XML)

        return work


def _parameters(request: Request) -> dict[str, str]:
    query = request.query_params.multi_items()
    if len({name for name, _ in query}) < len(query):
        raise Unreadable("A query parameter stands twice")
    return {**dict(query), **request.path_params}


def _answer(codec: Codec, operation: str, reply: Reply, *, status: int, media_type: str) -> Response:
    try:
        body = codec.encode_answer(operation, reply.body)
    except RequestRefused as error:
        raise OwnAnswerFaultyError(error.detail) from error
    headers = {"Idempotency-Replayed": "true"} if reply.replayed else {}
    if reply.location:
        headers["Location"] = reply.location
    return Response(body, status, headers=headers, media_type=media_type)


def _wsdl(content: bytes, inward: frozenset[str]) -> Work:
    """The WSDL, the service that we serve at the address where it was asked for."""

    async def serve(request: Request) -> Response:
        if "wsdl" not in {name.lower() for name in request.query_params}:
            return Response("Ask for ?wsdl, or POST a SOAP 1.1 message.\n", 400, media_type="text/plain")
        root = etree.fromstring(content)
        for address in _own_addresses(root, inward):
            address.set("location", str(request.url.replace(query="")).removesuffix("?"))
        return Response(etree.tostring(root, xml_declaration=True, encoding="utf-8"), media_type=XML)

    return serve


_WSDL = {"wsdl": "http://schemas.xmlsoap.org/wsdl/", "soap": "http://schemas.xmlsoap.org/wsdl/soap/"}


def _own_addresses(root: etree._Element, inward: frozenset[str]) -> Iterator[etree._Element]:
    """The addresses of the ports whose binding has operations that we serve."""
    ours = {
        binding.get("name")
        for binding in root.iterfind("wsdl:binding", _WSDL)
        if {one.get("name") for one in binding.iterfind("wsdl:operation", _WSDL)} & inward
    }
    for port in root.iterfind("wsdl:service/wsdl:port", _WSDL):
        if port.get("binding", "").rpartition(":")[2] in ours:
            yield from port.iterfind("soap:address", _WSDL)


def _file(content: bytes) -> Work:
    async def serve(request: Request) -> Response:
        del request
        return Response(content, media_type=XML)

    return serve
