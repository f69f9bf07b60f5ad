"""Content for any message, generated from the contract's types: every construct, every facet, up to some depth.

A content is generated once, in words of the wire (`Word`), and read from them as either kind of leaves has it.
"""

from __future__ import annotations

import base64
import re
import string
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from lxml import etree

from adapter.xml.leaves import INTEGERS, RECORD, Leaves
from adapter.xml.text import canonical
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

DEEPEST = 6
_ASCII = string.ascii_letters
_WORDS = st.text(_ASCII, min_size=1, max_size=8)
_ZONES = st.sampled_from(["Z", "+03:30", "-11:00", "+14:00"])
_MAYBE_ZONE = st.sampled_from(["", "Z", "+03:30", "-11:00"])
_TEXT = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\ufffe\uffff"), max_size=20)
_LINES = st.text(st.sampled_from("ab &<>\"'\n\t\r]]>پنجره😀"), max_size=12)
_BITS = {"byte": 7, "short": 15, "int": 31, "long": 63}


@dataclass(frozen=True, slots=True)
class Word:
    """A text that the type allows, as it stands on the wire."""

    type: SimpleType
    text: str


def worded(element: Element, types: Types) -> st.SearchStrategy[Any]:
    """Content of one message that its schema allows, its values still words."""
    return _Made(types).of(element, 0)


def read_from(words: Any, leaves: Leaves) -> Any:
    """The same content with the values that these leaves read from its words."""
    if isinstance(words, Word):
        return leaves(words.type).read(words.text)
    if isinstance(words, dict):
        return {name: read_from(one, leaves) for name, one in words.items()}
    return [read_from(one, leaves) for one in words] if isinstance(words, list) else words


