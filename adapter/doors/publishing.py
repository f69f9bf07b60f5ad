"""Our own WSDL as callers load it over HTTP: what we serve, at our address, with every document that it names."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from http import HTTPStatus
from urllib.parse import quote
from xml.sax.saxutils import escape

from lxml import etree
from starlette.requests import Request
from starlette.responses import Response

from adapter.contract.soap import XML

_OWN = "urn:panjereh:own-address"
"""Stands in the prepared documents where the address belongs that they are asked for at."""

_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_WSDL = {"wsdl": "http://schemas.xmlsoap.org/wsdl/"}
_REFERRING: Mapping[str, str] = {"schemaLocation": "xsd", "location": "wsdl"}
"""The attributes by which one document names another, and the question that finds it here."""


class Publication:
    """A contract's WSDL and its schemas as files, the WSDL first; `inward` are the operations that we serve."""

    def __init__(self, documents: Mapping[str, bytes], inward: Collection[str]) -> None:
        self._wsdl = next(iter(documents))
        roots = {name: etree.fromstring(content) for name, content in documents.items()}
        _keep_own_services(roots.values(), inward)
        for name, root in roots.items():
            _refer_here(root, name, roots.keys())
        self._pages = {
            name: etree.tostring(root, xml_declaration=True, encoding="utf-8") for name, root in roots.items()
        }

    def answer(self, request: Request, address: str) -> Response:
        """`?wsdl`, `?wsdl=NAME` or `?xsd=NAME`, its references and service at this address."""
        asked = {name.lower(): value for name, value in request.query_params.items()}
        wanted = asked.get("xsd") or asked.get("wsdl")
        page = self._pages.get(self._wsdl if wanted == "" else wanted or "")
        if page is None:
            told = "Ask for ?wsdl, or POST a SOAP message.\n"
            return Response(told, HTTPStatus.BAD_REQUEST, media_type="text/plain")
        return Response(page.replace(_OWN.encode(), escape(address, {'"': "&quot;"}).encode()), media_type=XML)


def base_of(request: Request, public_url: str | None) -> str | None:
    """Where callers reach us: as the settings say, else as this one did; None for a Host that cannot be one.

    Forwarded headers are not read, for anybody may send them: behind a proxy the settings tell.
    """
    if public_url is not None:
        return public_url.rstrip("/")
    hosts = request.headers.getlist("Host")
    if len(hosts) != 1 or _HOST.fullmatch(hosts[0]) is None:
        return None
    return f"{request.scope['scheme']}://{hosts[0]}"


def _keep_own_services(roots: Collection[etree._Element], inward: Collection[str]) -> None:
    """Leave only ports whose binding has operations that we serve, and give those our address."""
    ours = {
        binding.get("name")
        for root in roots
        for binding in root.iterfind("wsdl:binding", _WSDL)
        if {one.get("name") for one in binding.iterfind("wsdl:operation", _WSDL)} & set(inward)
    }
    for root in roots:
        for service in root.findall("wsdl:service", _WSDL):
            for port in service.findall("wsdl:port", _WSDL):
                if port.get("binding", "").rpartition(":")[2] not in ours:
                    service.remove(port)
            for address in service.iterfind("wsdl:port/{*}address", _WSDL):
                address.set("location", _OWN)
            if service.find("wsdl:port", _WSDL) is None:
                root.remove(service)


def _refer_here(root: etree._Element, name: str, known: Collection[str]) -> None:
    """Let every reference to another of our documents lead to the question that finds it."""
    for element, attribute in _references(root):
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), str(element.get(attribute))))
        if target in known:
            element.set(attribute, f"{_OWN}?{_REFERRING[attribute]}={quote(target)}")


def _references(root: etree._Element) -> Iterator[tuple[etree._Element, str]]:
    for attribute in _REFERRING:
        for element in root.iter("{*}import", "{*}include", "{*}redefine", "{*}override"):
            if element.get(attribute) is not None:
                yield element, attribute
