"""One serialiser and one parser for each message of a contract."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from lxml import etree

from adapter.refusals import Violation
from adapter.strict_json import kind_of
from adapter.xml.leaves import RECORD, Leaves
from adapter.xml.parsing import Readers
from adapter.xml.putting import Put
from adapter.xml.text import Prefixes, Text, namespace_of
from adapter.xml.types import XSI, ComplexType, Element, Fallback, Types, Wsdl, elements_of, messages_of
from adapter.xml.writing import Writers

Write: TypeAlias = Callable[[Any, list[Violation]], str]
"""Content → the element as text; what does not fit is added to the violations."""

Read: TypeAlias = "Callable[[etree._Element], Any]"  # noqa: SLF001 - lxml has no other name for it
"""An element that the schema has found valid → its content."""


@dataclass(frozen=True, slots=True)
class Message:
    """One element that is written and read on its own: a request, an answer, a header, a fault's detail."""

    tag: str
    write: Write
    read: Read


class Compiler:
    """The messages of one WSDL, with values as `leaves` says; zeep carries those that cannot be compiled."""

    def __init__(self, wsdl: Wsdl, leaves: Leaves = RECORD) -> None:
        messages = [message for one in wsdl.operations.values() for message in messages_of(one)]
        elements, attributes = _tags(messages, wsdl.types)
        main = namespace_of(messages[0].tag) if messages else wsdl.namespace
        self._prefixes = Prefixes(main, elements, attributes)
        self._wsdl = wsdl
        self._fallbacks = wsdl.fallbacks
        self._writers = Writers(wsdl.types, leaves, self._prefixes)
        self._readers = Readers(wsdl.types, leaves)

    def message(self, element: Element) -> Message:
        """The two functions of one message; the first call compiles what it needs."""
        if element.tag in self._fallbacks and self._wsdl.fallback is not None:
            return _fallen_back(element, self._wsdl.fallback())

        @cache
        def put() -> Put:
            return self._writers.element(element, declared=self._declared(element), in_list=True)

        def write(content: Any, faults: list[Violation]) -> str:
            out = Text()
            put()(content, out, None)
            told = out.told(content)
            faults.extend(out.faults)
            return told

        own = self._readers.element(element)
        return Message(element.tag, write, lambda node: own.read(node))  # noqa: PLW0108 - it is compiled late

    def _declared(self, element: Element) -> str:
        elements, attributes = _tags([element], self._wsdl.types)
        return self._prefixes.declared(elements, attributes)


def _tags(elements: Sequence[Element], types: Types) -> tuple[list[str], list[str]]:
    """The tags of all elements and attributes that may stand in messages of these elements."""
    waiting = list(elements)
    tags = dict.fromkeys(one.tag for one in waiting)
    attributes: dict[str, None] = {}
    for key, kind in types.within(elements):
        if key in types.stand_ins:
            attributes[f"{{{XSI}}}type"] = None
        if isinstance(kind, ComplexType):
            attributes |= dict.fromkeys(one.tag for one in kind.attributes)
            inside = list(elements_of(kind.content)) if kind.content else []
            tags |= dict.fromkeys(one.tag for one in inside)
            waiting.extend(inside)
    if any(one.is_nillable for one in waiting):
        attributes[f"{{{XSI}}}nil"] = None
    return list(tags), list(attributes)


def _fallen_back(element: Element, fallback: Fallback) -> Message:
    def write(content: Any, faults: list[Violation]) -> str:
        try:
            return etree.tostring(fallback.write(element.tag, content), encoding="unicode")
        except ValueError:
            faults.append(Violation("(whole body)", "content of this message", kind_of(content)))
            return ""

    return Message(element.tag, write, fallback.read)
