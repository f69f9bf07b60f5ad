"""Serialisers compiled from a contract's types: content in, the text of an element out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

from adapter.contract.strict_json import kind_of, safe_name
from adapter.contract.xml_leaves import Leaf, Leaves
from adapter.contract.xml_text import Prefixes, Text, as_it_came, declaration, namespace_of
from adapter.contract.xml_types import (
    ANY_ATTRIBUTES,
    NIL,
    TEXT,
    XSI,
    Attribute,
    ComplexType,
    Element,
    Group,
    Particle,
    SimpleType,
    Types,
    Wildcard,
)
from adapter.errors import Violation

Where: TypeAlias = "tuple[Where, str | int] | None"
"""The steps to a value, the last one first; no path is written out before something is wrong."""

Put: TypeAlias = Callable[[Any, Text, Where], None]
"""Afterwards the value stands in the text; what does not fit is added to the faults."""


class _Step(NamedTuple):
    """One part of a record. A value of just the type `wanted` is told between two pieces of markup, without a call
    for text; any other is `put`. `absent` is what the absence of a value means.
    """

    key: str
    put: Put
    absent: Put | None = None
    wanted: type | None = None
    told: Callable[[Any], str] | None = None
    opening: str = ""
    closing: str = ""


class Writers:
    """The serialisers of a contract. Types are compiled when first met, so that they may contain themselves."""

    def __init__(self, types: Types, leaves: Leaves, prefixes: Prefixes) -> None:
        self._types = types
        self._leaves = leaves
        self._prefixes = prefixes
        self._compiled: dict[str, _Complex] = {}

    def element(self, element: Element, *, declared: str = "", in_list: bool = False) -> Put:
        """How one such element is put; `declared` is markup for its start tag."""
        kind = self._types.types[element.type]
        put = (self._leaf if isinstance(kind, SimpleType) else self._whole)(element, declared, in_list=in_list)
        return _nillable(put, self._named(element, declared), in_list=in_list) if element.is_nillable else put

    def complex(self, key: str) -> _Complex:
        """The parts of a complex type."""
        if key not in self._compiled:
            self._compiled[key] = _Complex(self, self._complex_type(key))
        return self._compiled[key]

    def parts(self, kind: ComplexType) -> Put:
        """How the parts of a type are put; keys that it does not have are faults."""
        keys = {one.key for one in kind.attributes} | {kind.type_key, NIL}
        keys |= {ANY_ATTRIBUTES} if kind.any_attribute else set()
        keys |= {TEXT} if kind.simple else set(keys_of(kind.content)) if kind.content else set()
        steps = tuple(self.steps(kind.content, is_free=False)) if kind.content and not kind.simple else ()
        return _record(steps, frozenset(keys))

    def whole(self, kind: ComplexType, own: _Complex) -> Put:
        """How attributes, the end of the start tag and then text or parts are put."""
        attributes = [self._attribute(one) for one in kind.attributes]
        text, is_open = (self._leaves(kind.simple) if kind.simple else None), kind.any_attribute

        def put(value: Any, out: Text, where: Where) -> None:
            for put_attribute in attributes:
                put_attribute(value, out, where)
            if is_open:
                _put_others(value.get(ANY_ATTRIBUTES) or {}, out, where)
            if value.get(NIL) is True:
                out += (' xsi:nil="true">', "", "")
                return
            out += (">", "", "")
            if text is not None and TEXT in value:
                _put_leaf(value[TEXT], text, ("", ""), out, where, TEXT)
            own.put_parts(value, out, where)

        return put

    def _named(self, element: Element, declared: str = "") -> str:
        return f"{self._prefixes.element(element.tag)}{declared}"

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
                _put_leaf(value, leaf, around, out, where, key)

        return put

    def _complex_type(self, key: str) -> ComplexType:
        found = self._types.types[key]
        assert isinstance(found, ComplexType)  # noqa: S101 - only complex types are asked for
        return found

    def _whole(self, element: Element, declared: str, *, in_list: bool) -> Put:
        kind, own = self._complex_type(element.type), self.complex(element.type)
        if kind.as_it_came:
            return _kept(element, in_list=in_list)
        name, key = self._prefixes.element(element.tag), element.key
        is_bare = not (kind.attributes or kind.any_attribute or kind.simple or element.type in self._types.stand_ins)
        if not is_bare or element.is_nillable:
            return self._varied(element, f"<{name}{declared}", f"</{name}>", in_list=in_list)
        opening, closing = (f"<{name}{declared}>", "", ""), ("", "", f"</{name}>")

        def put(value: Any, out: Text, where: Where) -> None:
            out += opening
            own.put_parts(value, out, where if in_list else (where, key))
            out += closing

        return put

    def _varied(self, element: Element, opening: str, closing: str, *, in_list: bool) -> Put:
        """An element with attributes, or with a type that content may say."""
        kind, own, key = self._complex_type(element.type), self.complex(element.type), element.key
        stand_ins = self._types.stand_ins.get(element.type, {})
        others = {short: (self.complex(one), _xsi_type(one)) for short, one in stand_ins.items()}

        def put(value: Any, out: Text, where: Where) -> None:
            here = where if in_list else (where, key)
            if value.__class__ is not dict:
                _misfit(value, out, here, "", "an object")
                return
            said = value.get(kind.type_key)
            if said is None and kind.is_abstract:
                out.faults.append(Violation(_path(here, kind.type_key), " or ".join(others), "nothing"))
            elif said is not None and said not in others:
                _misfit(said, out, here, kind.type_key, " or ".join(others) or "no type")
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
                _put_leaf(given, leaf, (opening, '"'), out, where, key)
            elif one.is_required:
                out.faults.append(Violation(_path(where, key), "a value", "nothing"))

        return put

    def steps(self, group: Group, *, is_free: bool) -> Iterator[_Step]:
        """How the parts of a record are put, in their order; `is_free` where none of them must stand."""
        is_free = is_free or group.least == 0 or group.kind == "choice"
        if group.kind == "choice" and _shares(group):
            yield _Step("", _nothing, self._one_of(group))
            return
        for part in group.parts:
            yield from self._part(part, is_free=is_free)

    def _part(self, part: Particle, *, is_free: bool) -> Iterator[_Step]:
        if isinstance(part, Group) and not part.is_repeated:
            yield from self.steps(part, is_free=is_free)
        elif isinstance(part, Group):
            put = _record(tuple(self.steps(part, is_free=False)), frozenset(keys_of(part)))
            yield _Step(part.key, _each(put, part.key), None if is_free or not part.least else _missing(part.key))
        elif isinstance(part, Wildcard):
            yield _Step(part.key, _each(_any, part.key))
        else:
            yield self._element_step(part, is_free=is_free)

    def _element_step(self, part: Element, *, is_free: bool) -> _Step:
        put, name = self.element(part, in_list=part.is_repeated), self._prefixes.element(part.tag)
        absent = None if is_free or not part.least else _missing(part.key)
        if part.fixed is not None and absent is not None:
            absent = _always((f"<{name}>", part.fixed, f"</{name}>"))
        if part.is_repeated:
            return _Step(part.key, _each(put, part.key), absent)
        if part.is_nillable:
            absent = _nil_or(part.key, put, absent)
        kind = self._types.types[part.type]
        if isinstance(kind, ComplexType):
            return _Step(part.key, put, absent)
        leaf = self._leaves(kind)
        told = None if leaf.is_plain else leaf.told
        return _Step(part.key, put, absent, leaf.wanted, told, f"<{name}>", f"</{name}>")

    def _one_of(self, group: Group) -> Put:
        """The option of a choice that has all the keys that stand; options share keys."""
        options = [
            (frozenset(keys_of(one)), _record(tuple(self._part(one, is_free=False)), None))
            for one in (Group("sequence", (part,)) for part in group.parts)
        ]
        known = frozenset(chain.from_iterable(keys for keys, _ in options))

        def put(value: Any, out: Text, where: Where) -> None:
            present = value.keys() & known
            fitting = next((record for keys, record in options if present <= keys), None)
            if fitting is None:
                out.faults.append(Violation(_path(where, min(present)), "one option of a choice", "parts of two"))
            elif present:
                fitting(value, out, where)

        return put


def _record(steps: tuple[_Step, ...], known: frozenset[str] | None) -> Put:
    """The parts of one record in the order of the schema; `known` are the keys it may have, None where others look."""
    rows = [tuple[Any, ...](one) for one in steps]  # plain tuples unpack a third faster than named ones

    def put(value: Any, out: Text, where: Where) -> None:
        if known is not None:
            if value.__class__ is not dict:
                _misfit(value, out, where, "", "an object")
                return
            if not known.issuperset(value):
                _unknown(value, known, out, where)
        get = value.get
        for key, put_one, absent, wanted, told, opening, closing in rows:
            one = get(key)
            if one.__class__ is wanted:
                out += (opening, one if told is None else told(one), closing)
            elif one is not None:
                put_one(one, out, where)
            elif absent is not None:
                absent(value, out, where)

    return put


class _Complex:
    """One complex type, compiled when first used: `put` begins within the start tag, `put_parts` after it."""

    put_parts: Put

    def __init__(self, writers: Writers, kind: ComplexType) -> None:
        def first(value: Any, out: Text, where: Where) -> None:
            self.put_parts = writers.parts(kind)
            self.put_parts(value, out, where)

        self.put_parts = first
        self.put = writers.whole(kind, self)


def _xsi_type(key: str) -> str:
    """The markup that says a type by its name."""
    space, local = namespace_of(key), key.rpartition("}")[2]
    return f'{declaration("t", space)} xsi:type="t:{local}"' if space else f' xsi:type="{local}"'


def _put_leaf(value: Any, leaf: Leaf, around: tuple[str, str], out: Text, where: Where, key: str) -> None:
    """A value between two pieces of markup; a name brings its prefix, which its start tag declares."""
    opening, closing = around
    try:
        if leaf.is_qname and (space := namespace_of(value)):
            value, opening = f"q:{value.rpartition('}')[2]}", _declaring(opening, space)
        out += (opening, leaf.write(value), closing)
    except (ValueError, TypeError, AttributeError):
        _misfit(value, out, where, key, leaf.expected)


def _declaring(opening: str, space: str) -> str:
    """The markup with a prefix declared beside it: before an attribute, or in the start tag of an element."""
    bound = declaration("q", space)
    return bound + opening if opening.startswith(" ") else f"{opening.removesuffix('>')}{bound}>"


def _put_others(value: Any, out: Text, where: Where) -> None:
    """The attributes that a wildcard lets in, each with a prefix of its own."""
    if value.__class__ is not dict or not all(one.__class__ is str for one in value.values()):
        _misfit(value, out, where, ANY_ATTRIBUTES, "attributes with their texts")
        return
    for number, (tag, text) in enumerate(value.items()):
        space, local = namespace_of(tag), tag.rpartition("}")[2]
        if not local.replace("-", "_").replace(".", "_").isidentifier() or space in {
            XSI,
            "http://www.w3.org/2000/xmlns/",
        }:
            _misfit(value, out, where, ANY_ATTRIBUTES, "names of attributes")
            return
        is_xml = space == "http://www.w3.org/XML/1998/namespace"
        prefix = "xml" if is_xml else f"w{number}"
        bound = "" if is_xml or not space else declaration(prefix, space)
        out += (f'{bound} {prefix + ":" if space else ""}{local}="', text, '"')


def keys_of(group: Group | Particle) -> Iterator[str]:
    """The keys of one record."""
    for part in group.parts if isinstance(group, Group) else (group,):
        if isinstance(part, Group) and not part.is_repeated:
            yield from keys_of(part)
        else:
            yield part.key


def _shares(group: Group) -> bool:
    """Whether two options of a choice have a key in common."""
    keys = [key for part in group.parts for key in set(keys_of(Group("sequence", (part,))))]
    return len(keys) > len(set(keys))


def _each(put: Put, key: str) -> Put:
    def put_each(value: Any, out: Text, where: Where) -> None:
        if value.__class__ is not list:
            _misfit(value, out, where, key, "a list")
            return
        here = (where, key)
        for number, one in enumerate(value):
            put(one, out, (here, number))

    return put_each


def _nillable(put: Put, name: str, *, in_list: bool) -> Put:
    nil = (f'<{name} xsi:nil="true"/>', "", "")

    def put_or_nil(value: Any, out: Text, where: Where) -> None:
        if value is None:
            out += nil
        else:
            put(value, out, where)

    del in_list
    return put_or_nil


def _nil_or(key: str, put: Put, absent: Put | None) -> Put:
    def put_nil(value: Any, out: Text, where: Where) -> None:
        if key in value:
            put(None, out, where)
        elif absent is not None:
            absent(value, out, where)

    return put_nil


def _kept(element: Element, *, in_list: bool) -> Put:
    """An element as canonical XML, which must have the tag of its place."""

    def put(value: Any, out: Text, where: Where) -> None:
        try:
            told, tag = as_it_came(value) if value.__class__ is str else ("", "")
        except ValueError:
            told, tag = "", ""
        if tag != element.tag:
            _misfit(value, out, where, "" if in_list else element.key, f"the element {element.key} as XML")
        else:
            out += (told, "", "")

    return put


def _any(value: Any, out: Text, where: Where) -> None:
    try:
        out += (as_it_came(value)[0], "", "")
    except (ValueError, AttributeError):
        _misfit(value, out, where, "", "an element as XML")


def _always(pieces: tuple[str, str, str]) -> Put:
    def put(value: Any, out: Text, where: Where) -> None:
        del value, where
        out += pieces

    return put


def _missing(key: str) -> Put:
    def tell(value: Any, out: Text, where: Where) -> None:
        del value
        out.faults.append(Violation(_path(where, key), "a value", "nothing"))

    return tell


def _nothing(value: Any, out: Text, where: Where) -> None:
    del value, out, where


def _unknown(value: Mapping[str, Any], known: frozenset[str], out: Text, where: Where) -> None:
    out.faults.extend(
        Violation(_path(where, safe_name(name)), "no such field", "a field") for name in sorted(value.keys() - known)
    )


def _misfit(value: Any, out: Text, where: Where, key: str, expected: str) -> None:
    out.faults.append(Violation(_path(where, key) or "(whole body)", expected, kind_of(value)))


def _path(where: Where, key: str) -> str:
    steps: list[str | int] = [key]
    while where is not None:
        where, step = where
        steps.append(step)
    named = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in reversed(steps) if step != "")
    return named.removeprefix(".")
