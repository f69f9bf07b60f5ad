"""XML from strangers: read hardened and within limits, and schema errors in our words, never with a value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from lxml import etree

from adapter.contract.strict_json import MOST_VIOLATIONS, safe_name
from adapter.errors import Unreadable, Violation

DEEPEST = 64
MOST_ELEMENTS = 50_000
MOST_ATTRIBUTES = 64

_ENCODING = re.compile(rb"^(?:\xef\xbb\xbf)?<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_TOO_DEEP = etree.XPath("boolean(" + "/*" * (DEEPEST + 1) + ")")
_TOO_MANY_ATTRIBUTES = etree.XPath(f"boolean(//*[count(@*) > {MOST_ATTRIBUTES}])")


def read_xml(body: bytes) -> etree._Element:
    """The root of a UTF-8 XML text without DTD, comments and processing instructions; raises Unreadable.

    lxml drops what an entity stood for and ends a text at a comment, so both are refused rather than misread.
    Markup is counted before the tree is built: millions of tiny elements cost far more memory than bytes.
    """
    if (found := _ENCODING.match(body)) and found[1].lower() not in {b"utf-8", b"us-ascii"}:
        raise Unreadable("The XML is not in UTF-8")
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise Unreadable("A document type declaration is not accepted")
    if body.count(b"<") > 2 * MOST_ELEMENTS:
        raise Unreadable(f"The XML has more than {MOST_ELEMENTS} elements")
    try:
        root = etree.fromstring(body, _parser())
    except etree.XMLSyntaxError as error:
        raise Unreadable(f"The XML is not well-formed (line {error.lineno})") from error
    _refuse_excess(root)
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


def _refuse_excess(root: etree._Element) -> None:
    unwanted = (etree.Comment, etree.ProcessingInstruction, etree.Entity)
    outside = [*root.itersiblings(), *root.itersiblings(preceding=True)]
    if outside or next(root.iter(*unwanted), None) is not None:
        raise Unreadable("Comments, processing instructions and entities are not accepted")
    if sum(1 for _ in root.iter("*")) > MOST_ELEMENTS:
        raise Unreadable(f"The XML has more than {MOST_ELEMENTS} elements")
    if _TOO_DEEP(root):
        raise Unreadable(f"The XML is nested deeper than {DEEPEST}")
    if _TOO_MANY_ATTRIBUTES(root):
        raise Unreadable(f"An element has more than {MOST_ATTRIBUTES} attributes")


def violations(schema: etree.XMLSchema, element: etree._Element) -> list[Violation]:
    """The first places where the element breaks the schema; attributes, which no contract here has, are breaks too.

    libxml2 follows `xsi:schemaLocation` while it validates: attributes are refused before it sees them.
    """
    places = _Places(element)
    if unknown := list(islice(_attributes(element, places), MOST_VIOLATIONS)):
        return unknown
    if schema.validate(element):
        return []
    log: Any = schema.error_log
    return list(dict.fromkeys(_violation(error, places) for error in islice(log, MOST_VIOLATIONS)))


def _attributes(element: etree._Element, places: _Places) -> Iterator[Violation]:
    for one in element.iter("*"):
        for name in one.attrib:
            local = safe_name(etree.QName(name).localname)
            line: Any = one.sourceline
            yield Violation(f"{places.path_of(one)}@{local}", "no attribute", "an attribute", line)


def _violation(error: Any, places: _Places) -> Violation:
    place = places.named(error.path or "")
    path = places.path_of(place) if place is not None else "(unknown place)"
    message = error.message or ""
    if error.type_name == "SCHEMAV_ELEMENT_CONTENT":
        return _wrong_order(path, message, error.line)
    rule = _RULES.get(error.type_name, _Rule("what the schema says", "something else"))
    limit = re.search(rule.limit, message) if rule.limit else None
    expected = rule.expected.format(_told(limit[1]) if limit else "another")
    return Violation(path or "(whole body)", expected, rule.found, error.line)


def _wrong_order(path: str, message: str, line: int) -> Violation:
    """An element too early, or the end too early; with one choice only, that one is missing."""
    listed = re.search(r"Expected is (?:one of )?\( (.*) \)\.$", message)
    names = [name.rpartition("}")[2] for name in listed[1].split(", ")] if listed else []
    if "Missing child element" not in message:
        return Violation(path, " or ".join(names) or "no such element", "this one", line)
    if len(names) == 1:
        return Violation(f"{path}.{names[0]}" if path else names[0], "a value", "nothing", line)
    return Violation(path or "(whole body)", " or ".join(names), "its end", line)


def _told(limit: str) -> str:
    """`{namespace}Type` without its namespace, `'a', 'b'` without quotes; a pattern stays as it is."""
    return re.sub(r"^\{[^}]*:[^}]*\}", "", limit).replace("', '", ", ").strip("'")


class _Rule:
    """How a class of schema errors is told; `limit` finds what was expected at the end of libxml2's sentence."""

    def __init__(self, expected: str, found: str, limit: str | None = None) -> None:
        self.expected, self.found, self.limit = expected, found, limit


