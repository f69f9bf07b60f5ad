"""Parsers compiled from a contract's types: an element that the schema has found valid in, content out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from lxml import etree

from adapter.contract.xml_leaves import Leaf, Leaves, collapsed
from adapter.contract.xml_text import canonical
from adapter.contract.xml_types import (
    ANY_ATTRIBUTES,
    NIL,
    TEXT,
    XSI,
    ComplexType,
    Element,
    Group,
    Particle,
    SimpleType,
    Types,
    Wildcard,
)
from adapter.exchange import Payload

_Node: TypeAlias = "etree._Element"  # noqa: SLF001 - lxml has no other name for it
_Read: TypeAlias = Callable[[_Node], Any]
_Fill: TypeAlias = Callable[[_Node, Payload], None]
_Match: TypeAlias = Callable[[Sequence[_Node], int, Payload], int]
"""Takes children from a place on, adds them to the record and tells the place after them."""

_NIL = f"{{{XSI}}}nil"
_TYPE = f"{{{XSI}}}type"
_TRUE = frozenset({"true", "1"})


class Readers:
    """The parsers of a contract. Types are compiled when first met, so that they may contain themselves."""

    def __init__(self, types: Types, leaves: Leaves) -> None:
        self._types = types
        self._leaves = leaves
        self._compiled: dict[str, _Complex] = {}

    def element(self, element: Element) -> _Read:
        """How one such element is read; nil is None."""
        kind = self._types.types[element.type]
        read = self._leaf(kind, element) if isinstance(kind, SimpleType) else self._whole(kind, element)
        return _nillable(read, self._attributes_of(kind)) if element.is_nillable else read

    def complex(self, key: str) -> _Complex:
        """The parts of a complex type."""
        if key not in self._compiled:
            self._compiled[key] = _Complex(self, key)
        return self._compiled[key]

    def leaf(self, kind: SimpleType) -> Leaf:
        """How values of a simple type stand in content."""
        return self._leaves(kind)

    def kind(self, key: str) -> ComplexType:
        """The complex type of that key."""
        found = self._types.types[key]
        assert isinstance(found, ComplexType)  # noqa: S101 - only complex types are asked for
        return found

    def _attributes_of(self, kind: ComplexType | SimpleType) -> _Fill | None:
        if isinstance(kind, SimpleType) or not (kind.attributes or kind.any_attribute):
            return None
        return _attributes(kind, self._leaves)

    def _leaf(self, kind: SimpleType, element: Element) -> _Read:
        leaf, default = self._leaves(kind), element.fixed or element.default
        of_text = leaf.read
        if leaf.is_qname:
            return lambda node: _clark(node, node.text or default or "")
        if default is not None:
            return lambda node: of_text(node.text or default)
        if kind.base == "string" and "whiteSpace" not in kind.facets.bounds and leaf.is_plain:
            return lambda node: node.text or ""
        return lambda node: of_text(node.text or "")

    def _whole(self, kind: ComplexType, element: Element) -> _Read:
        if kind.as_it_came:
            return canonical
        own, declared = self.complex(element.type), element.type
        names = {key: (short, self.complex(key)) for short, key in self._types.stand_ins.get(declared, {}).items()}
        type_key, default = kind.type_key, element.fixed or element.default

        def read(node: _Node) -> Payload:
            found: Payload = {}
            own.fill(node, found)
            return found

        def read_as_said(node: _Node) -> Payload:
            found: Payload = {}
            said = node.get(_TYPE)
            short, parts = names.get("" if said is None else _clark(node, said), ("", own))
            if short:
                found[type_key] = short
            parts.fill(node, found)
            if default is not None and found.get(TEXT) == "":
                found[TEXT] = default
            return found

        return read_as_said if names or default is not None else read

    def flat(self, group: Group) -> _Fill | None:
        """Children by their tags alone; None where their order tells more than their tags."""
        if any(not isinstance(one, Element) for one in _parts(group)):
            return None
        steps = {
            one.tag: (one.key, one.is_repeated, self.element(one)) for one in _parts(group) if isinstance(one, Element)
        }

        def fill(node: _Node, found: Payload) -> None:
            for child in node:
                key, is_repeated, read = steps[child.tag]
                if not is_repeated:
                    found[key] = read(child)
                elif key in found:
                    found[key].append(read(child))
                else:
                    found[key] = [read(child)]

        return fill

    def ordered(self, part: Particle) -> _Match:
        """Children in their order: each is taken by the first part that may begin with it (a schema is unambiguous)."""
        return _MATCHERS[type(part)](self, part)

    def one(self, part: Element) -> _Match:
        """As many of the element as may stand."""
        tag, key, most, read, is_repeated = part.tag, part.key, part.most, self.element(part), part.is_repeated

        def match(children: Sequence[_Node], at: int, found: Payload) -> int:
            end = len(children) if most is None else min(len(children), at + most)
            while at < end and children[at].tag == tag:
                value = read(children[at])
                if is_repeated:
                    found.setdefault(key, []).append(value)
                else:
                    found[key] = value
                at += 1
            return at

        return match

    def anything(self, part: Wildcard) -> _Match:
        """As many elements as may stand, whatever they are, kept as they came."""
        key, most = part.key, part.most

        def match(children: Sequence[_Node], at: int, found: Payload) -> int:
            end = len(children) if most is None else min(len(children), at + most)
            if at < end:
                found.setdefault(key, []).extend(canonical(one) for one in children[at:end])
            return end

        return match

    def group(self, part: Group) -> _Match:
        """The group once, or as often as it may stand, each time a record of its own."""
        once = self._once(part)
        key, most = part.key, part.most
        if not part.is_repeated:
            return once

        def match(children: Sequence[_Node], at: int, found: Payload) -> int:
            records: list[Payload] = []
            while at < len(children) and (most is None or len(records) < most):
                record: Payload = {}
                after = once(children, at, record)
                if after == at:
                    break
                records.append(record)
                at = after
            if records:
                found[key] = records
            return at

        return match

    def _once(self, group: Group) -> _Match:
        matches = [self.ordered(one) for one in group.parts]

        def in_order(children: Sequence[_Node], at: int, found: Payload) -> int:
            for match in matches:
                at = match(children, at, found)
            return at

        def first_of(children: Sequence[_Node], at: int, found: Payload) -> int:
            return next((after for match in matches if (after := match(children, at, found)) > at), at)

        def in_any_order(children: Sequence[_Node], at: int, found: Payload) -> int:
            while (after := first_of(children, at, found)) > at:
                at = after
            return at

        return {"sequence": in_order, "choice": first_of, "all": in_any_order}[group.kind]


_MATCHERS: Mapping[type, Callable[[Readers, Any], _Match]] = {
    Element: Readers.one,
    Wildcard: Readers.anything,
    Group: Readers.group,
}


class _Complex:
    """Attributes, then text or parts, of one complex type; compiled when first used."""

    fill: _Fill

    def __init__(self, readers: Readers, key: str) -> None:
        def first(node: _Node, found: Payload) -> None:
            self.fill = _filling(readers, readers.kind(key))
            self.fill(node, found)

        self.fill = first


def _filling(readers: Readers, kind: ComplexType) -> _Fill:
    content = _content(readers, kind)
    if not (kind.attributes or kind.any_attribute):
        return content
    attributes = _attributes(kind, readers.leaf)

    def fill(node: _Node, found: Payload) -> None:
        attributes(node, found)
        content(node, found)

    return fill


def _content(readers: Readers, kind: ComplexType) -> _Fill:
    if kind.simple is not None:
        leaf = readers.leaf(kind.simple)

        def text(node: _Node, found: Payload) -> None:
            found[TEXT] = _clark(node, node.text or "") if leaf.is_qname else leaf.read(node.text or "")

        return text
    if kind.content is None:
        return lambda node, found: None  # noqa: ARG005 - nothing stands in it
    flat = readers.flat(kind.content)
    if flat is not None:
        return flat
    match = readers.ordered(kind.content)

    def in_order(node: _Node, found: Payload) -> None:
        match(list(node), 0, found)

    return in_order


def _attributes(kind: ComplexType, leaves: Leaves) -> _Fill:
    """Attributes that stand, and the defaults of those that do not."""
    known = {one.tag: (one.key, leaves(one.type)) for one in kind.attributes}
    silent = [
        (one.tag, one.key, leaves(one.type).read(one.fixed or one.default or ""))
        for one in kind.attributes
        if one.fixed is not None or one.default is not None
    ]

    def fill(node: _Node, found: Payload) -> None:
        for name, text in node.attrib.items():
            if name in known:
                key, leaf = known[name]
                found[key] = _clark(node, str(text)) if leaf.is_qname else leaf.read(str(text))
            elif not str(name).startswith(f"{{{XSI}}}"):
                found.setdefault(ANY_ATTRIBUTES, {})[str(name)] = text
        for name, key, value in silent:
            if name not in node.attrib:
                found[key] = value

    return fill


def _nillable(read: _Read, attributes: _Fill | None) -> _Read:
    def read_or_nil(node: _Node) -> Any:
        if node.get(_NIL, "").strip() not in _TRUE:
            return read(node)
        found: Payload = {}
        if attributes is not None:
            attributes(node, found)
        return {**found, NIL: True} if found else None

    return read_or_nil


def _parts(group: Group) -> Iterator[Particle]:
    """The parts of a record; a repeated group is one of them."""
    for part in group.parts:
        if isinstance(part, Group) and not part.is_repeated:
            yield from _parts(part)
        else:
            yield part


def _clark(node: _Node, text: str) -> str:
    """`prefix:name` as it is meant at the node."""
    prefix, _, local = collapsed(text).rpartition(":")
    space = node.nsmap.get(prefix or None)
    return f"{{{space}}}{local}" if space else local
