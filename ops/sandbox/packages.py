"""Multipart requests taken apart with Python's own reader of MIME: small, and none of the adapter's."""

from __future__ import annotations

import base64
from dataclasses import replace
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import unquote

from lxml import etree

from ops.sandbox.wire import Request

_INCLUDE = "{http://www.w3.org/2004/08/xop/include}Include"
_CID = "cid:"


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


def _name(reference: str) -> str:
    return unquote(reference.removeprefix(_CID))


def _content(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _encoded(part: Message) -> str:
    return base64.b64encode(_content(part)).decode("ascii")
