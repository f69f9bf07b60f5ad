"""Schema errors of libxml2 in our words: a place, what was expected, what kind of thing stood there, never a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from lxml import etree

from adapter.refusals import Violation
from adapter.strict_json import safe_name

WHOLE = "(whole body)"


def told(error: Any, places: Places) -> Violation:
    """One entry of libxml2's error log, its line that of the element in the message."""
    element = places.named(error.path or "")
    place = places.path_of(element) if element is not None else "(unknown place)"
    line: Any = element.sourceline if element is not None else error.line
    message = error.message or ""
    if error.type_name == "SCHEMAV_ELEMENT_CONTENT":
        return _misplaced(place, message, line)
    rule = _RULES.get(error.type_name, _UNFORESEEN)
    limit = re.search(rule.limit, message) if rule.limit else None
    named = _plain(limit[1]) if limit else "that kind"
    expected = _BUILT_IN.get(named) or rule.expected.format(named)
    return Violation(place + _attribute_in(message) or WHOLE, expected, rule.found, line)


def _misplaced(path: str, message: str, line: int) -> Violation:
    """An element too early, or the end too early; with one choice only, that one is missing."""
    listed = re.search(r"Expected is (?:one of )?\( (.*) \)\.$", message)
    names = [_element_name(name) for name in listed[1].split(", ")] if listed else []
    if "Missing child element" not in message:
        return Violation(path, " or ".join(names) or "no such element", "this one", line)
    if len(names) == 1:
        return Violation(f"{path}.{names[0]}" if path else names[0], "a value", "nothing", line)
    return Violation(path or WHOLE, " or ".join(names), "its end", line)


def _element_name(qualified: str) -> str:
    name = qualified.rpartition("}")[2]
    return "an element of another namespace" if name == "*" else name


def _attribute_in(message: str) -> str:
    """`@name` where an attribute is at fault: it stands before anything that the sender could have written."""
    found = re.match(r"Element '[^']*', attribute '(?:\{[^}]*\})?([^']*)'", message)
    found = found or re.match(r"Element '[^']*': The attribute '(?:\{[^}]*\})?([^']*)' is required", message)
    return f"@{safe_name(found[1])}" if found else ""


def _plain(limit: str) -> str:
    """`{namespace}Type` without its namespace, `'a', 'b'` without quotes; a pattern stays as it is."""
    return re.sub(r"^\{[^}]*:[^}]*\}", "", limit).replace("', '", ", ").strip("'")


_BUILT_IN: Mapping[str, str] = {
    **dict.fromkeys(("xs:int", "xs:long", "xs:short", "xs:byte", "xs:integer"), "a whole number"),
    **dict.fromkeys(("xs:positiveInteger", "xs:unsignedInt", "xs:unsignedLong"), "a whole number without a sign"),
    "xs:decimal": "a number with a point",
    "xs:boolean": "true or false",
    "xs:date": "a day as 2026-11-21",
    "xs:dateTime": "a time as 2026-11-21T09:30:00+03:30",
    "xs:base64Binary": "base64",
    "xs:anyURI": "an address",
}


@dataclass(frozen=True, slots=True)
class _Rule:
    """How a class of schema errors is told; `limit` finds what was expected at the end of libxml2's sentence."""

    expected: str
    found: str
    limit: str | None = None


