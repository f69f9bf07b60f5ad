"""Serialisers and parsers of XML messages, compiled once from the contract's types into plain functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from lxml import etree

from adapter.contract.strict_json import kind_of, safe_name
from adapter.contract.xml_types import Element, Simple
from adapter.errors import Violation
from adapter.exchange import Payload

Write: TypeAlias = "Callable[[etree._Element, Any, str, list[Violation]], None]"  # noqa: SLF001 - lxml has no other name for it
"""Afterwards the value stands below the parent; what does not fit is added to the violations."""

Read: TypeAlias = "Callable[[etree._Element], Any]"  # noqa: SLF001 - as above
"""The value of an element that the schema has found valid."""


def writer(element: Element) -> Callable[[Payload, list[Violation]], etree._Element]:
    """A function from content to the message's element."""
    fill = _filler(element)
    prefixes: dict[Any, str] = {None: str(etree.QName(element.tag).namespace)}

    def write(content: Payload, faults: list[Violation]) -> etree._Element:
        root = etree.Element(element.tag, nsmap=prefixes)
        fill(root, content, "", faults)
        return root

    return write


def _filler(element: Element) -> Write:
    return _text_filler(element.simple) if element.parts is None else _parts_filler(element.parts)


def _parts_filler(parts: tuple[Element, ...]) -> Write:
    steps = tuple((part.name, part.is_required, _adder(part)) for part in parts)
    known = frozenset(part.name for part in parts)

    def fill(node: etree._Element, value: Any, path: str, faults: list[Violation]) -> None:
        if not isinstance(value, dict):
            faults.append(Violation(path or "(whole body)", "an object", kind_of(value)))
            return
        unknown = sorted(value.keys() - known)
        faults.extend(Violation(_join(path, safe_name(name)), "no such field", "a field") for name in unknown)
        for name, is_required, add in steps:
            if value.get(name) is not None:
                add(node, value[name], _join(path, name), faults)
            elif is_required:
                faults.append(Violation(_join(path, name), "a value", "nothing"))

    return fill


def _adder(element: Element) -> Write:
    fill, tag = _filler(element), element.tag

    def add(node: etree._Element, value: Any, path: str, faults: list[Violation]) -> None:
        fill(etree.SubElement(node, tag), value, path, faults)

    def add_each(node: etree._Element, value: Any, path: str, faults: list[Violation]) -> None:
        if not isinstance(value, list):
            faults.append(Violation(path, "a list", kind_of(value)))
            return
        for place, one in enumerate(value):
            add(node, one, f"{path}[{place}]", faults)

    return add_each if element.is_repeated else add


def _text_filler(simple: Simple) -> Write:
    wanted, expected, as_text = _SIMPLE_TYPES[simple]

    def fill(node: etree._Element, value: Any, path: str, faults: list[Violation]) -> None:
        if type(value) is not wanted:
            faults.append(Violation(path, expected, kind_of(value)))
            return
        try:
            node.text = as_text(value)
        except ValueError:
            # lxml refuses what XML cannot carry: control characters and halves of surrogate pairs.
            faults.append(Violation(path, "text without control characters", "text with one"))

    return fill


_SIMPLE_TYPES: Mapping[Simple, tuple[type, str, Callable[[Any], str]]] = {
    Simple.TEXT: (str, "text", str),
    Simple.INTEGER: (int, "a whole number", str),
    Simple.BOOLEAN: (bool, "yes or no", lambda value: "true" if value else "false"),
}


def reader(element: Element) -> Read:
    """A function from the message's element to content."""
    if element.parts is None:
        return _SIMPLE_READERS[element.simple]
    steps = {part.tag: (part.name, part.is_repeated, reader(part)) for part in element.parts}

    def read(node: etree._Element) -> Payload:
        found: Payload = {}
        for child in node:
            name, is_repeated, read_child = steps[str(child.tag)]
            value = read_child(child)
            if is_repeated:
                found.setdefault(name, []).append(value)
            else:
                found[name] = value
        return found

    return read


_SIMPLE_READERS: Mapping[Simple, Read] = {
    Simple.TEXT: lambda node: (node.text or "").strip(),
    Simple.INTEGER: lambda node: int(node.text or ""),
    Simple.BOOLEAN: lambda node: (node.text or "").strip() in {"true", "1"},
}


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
