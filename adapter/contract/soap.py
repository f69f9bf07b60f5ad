"""The SOAP binding of a contract, 1.1 and 1.2: envelopes around compiled messages, validated both ways."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from lxml import etree

from adapter.contract.aliases import Aliases, rename_xml
from adapter.contract.attaching import RELATED, opened_package, unpacked
from adapter.contract.codec import Decoded, Fault, HttpForm, Row, Shape
from adapter.contract.drift import known_of, set_aside_in_xml
from adapter.contract.envelopes import MEDIA_TYPES, VERSIONS, Opened, Version, enclosed, read_envelope, version_of
from adapter.contract.mime import MediaType, media_type_of
from adapter.contract.multipart import Multipart
from adapter.contract.packing import Way, binary_tags, is_packed, pack_envelope, package_media_type, package_type
from adapter.contract.sifting import sift
from adapter.contract.soap_faults import read_fault, write_fault
from adapter.contract.soap_headers import key_block, key_in
from adapter.exchange import Payload
from adapter.refusals import SchemaViolation, TooLarge, Unreadable, Violation
from adapter.telemetry import DriftLog
from adapter.xml.messages import Compiler, Message
from adapter.xml.reading import declared_names, leads_away, violations
from adapter.xml.rows import loose, rows_at
from adapter.xml.shapes import base64_in, shape_of
from adapter.xml.types import SOAP_11, Wsdl, messages_of

ENVELOPE = VERSIONS[SOAP_11].namespace
XML = VERSIONS[SOAP_11].media_type
_BESIDE = frozenset({Way.MTOM, Way.SWA})
_STRICT = Aliases()


class SoapCodec:
    """One contract's SOAP operations. `limits` are the largest requests in bytes, by operation.

    `aliases` are the spellings that are accepted on input; what the contract does not know is set aside and told to
    `drift`, without which it is refused. `speaks` is the version in which we call others, the oldest of the WSDL by
    default; an operation that it has in another version only is called in that. Whoever calls us is answered in his
    own. `ways` are those in which our requests carry binary content, inline by default; what comes may do so in any.
    """

    answer_media_types = frozenset({*MEDIA_TYPES, RELATED})

    def __init__(
        self,
        wsdl: Wsdl,
        *,
        limits: Mapping[str, int],
        path: str,
        aliases: Aliases = _STRICT,
        drift: DriftLog | None = None,
        speaks: str | None = None,
        ways: Mapping[str, Way] | None = None,
    ) -> None:
        self._wsdl = wsdl
        self._ways = ways or {}
        self._binary = binary_tags(wsdl.documents.values())
        self._speaks = speaks or min(wsdl.versions, default=SOAP_11)
        self._aliases = aliases
        self._limits = limits
        self._path = path
        compiled = Compiler(wsdl).message
        self._versions = wsdl.versions
        self._requests = {name: compiled(one.request) for name, one in wsdl.operations.items()}
        self._answers = {name: compiled(one.answer) for name, one in wsdl.operations.items() if one.answer}
        told = {action for one in wsdl.operations.values() for action in one.actions.values()} - {""}
        self._actions = {
            action: frozenset(name for name, one in wsdl.operations.items() if action in one.actions.values())
            for action in told
        }
        self._names = declared_names(wsdl.documents.values())
        self._drift = drift
        self._operations = {message.tag: name for name, message in self._requests.items()}

    @property
    def operations(self) -> frozenset[str]:
        """The operations that this binding carries."""
        return frozenset(self._wsdl.operations)

    @property
    def documents(self) -> Mapping[str, bytes]:
        """The WSDL and its schemas as they stand in the folder, the WSDL first."""
        return self._wsdl.documents

    @property
    def actions(self) -> Mapping[str, frozenset[str]]:
        """The operations that each SOAPAction names; one that is empty names none."""
        return self._actions

    @property
    def fallbacks(self) -> Mapping[str, str]:
        """The messages that are not compiled but carried by zeep, by tag, and why."""
        return self._wsdl.fallbacks

    @property
    def messages(self) -> Mapping[str, tuple[str, ...]]:
        """The tags of every message of each operation."""
        return {name: tuple(part.tag for part in messages_of(one)) for name, one in self._wsdl.operations.items()}

    def request_shape(self, operation: str) -> Shape:
        """The fields of a request."""
        return shape_of(self._wsdl.operations[operation].request, self._wsdl.types)

    def answer_shape(self, operation: str) -> Shape:
        """The fields of an answer."""
        answer = self._wsdl.operations[operation].answer
        return shape_of(answer, self._wsdl.types) if answer else {}

    def base64_fields(self, operation: str) -> tuple[str, ...]:
        """The fields of a request that hold documents."""
        return base64_in(self._wsdl.operations[operation].request, self._wsdl.types)

    def encode_request(self, operation: str, content: Payload, *, key: str | None = None) -> bytes:
        """The envelope, with the key as a header where the operation takes one; raises SchemaViolation."""
        version = self._version_for(operation)
        message = self._written(self._requests[operation], content)
        takes_key = key is not None and self._wsdl.operations[operation].takes_key
        frozen = enclosed(version, key_block(self._wsdl.namespace, str(key)) if takes_key else "", message)
        way = self._ways.get(operation, Way.INLINE)
        if way in _BESIDE:
            root, action = etree.fromstring(frozen, _large()), self._action(operation, version)
            frozen = pack_envelope(root, self._binary, version=version, way=way, action=action)
        if len(frozen) > self._limits[operation]:
            found = f"{len(frozen)} bytes"
            raise SchemaViolation([Violation("(whole body)", f"at most {self._limits[operation]} bytes", found)])
        return frozen

    def thaw(self, operation: str, frozen: bytes) -> Payload:
        """The content of a request that `encode_request` froze."""
        return self.decode(_opened(frozen), operation=operation).content

    def form(self, operation: str, frozen: bytes) -> HttpForm:
        """A POST to the contract's SOAP path with the operation's action, in the version that was frozen."""
        version = version_of(frozen) or self._version_for(operation)
        action = self._action(operation, version)
        headers = {"Accept": version.media_type}
        if version.name == SOAP_11:
            headers["SOAPAction"] = f'"{action}"'
        media_type = version.typed(action)
        if is_packed(frozen):
            media_type = package_type(frozen, version, action)
            headers["Accept"] += f", {RELATED}"
        return HttpForm("POST", self._path, media_type, headers, frozen)

    def decode_request(
        self,
        body: bytes,
        *,
        operation: str | None = None,
        parameters: Mapping[str, str] | None = None,
        partner: str | None = None,
    ) -> Decoded:
        """The content of the Body's only child and the key of the header; SOAP has no parameters beside them."""
        del parameters
        return self.decode(read_envelope(body), operation=operation, partner=partner)

    def decode(self, opened: Opened, *, operation: str | None = None, partner: str | None = None) -> Decoded:
        """The request in an envelope that was opened; raises Unreadable, TooLarge or SchemaViolation."""
        self._check_version(opened.version, self._versions)
        child = opened.child
        name = self._operations.get(str(child.tag))
        if name is None or operation not in {None, name}:
            raise Unreadable("The Body's element is not an operation of this contract")
        self._check_version(opened.version, self._wsdl.operations[name].actions.keys())
        if opened.size > self._limits[name]:
            raise TooLarge(f"The message of {name} may have at most {self._limits[name]} bytes")
        key = key_in(opened, self._wsdl)
        if names := self._aliases.names(partner, name):
            rename_xml(child, names)
        child = self._held(child, name, self.request_shape, plain=opened.is_plain)
        return Decoded(name, _content(self._requests[name], child), key)

    def announced(self, envelope: bytes, *, partner: str | None = None) -> tuple[str, Payload]:
        """The operation and the plain fields of a request, known from its envelope before its attachments are there."""
        child = read_envelope(envelope).child
        name = self._operations.get(str(child.tag))
        if name is None:
            raise Unreadable("The Body's element is not an operation of this contract")
        if names := self._aliases.names(partner, name):
            rename_xml(child, names)
        return name, {etree.QName(one).localname: one.text for one in child.iterchildren("*") if not len(one)}

    def encode_answer(self, operation: str, content: Payload, *, version: str = SOAP_11) -> bytes:
        """Our answer in an envelope of that version; raises SchemaViolation when it would break the contract."""
        return enclosed(VERSIONS[version], "", self._written(self._answers[operation], content))

    def answered_in(self, version: str) -> Version:
        """The version of an answer: the asker's own, but 1.1, which all read, for one that this contract has not."""
        return VERSIONS[version if version in self._versions else SOAP_11]

    def encode_fault(self, fault: Fault, problem: Mapping[str, str], *, version: str = SOAP_11) -> bytes:
        """A fault with the same codes as the REST binding's problem document in its detail."""
        told, spoken = self.answered_in(version), self._versions
        return _bytes(write_fault(told, fault, problem, namespace=self._wsdl.namespace, spoken=spoken))

    def decode_answer(
        self, operation: str, body: bytes, *, status: int = 200, content_type: str = ""
    ) -> Payload | Fault:
        """Their answer or fault, whatever the HTTP status says; raises Unreadable or SchemaViolation."""
        del status
        return self._answer(operation, _opened(body, content_type))

    def decode_parts(
        self, operation: str, media_type: MediaType, package: Multipart, *, status: int = 200
    ) -> Payload | Fault:
        """Their answer with its attachments in their places."""
        del status
        return self._answer(operation, opened_package(media_type, package))

    def _answer(self, operation: str, opened: Opened) -> Payload | Fault:
        child = opened.child
        if child.tag == opened.version.tag("Fault"):
            return read_fault(opened.version, child)
        message = self._answers[operation]
        if child.tag != message.tag:
            raise Unreadable("The Body's element is not the answer to this operation")
        if names := self._aliases.names(None, operation):
            rename_xml(child, names)
        return _content(message, self._held(child, operation, self.answer_shape, plain=opened.is_plain))

    def sift_answer(
        self, operation: str, body: bytes, *, rows: str, status: int = 200, content_type: str = ""
    ) -> tuple[Payload, list[Row]]:
        """Their answer without its rows, and each of those for itself; raises Unreadable or SchemaViolation."""
        del status
        message, child = self._answers[operation], _opened(body, content_type).child
        if child.tag != message.tag:
            raise Unreadable("The Body's element is not the answer to this operation")
        if names := self._aliases.names(None, operation):
            rename_xml(child, names)
        found = rows_at(child, rows)

        def hold(some: Sequence[etree._Element]) -> Payload:
            with found.only(some):
                return _content(message, self._held(child, operation, self.answer_shape, plain=False))

        return sift(found.elements, rows, hold, loose)

    def _held(
        self, child: etree._Element, operation: str, shape: Callable[[str], Shape], *, plain: bool
    ) -> etree._Element:
        """The element as the contract has it, what is new in it set aside; raises SchemaViolation."""
        if not (found := violations(self._wsdl.schema, child, plain=plain)):
            return child
        if self._drift is None or leads_away(child):
            raise SchemaViolation(found)
        drift = set_aside_in_xml(child, known_of(self._names, shape(operation)))
        if not drift.strangers:
            raise SchemaViolation(found)
        found = violations(self._wsdl.schema, drift.cleaned)
        if found or not drift.is_tolerable:
            raise SchemaViolation([*drift.violations, *found])
        self._drift.met(operation, drift.strangers)
        cleaned: etree._Element = drift.cleaned
        return cleaned

    def _action(self, operation: str, version: Version) -> str:
        known = self._wsdl.operations[operation]
        return known.actions.get(version.name, known.action)

    def _version_for(self, operation: str) -> Version:
        actions = self._wsdl.operations[operation].actions
        return VERSIONS[self._speaks if self._speaks in actions else min(actions)]

    def _check_version(self, version: Version, carried: Collection[str]) -> None:
        if version.name not in carried:
            spoken = " or ".join(sorted(carried))
            raise Unreadable(f"The envelope is of SOAP {version.name}, not {spoken}", soap_code="VersionMismatch")

    def _written(self, message: Message, content: Payload) -> str:
        """The message's element as text that the schema has found valid; raises SchemaViolation."""
        faults: list[Violation] = []
        text = message.write(content, faults)
        if faults:
            raise SchemaViolation(faults)
        element = etree.fromstring(text, _large())
        if not self._wsdl.schema.validate(element):
            raise SchemaViolation(violations(self._wsdl.schema, element))
        return text


def _large() -> etree.XMLParser:
    """For what we wrote ourselves: its size is limited by the operation."""
    return etree.XMLParser(huge_tree=True)


def _content(message: Message, child: etree._Element) -> Payload:
    """What a valid message holds; the schema lets a number be written with any count of leading zeros."""
    try:
        content: Payload = message.read(child)
    except ValueError as error:
        raise Unreadable("A whole number has more digits than can be read") from error
    return content


def _opened(body: bytes, content_type: str = "") -> Opened:
    """An envelope that is in memory, alone or with attachments."""
    media_type = media_type_of(content_type) if content_type.lower().lstrip().startswith(RELATED) else None
    if is_packed(body) and media_type is None:
        media_type = package_media_type(body)
    if media_type is None:
        return read_envelope(body)
    return opened_package(media_type, unpacked(media_type, body, most=len(body)))


def _bytes(root: etree._Element) -> bytes:
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")
