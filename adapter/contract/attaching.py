"""Attachments that came beside a message, put where it refers to them: the record is then as if all had come inline."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any
from urllib.parse import unquote

from lxml import etree

from adapter.contract.envelopes import Opened, read_envelope
from adapter.contract.mime import MediaType, PartHead
from adapter.contract.multipart import Multipart, Part
from adapter.contract.openapi import Packaging
from adapter.contract.paths import put, value_at
from adapter.exchange import Payload
from adapter.refusals import Unreadable
from adapter.strict_json import read_json

RELATED = "multipart/related"
XOP = "application/xop+xml"
INCLUDE = "{http://www.w3.org/2004/08/xop/include}Include"
_CID = "cid:"
_BLOCK = 3 * 21_845
"""Base64 of whole triples needs no padding: blocks of 64 KiB, less one byte."""


def base64_of(part: Part) -> bytes:
    """The part's content as canonical Base64, encoded block by block; its mark when the content is in the store."""
    if part.mark is not None:
        return part.mark.text.encode()
    part.file.seek(0)
    written = BytesIO()  # hands its bytes over as they are; a join of pieces holds all of it twice
    for block in iter(lambda: part.file.read(_BLOCK), b""):
        written.write(b2a_base64(block, newline=False))
    return written.getvalue()


@dataclass(slots=True)
class Attachments:
    """The parts beside the message; each must be referred to once, or a few bytes could stand for gigabytes."""

    waiting: dict[str, Part]
    taken: set[str] = field(default_factory=set)

    def take(self, reference: str) -> bytes:
        """The content that `cid:…` refers to (RFC 2392), in Base64."""
        name = unquote(reference[len(_CID) :])
        if name in self.taken:
            raise Unreadable("The message refers to one attachment twice")
        part = self.waiting.pop(name, None)
        if not reference.startswith(_CID) or part is None:
            raise Unreadable("The message refers to an attachment that did not come with it")
        self.taken.add(name)
        return base64_of(part)

    def end(self) -> None:
        """Raise Unreadable when one came that nothing refers to."""
        if self.waiting:
            raise Unreadable("An attachment came that the message does not refer to")


def beside(parts: Iterable[Part], root: Part) -> Attachments:
    """All parts but the root; raises Unreadable for one that nothing could refer to."""
    others = [part for part in parts if part is not root]
    named = {part.head.content_id: part for part in others if part.head.content_id is not None}
    if len(named) < len(others):
        raise Unreadable("An attachment came without a Content-ID")
    return Attachments(named)


def is_root(media_type: MediaType, head: PartHead, number: int) -> bool:
    """Whether the part with this head is the message (RFC 2387 §3.2)."""
    start = media_type.parameters.get("start", "").strip().removeprefix("<").removesuffix(">")
    return head.content_id == start if start else number == 0


def is_json_part(media_type: MediaType, packaging: Packaging, head: PartHead, number: int) -> bool:
    """Whether the part with this head holds the fields: by its name in a form."""
    if media_type.name == "multipart/form-data":
        return head.name == packaging.message
    return is_root(media_type, head, number)


def root_of(media_type: MediaType, parts: list[Part]) -> Part | None:
    """The part that is the message, once it is whole."""
    candidates = [part for number, part in enumerate(parts) if is_root(media_type, part.head, number)]
    return next((part for part in candidates if part.is_whole), None)


def opened_package(media_type: MediaType, package: Multipart) -> Opened:
    """The envelope of a whole package with its attachments in their places; its size counts the held ones decoded."""
    root = root_of(media_type, package.parts)
    if root is None:
        raise Unreadable("The multipart body does not hold the message that it begins with")
    told = root.head.media_type
    if told.name != media_type.parameters.get("type", told.name).partition(";")[0].strip().lower():
        raise Unreadable("The message is not of the type that the multipart body announces")
    opened = read_envelope(root.content())
    attachments = beside(package.parts, root)
    place = _include if told.name == XOP else _refer
    for element in list(opened.child.iter("*")):
        place(element, attachments)
    attachments.end()
    return replace(opened, size=package.held)


def _include(element: etree._Element, attachments: Attachments) -> None:
    """XOP: the only child of an element stands for its text (xop10 §3.2)."""
    if element.tag != INCLUDE:
        return
    holder = element.getparent()
    around = [element.text, element.tail, None if holder is None else holder.text]
    if holder is None or len(holder) != 1 or len(element) or "".join(one or "" for one in around).strip():
        raise Unreadable("An xop:Include must be all that its element holds")
    if set(element.keys()) != {"href"}:
        raise Unreadable("An xop:Include has a href and nothing else")
    holder.remove(element)
    _fill(holder, attachments.take(element.get("href", "")))


def _refer(element: etree._Element, attachments: Attachments) -> None:
    """SOAP with attachments: an empty element with a href, or a text that is a reference and nothing else."""
    href, text = element.get("href", ""), (element.text or "").strip()
    if len(element):
        return
    if href.startswith(_CID) and not text:
        del element.attrib["href"]
        _fill(element, attachments.take(href))
    elif text.startswith(_CID):
        _fill(element, attachments.take(text))


def _fill(element: etree._Element, encoded: bytes) -> None:
    told: Any = encoded  # lxml takes ASCII bytes, which saves a copy as text
    element.text = told


def packed_json(media_type: MediaType, packaging: Packaging, parts: list[Part]) -> Payload:
    """The body's fields: those of the JSON part, with the files in their places."""
    root = _json_part(media_type, packaging, parts)
    content = read_json(root.content())
    if not isinstance(content, dict):
        raise Unreadable("The message's part is not an object")
    if media_type.name != "multipart/form-data":
        attachments = beside(parts, root)
        filled: Payload = _filled(content, attachments)
        attachments.end()
        return filled
    for part in parts:
        if part is not root:
            _put_file(content, packaging, part)
    return content


def _json_part(media_type: MediaType, packaging: Packaging, parts: list[Part]) -> Part:
    if media_type.name != "multipart/form-data":
        root = root_of(media_type, parts)
    else:
        named = [part for part in parts if part.head.name == packaging.message]
        root = named[0] if len(named) == 1 else None
    if root is None or root.head.media_type.name != "application/json":
        raise Unreadable(f"The multipart body needs one part '{packaging.message}' of application/json")
    return root


def _put_file(content: Payload, packaging: Packaging, part: Part) -> None:
    path = part.head.name or ""
    if path not in packaging.files:
        raise Unreadable(f"A part is none of: {', '.join((packaging.message, *packaging.files))}")
    try:
        if value_at(content, path) is not None:
            raise Unreadable(f"'{path}' came twice: in the message and as a part, or as two parts")
        put(content, path, base64_of(part).decode("ascii"))
    except (AttributeError, TypeError) as error:
        raise Unreadable(f"'{path}' has no place in the message") from error


def _filled(value: Any, attachments: Attachments) -> Any:
    """The value with every text `cid:…` replaced by what it refers to."""
    if isinstance(value, dict):
        return {name: _filled(inner, attachments) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, attachments) for inner in value]
    if isinstance(value, str) and value.startswith(_CID):
        return attachments.take(value).decode("ascii")
    return value


def unpacked(media_type: MediaType, body: bytes, *, most: int) -> Multipart:
    """A package that is in memory already: what we froze, or an answer."""
    package = Multipart(media_type, most=most)
    package.feed(body)
    package.close()
    return package
