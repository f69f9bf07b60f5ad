"""XML from strangers: read hardened and within limits, and held to its schema within a bounded time."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from itertools import count, islice
from typing import Any

from lxml import etree

from adapter.refusals import Unreadable, Violation
from adapter.strict_json import MOST_VIOLATIONS
from adapter.xml.words import Places, told

DEEPEST = 64
MOST_ELEMENTS = 50_000
MOST_ATTRIBUTES = 64
"""Of one element; all together may have as many as there may be elements."""

_LONG_LIST = 8_000
"""Children of one element; a message with more is first looked at in parts, the first with so many nodes."""

_DECLARATION = "{http://www.w3.org/2001/XMLSchema}element"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_FOLLOWED = tuple(f"{{{_XSI}}}{name}" for name in ("schemaLocation", "noNamespaceSchemaLocation"))

_ENCODING = re.compile(rb"^(?:\xef\xbb\xbf)?<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_DECLARED = (b"<?xml", b"\xef\xbb\xbf<?xml")
_ELEMENTS: Any = etree.XPath("count(//*)")
_ATTRIBUTES: Any = etree.XPath("count(//@*)")
_TOO_DEEP = etree.XPath("boolean(" + "/*" * (DEEPEST + 1) + ")")
_TOO_MANY_ATTRIBUTES = etree.XPath(f"boolean(//@*[{MOST_ATTRIBUTES + 1}])")
_HAS_LONG_LIST = etree.XPath(f"boolean(descendant-or-self::*/*[{_LONG_LIST}])")
_LEADS_AWAY = etree.XPath(
    "descendant-or-self::*/@xsi:schemaLocation or descendant-or-self::*/@xsi:noNamespaceSchemaLocation",
    namespaces={"xsi": _XSI},
)


def read_xml(body: bytes) -> etree._Element:
    """The root of a UTF-8 XML text without DTD, comments and processing instructions; raises Unreadable.

    lxml drops what an entity stood for and ends a text at a comment, so both are refused rather than misread.
    Markup is counted before the tree is built: millions of tiny elements cost far more memory than bytes.
    """
    if (found := _ENCODING.match(body)) and found[1].lower() not in {b"utf-8", b"utf8", b"us-ascii"}:
        raise Unreadable("The XML is not in UTF-8")
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise Unreadable("A document type declaration is not accepted")
    if body.count(b"<") > 2 * MOST_ELEMENTS:
        raise Unreadable(f"The XML has more than {MOST_ELEMENTS} elements")
    if body.count(b"=") > 2 * MOST_ELEMENTS:
        raise Unreadable(f"The XML has more than {MOST_ELEMENTS} attributes")
    try:
        root = etree.fromstring(body, _parser())
    except etree.XMLSyntaxError as error:
        raise Unreadable(f"The XML is not well-formed (line {error.lineno})") from error
    _refuse_excess(root, body)
    return root


def _parser() -> etree.XMLParser:
    """A parser of its own for each message: lxml's parsers keep state."""
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        recover=False,
    )


def _refuse_excess(root: etree._Element, body: bytes) -> None:
    """The tree is asked only for what the bytes do not rule out: each of these has a mark of its own in UTF-8."""
    if (b"<!--" in body or body.count(b"<?") > body.startswith(_DECLARED)) and _has_more_than_elements(root):
        raise Unreadable("Comments and processing instructions are not accepted")
    if body.count(b"<") > MOST_ELEMENTS and _ELEMENTS(root) > MOST_ELEMENTS:
        raise Unreadable(f"The XML has more than {MOST_ELEMENTS} elements")
    if _TOO_DEEP(root):
        raise Unreadable(f"The XML is nested deeper than {DEEPEST}")
    attributes = body.count(b"=")
    if attributes > MOST_ATTRIBUTES and _TOO_MANY_ATTRIBUTES(root):
        raise Unreadable(f"An element has more than {MOST_ATTRIBUTES} attributes")
    if attributes > MOST_ELEMENTS and _ATTRIBUTES(root) > MOST_ELEMENTS:
        raise Unreadable(f"The XML has more than {MOST_ELEMENTS} attributes")


