"""Serialisers compiled from a contract's types: content in, the text of an element out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from adapter.refusals import Violation
from adapter.xml.leaves import Leaves
from adapter.xml.putting import (
    Late,
    Put,
    Step,
    Where,
    always,
    any_element,
    each,
    each_enclosed,
    kept,
    keys_of,
    misfit,
    missing,
    nil_or,
    nillable,
    nothing,
    path_of,
    put_leaf,
    put_others,
    record,
    shares,
)
from adapter.xml.text import Prefixes, Text, declaration, namespace_of
from adapter.xml.types import (
    ANY_ATTRIBUTES,
    NIL,
    TEXT,
    Attribute,
    ComplexType,
    Element,
    Group,
    Particle,
    SimpleType,
    Types,
    Wildcard,
)


class Writers:
    """The serialisers of a contract. Types are compiled when first met, so that they may contain themselves."""

    def __init__(self, types: Types, leaves: Leaves, prefixes: Prefixes) -> None:
        self._types = types
        self._leaves = leaves
        self._prefixes = prefixes
        self._bare: dict[str, Late] = {}
        self._whole: dict[str, Late] = {}

    def element(self, element: Element, *, declared: str = "", in_list: bool = False) -> Put:
        """How one such element is put; `declared` is markup for its start tag."""
        kind = self._types.types[element.type]
        put = (self._leaf if isinstance(kind, SimpleType) else self._enclosed)(element, declared, in_list=in_list)
        return nillable(put, f"{self._prefixes.element(element.tag)}{declared}") if element.is_nillable else put

    def _parts(self, key: str) -> Late:
        """The parts of a type that has nothing else, each compiled once."""
        if key not in self._bare:
            self._bare[key] = Late(lambda: self._record(self._complex_type(key), set()))
        return self._bare[key]

    def _record(self, kind: ComplexType, others: set[str]) -> Put:
        """How the parts of a type are put; keys that neither it nor `others` have are faults."""
        if kind.content is None or kind.simple is not None:
            return record((), frozenset(others))
        return record(tuple(self.steps(kind.content, is_free=False)), frozenset({*others, *keys_of(kind.content)}))

    def _all_of(self, key: str) -> Late:
        """Attributes, the end of the start tag and then text or parts of a type, each compiled once."""
        if key not in self._whole:
            self._whole[key] = Late(lambda: self._attributes_and_parts(self._complex_type(key)))
        return self._whole[key]

    def _attributes_and_parts(self, kind: ComplexType) -> Put:
        known = {one.key for one in kind.attributes} | {kind.type_key, NIL}
        known |= ({TEXT} if kind.simple else set()) | ({ANY_ATTRIBUTES} if kind.any_attribute else set())
        put_parts = self._record(kind, known)
        attributes = [self._attribute(one) for one in kind.attributes]
        text, is_open = (self._leaves(kind.simple) if kind.simple else None), kind.any_attribute

        def put(value: Any, out: Text, where: Where) -> None:
            for put_attribute in attributes:
                put_attribute(value, out, where)
            if is_open:
                put_others(value.get(ANY_ATTRIBUTES) or {}, out, where)
            if value.get(NIL) is True:
                out += (' xsi:nil="true">', "", "")
                return
            out += (">", "", "")
            if text is not None and TEXT in value:
                put_leaf(value[TEXT], text, ("", ""), out, where, TEXT)
            put_parts(value, out, where)

        return put

    def _leaf(self, element: Element, declared: str, *, in_list: bool) -> Put:
        kind = self._types.types[element.type]
        assert isinstance(kind, SimpleType)  # noqa: S101 - the caller asked
        leaf, name, key = self._leaves(kind), self._prefixes.element(element.tag), "" if in_list else element.key
        around = opening, closing = f"<{name}{declared}>", f"</{name}>"
        wanted, told = leaf.wanted, leaf.told

        def put(value: Any, out: Text, where: Where) -> None:
            if value.__class__ is wanted:
                out += (opening, told(value), closing)
            else:
                put_leaf(value, leaf, around, out, where, key)

        return put

    def _complex_type(self, key: str) -> ComplexType:
        found = self._types.types[key]
        assert isinstance(found, ComplexType)  # noqa: S101 - only complex types are asked for
        return found

    def _is_bare(self, element: Element) -> bool:
        """Whether an element has parts and nothing else that content could say."""
        kind = self._types.types[element.type]
        if isinstance(kind, SimpleType) or element.is_nillable or element.type in self._types.stand_ins:
            return False
        return not (kind.attributes or kind.any_attribute or kind.simple or kind.as_it_came or kind.is_abstract)

    def _enclosed(self, element: Element, declared: str, *, in_list: bool) -> Put:
        name, key = self._prefixes.element(element.tag), element.key
        if self._complex_type(element.type).as_it_came:
            return kept(element, in_list=in_list)
        if not self._is_bare(element):
            return self._varied(element, f"<{name}{declared}", f"</{name}>", in_list=in_list)
        opening, closing, own = (f"<{name}{declared}>", "", ""), ("", "", f"</{name}>"), self._parts(element.type)

        def put(value: Any, out: Text, where: Where) -> None:
            out += opening
            own.put(value, out, where if in_list else (where, key))
            out += closing

        return put

    def _varied(self, element: Element, opening: str, closing: str, *, in_list: bool) -> Put:
        """An element with attributes, or with a type that content may say."""
        kind, own, key = self._complex_type(element.type), self._all_of(element.type), element.key
        stand_ins = self._types.stand_ins.get(element.type, {})
        others = {short: (self._all_of(one), _xsi_type(one)) for short, one in stand_ins.items()}

        def put(value: Any, out: Text, where: Where) -> None:
            here = where if in_list else (where, key)
            if value.__class__ is not dict:
                misfit(value, out, here, "", "an object")
                return
            said = value.get(kind.type_key)
            if NIL in value and not element.is_nillable:
                misfit(value[NIL], out, here, NIL, "no such field")
            elif said is None and kind.is_abstract:
                out.faults.append(Violation(path_of(here, kind.type_key), " or ".join(others), "nothing"))
            elif said is not None and said not in others:
                misfit(said, out, here, kind.type_key, " or ".join(others) or "no type")
            else:
                parts, markup = others[said] if said is not None else (own, "")
                out += (opening, "", markup)
                parts.put(value, out, here)
                out += ("", "", closing)

        return put

    def _attribute(self, one: Attribute) -> Put:
        """How an attribute is put from the content of its element; a fixed one that must stand is put by itself."""
        leaf, opening, key = self._leaves(one.type), self._prefixes.attribute(one.tag), one.key
        silent = one.fixed if one.is_required else None

        def put(value: Any, out: Text, where: Where) -> None:
            given = value.get(key, silent)
            if given is not None:
                put_leaf(given, leaf, (opening, '"'), out, where, key)
            elif one.is_required:
                out.faults.append(Violation(path_of(where, key), "a value", "nothing"))

        return put

    def steps(self, group: Group, *, is_free: bool) -> Iterator[Step]:
        """How the parts of a record are put, in their order; `is_free` where none of them must stand."""
        is_free = is_free or group.least == 0 or group.kind == "choice"
        if group.kind == "choice" and shares(group):
            yield Step("", nothing, self._one_of(group))
            return
        for part in group.parts:
            yield from self._part(part, is_free=is_free)

    def _part(self, part: Particle, *, is_free: bool) -> Iterator[Step]:
        if isinstance(part, Group) and not part.is_repeated:
            yield from self.steps(part, is_free=is_free)
        elif isinstance(part, Group):
            put = record(tuple(self.steps(part, is_free=False)), frozenset(keys_of(part)))
            yield Step(part.key, each(put, part.key), None if is_free or not part.least else missing(part.key))
        elif isinstance(part, Wildcard):
            yield Step(part.key, each(any_element, part.key))
        else:
            yield self._element_step(part, is_free=is_free)

    def _element_step(self, part: Element, *, is_free: bool) -> Step:
        name = self._prefixes.element(part.tag)
        absent = None if is_free or not part.least else missing(part.key)
        if part.fixed is not None and absent is not None:
            absent = always((f"<{name}>", part.fixed, f"</{name}>"))
        if part.is_repeated and self._is_bare(part):
            around = (f"<{name}>", "", ""), ("", "", f"</{name}>")
            return Step(part.key, each_enclosed(self._parts(part.type), *around, part.key), absent)
        put = self.element(part, in_list=part.is_repeated)
        if part.is_repeated:
            return Step(part.key, each(put, part.key), absent)
        if part.is_nillable:
            absent = nil_or(part.key, put, absent)
        kind = self._types.types[part.type]
        if isinstance(kind, ComplexType):
            return Step(part.key, put, absent)
        leaf = self._leaves(kind)
        told = None if leaf.is_plain else leaf.told
        return Step(part.key, put, absent, leaf.wanted, told, f"<{name}>", f"</{name}>")

    def _one_of(self, group: Group) -> Put:
        """The option of a choice that has all the keys that stand; options share keys."""
        options = [
            (frozenset(keys_of(one)), record(tuple(self._part(one, is_free=False)), None))
            for one in (Group("sequence", (part,)) for part in group.parts)
        ]
        known = frozenset(chain.from_iterable(keys for keys, _ in options))

        def put(value: Any, out: Text, where: Where) -> None:
            present = value.keys() & known
            fitting = next((record for keys, record in options if present <= keys), None)
            if fitting is None:
                out.faults.append(Violation(path_of(where, min(present)), "one option of a choice", "parts of two"))
            elif present:
                fitting(value, out, where)

        return put


def _xsi_type(key: str) -> str:
    """The markup that says a type by its name."""
    space, local = namespace_of(key), key.rpartition("}")[2]
    return f'{declaration("t", space)} xsi:type="t:{local}"' if space else f' xsi:type="{local}"'
