"""Messages frozen with their attachments beside them: the same content is the same bytes in every attempt."""

from __future__ import annotations

import copy
import hashlib
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lxml import etree

from adapter.contract.attaching import INCLUDE, RELATED, XOP
from adapter.contract.envelopes import Version
from adapter.contract.mime import MediaType
from adapter.contract.openapi import JSON, Packaging
from adapter.contract.paths import value_at
from adapter.exchange import Payload
from adapter.mark import holds_stray_marks
from adapter.refusals import SchemaViolation, Violation
from adapter.strict_json import write_json
from adapter.xml.types import SOAP_12

_XS = "{http://www.w3.org/2001/XMLSchema}"
_BINARY = "base64Binary"
_BOUNDARY = b"panjereh-"
_BOUNDARY_DIGITS = 48
"""A boundary has 70 characters at most (RFC 2046 §5.1.1)."""

_MARK = b"--" + _BOUNDARY
_ROOT = "message@panjereh"
_ANY_CONTENT = "application/octet-stream"


class Way(StrEnum):
    """How an operation's binary content is sent: as Base64 in its place, or beside the message."""

    INLINE = "inline"
    MTOM = "mtom"
    SWA = "swa"
    PARTS = "parts"


@dataclass(frozen=True, slots=True)
class OutPart:
    """A part to send: its headers in order, and its content."""

    headers: Mapping[str, str]
    content: bytes


def pack(parts: Iterable[OutPart]) -> bytes:
    """A multipart body; raises SchemaViolation for content with marks of documents in it that is not one itself.

    The boundary is a hash of all that it bounds: no content can hold it, and it never changes.
    """
    written = [_written(part) for part in parts]
    whole = hashlib.sha256()
    for one in written:
        whole.update(hashlib.sha256(one).digest())
    boundary = _BOUNDARY + whole.hexdigest()[:_BOUNDARY_DIGITS].encode()
    return b"".join(b"--%b\r\n%b\r\n" % (boundary, one) for one in written) + b"--%b--\r\n" % boundary


def is_packed(body: bytes) -> bool:
    """Whether the body is one that `pack` wrote."""
    return body.startswith(_MARK)


def boundary_in(body: bytes) -> str:
    """The boundary of a body that `pack` wrote."""
    return body[2 : body.index(b"\r\n")].decode("ascii")


def _written(part: OutPart) -> bytes:
    """Head and content; raises SchemaViolation where the content could bring documents that nobody attached."""
    if holds_stray_marks(part.content):
        raise SchemaViolation([Violation("(document)", "content without marks of documents", "some amid it")])
    return "".join(f"{name}: {value}\r\n" for name, value in part.headers.items()).encode() + b"\r\n" + part.content


def pack_envelope(root: etree._Element, binary: frozenset[str], *, version: Version, way: Way, action: str) -> bytes:
    """The envelope with the content of its binary elements beside it."""
    parts: list[OutPart] = []
    for number, (element, content) in enumerate(list(_binary_in(root, binary)), start=1):
        name = f"part-{number}@panjereh"
        headers = {"Content-Type": _ANY_CONTENT, "Content-Transfer-Encoding": "binary", "Content-ID": f"<{name}>"}
        parts.append(OutPart(headers, content))
        element.text = None if way is Way.MTOM else f"cid:{name}"
        if way is Way.MTOM:
            etree.SubElement(element, INCLUDE, {"href": f"cid:{name}"}, nsmap={"xop": etree.QName(INCLUDE).namespace})
    headers = {
        "Content-Type": f"{XOP}; charset=UTF-8; {_typed(version, action)}" if way is Way.MTOM else version.content_type,
        "Content-Transfer-Encoding": "8bit",
        "Content-ID": f"<{_ROOT}>",
    }
    envelope = etree.tostring(root, xml_declaration=True, encoding="utf-8")
    return pack([OutPart(headers, envelope), *parts])


