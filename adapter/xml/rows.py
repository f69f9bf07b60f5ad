"""The rows of a message that was not found valid, taken out so that each can be looked at by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from lxml import etree

from adapter.exchange import Payload
from adapter.refusals import Unreadable


@dataclass(frozen=True, slots=True)
class Rows:
    """Elements that stood side by side in `parent` from `place` on, and stand there no more."""

    elements: Sequence[etree._Element]
    parent: etree._Element
    place: int

    @contextmanager
    def only(self, some: Sequence[etree._Element]) -> Iterator[None]:
        """Some of them stand in their parent while inside."""
        self.parent[self.place : self.place] = some
        try:
            yield
        finally:
            for one in some:
                self.parent.remove(one)


def rows_at(message: etree._Element, path: str) -> Rows:
    """What stands at a dotted path, taken out of the message; raises Unreadable where there is no such place."""
    parent = message
    *steps, name = path.split(".")
    for step in steps:
        below = _children(parent, step)
        if not below:
            raise Unreadable("The answer has no list of rows")
        parent = below[0]
    found = _children(parent, name)
    place = parent.index(found[0]) if found else 0
    for one in found:
        parent.remove(one)
    return Rows(found, parent, place)


def loose(element: etree._Element) -> Payload:
    """The texts directly below an element, whatever the schema says of it."""
    return {etree.QName(one).localname: one.text or "" for one in element.iterchildren("*") if len(one) == 0}


def _children(parent: etree._Element, name: str) -> list[etree._Element]:
    return [one for one in parent.iterchildren("*") if etree.QName(one).localname == name]
