"""The SOAP envelope in both its versions: opened as it came, begun for what is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lxml import etree

from adapter.refusals import Unreadable
from adapter.xml.reading import is_plain, read_xml
from adapter.xml.types import SOAP_11, SOAP_12


@dataclass(frozen=True, slots=True)
class Version:
    """One version of SOAP: its namespace, its media type, and how a header says for whom it is.

    `ours` are the roles in which we read a header; one without a role is ours too.
    """

    name: str
    namespace: str
    media_type: str
    role: str
    ours: frozenset[str]

    @property
    def content_type(self) -> str:
        """The Content-Type of its envelopes."""
        return f"{self.media_type}; charset=utf-8"

    def typed(self, action: str) -> str:
        """The Content-Type of a request; SOAP 1.2 has its action there, 1.1 in a header of its own."""
        return f'{self.content_type}; action="{action}"' if action and self.name == SOAP_12 else self.content_type

    def tag(self, name: str) -> str:
        """The name in the envelope's namespace, as lxml writes it."""
        return f"{{{self.namespace}}}{name}"


_NS_11 = "http://schemas.xmlsoap.org/soap/envelope/"
_NS_12 = "http://www.w3.org/2003/05/soap-envelope"

VERSIONS: Mapping[str, Version] = {
    SOAP_11: Version(
        SOAP_11, _NS_11, "text/xml", "actor", frozenset({"", "http://schemas.xmlsoap.org/soap/actor/next"})
    ),
    SOAP_12: Version(
        SOAP_12,
        _NS_12,
        "application/soap+xml",
        "role",
        frozenset({"", f"{_NS_12}/role/next", f"{_NS_12}/role/ultimateReceiver"}),
    ),
}
MEDIA_TYPES: Mapping[str, str] = {one.media_type: name for name, one in VERSIONS.items()}
"""The version that a media type announces."""

_BY_NAMESPACE = {one.namespace: one for one in VERSIONS.values()}
_YES = frozenset({"1", "true"})
_XML = "<?xml version='1.0' encoding='utf-8'?>\n"
_HEAD_BYTES = 1024
"""Within these the root of an envelope of ours has named its namespace."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An envelope whose Body holds one element, `child`; `size` is what it took on the wire.

    `is_plain` spares the schema's check a look for what the bytes as they came cannot hold.
    """

    version: Version
    header: etree._Element | None
    child: etree._Element
    size: int
    is_plain: bool = False

    def blocks(self) -> Iterator[etree._Element]:
        """The blocks of the header."""
        yield from self.header if self.header is not None else ()

    def must_understand(self, block: etree._Element) -> bool:
        """Whether the block is for us and must not be passed over (SOAP 1.1 §4.2.3, SOAP 1.2 part 1 §5.2.3)."""
        role = (block.get(self.version.tag(self.version.role)) or "").strip()
        is_asked = (block.get(self.version.tag("mustUnderstand")) or "").strip() in _YES
        return is_asked and role in self.version.ours


def read_envelope(body: bytes) -> Opened:
    """The envelope, in whatever version it is; raises Unreadable, with SOAP's own code for a version of nobody's."""
    root = read_xml(body)
    name = etree.QName(root)
    if name.localname != "Envelope":
        raise Unreadable("The XML is not a SOAP envelope")
    version = _BY_NAMESPACE.get(str(name.namespace))
    if version is None:
        raise Unreadable("The envelope is neither of SOAP 1.1 nor of SOAP 1.2", soap_code="VersionMismatch")
    parts = [str(part.tag) for part in root]
    if parts not in ([version.tag("Body")], [version.tag("Header"), version.tag("Body")]):
        raise Unreadable("The envelope must hold at most one Header, then one Body")
    if any(text and text.strip() for part in (root, *root) for text in (part.text, *(one.tail for one in part))):
        raise Unreadable("The envelope has text between its elements")
    children = list(root[-1])
    if len(children) != 1:
        raise Unreadable(f"The Body must hold one element, not {len(children)}")
    return Opened(version, root[0] if len(parts) > 1 else None, children[0], len(body), is_plain(body))


def new_envelope(version: Version) -> etree._Element:
    """An envelope without parts yet."""
    return etree.Element(version.tag("Envelope"), nsmap={"soap": version.namespace})


def enclosed(version: Version, header: str, message: str) -> bytes:
    """The envelope around a message that was written as text, and around its header's blocks if it has any."""
    head = f"<soap:Header>{header}</soap:Header>" if header else ""
    return (
        f'{_XML}<soap:Envelope xmlns:soap="{version.namespace}">{head}<soap:Body>{message}</soap:Body></soap:Envelope>'
    ).encode()


def version_of(envelope: bytes) -> Version | None:
    """The version of an envelope that we wrote, without reading it."""
    head = envelope[:_HEAD_BYTES]
    found = {head.find(one.namespace.encode()): one for one in VERSIONS.values()}
    found.pop(-1, None)
    return found[min(found)] if found else None