class _Made:
    """Strategies by depth: the deeper, the less that need not stand."""

    def __init__(self, types: Types) -> None:
        self._types = types

    def of(self, element: Element, depth: int) -> st.SearchStrategy[Any]:
        kind = self._types.types[element.type]
        if isinstance(kind, SimpleType):
            return self._value(element, kind)
        if kind.as_it_came:
            return self._as_it_came(element)
        plain = [self._record(element.type, None, depth)] if not kind.is_abstract else []
        others = [self._record(key, name, depth) for name, key in self._types.stand_ins.get(element.type, {}).items()]
        return st.one_of([*plain, *others])

    def _value(self, element: Element, kind: SimpleType) -> st.SearchStrategy[Any]:
        texts = st.just(element.fixed) if element.fixed is not None else lexical(kind)
        if element.default is not None:
            texts = texts.filter(bool)
        if RECORD(kind).is_qname:
            return st.sampled_from(["{urn:a}b", "{urn:everything}Sequence"])
        return _words(kind, texts)

    def _as_it_came(self, element: Element) -> st.SearchStrategy[Any]:
        name, space = element.tag.rpartition("}")[2], element.tag[1:].rpartition("}")[0]
        inside = [
            "",
            "text",
            '<b xmlns="urn:everything">x &amp; y</b> and <b xmlns="urn:everything"></b>',
        ]
        return st.sampled_from([f'<{name} xmlns="{space}">{one}</{name}>' for one in inside]).map(_canonical)

    def _record(self, key: str, said: str | None, depth: int) -> st.SearchStrategy[Any]:
        kind = self._types.types[key]
        assert isinstance(kind, ComplexType)
        fields = {one.key: self._attribute(one) for one in kind.attributes if _is_always(one)}
        maybe = {one.key: self._attribute(one) for one in kind.attributes if not _is_always(one)}
        if kind.simple is not None:
            fields[TEXT] = _words(kind.simple, lexical(kind.simple))
        if said is not None:
            fields[kind.type_key] = st.just(said)
        if kind.any_attribute:
            maybe[ANY_ATTRIBUTES] = st.dictionaries(
                st.sampled_from(["{urn:x}a", "{urn:y}a", "{urn:x}b"]), _TEXT.map(str), min_size=1
            )
        own = st.fixed_dictionaries(fields, optional=maybe)
        inside = self._group(kind.content, depth + 1) if kind.content else st.just({})
        return st.builds(lambda attributes, parts: {**attributes, **parts}, own, inside)

    def _attribute(self, one: Attribute) -> st.SearchStrategy[Any]:
        if RECORD(one.type).is_qname:
            return st.sampled_from(["{urn:a}b", "{urn:c}d"])
        return _words(one.type, st.just(one.fixed) if one.fixed is not None else lexical(one.type))

    def _group(self, group: Group, depth: int) -> st.SearchStrategy[dict[str, Any]]:
        """The group once, as parts of a record."""
        parts = [self._part(one, depth) for one in group.parts]
        if group.kind == "choice":
            once: st.SearchStrategy[dict[str, Any]] = st.one_of(parts)
        else:
            once = st.tuples(*parts).map(_merged)
        return once if group.least else st.one_of(st.just(dict[str, Any]()), once)

    def _part(self, part: Particle, depth: int) -> st.SearchStrategy[dict[str, Any]]:
        key = part.key
        least = part.least
        most = min(part.most if part.most is not None else 3, 3) if depth < DEEPEST else least
        if isinstance(part, Group) and not part.is_repeated:
            return self._group(part, depth)
        if most == 0:
            return st.just({})
        one = self._one(part, depth)
        if isinstance(part, Element) and not part.is_repeated:
            one = self._or_nil(part, one)
            whole = st.fixed_dictionaries({key: one})
            return whole if least else st.one_of(st.just(dict[str, Any]()), whole)
        if isinstance(part, Element):
            one = self._or_nil(part, one)
        listed = st.lists(one, min_size=least, max_size=max(most, least))
        return listed.map(lambda values: {key: values} if values else {})

    def _or_nil(self, element: Element, one: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        if not element.is_nillable:
            return one
        kind = self._types.types[element.type]
        attributes = kind.attributes if isinstance(kind, ComplexType) else ()
        nil = st.fixed_dictionaries({each.key: self._attribute(each) for each in attributes} | {NIL: st.just(True)})
        return st.one_of(nil if attributes else st.none(), one)

    def _one(self, part: Particle, depth: int) -> st.SearchStrategy[Any]:
        if isinstance(part, Element):
            return self.of(part, depth)
        if isinstance(part, Wildcard):
            return st.sampled_from(_ELEMENTS).map(_canonical)
        once = self._group(Group(part.kind, part.parts), depth)
        return once.filter(bool)


_ELEMENTS = [
    '<a xmlns="urn:strange" x="1">text<!-- gone --></a>',
    '<s:a xmlns:s="urn:strange"><b xmlns="">x</b></s:a>',
    '<s:a xmlns:s="urn:strange" xmlns:q="urn:q">q:name</s:a>',
    '<Elsewhere xmlns="urn:other"><back xmlns="">abc</back></Elsewhere>',
]


def _words(kind: SimpleType, texts: st.SearchStrategy[str]) -> st.SearchStrategy[Word]:
    return texts.map(lambda text: Word(kind, text))


def _canonical(text: str) -> str:
    return canonical(etree.fromstring(text, etree.XMLParser(remove_comments=True)))


def _is_always(one: Attribute) -> bool:
    return one.is_required or one.default is not None or one.fixed is not None


def _merged(records: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    return {key: value for record in records for key, value in record.items()}


def lexical(kind: SimpleType) -> st.SearchStrategy[str]:
    """Texts that a simple type allows."""
    facets = kind.facets
    if facets.enumeration:
        return st.sampled_from(facets.enumeration)
    if kind.items is not None:
        return st.lists(lexical(kind.items).filter(lambda text: bool(text.strip())), max_size=3).map(" ".join)
    if kind.members:
        return st.one_of([lexical(one) for one in kind.members])
    if facets.patterns and kind.base in {"string", "token", "decimal", "normalizedString"}:
        found: st.SearchStrategy[str] = st.from_regex(rf"\A(?:{'|'.join(facets.patterns[0])})\Z")
        others = facets.patterns[1:]
    else:
        found, others = _base(kind), facets.patterns
    return found.filter(lambda text: _matches(others, text) and _fits(facets.bounds, kind.base, text))


def _matches(patterns: tuple[tuple[str, ...], ...], text: str) -> bool:
    return all(any(re.fullmatch(one, text) for one in options) for options in patterns)


def _fits(bounds: Any, base: str, text: str) -> bool:
    size = len(base64.b64decode(text)) if base == "base64Binary" else len(text)
    if not int(bounds.get("minLength", 0)) <= size <= int(bounds.get("maxLength", size)):
        return False
    limits: dict[str, Callable[[Any, Any], bool]] = {
        "minInclusive": lambda value, limit: value >= limit,
        "maxInclusive": lambda value, limit: value <= limit,
        "minExclusive": lambda value, limit: value > limit,
        "maxExclusive": lambda value, limit: value < limit,
    }
    return all(
        holds(Decimal(text), Decimal(bounds[name]))
        for name, holds in limits.items()
        if name in bounds and (base == "decimal" or base in INTEGERS)
    )


def _base(kind: SimpleType) -> st.SearchStrategy[str]:
    bounds = kind.facets.bounds
    if kind.base in INTEGERS:
        low, high = _integer_range(kind.base)
        low = max([low, *(int(bounds[one]) for one in ("minInclusive", "minExclusive") if one in bounds)])
        high = min([high, *(int(bounds[one]) for one in ("maxInclusive", "maxExclusive") if one in bounds)])
        return st.integers(low, high).map(str)
    if kind.base == "decimal":
        places = int(bounds.get("fractionDigits", 3))
        limits = bounds.get("minInclusive", "-1000"), bounds.get("maxInclusive", "1000")
        return st.decimals(*limits, places=places).map(lambda value: f"{value:f}")
    return _BASES.get(kind.base, _WORDS)


def _integer_range(base: str) -> tuple[int, int]:
    if base.startswith("unsigned"):
        return 0, 2 ** (_BITS[base.removeprefix("unsigned").lower()] + 1) - 1
    if base in _BITS:
        return -(2 ** _BITS[base]), 2 ** _BITS[base] - 1
    signs = {"nonPositiveInteger": (-9, 0), "negativeInteger": (-9, -1), "positiveInteger": (1, 9)}
    return signs.get(base, (0, 10**20) if base == "nonNegativeInteger" else (-(10**20), 10**20))


def _dates() -> st.SearchStrategy[str]:
    return st.dates().map(lambda day: day.isoformat())


def _times() -> st.SearchStrategy[str]:
    return st.times().map(lambda clock: clock.isoformat())


_BASES: dict[str, st.SearchStrategy[str]] = {
    "string": st.one_of(_TEXT, _LINES, st.text(_ASCII, min_size=5, max_size=30)),
    "normalizedString": _TEXT.filter(lambda text: not set(text) & set("\t\r\n")),
    "boolean": st.sampled_from(["true", "false", "1", "0"]),
    "float": st.one_of(st.floats(-1e9, 1e9, width=32).map(repr), st.sampled_from(["INF", "-INF"])),
    "double": st.one_of(st.floats(-1e300, 1e300).map(repr), st.sampled_from(["INF", "-INF", "1E3"])),
    "date": st.builds(str.__add__, _dates(), _MAYBE_ZONE),
    "time": st.builds(str.__add__, _times(), _MAYBE_ZONE),
    "dateTime": st.builds("{}T{}{}".format, _dates(), _times(), st.one_of(_MAYBE_ZONE, _ZONES)),
    "duration": st.sampled_from(["P1Y2M3DT4H5M6.5S", "-P1D", "PT0S", "P13M", "PT36H"]),
    "gYear": st.builds(str.__add__, st.sampled_from(["1404", "2026", "12026"]), _MAYBE_ZONE),
    "gYearMonth": st.sampled_from(["1404-07", "2026-11Z"]),
    "gMonth": st.sampled_from(["--07", "--12+03:30"]),
    "gMonthDay": st.sampled_from(["--07-12", "--02-29Z"]),
    "gDay": st.sampled_from(["---12", "---31-11:00"]),
    "base64Binary": st.binary(max_size=12).map(lambda raw: base64.b64encode(raw).decode()),
    "hexBinary": st.binary(max_size=6).map(lambda raw: raw.hex().upper()),
    "anyURI": st.sampled_from(["http://example.invalid/a?b=c&d=e", "urn:x", ""]),
    "language": st.sampled_from(["fa", "fa-IR"]),
    "ID": st.just("id-1"),
    "token": st.sampled_from(["a b", "پنجره ملی", "x", "a&b"]),
}
