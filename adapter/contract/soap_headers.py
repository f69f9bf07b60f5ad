"""The one header that a contract's messages have: the idempotency key."""

from __future__ import annotations

from typing import Any

from lxml import etree

from adapter.contract.envelopes import Opened
from adapter.refusals import SchemaViolation, Unreadable, Violation
from adapter.xml.types import Wsdl

_UNDERSTOOD = "IdempotencyKey"


def key_block(namespace: str, key: str) -> str:
    """The header block that carries the key, as text."""
    unprefixed: Any = {None: namespace}
    block = etree.Element(f"{{{namespace}}}{_UNDERSTOOD}", nsmap=unprefixed)
    block.text = key
    return etree.tostring(block, encoding="unicode")


def key_in(opened: Opened, wsdl: Wsdl) -> str | None:
    """The idempotency key of an envelope, None without one.

    Raises SchemaViolation for a second or an unfit one, Unreadable for any other header that must be understood.
    """
    found = None
    for block in opened.blocks():
        if block.tag == f"{{{wsdl.namespace}}}{_UNDERSTOOD}":
            if found is not None or not wsdl.schema.validate(_bare(block)):
                raise SchemaViolation([Violation(f"Header.{_UNDERSTOOD}", "one usable key", "something else")])
            found = (block.text or "").strip()
        elif opened.must_understand(block):
            raise Unreadable("A header that must be understood is unknown here", soap_code="MustUnderstand")
    return found


def _bare(block: etree._Element) -> etree._Element:
    """The header without SOAP's own attributes, which the contract's schema does not know."""
    bare = etree.Element(block.tag)
    bare.text = block.text
    bare.extend(list(block))
    return bare
