"""How the children of a valid element become fields of a record, where their tags alone tell everything."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
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


def by_place(children: Mapping[str, Child], required: Collection[str]) -> Read:
    """Children of a plain sequence of which none may repeat: most are known by their places.

    Asking an element for its tag is a third of the cost of reading it, so only those are asked that may be missing,
    while some are.
    """
    rows = [(one.key, one.of_text, one.own, None if tag in required else tag) for tag, one in children.items()]
    standing = {len(some): some for some in ([row for row in rows if row[-1] is None], rows)}
    texts = {count: [row[0] for row in some] for count, some in standing.items() if all(row[1] is str for row in some)}

    def read(node: Node) -> Payload:
        found: Payload = {}
        count = len(node)
        if (keys := texts.get(count)) is not None:
            for key, child in zip(keys, node, strict=False):
                found[key] = child.text or ""
            return found
        missing = 0 if count in standing else len(rows) - count
        waiting = iter(standing.get(count, rows))
        for child in node:
            key, of_text, own, tag = next(waiting)
            while missing and tag is not None and tag != child.tag:
                missing -= 1
                key, of_text, own, tag = next(waiting)
            if of_text is str:
                found[key] = child.text or ""
            else:
                found[key] = own.read(child) if of_text is None else of_text(child.text or "")
        return found

    return read