def _has_more_than_elements(root: etree._Element) -> bool:
    outside = [*root.itersiblings(), *root.itersiblings(preceding=True)]
    return bool(outside) or next(root.iter(etree.Comment, etree.ProcessingInstruction), None) is not None


def is_plain(body: bytes) -> bool:
    """Whether its bytes alone rule out both an attribute that leads elsewhere and a list that is long."""
    return b"chemaLocation" not in body and body.count(b"<") <= _LONG_LIST


def violations(schema: etree.XMLSchema, element: etree._Element, *, plain: bool = False) -> list[Violation]:
    """The first places where the element breaks the schema, which alone decides on attributes, xsi:type and xsi:nil.

    A validator may open what `xsi:schemaLocation` names. libxml2 2.14 does not where it was given a schema; that it is
    refused before it sees it does not depend on that. `plain` is what `is_plain` told of the bytes it was read from.
    """
    if not plain and leads_away(element):
        places = Places(element)
        return list(islice(_leading_away(element, places), MOST_VIOLATIONS))
    if (plain or not _HAS_LONG_LIST(element)) and schema.validate(element):
        return []
    places = Places(element)
    errors = islice(_errors(schema, element), MOST_VIOLATIONS)
    return list(dict.fromkeys(told(one, places) for one in errors))


def leads_away(element: etree._Element) -> bool:
    """Whether it names schemas to be fetched from elsewhere."""
    return bool(_LEADS_AWAY(element))


def declared_names(documents: Iterable[bytes]) -> frozenset[str]:
    """The names of all elements that the schemas in these documents declare."""
    roots = (etree.fromstring(one, _parser()) for one in documents)
    return frozenset(str(one.get("name")) for root in roots for one in root.iter(_DECLARATION) if one.get("name"))


def _leading_away(element: etree._Element, places: Places) -> Iterator[Violation]:
    for one in element.iter("*"):
        for name in _FOLLOWED:
            if name in one.attrib:
                line: Any = one.sourceline
                place = f"{places.path_of(one)}@{etree.QName(name).localname}"
                yield Violation(place, "no attribute that leads elsewhere", "an attribute", line)


def _errors(schema: etree.XMLSchema, element: etree._Element) -> Any:
    """libxml2's error log, whose first entries are those of the whole element.

    lxml writes down for every error how many siblings stand before it: 40,000 errors in one list cost seconds. What
    is large is therefore tried in growing parts first, and the part that has errors enough speaks for the whole:
    libxml2 tells errors in the order of the text, and paths of a part lead to the same elements of the whole.
    """
    log: Any
    if _HAS_LONG_LIST(element):
        for part in _growing(element):
            log = None if schema.validate(part) else schema.error_log
            if log is not None and len(log) > 2 * MOST_VIOLATIONS:
                return log
    schema.validate(element)
    return schema.error_log


def _growing(element: etree._Element) -> Iterator[etree._Element]:
    """The beginning of the element as one tree that grows, so much each time that new errors cost the same time."""
    root = _like(element, None)
    twins = {element: root}
    sizes = (round(_LONG_LIST * math.sqrt(step)) for step in count(1))
    size, enough = 0, next(sizes)
    for one in element.iterdescendants("*"):
        parent: Any = one.getparent()
        twins[one] = _like(one, twins[parent])
        size += 1 + len(one.attrib)
        if size >= enough:
            yield root
            enough = next(sizes)


def _like(element: etree._Element, parent: etree._Element | None) -> etree._Element:
    """A twin without children, last below the parent; the namespaces in scope go along, for xsi:type may need them."""
    attributes: Any = dict(element.attrib)
    prefixes: Any = element.nsmap if attributes or parent is None else None
    if parent is None:
        twin = etree.Element(element.tag, attributes, prefixes)
    else:
        twin = etree.SubElement(parent, element.tag, attributes, prefixes)
        twin.tail = element.tail
    twin.text = element.text
    return twin
