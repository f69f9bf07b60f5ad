"""The gateway's side of our door: a record as a message in either binding, and what an answer says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from lxml import etree

NAMESPACE = "urn:panjereh:window:1.0"
DOOR = "/window"
_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_SOAP_PATH = "/v1/soap"
_TAKEN_BELOW = 300
_FAILED_FROM = 500
_COME_AGAIN = frozenset({"in-flight", "too-busy", "failed"})


class Meaning(Enum):
    """What an answer means to a caller."""

    TAKEN = "taken"
    AGAIN = "again"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Message:
    """One HTTP request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """An answer read: the record of an acknowledgement, or the problem of a refusal."""

    meaning: Meaning
    record: Mapping[str, Any] = field(default_factory=dict)

    @property
    def problem(self) -> str:
        """The problem's code; empty when there is none."""
        return str(self.record.get("code", ""))


class Forms:
    """Writes and reads messages by the published documents of the contract."""

    def __init__(self, contract: Path) -> None:
        document = json.loads((contract / "openapi.json").read_text(encoding="utf-8"))
        self._routes: dict[str, tuple[str, str]] = {
            operation["operationId"]: (method.upper(), path)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
            if isinstance(operation, dict)
        }
        self._write = {"rest": self._rest, "soap": _soap}
        self._read = {"rest": _read_rest, "soap": _read_soap}

    def write(self, binding: str, operation: str, record: Mapping[str, Any], key: str) -> Message:
        """The request that carries the record under this idempotency key."""
        return self._write[binding](operation, record, key)

    def read(self, binding: str, status: int, body: bytes) -> Told:
        """What the answer says; one that cannot be read asks for another sending."""
        try:
            return self._read[binding](status, body)
        except (ValueError, etree.XMLSyntaxError):
            return Told(Meaning.AGAIN)

    def _rest(self, operation: str, record: Mapping[str, Any], key: str) -> Message:
        method, template = self._routes[operation]
        in_path = set(re.findall(r"\{(\w+)\}", template))
        content = {name: value for name, value in record.items() if name not in in_path}
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        body = json.dumps(content, ensure_ascii=False).encode()
        return Message(method, DOOR + template.format_map(record), headers, body)


def _soap(operation: str, record: Mapping[str, Any], key: str) -> Message:
    names: dict[str | None, str] = {"soap": _SOAP, None: NAMESPACE}
    envelope = etree.Element(f"{{{_SOAP}}}Envelope", nsmap=names)  # type: ignore[arg-type] # None is the default one
    header = etree.SubElement(envelope, f"{{{_SOAP}}}Header")
    etree.SubElement(header, f"{{{NAMESPACE}}}IdempotencyKey").text = key
    body = etree.SubElement(envelope, f"{{{_SOAP}}}Body")
    _append(body, operation, record)
    headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{NAMESPACE}:{operation}"'}
    return Message("POST", DOOR + _SOAP_PATH, headers, etree.tostring(envelope, xml_declaration=True, encoding="utf-8"))


def _append(parent: etree._Element, name: str, value: Any) -> None:
    for one in value if isinstance(value, list) else [value]:
        element = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
        if isinstance(one, Mapping):
            for inner, content in one.items():
                _append(element, inner, content)
        else:
            element.text = str(one).lower() if isinstance(one, bool) else str(one)


def _read_rest(status: int, body: bytes) -> Told:
    record = json.loads(body)
    return _told(record, is_taken=status < _TAKEN_BELOW, has_failed=status >= _FAILED_FROM)


def _read_soap(status: int, body: bytes) -> Told:
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    found = etree.fromstring(body, parser).find(f"{{{_SOAP}}}Body")
    if found is None or len(found) == 0:
        raise ValueError("an envelope without a body")
    if found[0].tag != f"{{{_SOAP}}}Fault":
        return _told(_record(found[0]), is_taken=status < _TAKEN_BELOW, has_failed=False)
    problem = found[0].find(f"detail/{{{NAMESPACE}}}Problem")
    return _told({} if problem is None else _record(problem), is_taken=False, has_failed=problem is None)


def _record(element: etree._Element) -> dict[str, Any]:
    return {
        etree.QName(child).localname: _record(child) if len(child) else (child.text or "")
        for child in element.iterchildren(etree.Element)
    }


def _told(record: Mapping[str, Any], *, is_taken: bool, has_failed: bool) -> Told:
    if is_taken:
        return Told(Meaning.TAKEN, record)
    is_again = has_failed or record.get("code") in _COME_AGAIN
    return Told(Meaning.AGAIN if is_again else Meaning.REFUSED, record)