_LAST_QUOTED = r"'([^']*)'\)?\.$"
_RULES: Mapping[str, _Rule] = {
    "SCHEMAV_CVC_PATTERN_VALID": _Rule("text like {}", "other text", r"(?s).*by the pattern '(.*)'\.$"),
    "SCHEMAV_CVC_ENUMERATION_VALID": _Rule("one of {}", "another", r"(?s).*an element of the set \{(.*)\}\.$"),
    "SCHEMAV_CVC_MAXLENGTH_VALID": _Rule("at most {} characters", "more", _LAST_QUOTED),
    "SCHEMAV_CVC_MINLENGTH_VALID": _Rule("at least {} characters", "fewer", _LAST_QUOTED),
    "SCHEMAV_CVC_LENGTH_VALID": _Rule("{} characters", "another length", _LAST_QUOTED),
    "SCHEMAV_CVC_MAXINCLUSIVE_VALID": _Rule("at most {}", "more", _LAST_QUOTED),
    "SCHEMAV_CVC_MININCLUSIVE_VALID": _Rule("at least {}", "less", _LAST_QUOTED),
    "SCHEMAV_CVC_DATATYPE_VALID_1_2_1": _Rule("a value of {}", "other text", _LAST_QUOTED),
    "SCHEMAV_CVC_COMPLEX_TYPE_2_3": _Rule("elements only", "text between them"),
    "SCHEMAV_CVC_COMPLEX_TYPE_2_1": _Rule("nothing inside", "content"),
    "SCHEMAV_CVC_TYPE_3_1_2": _Rule("text", "elements"),
    "SCHEMAV_CVC_ELT_1": _Rule("an element of the contract", "another"),
}


class _Places:
    """Where elements stand below a root. Children are listed once by name: a path costs its depth, not its siblings."""

    def __init__(self, root: etree._Element) -> None:
        self._root = root
        self._listed: dict[tuple[etree._Element, str], dict[etree._Element, int]] = {}

    def named(self, path: str) -> etree._Element | None:
        """The element that libxml2's path names, which counts from the validated element as its root."""
        here = self._root
        for step in path.split("/")[2:]:
            found = re.fullmatch(r"(?:[^:\[]+:)?([^:\[]+)(?:\[(\d+)\])?", step)
            if found is None:
                return None
            name = "*" if found[1] == "*" else f"{{*}}{found[1]}"
            matching = self._children(here, name)
            position = int(found[2] or 1)
            if len(matching) < position:
                return None
            here = next(islice(matching, position - 1, None))
        return here

    def path_of(self, element: etree._Element) -> str:
        """Dotted, as in the other binding; a number in brackets where siblings share a name."""
        steps = []
        while element is not self._root:
            parent = element.getparent()
            if parent is None:
                break
            siblings = self._children(parent, str(element.tag))
            number = f"[{siblings[element]}]" if len(siblings) > 1 else ""
            steps.append(safe_name(etree.QName(element).localname) + number)
            element = parent
        return ".".join(reversed(steps))

    def _children(self, parent: etree._Element, name: str) -> dict[etree._Element, int]:
        """The children of that name, each with its number."""
        if (parent, name) not in self._listed:
            self._listed[parent, name] = {one: number for number, one in enumerate(parent.iterchildren(name))}
        return self._listed[parent, name]