def pack_fields(fields: Payload, packaging: Packaging) -> bytes:
    """The fields as JSON, and each file among them as a part: named in form-data, else referred to by `cid:`."""
    is_form = packaging.media_type == "multipart/form-data"
    left, parts = copy.deepcopy(fields), []
    for number, path in enumerate(packaging.files, start=1):
        encoded = value_at(left, path)
        if not isinstance(encoded, str):
            continue
        name = f"part-{number}@panjereh"
        where = f'form-data; name="{path}"; filename="part-{number}"' if is_form else "attachment"
        headers = {"Content-Disposition": where, "Content-Type": _ANY_CONTENT}
        parts.append(OutPart(headers if is_form else {**headers, "Content-ID": f"<{name}>"}, b64decode(encoded)))
        *parents, last = path.split(".")
        holder = value_at(left, ".".join(parents)) if parents else left
        if is_form:
            del holder[last]
        else:
            holder[last] = f"cid:{name}"
    head = {"Content-Disposition": f'form-data; name="{packaging.message}"'} if is_form else {}
    return pack([OutPart({**head, "Content-Type": JSON}, write_json(left)), *parts])


def _typed(version: Version, action: str) -> str:
    """The type of the envelope within XOP; SOAP 1.2 has its action there (MTOM §4.1.2)."""
    if version.name != SOAP_12 or not action:
        return f'type="{version.media_type}"'
    return f'type="{version.media_type}; action=\\"{action}\\""'


def _binary_in(root: etree._Element, binary: frozenset[str]) -> Iterator[tuple[etree._Element, bytes]]:
    """Each element whose type is binary and that has content, decoded."""
    for element in root.iter(*binary) if binary else ():
        if len(element) or not element.text:
            continue
        try:
            yield element, b64decode(element.text)
        except Base64Error:  # pragma: no cover - the schema has found it valid
            continue


def package_type(body: bytes, version: Version, action: str) -> str:
    """The Content-Type of a packed envelope, read from the body itself."""
    is_xop = XOP.encode() in body[: body.index(b"\r\n\r\n")]
    told = [RELATED, f'type="{XOP if is_xop else version.media_type}"', f'boundary="{boundary_in(body)}"']
    told.append(f'start="<{_ROOT}>"')
    if is_xop:
        told.append(f'start-info="{version.media_type}"')
    if version.name == SOAP_12 and action:
        told.append(f'action="{action}"')
    return "; ".join(told)


def package_media_type(body: bytes) -> MediaType:
    """What `pack` wrote, as the reader of packages wants it told."""
    return MediaType(RELATED, {"boundary": boundary_in(body), "start": f"<{_ROOT}>"})


def binary_tags(documents: Iterable[bytes]) -> frozenset[str]:
    """The elements that the schemas declare as Base64 wherever they declare them, as `{namespace}name`."""
    schemas = [schema for one in documents for schema in etree.fromstring(one).iter(f"{_XS}schema")]
    kinds = {_named(one): one for schema in schemas for one in schema.iterfind(f"{_XS}simpleType") if one.get("name")}
    declared: dict[str, set[bool]] = {}
    for schema in schemas:
        for element in schema.iter(f"{_XS}element"):
            if element.get("name"):
                declared.setdefault(_named(element), set()).add(_is_binary(element, kinds, set()))
    return frozenset(tag for tag, kinds_of in declared.items() if kinds_of == {True})


def _named(declared: etree._Element) -> str:
    schema = next(declared.iterancestors(f"{_XS}schema"))
    form = declared.get("form") or schema.get("elementFormDefault", "unqualified")
    is_global = declared.getparent() is schema
    space = schema.get("targetNamespace") if is_global or form == "qualified" else None
    return f"{{{space}}}{declared.get('name')}" if space else str(declared.get("name"))


def _is_binary(declared: etree._Element, kinds: Mapping[str, etree._Element], seen: set[str]) -> bool:
    """Whether an element's or a simple type's values are xs:base64Binary, itself or by restriction."""
    inner = declared.find(f"{_XS}simpleType")
    restriction = declared.find(f"{_XS}restriction")
    if inner is not None or restriction is not None:
        return _is_binary(inner if inner is not None else restriction, kinds, seen)  # type: ignore[arg-type] # one is there
    prefix, _, local = (declared.get("type") or declared.get("base") or "").rpartition(":")
    name = f"{{{declared.nsmap.get(prefix or None)}}}{local}"
    if name == f"{_XS}{_BINARY}":
        return True
    if name not in kinds or name in seen:
        return False
    return _is_binary(kinds[name], kinds, {*seen, name})