_LAST_QUOTED = r"'([^']*)'\)?\.$"
_KEY = r"(?:constraint|keyref) '([^']*)'(?: evaluate to a node)?\.$"
_UNFORESEEN = _Rule("what the schema says", "something else")
_RULES: Mapping[str, _Rule] = {
    # values
    "SCHEMAV_CVC_PATTERN_VALID": _Rule("text like {}", "other text", r"(?s).*by the pattern '(.*)'\.$"),
    "SCHEMAV_CVC_ENUMERATION_VALID": _Rule("one of {}", "another", r"(?s).*an element of the set \{(.*)\}\.$"),
    "SCHEMAV_CVC_MAXLENGTH_VALID": _Rule("at most {} characters", "more", _LAST_QUOTED),
    "SCHEMAV_CVC_MINLENGTH_VALID": _Rule("at least {} characters", "fewer", _LAST_QUOTED),
    "SCHEMAV_CVC_LENGTH_VALID": _Rule("{} characters", "another length", _LAST_QUOTED),
    "SCHEMAV_CVC_MAXINCLUSIVE_VALID": _Rule("at most {}", "more", _LAST_QUOTED),
    "SCHEMAV_CVC_MININCLUSIVE_VALID": _Rule("at least {}", "less", _LAST_QUOTED),
    "SCHEMAV_CVC_MAXEXCLUSIVE_VALID": _Rule("less than {}", "as much or more", _LAST_QUOTED),
    "SCHEMAV_CVC_MINEXCLUSIVE_VALID": _Rule("more than {}", "as much or less", _LAST_QUOTED),
    "SCHEMAV_CVC_TOTALDIGITS_VALID": _Rule("at most {} digits", "more", _LAST_QUOTED),
    "SCHEMAV_CVC_FRACTIONDIGITS_VALID": _Rule("at most {} digits after the point", "more", _LAST_QUOTED),
    "SCHEMAV_CVC_FACET_VALID": _Rule("a value within the limits of its type", "another"),
    "SCHEMAV_CVC_DATATYPE_VALID_1_2_1": _Rule("a value of {}", "other text", r"type '([^']*)'\.$"),
    "SCHEMAV_CVC_DATATYPE_VALID_1_2_2": _Rule("a list of {}", "other text", r"type '([^']*)'\.$"),
    "SCHEMAV_CVC_DATATYPE_VALID_1_2_3": _Rule("one of the kinds of {}", "none of them", r"type '([^']*)'\.$"),
    "SCHEMAV_CVC_ELT_5_2_2_2_1": _Rule("the fixed value {}", "another", _LAST_QUOTED),
    "SCHEMAV_CVC_ELT_5_2_2_2_2": _Rule("the fixed value {}", "another", _LAST_QUOTED),
    "SCHEMAV_CVC_IDC": _Rule("what the key {} allows: once, whole, and known", "another", _KEY),
    # elements
    "SCHEMAV_CVC_COMPLEX_TYPE_2_1": _Rule("nothing inside", "content"),
    "SCHEMAV_CVC_COMPLEX_TYPE_2_2": _Rule("text", "elements"),
    "SCHEMAV_CVC_COMPLEX_TYPE_2_3": _Rule("elements only", "text between them"),
    "SCHEMAV_CVC_COMPLEX_TYPE_2_4": _Rule("elements in the contract's order", "others"),
    "SCHEMAV_CVC_TYPE_3_1_2": _Rule("text", "elements"),
    "SCHEMAV_CVC_ELT_5_2_2_1": _Rule("text", "elements"),
    "SCHEMAV_CVC_ELT_1": _Rule("an element of the contract", "another"),
    "SCHEMAV_CVC_ELT_2": _Rule("an element that takes its place", "one that only stands for others"),
    # xsi:type and xsi:nil
    "SCHEMAV_CVC_TYPE_1": _Rule("a type of the contract", "none"),
    "SCHEMAV_CVC_TYPE_2": _Rule("xsi:type with the name of a whole type", "a type that only stands for others"),
    "SCHEMAV_CVC_ELT_4_1": _Rule("the name of a type", "other text"),
    "SCHEMAV_CVC_ELT_4_2": _Rule("a type of the contract", "another name"),
    "SCHEMAV_CVC_ELT_4_3": _Rule("a type made from the element's own", "another type"),
    "SCHEMAV_CVC_ELT_3_1": _Rule("a value; xsi:nil is not allowed here", "xsi:nil"),
    "SCHEMAV_CVC_ELT_3_2_1": _Rule("nothing, for xsi:nil says so", "content"),
    "SCHEMAV_CVC_ELT_3_2_2": _Rule("its fixed value", "xsi:nil"),
    # attributes
    "SCHEMAV_CVC_COMPLEX_TYPE_3_2_1": _Rule("no such attribute", "an attribute"),
    "SCHEMAV_CVC_COMPLEX_TYPE_3_2_2": _Rule("no such attribute", "an attribute"),
    "SCHEMAV_CVC_TYPE_3_1_1": _Rule("no attribute", "an attribute"),
    "SCHEMAV_CVC_WILDCARD": _Rule("an attribute of the contract", "another"),
    "SCHEMAV_CVC_COMPLEX_TYPE_4": _Rule("an attribute", "nothing"),
    "SCHEMAV_CVC_AU": _Rule("the fixed value {}", "another", _LAST_QUOTED),
    "SCHEMAV_CVC_COMPLEX_TYPE_3_1": _Rule("the fixed value {}", "another", _LAST_QUOTED),
    "SCHEMAV_CVC_ATTRIBUTE_4": _Rule("its fixed value", "another"),
}


class Places:
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
