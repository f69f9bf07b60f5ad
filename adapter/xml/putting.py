"""How values are put into the text of a message: the pieces of which serialisers are made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from adapter.refusals import Violation
from adapter.strict_json import kind_of, safe_name
from adapter.xml.leaves import Leaf
from adapter.xml.text import Text, as_it_came, declaration, namespace_of
from adapter.xml.types import ANY_ATTRIBUTES, XSI, Element, Group, Particle

Where: TypeAlias = "tuple[Where, str | int] | None"
"""The steps to a value, the last one first; no path is written out before something is wrong."""

Put: TypeAlias = Callable[[Any, Text, Where], None]
"""Afterwards the value stands in the text; what does not fit is added to the faults."""


Pieces: TypeAlias = tuple[str, str, str]
"""Markup, a value, markup."""


class Late:
    """What is put as `make` says, which is asked when something is first put: types may contain themselves."""

    put: Put

    def __init__(self, make: Callable[[], Put]) -> None:
        def first(value: Any, out: Text, where: Where) -> None:
            self.put = make()
            self.put(value, out, where)

        self.put = first


class Step(NamedTuple):
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


def record(steps: tuple[Step, ...], known: frozenset[str] | None) -> Put:
    """The parts of one record in the order of the schema; `known` are the keys it may have, None where others look."""
    rows = [tuple[Any, ...](one) for one in steps]  # plain tuples unpack a third faster than named ones

    def put(value: Any, out: Text, where: Where) -> None:
        if known is not None:
            if value.__class__ is not dict:
                misfit(value, out, where, "", "an object")
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


def put_leaf(value: Any, leaf: Leaf, around: tuple[str, str], out: Text, where: Where, key: str) -> None:
    """A value between two pieces of markup; a name brings its prefix, which its start tag declares."""
    opening, closing = around
    try:
        if leaf.is_qname and (space := namespace_of(value)):
            prefix = f"q{_NAME_END.sub('-', opening).rstrip('-')}"
            value, opening = f"{prefix}:{value.rpartition('}')[2]}", _declaring(opening, prefix, space)
        out += (opening, leaf.write(value), closing)
    except (ValueError, TypeError, AttributeError):
        misfit(value, out, where, key, leaf.expected)


_NAME_END = re.compile(r"[^A-Za-z0-9_.-]+|xmlns.*")


def _declaring(opening: str, prefix: str, space: str) -> str:
    """The markup with a prefix declared beside it: before an attribute, or in the start tag of an element."""
    bound = declaration(prefix, space)
    return bound + opening if opening.startswith(" ") else f"{opening.removesuffix('>')}{bound}>"


def put_others(value: Any, out: Text, where: Where) -> None:
    """The attributes that a wildcard lets in, each with a prefix of its own."""
    if value.__class__ is not dict or not all(one.__class__ is str for one in value.values()):
        misfit(value, out, where, ANY_ATTRIBUTES, "attributes with their texts")
        return
    for number, (tag, text) in enumerate(value.items()):
        space, local = namespace_of(tag), tag.rpartition("}")[2]
        if not local.replace("-", "_").replace(".", "_").isidentifier() or space in {
            XSI,
            "http://www.w3.org/2000/xmlns/",
        }:
            misfit(value, out, where, ANY_ATTRIBUTES, "names of attributes")
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


def shares(group: Group) -> bool:
    """Whether two options of a choice have a key in common."""
    keys = [key for part in group.parts for key in set(keys_of(Group("sequence", (part,))))]
    return len(keys) > len(set(keys))


def each(put: Put, key: str) -> Put:
    """A list, one after the other."""

    def put_each(value: Any, out: Text, where: Where) -> None:
        if value.__class__ is not list:
            misfit(value, out, where, key, "a list")
            return
        here = (where, key)
        for number, one in enumerate(value):
            put(one, out, (here, number))

    return put_each


def each_enclosed(own: Late, opening: Pieces, closing: Pieces, key: str) -> Put:
    """A list of records, each between its tags; the same as `each`, without a call for the tags."""

    def put_each(value: Any, out: Text, where: Where) -> None:
        if value.__class__ is not list:
            misfit(value, out, where, key, "a list")
            return
        here = (where, key)
        for number, one in enumerate(value):
            out += opening
            own.put(one, out, (here, number))
            out += closing

    return put_each


def nillable(put: Put, name: str) -> Put:
    """None as an element that is nil, anything else as `put` does."""
    nil = (f'<{name} xsi:nil="true"/>', "", "")

    def put_or_nil(value: Any, out: Text, where: Where) -> None:
        if value is None:
            out += nil
        else:
            put(value, out, where)

    return put_or_nil


def nil_or(key: str, put: Put, absent: Put | None) -> Put:
    """What it means that nothing stands in a record: nil where the key does, else absent."""

    def put_nil(value: Any, out: Text, where: Where) -> None:
        if key in value:
            put(None, out, where)
        elif absent is not None:
            absent(value, out, where)

    return put_nil


def kept(element: Element, *, in_list: bool) -> Put:
    """An element as canonical XML, which must have the tag of its place."""

    def put(value: Any, out: Text, where: Where) -> None:
        try:
            told, tag = as_it_came(value) if value.__class__ is str else ("", "")
        except ValueError:
            told, tag = "", ""
        if tag != element.tag:
            misfit(value, out, where, "" if in_list else element.key, f"the element {element.key} as XML")
        else:
            out += (told, "", "")

    return put


def any_element(value: Any, out: Text, where: Where) -> None:
    """An element as canonical XML, whatever its tag."""
    try:
        out += (as_it_came(value)[0], "", "")
    except (ValueError, AttributeError):
        misfit(value, out, where, "", "an element as XML")


def always(pieces: tuple[str, str, str]) -> Put:
    """The same whatever the content says: a fixed value."""

    def put(value: Any, out: Text, where: Where) -> None:
        del value, where
        out += pieces

    return put


def missing(key: str) -> Put:
    """Its absence is a fault."""

    def tell(value: Any, out: Text, where: Where) -> None:
        del value
        out.faults.append(Violation(path_of(where, key), "a value", "nothing"))

    return tell


def nothing(value: Any, out: Text, where: Where) -> None:
    """Nothing is put."""
    del value, out, where


def _unknown(value: Mapping[str, Any], known: frozenset[str], out: Text, where: Where) -> None:
    out.faults.extend(
        Violation(path_of(where, safe_name(name)), "no such field", "a field") for name in sorted(value.keys() - known)
    )


def misfit(value: Any, out: Text, where: Where, key: str, expected: str) -> None:
    """The fault that something else stands than expected."""
    out.faults.append(Violation(path_of(where, key) or "(whole body)", expected, kind_of(value)))


def path_of(where: Where, key: str) -> str:
    """The dotted path of a key, with the numbers of lists in brackets."""
    steps: list[str | int] = [key]
    while where is not None:
        where, step = where
        steps.append(step)
    named = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in reversed(steps) if step != "")
    return named.removeprefix(".")
