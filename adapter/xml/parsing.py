"""Parsers compiled from a contract's types: an element that the schema has found valid in, content out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from adapter.exchange import Payload
from adapter.xml.children import Child, Late, Node, Read, by_place, by_tag
from adapter.xml.leaves import Leaves, collapsed
from adapter.xml.text import canonical
from adapter.xml.types import (
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

_Match: TypeAlias = Callable[[Sequence[Node], int, Payload], int]
"""Takes children from a place on, adds them to the record and tells the place after them."""

_NIL = f"{{{XSI}}}nil"
_TYPE = f"{{{XSI}}}type"
_TRUE = frozenset({"true", "1"})


class Readers:
    """The parsers of a contract. Types are compiled when first met, so that they may contain themselves."""

    def __init__(self, types: Types, leaves: Leaves) -> None:
        self._types = types
        self._leaves = leaves
        self._compiled: dict[str, Late] = {}

    def element(self, element: Element) -> Late:
        """How one such element is read; nil is None."""
        kind = self._types.types[element.type]
        if isinstance(kind, SimpleType):
            own = self._leaf(kind, element)
        elif kind.as_it_came:
            own = Late(lambda: canonical)
        else:
            own = self._whole(kind, element)
        return self._nillable(own, kind) if element.is_nillable else own

    def complex(self, key: str) -> Late:
        """A complex type, compiled once."""
        if key not in self._compiled:
            self._compiled[key] = Late(lambda: self._all_of(key))
        return self._compiled[key]

    def _all_of(self, key: str) -> Read:
        """Attributes, then text or parts."""
        kind = self._types.types[key]
        assert isinstance(kind, ComplexType)  # noqa: S101 - only complex types are asked for
        content = self._content(kind)
        if not (kind.attributes or kind.any_attribute):
            return content
        attributes = _attributes(kind, self._leaves)
        return lambda node: {**attributes(node), **content(node)}

    def _content(self, kind: ComplexType) -> Read:
        if kind.simple is not None:
            leaf = self._leaves(kind.simple)
            return lambda node: {TEXT: leaf.read(node.text or "")}
        if kind.content is None:
            return lambda node: {}  # noqa: ARG005 - nothing stands in it
        return self.flat(kind.content) or self._in_order(kind.content)

    def _in_order(self, group: Group) -> Read:
        match = self.ordered(group)

        def read(node: Node) -> Payload:
            found: Payload = {}
            match(list(node), 0, found)
            return found

        return read

    def _nillable(self, own: Late, kind: ComplexType | SimpleType) -> Late:
        is_open = isinstance(kind, ComplexType) and (kind.attributes or kind.any_attribute)
        attributes = _attributes(kind, self._leaves) if isinstance(kind, ComplexType) and is_open else None

        def read(node: Node) -> Any:
            if node.get(_NIL, "").strip() not in _TRUE:
                return own.read(node)
            found = attributes(node) if attributes is not None else {}
            return {**found, NIL: True} if found else None

        return Late(lambda: read)

    def _leaf(self, kind: SimpleType, element: Element) -> Late:
        leaf, default = self._leaves(kind), element.fixed or element.default or ""
        if leaf.is_qname:
            return Late(lambda: lambda node: _clark(node, node.text or default))
        return Late(lambda: lambda node: leaf.read(node.text or default))

    def _of_text(self, element: Element) -> Callable[[str], Any] | None:
        """How an element is read that is its text and nothing else."""
        kind = self._types.types[element.type]
        is_more = element.is_nillable or element.default is not None or element.fixed is not None
        if not isinstance(kind, SimpleType) or is_more or self._leaves(kind).is_qname:
            return None
        return self._leaves(kind).read

    def _whole(self, kind: ComplexType, element: Element) -> Late:
        own, declared = self.complex(element.type), element.type
        names = {key: (short, self.complex(key)) for short, key in self._types.stand_ins.get(declared, {}).items()}
        type_key, default = kind.type_key, element.fixed or element.default
        if not names and default is None:
            return own

        def read(node: Node) -> Payload:
            said = node.get(_TYPE)
            short, parts = names.get("" if said is None else _clark(node, said), ("", own))
            found: Payload = parts.read(node)
            if default is not None and found.get(TEXT) == "":
                found[TEXT] = default
            return {type_key: short, **found} if short else found

        return Late(lambda: read)

    def flat(self, group: Group) -> Read | None:
        """Children by their tags alone; None where their order tells more than their tags."""
        if any(not isinstance(one, Element) for one in _parts(group)):
            return None
        children = {
            one.tag: Child(one.key, self._of_text(one), self.element(one), one.is_repeated)
            for one in _parts(group)
            if isinstance(one, Element)
        }
        is_plain = _is_plain(group) and not any(one.is_repeated for one in children.values())
        return by_place(children, frozenset(_required(group))) if is_plain else by_tag(children)

    def ordered(self, part: Particle) -> _Match:
        """Children in their order: each is taken by the first part that may begin with it (a schema is unambiguous)."""
        return _MATCHERS[type(part)](self, part)

    def one(self, part: Element) -> _Match:
        """As many of the element as may stand."""
        tag, key, most, own, is_repeated = part.tag, part.key, part.most, self.element(part), part.is_repeated

        def match(children: Sequence[Node], at: int, found: Payload) -> int:
            end = len(children) if most is None else min(len(children), at + most)
            while at < end and children[at].tag == tag:
                value = own.read(children[at])
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

        def match(children: Sequence[Node], at: int, found: Payload) -> int:
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

        def match(children: Sequence[Node], at: int, found: Payload) -> int:
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

        def in_order(children: Sequence[Node], at: int, found: Payload) -> int:
            for match in matches:
                at = match(children, at, found)
            return at

        def first_of(children: Sequence[Node], at: int, found: Payload) -> int:
            return next((after for match in matches if (after := match(children, at, found)) > at), at)

        def in_any_order(children: Sequence[Node], at: int, found: Payload) -> int:
            while (after := first_of(children, at, found)) > at:
                at = after
            return at

        return {"sequence": in_order, "choice": first_of, "all": in_any_order}[group.kind]


_MATCHERS: Mapping[type, Callable[[Readers, Any], _Match]] = {
    Element: Readers.one,
    Wildcard: Readers.anything,
    Group: Readers.group,
}


def _attributes(kind: ComplexType, leaves: Leaves) -> Read:
    """Attributes that stand, and the defaults of those that do not."""
    known = {one.tag: (one.key, leaves(one.type)) for one in kind.attributes}
    silent = [
        (one.tag, one.key, leaves(one.type).read(one.fixed or one.default or ""))
        for one in kind.attributes
        if one.fixed is not None or one.default is not None
    ]

    def read(node: Node) -> Payload:
        found: Payload = {}
        for name, text in node.attrib.items():
            if name in known:
                key, leaf = known[name]
                found[key] = _clark(node, str(text)) if leaf.is_qname else leaf.read(str(text))
            elif not str(name).startswith(f"{{{XSI}}}"):
                found.setdefault(ANY_ATTRIBUTES, {})[str(name)] = text
        for name, key, value in silent:
            if name not in node.attrib:
                found[key] = value
        return found

    return read


def _is_plain(group: Group) -> bool:
    """Whether it is a sequence of elements and of such sequences."""
    return group.kind == "sequence" and all(_is_plain(one) for one in group.parts if isinstance(one, Group))


def _required(group: Group) -> Iterator[str]:
    """The elements of a plain group without which it does not stand."""
    for part in group.parts:
        if isinstance(part, Element) and part.least:
            yield part.tag
        elif isinstance(part, Group) and part.least:
            yield from _required(part)


def _parts(group: Group) -> Iterator[Particle]:
    """The parts of a record; a repeated group is one of them."""
    for part in group.parts:
        if isinstance(part, Group) and not part.is_repeated:
            yield from _parts(part)
        else:
            yield part


def _clark(node: Node, text: str) -> str:
    """`prefix:name` as it is meant at the node."""
    prefix, _, local = collapsed(text).rpartition(":")
    space = node.nsmap.get(prefix or None)
    return f"{{{space}}}{local}" if space else local
