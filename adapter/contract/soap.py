"""The SOAP 1.1 document/literal binding of a contract: envelopes around compiled messages, validated both ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lxml import etree

from adapter.contract.drift import known_of, set_aside_in_xml
from adapter.contract.model import Decoded, Fault, HttpForm, Shape
from adapter.contract.xml_messages import Read, reader, writer
from adapter.contract.xml_reading import declared_names, leads_away, read_xml, violations
from adapter.contract.xml_types import Wsdl, WsdlOperation, shapes
from adapter.errors import SchemaViolation, TooLarge, Unreadable, Violation
from adapter.exchange import Payload
from adapter.telemetry import DriftLog

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
XML = "text/xml"
_SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
_NEXT_ACTOR = "http://schemas.xmlsoap.org/soap/actor/next"
_UNDERSTOOD = "IdempotencyKey"
_LONGEST_CODE = 64


@dataclass(frozen=True, slots=True)
class _Message:
    """One direction of one operation, compiled."""

    tag: str
    write: Callable[[Payload, list[Violation]], etree._Element]
    read: Read


class SoapCodec:
    """One contract's SOAP operations. `limits` are the largest requests in bytes, by operation."""

    answer_media_types = frozenset({XML})

    def __init__(self, wsdl: Wsdl, *, limits: Mapping[str, int], path: str, drift: DriftLog | None = None) -> None:
        self._wsdl = wsdl
        self._limits = limits
        self._path = path
        self._key = f"{{{wsdl.namespace}}}{_UNDERSTOOD}"
        self._request_shapes, self._answer_shapes = shapes(wsdl.operations)
        self._requests = {name: _compiled(one, "request") for name, one in wsdl.operations.items()}
        self._answers = {name: _compiled(one, "answer") for name, one in wsdl.operations.items()}
        self._names = declared_names(wsdl.documents.values())
        self._drift = drift or DriftLog()
        self._operations = {message.tag: name for name, message in self._requests.items()}

    @property
    def operations(self) -> frozenset[str]:
        """The operations that this binding carries."""
        return frozenset(self._wsdl.operations)

    @property
    def documents(self) -> Mapping[str, bytes]:
        """The WSDL and its schemas as they stand in the folder, the WSDL first."""
        return self._wsdl.documents

    def request_shape(self, operation: str) -> Shape:
        """The fields of a request."""
        return self._request_shapes[operation]

    def answer_shape(self, operation: str) -> Shape:
        """The fields of an answer."""
        return self._answer_shapes[operation]

    def encode_request(self, operation: str, content: Payload, *, key: str | None = None) -> bytes:
        """The envelope, with the key as a header where the operation takes one; raises SchemaViolation."""
        root = etree.Element(f"{{{ENVELOPE}}}Envelope", nsmap={"soap": ENVELOPE})
        if key is not None and self._wsdl.operations[operation].takes_key:
            header = etree.SubElement(root, f"{{{ENVELOPE}}}Header")
            etree.SubElement(header, self._key).text = key
        frozen = self._enclose(root, self._requests[operation], content)
        if len(frozen) > self._limits[operation]:
            found = f"{len(frozen)} bytes"
            raise SchemaViolation([Violation("(whole body)", f"at most {self._limits[operation]} bytes", found)])
        return frozen

    def thaw(self, operation: str, frozen: bytes) -> Payload:
        """The content of a request that `encode_request` froze."""
        return self.decode_request(frozen, operation=operation).content

    def form(self, operation: str, frozen: bytes) -> HttpForm:
        """A POST to the contract's SOAP path with the operation's SOAPAction."""
        action = {"SOAPAction": f'"{self._wsdl.operations[operation].action}"', "Accept": XML}
        return HttpForm("POST", self._path, f"{XML}; charset=utf-8", action, frozen)

    def decode_request(
        self, body: bytes, *, operation: str | None = None, parameters: Mapping[str, str] | None = None
    ) -> Decoded:
        """The content of the Body's only child and the key of the header; SOAP has no parameters beside them."""
        del parameters
        header, child = _opened(body)
        name = self._operations.get(str(child.tag))
        if name is None or operation not in {None, name}:
            raise Unreadable("The Body's element is not an operation of this contract")
        if len(body) > self._limits[name]:
            raise TooLarge(f"The message of {name} may have {self._limits[name]} bytes")
        key = self._key_in(header)
        child = self._held(child, name, self._request_shapes[name])
        return Decoded(name, _content(self._requests[name], child), key)

    def encode_answer(self, operation: str, content: Payload) -> bytes:
        """Our answer in an envelope; raises SchemaViolation when it would break the contract."""
        root = etree.Element(f"{{{ENVELOPE}}}Envelope", nsmap={"soap": ENVELOPE})
        return self._enclose(root, self._answers[operation], content)

    def encode_fault(self, fault: Fault, problem: Mapping[str, str]) -> bytes:
        """A fault with the same codes as the REST binding's problem document in its detail."""
        root = etree.Element(f"{{{ENVELOPE}}}Envelope", nsmap={"soap": ENVELOPE})
        shell = etree.SubElement(etree.SubElement(root, f"{{{ENVELOPE}}}Body"), f"{{{ENVELOPE}}}Fault")
        own = fault.code if fault.code in {"VersionMismatch", "MustUnderstand"} else None
        etree.SubElement(shell, "faultcode").text = f"soap:{own or ('Client' if fault.sender else 'Server')}"
        etree.SubElement(shell, "faultstring").text = fault.text
        detail = etree.SubElement(etree.SubElement(shell, "detail"), f"{{{self._wsdl.namespace}}}Problem")
        for name, text in problem.items():
            etree.SubElement(detail, f"{{{self._wsdl.namespace}}}{name}").text = text
        return _bytes(root)

    def decode_answer(self, operation: str, body: bytes, *, status: int = 200) -> Payload | Fault:
        """Their answer or fault, whatever the HTTP status says; raises Unreadable or SchemaViolation."""
        del status
        _, child = _opened(body)
        if child.tag == f"{{{ENVELOPE}}}Fault":
            return _fault(child)
        message = self._answers[operation]
        if child.tag != message.tag:
            raise Unreadable("The Body's element is not the answer to this operation")
        return _content(message, self._held(child, operation, self._answer_shapes[operation]))

    def _held(self, child: etree._Element, operation: str, shape: Shape) -> etree._Element:
        """The element as the contract has it, what is new in it set aside; raises SchemaViolation."""
        if not (found := violations(self._wsdl.schema, child)):
            return child
        if leads_away(child):
            raise SchemaViolation(found)
        drift = set_aside_in_xml(child, known_of(self._names, shape))
        if not drift.strangers:
            raise SchemaViolation(found)
        found = violations(self._wsdl.schema, drift.cleaned)
        if found or not drift.is_tolerable:
            raise SchemaViolation([*drift.violations, *found])
        self._drift.met(operation, drift.strangers)
        cleaned: etree._Element = drift.cleaned
        return cleaned

    def _enclose(self, root: etree._Element, message: _Message, content: Payload) -> bytes:
        faults: list[Violation] = []
        element = message.write(content, faults)
        if not faults:
            faults = violations(self._wsdl.schema, element)
        if faults:
            raise SchemaViolation(faults)
        etree.SubElement(root, f"{{{ENVELOPE}}}Body").append(element)
        return _bytes(root)

    def _key_in(self, header: etree._Element | None) -> str | None:
        """The idempotency key; any other header that must be understood is refused, as SOAP 1.1 §4.2.3 wants."""
        found = None
        for block in header if header is not None else ():
            if block.tag == self._key:
                if found is not None or violations(self._wsdl.schema, _bare(block)):
                    raise SchemaViolation([Violation(f"Header.{_UNDERSTOOD}", "one usable key", "something else")])
                found = (block.text or "").strip()
            elif block.get(f"{{{ENVELOPE}}}mustUnderstand", "").strip() in {"1", "true"} and _is_for_us(block):
                raise Unreadable("A header that must be understood is unknown here", soap_code="MustUnderstand")
        return found


