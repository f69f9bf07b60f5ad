"""A WSDL as plain values: what the contract compiler needs of it and nothing of the library that read it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from lxml import etree

SOAP_11, SOAP_12 = "1.1", "1.2"

XSI = "http://www.w3.org/2001/XMLSchema-instance"
GROUP = "#group"
"""The key of a repeated sequence or choice: a list with one record for each time it stands."""
TEXT = "#text"
"""The key of the text of an element that has attributes too."""
ANY = "#any"
"""The key of the elements that a wildcard lets in: a list of canonical XML texts."""
ANY_ATTRIBUTES = "@any"
"""The key of the attributes that a wildcard lets in: their Clark names with their texts."""
NIL = "#nil"
"""The key that is True where an element is nil and has attributes all the same."""
TYPE = "@type"
"""The key of the type that stands in for the declared one (`xsi:type`)."""


@dataclass(frozen=True, slots=True)
class Facets:
    """What narrows a simple type, gathered over its restrictions; `patterns` must all match, each with one of its own.

    `bounds` are the other facets by their XSD names (`maxLength`, `minInclusive` …) as written.
    """

    enumeration: tuple[str, ...] = ()
    patterns: tuple[tuple[str, ...], ...] = ()
    bounds: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SimpleType:
    """A value without parts. `base` is the built-in type below it; a list has `items`, a union `members`."""

    base: str
    facets: Facets = Facets()
    items: SimpleType | None = None
    members: tuple[SimpleType, ...] = ()


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute; `key` is how content names it, `tag` is `{namespace}name` or the bare name."""

    key: str
    tag: str
    type: SimpleType
    is_required: bool = False
    default: str | None = None
    fixed: str | None = None


@dataclass(frozen=True, slots=True)
class Element:
    """One element; `key` is how content names it, `type` the key of its type in `Types`; `most` is None without end."""

    key: str
    tag: str
    type: str
    least: int = 1
    most: int | None = 1
    is_nillable: bool = False
    default: str | None = None
    fixed: str | None = None

    @property
    def is_repeated(self) -> bool:
        """Whether content holds a list of them."""
        return self.most is None or self.most > 1


@dataclass(frozen=True, slots=True)
class Wildcard:
    """Elements of any name, kept as they came under `key`."""

    key: str
    least: int = 1
    most: int | None = 1


@dataclass(frozen=True, slots=True)
class Group:
    """A `sequence`, `choice` or `all`; content holds its parts where the group stands, or under `key` if repeated."""

    kind: str
    parts: tuple[Particle, ...]
    least: int = 1
    most: int | None = 1
    key: str = ""

    @property
    def is_repeated(self) -> bool:
        """Whether content holds a list of records, one for each time the group stands."""
        return self.most is None or self.most > 1


Particle: TypeAlias = Element | Wildcard | Group


@dataclass(frozen=True, slots=True)
class ComplexType:
    """A value with parts, or text with attributes.

    `simple` is the type of its text; `content` its elements. `as_it_came` says that the element is kept whole as
    canonical XML (mixed content, xs:anyType). `type_key` is where content names the type that stands in (`TYPE`,
    unless an attribute has that key).
    """

    content: Group | None = None
    simple: SimpleType | None = None
    attributes: tuple[Attribute, ...] = ()
    any_attribute: bool = False
    is_abstract: bool = False
    as_it_came: bool = False
    type_key: str = TYPE


