"""Multipart requests taken apart with Python's own reader of MIME: small, and none of the adapter's."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import unquote

from lxml import etree

from ops.sandbox.wire import Request

_INCLUDE = "{http://www.w3.org/2004/08/xop/include}Include"
_CID = "cid:"
_PAPER = "paper@sandbox"


def is_package(request: Request) -> bool:
    """Whether attachments came beside the message."""
    return request.headers.get("content-type", "").lower().startswith("multipart/related")


def opened(request: Request) -> Request:
    """The request as if all had come inline; what refers to nothing stays as it is and breaks the schema."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    whole = BytesParser(policy=HTTP).parsebytes(head + request.body)
    root, *others = [part for part in whole.walk() if not part.is_multipart()]
    contents = {str(part.get("Content-ID", "")).strip("<> "): _encoded(part) for part in others}
    envelope = etree.fromstring(_content(root), etree.XMLParser(resolve_entities=False, no_network=True))
    for include in list(envelope.iter(_INCLUDE)):
        holder = include.getparent()
        if holder is not None:
            holder.remove(include)
            holder.text = contents.get(_name(include.get("href", "")))
    for element in envelope.iter("*"):
        if (element.text or "").startswith(_CID):
            element.text = contents.get(_name(element.text or ""))
    media_type = whole.get_param("start-info") or whole.get_param("type") or "text/xml"
    return replace(
        request,
        headers={**request.headers, "content-type": str(media_type)},
        body=etree.tostring(envelope, xml_declaration=True, encoding="utf-8"),
    )


def include(element: etree._Element) -> None:
    """The element's content comes as the part beside the message (XOP)."""
    etree.SubElement(element, _INCLUDE, {"href": f"{_CID}{_PAPER}"})


def packed(envelope: etree._Element, paper: bytes, soap: str) -> tuple[bytes, str]:
    """An answer in MTOM with its one document, and its Content-Type; the document is copied once."""
    boundary = f"sandbox-{hashlib.sha256(paper).hexdigest()[:32]}"
    root = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
    root_head = f'--{boundary}\r\nContent-Type: application/xop+xml; charset=UTF-8; type="{soap}"\r\n'
    head = f"{root_head}Content-ID: <root@sandbox>\r\n\r\n".encode()
    part = f"\r\n--{boundary}\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: binary\r\n"
    between = f"{part}Content-ID: <{_PAPER}>\r\n\r\n".encode()
    told = f'multipart/related; type="application/xop+xml"; start="<root@sandbox>"; start-info="{soap}"'
    body = b"".join((head, root, between, paper, f"\r\n--{boundary}--\r\n".encode()))
    return body, f'{told}; boundary="{boundary}"'


def _name(reference: str) -> str:
    return unquote(reference.removeprefix(_CID))


def _content(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _encoded(part: Message) -> str:
    return base64.b64encode(_content(part)).decode("ascii")