def _compiled(operation: WsdlOperation, direction: str) -> _Message:
    element = operation.request if direction == "request" else operation.answer
    return _Message(element.tag, writer(element), reader(element))


def _content(message: _Message, child: etree._Element) -> Payload:
    """What a valid message holds; the schema lets a number be written with any count of leading zeros."""
    try:
        content: Payload = message.read(child)
    except ValueError as error:
        raise Unreadable("A whole number has more digits than can be read") from error
    return content


def _opened(body: bytes) -> tuple[etree._Element | None, etree._Element]:
    """Header and the only child of the Body."""
    root = read_xml(body)
    if root.tag == f"{{{_SOAP_12}}}Envelope":
        raise Unreadable("The envelope is of SOAP 1.2, not 1.1", soap_code="VersionMismatch")
    if root.tag != f"{{{ENVELOPE}}}Envelope":
        raise Unreadable("The XML is not a SOAP 1.1 envelope")
    parts = [str(part.tag) for part in root]
    if parts not in ([f"{{{ENVELOPE}}}Body"], [f"{{{ENVELOPE}}}Header", f"{{{ENVELOPE}}}Body"]):
        raise Unreadable("The envelope must hold at most one Header, then one Body")
    if any(text and text.strip() for part in (root, *root) for text in (part.text, *(one.tail for one in part))):
        raise Unreadable("The envelope has text between its elements")
    children = list(root[-1])
    if len(children) != 1:
        raise Unreadable(f"The Body must hold one element, not {len(children)}")
    return (root[0] if len(parts) > 1 else None), children[0]


def _bare(block: etree._Element) -> etree._Element:
    """The header without SOAP's own attributes, which the contract's schema does not know."""
    bare = etree.Element(block.tag)
    bare.text = block.text
    bare.extend(list(block))
    return bare


def _is_for_us(block: etree._Element) -> bool:
    return block.get(f"{{{ENVELOPE}}}actor") in {None, "", _NEXT_ACTOR}


def _fault(shell: etree._Element) -> Fault:
    """The most specific code: the detail's, else the part of faultcode after its class."""
    faultcode = (shell.findtext("faultcode") or "").strip().rpartition(":")[2]
    kind, _, finer = faultcode.partition(".")
    inside = shell.iterfind("detail//*")
    code = next(((one.text or "").strip() for one in inside if etree.QName(one).localname.lower() == "code"), "")
    text = (shell.findtext("faultstring") or "").strip()
    return Fault((code or finer or kind or "unknown")[:_LONGEST_CODE], text[:200], sender=kind == "Client")


def _bytes(root: etree._Element) -> bytes:
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")
