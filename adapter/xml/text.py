"""XML written as text: pieces in threes, the second of which is a value, so that values are escaped at one seam."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lxml import etree

from adapter.refusals import Violation
from adapter.strict_json import safe_name
from adapter.xml.types import XSI

_NOT_AS_IT_IS = bytes([*range(0x20), *b'&<>"'])
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)
_XML = "http://www.w3.org/XML/1998/namespace"
_PREFIXED = re.compile(r"\s*([A-Za-z_][\w.-]*):[A-Za-z_][\w.-]*\s*")


class Text(list[str]):
    """The pieces of a message: markup, value, markup, again and again; `faults` is what did not fit.

    Escaping nothing until the end is what makes it fast: values are looked at once, all together.
    """

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[Violation] = []

    def told(self, content: Any) -> str:
        """The whole text with every value escaped; values that XML cannot carry are added to the faults."""
        together = "".join(self[1::3])
        try:
            raw = together.encode()
        except UnicodeEncodeError:
            raw = b"&"
        if len(raw.translate(None, _NOT_AS_IT_IS)) < len(raw) or "\ufffe" in together or "\uffff" in together:
            self[1::3] = [one.translate(_ESCAPES) for one in self[1::3]]
            if _FORBIDDEN.search(together):
                wanted = "text without control characters"
                self.faults.extend(Violation(path, wanted, "text with one") for path in _forbidden(content, ""))
        return "".join(self)


def _forbidden(content: Any, path: str) -> Iterator[str]:
    """Where in content something stands that XML cannot carry."""
    if isinstance(content, str) and _FORBIDDEN.search(content):
        yield path
    elif isinstance(content, dict):
        for name, one in content.items():
            yield from _forbidden(one, f"{path}.{safe_name(name)}" if path else safe_name(name))
    elif isinstance(content, list):
        for number, one in enumerate(content):
            yield from _forbidden(one, f"{path}[{number}]")


class Prefixes:
    """The prefixes of namespaces in a contract's messages: the main namespace has none, if all elements have one."""

    def __init__(self, main: str, elements: Iterable[str], attributes: Iterable[str]) -> None:
        of_elements = {namespace_of(tag): None for tag in elements}
        spaces = dict.fromkeys([main, *of_elements, *map(namespace_of, attributes)])
        known = {one: f"n{number}" for number, one in enumerate(spaces) if one} | {"": ""}
        self._of_attributes = {**known, XSI: "xsi", _XML: "xml"}
        self._of_elements = {**known} if "" in of_elements else {**known, main: ""}

    def element(self, tag: str) -> str:
        """The name of an element as it stands in the text."""
        return _joined(self._of_elements, tag)

    def attribute(self, tag: str) -> str:
        """The markup between an element's name and the value of an attribute."""
        return f' {_joined(self._of_attributes, tag)}="'

    def declared(self, elements: Iterable[str], attributes: Iterable[str]) -> str:
        """The declarations of these tags' namespaces, as they stand in the start tag of a message."""
        used = {self._of_elements[space]: space for space in map(namespace_of, elements)}
        used |= {self._of_attributes[space]: space for space in map(namespace_of, attributes) if space}
        return "".join(declaration(prefix, space) for prefix, space in sorted(used.items()) if space not in {"", _XML})


def declaration(prefix: str, namespace: str) -> str:
    """The markup that binds a prefix, or the default where it is empty."""
    return f' xmlns{":" if prefix else ""}{prefix}="{namespace.translate(_ESCAPES)}"'


def namespace_of(tag: str) -> str:
    """The namespace of `{namespace}name`; empty without one."""
    return tag[1:].rpartition("}")[0] if tag.startswith("{") else ""


def _joined(prefixes: Mapping[str, str], tag: str) -> str:
    prefix = prefixes[namespace_of(tag)]
    local = tag.rpartition("}")[2]
    return f"{prefix}:{local}" if prefix else local


def canonical(node: etree._Element) -> str:
    """The element alone as exclusive canonical XML, with the prefixes that its values name."""
    values = [text for one in node.iter("*") for text in (one.text, *one.attrib.values()) if text]
    prefixes = {found[1] for one in values if (found := _PREFIXED.fullmatch(str(one)))}
    needed = sorted(one for one in prefixes if one in _declared(node))
    return etree.tostring(
        node, method="c14n", exclusive=True, with_tail=False, inclusive_ns_prefixes=needed or None
    ).decode()


def _declared(node: etree._Element) -> set[str | None]:
    return {prefix for one in node.iter("*") for prefix in one.nsmap}


def as_it_came(text: str) -> tuple[str, str]:
    """Markup for an element given as XML, and its tag; raises ValueError. Nothing but the element gets through."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        node = etree.fromstring(text.encode(), parser)
    except (etree.XMLSyntaxError, UnicodeEncodeError) as error:
        raise ValueError("not an XML element") from error
    info: Any = node.getroottree().docinfo
    if info.doctype:
        raise ValueError("a document type declaration")
    told = canonical(node)
    if None in node.nsmap:
        return told, str(node.tag)
    name = re.match(r"<[^\s/>]+", told)
    cut = name.end() if name else 0
    return f'{told[:cut]} xmlns=""{told[cut:]}', str(node.tag)