@dataclass(frozen=True, slots=True)
class Types:
    """All types of a contract by key: `{namespace}name`, or an invented one where the schema gives no name.

    `stand_ins` are the types that may stand in for a type: how content names them → their keys. `faults` tells what
    cannot be compiled: the key of a type → why.
    """

    types: Mapping[str, ComplexType | SimpleType] = field(default_factory=dict)
    stand_ins: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)

    def within(self, elements: Iterable[Element]) -> Iterator[tuple[str, ComplexType | SimpleType]]:
        """Every type that messages of these elements may hold, each once, with its key."""
        waiting = list(dict.fromkeys(one.type for one in elements))
        seen = set(waiting)
        while waiting:
            key = waiting.pop()
            yield key, self.types[key]
            needed = self.needed(key)
            waiting.extend(one for one in dict.fromkeys(needed) if one not in seen)
            seen.update(needed)

    def needed(self, key: str) -> list[str]:
        """The types of what a type holds, and those that may stand in for it."""
        kind = self.types[key]
        content = kind.content if isinstance(kind, ComplexType) else None
        return [*self.stand_ins.get(key, {}).values(), *(one.type for one in (elements_of(content) if content else ()))]

    def not_compiled(self) -> dict[str, str]:
        """The types that cannot be compiled, or may hold one that cannot, and why."""
        holders: dict[str, list[str]] = {}
        for key in self.types if self.faults else ():
            for needed in self.needed(key):
                holders.setdefault(needed, []).append(key)
        found, waiting = dict(self.faults), list(self.faults)
        while waiting:
            key = waiting.pop()
            more = [one for one in holders.get(key, ()) if one not in found]
            found |= dict.fromkeys(more, found[key])
            waiting.extend(more)
        return found


def elements_of(group: Group) -> Iterator[Element]:
    """The elements of a group and of the groups in it, in their order."""
    for part in group.parts:
        if isinstance(part, Group):
            yield from elements_of(part)
        elif isinstance(part, Element):
            yield part


@dataclass(frozen=True, slots=True)
class WsdlOperation:
    """One operation, over all bindings that carry it; `answer` is None where nothing is answered (one-way).

    `style` is `document` or `rpc`; either way `request` is the only child of the Body. `actions` is the SOAPAction by
    SOAP version, and its keys are the versions in which the operation may be called. `headers` and `answer_headers`
    are by tag, `faults` (the elements of a fault's detail) by the name that the port type gives them.
    """

    name: str
    port_type: str
    style: str
    actions: Mapping[str, str]
    request: Element
    answer: Element | None
    takes_key: bool = False
    headers: Mapping[str, Element] = field(default_factory=dict)
    answer_headers: Mapping[str, Element] = field(default_factory=dict)
    faults: Mapping[str, Element] = field(default_factory=dict)

    @property
    def action(self) -> str:
        """The SOAPAction of the oldest version that carries the operation."""
        return self.actions[min(self.actions)]


class Fallback(Protocol):
    """The library that writes and reads what the compiler cannot; the same record both ways."""

    def write(self, tag: str, content: Any) -> etree._Element:
        """The element with that content; raises ValueError when it does not fit."""
        ...

    def read(self, node: etree._Element) -> Any:
        """The content of an element."""
        ...


@dataclass(frozen=True, slots=True)
class Wsdl:
    """A WSDL with all its schemas: `documents` are its files as read, the first is the WSDL itself."""

    namespace: str
    operations: Mapping[str, WsdlOperation]
    schema: etree.XMLSchema
    documents: Mapping[str, bytes]
    types: Types = field(default_factory=Types)
    fallback: Callable[[], Fallback] | None = None

    @property
    def versions(self) -> frozenset[str]:
        """The SOAP versions of its bindings."""
        return frozenset(version for one in self.operations.values() for version in one.actions)

    @property
    def fallbacks(self) -> Mapping[str, str]:
        """The messages that are not compiled, by tag, and why."""
        why = self.types.not_compiled()
        elements = [element for one in self.operations.values() for element in messages_of(one)]
        return {one.tag: why[one.type] for one in elements if one.type in why}


def messages_of(operation: WsdlOperation) -> Iterator[Element]:
    """Every element of an operation that is written or read on its own."""
    yield operation.request
    if operation.answer is not None:
        yield operation.answer
    for more in (operation.headers, operation.answer_headers, operation.faults):
        yield from more.values()


WsdlReader: TypeAlias = Callable[[Path, str], Wsdl]
"""Folder and file name → the WSDL; raises FaultyTables with everything that cannot be carried."""
