"""How the children of a valid element become fields of a record, where their tags alone tell everything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from lxml import etree

from adapter.exchange import Payload

Node: TypeAlias = "etree._Element"  # noqa: SLF001 - lxml has no other name for it
Read: TypeAlias = Callable[[Node], Any]


class Late:
    """What is read as `make` says, which is asked when something is first read: types may contain themselves."""

    read: Read

    def __init__(self, make: Callable[[], Read]) -> None:
        def first(node: Node) -> Any:
            self.read = make()
            return self.read(node)

        self.read = first


class Child(NamedTuple):
    """One element of a record; `of_text` is set where it is text and nothing else, `str` where that is its value."""

    key: str
    of_text: Callable[[str], Any] | None
    own: Late
    is_repeated: bool


def by_tag(children: Mapping[str, Child]) -> Read:
    """Children under their keys, those that may repeat in lists."""
    rows = {tag: tuple[Any, ...](one) for tag, one in children.items()}  # plain tuples unpack a third faster

    def read(node: Node) -> Payload:
        found: Payload = {}
        for child in node:
            key, of_text, own, is_repeated = rows[child.tag]
            value = own.read(child) if of_text is None else of_text(child.text or "")
            if not is_repeated:
                found[key] = value
            elif key in found:
                found[key].append(value)
            else:
                found[key] = [value]
        return found

    return read


def by_place(children: Mapping[str, Child]) -> Read:
    """Children of a plain sequence of which none may repeat: if all of them stand, each is known by its place.

    Asking an element for its tag is a third of the cost of reading it.
    """
    rows = [(one.key, one.of_text, one.own) for one in children.values()]
    count, by_name = len(rows), dict(zip(children, rows, strict=True))

    def read(node: Node) -> Payload:
        found: Payload = {}
        if len(node) == count:
            for child, (key, of_text, own) in zip(node, rows, strict=True):
                if of_text is str:
                    found[key] = child.text or ""
                else:
                    found[key] = own.read(child) if of_text is None else of_text(child.text or "")
            return found
        for child in node:
            key, of_text, own = by_name[child.tag]
            if of_text is str:
                found[key] = child.text or ""
            else:
                found[key] = own.read(child) if of_text is None else of_text(child.text or "")
        return found

    return read
