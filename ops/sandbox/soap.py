"""SOAP 1.1 and 1.2 document/literal by the contract's XSD: bodies in, records out, answers in the asker's version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lxml import etree

from ops.sandbox.calls import NO_HEADERS, Call, InvalidCallError, NoSuchCallError, Record, digest_of
from ops.sandbox.packages import include, is_package, opened, packed
from ops.sandbox.wire import Reply, Request

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
ENVELOPE_12 = "http://www.w3.org/2003/05/soap-envelope"
MEDIA_TYPES: Mapping[str, str] = {
    ENVELOPE: "text/xml; charset=utf-8",
    ENVELOPE_12: "application/soap+xml; charset=utf-8",
}
SERVER_FAULT_FROM = 500
_SENDER_FAULT = 400
_XSD = "http://www.w3.org/2001/XMLSchema"
_ONCE = (None, "0", "1")
_DETAILS: Mapping[str, Callable[[str, str], Record]] = {
    "Problem": lambda code, text: {"code": code, "title": code, "title_fa": "خطای آزمایشی", "detail": text},
    "ServiceFault": lambda code, text: {"Code": code, "Message": text},
}
"""The element that a contract puts in a fault's detail, and its content."""


class SoapBinding:
    """One contract's SOAP side in one version. The schema is compiled once; names that repeat are known from it."""

    def __init__(self, schema: Path, path: str, envelope: str = ENVELOPE) -> None:
        document = etree.parse(schema)
        self._path = path
        self._soap = envelope
        self._schema = etree.XMLSchema(document)
        self._namespace = str(document.getroot().get("targetNamespace"))
        self._repeating = frozenset(
            str(element.get("name"))
            for element in document.iter(f"{{{_XSD}}}element")
            if element.get("maxOccurs") not in _ONCE
        )
        declared = {element.get("name") for element in document.getroot().findall(f"{{{_XSD}}}element")}
        self._detail = next(name for name in _DETAILS if name in declared)

    def takes(self, request: Request) -> bool:
        is_newer = "application/soap+xml" in request.headers.get("content-type", "").lower()
        is_mine = is_newer is (self._soap == ENVELOPE_12)
        return request.method == "POST" and request.path == self._path and is_mine

    def read(self, request: Request) -> Call:
        message = _body(opened(request).body if is_package(request) else request.body, self._soap)
        operation = etree.QName(message).localname
        if not self._schema.validate(message):
            raise InvalidCallError(operation, _first_error(self._schema))
        return Call(operation, self._record(message), digest_of(request.body))

    def answer(self, operation: str, content: Record, *, is_done: bool = True) -> Reply:  # noqa: ARG002 - SOAP says 200
        envelope, body = self._envelope()
        paper = next((value for value in content.values() if isinstance(value, bytes)), None)
        self._write(etree.SubElement(body, f"{{{self._namespace}}}{operation}Response"), content)
        if paper is not None:
            package, media_type = packed(envelope, paper, MEDIA_TYPES[self._soap].partition(";")[0])
            return Reply(200, package, media_type)
        return Reply(200, etree.tostring(envelope, xml_declaration=True, encoding="utf-8"), MEDIA_TYPES[self._soap])

    def fault(self, status: int, code: str, *, text: str, headers: Mapping[str, str] = NO_HEADERS) -> Reply:
        envelope, body = self._envelope()
        is_ours = status >= SERVER_FAULT_FROM
        place = _FAULTS[self._soap](etree.SubElement(body, f"{{{self._soap}}}Fault"), text, is_ours=is_ours)
        detail = etree.SubElement(place, f"{{{self._namespace}}}{self._detail}")
        self._write(detail, _DETAILS[self._detail](code, text))
        content = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
        least = _SENDER_FAULT if self._soap == ENVELOPE_12 else SERVER_FAULT_FROM
        return Reply(max(status, least), content, MEDIA_TYPES[self._soap], tuple(headers.items()))

    def _envelope(self) -> tuple[etree._Element, etree._Element]:
        envelope = etree.Element(f"{{{self._soap}}}Envelope", nsmap={"soap": self._soap, "m": self._namespace})
        return envelope, etree.SubElement(envelope, f"{{{self._soap}}}Body")

    def _record(self, parent: etree._Element) -> Record:
        record: Record = {}
        start = len(self._namespace) + 2
        for child in parent:
            name = str(child.tag)[start:]
            value: Any = self._record(child) if len(child) else (child.text or "")
            if name in self._repeating:
                record.setdefault(name, []).append(value)
            else:
                record[name] = value
        return record

    def _write(self, parent: etree._Element, content: Mapping[str, Any]) -> None:
        for name, value in content.items():
            tag = f"{{{self._namespace}}}{name}"
            for one in value if isinstance(value, list | tuple) else (value,):
                if one is None:
                    continue
                element = etree.SubElement(parent, tag)
                if isinstance(one, Mapping):
                    self._write(element, one)
                elif isinstance(one, bytes):
                    include(element)
                else:
                    element.text = str(one).lower() if isinstance(one, bool) else str(one)


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)


def _body(content: bytes, soap: str) -> etree._Element:
    try:
        envelope = etree.fromstring(content, _parser())
    except etree.XMLSyntaxError as error:
        raise NoSuchCallError(f"the body is no XML: {error}") from error
    messages = envelope.findall(f"{{{soap}}}Body/*")
    if len(messages) != 1 or b"<!DOCTYPE" in content:
        raise NoSuchCallError(
            "an envelope of its media type's SOAP, without DOCTYPE and with one message in its Body, is expected"
        )
    return messages[0]


def _fault_11(fault: etree._Element, text: str, *, is_ours: bool) -> etree._Element:
    etree.SubElement(fault, "faultcode").text = f"soap:{'Server' if is_ours else 'Client'}"
    etree.SubElement(fault, "faultstring").text = text
    return etree.SubElement(fault, "detail")


def _fault_12(fault: etree._Element, text: str, *, is_ours: bool) -> etree._Element:
    code = etree.SubElement(fault, f"{{{ENVELOPE_12}}}Code")
    etree.SubElement(code, f"{{{ENVELOPE_12}}}Value").text = f"soap:{'Receiver' if is_ours else 'Sender'}"
    reason = etree.SubElement(etree.SubElement(fault, f"{{{ENVELOPE_12}}}Reason"), f"{{{ENVELOPE_12}}}Text")
    reason.set("{http://www.w3.org/XML/1998/namespace}lang", "en")
    reason.text = text
    return etree.SubElement(fault, f"{{{ENVELOPE_12}}}Detail")


_FAULTS = {ENVELOPE: _fault_11, ENVELOPE_12: _fault_12}


def _first_error(schema: etree.XMLSchema) -> str:
    return str(schema.error_log).splitlines()[0].split(": ", 1)[-1]
