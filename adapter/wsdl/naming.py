"""The keys by which content names the parts of a type: local names wherever they say enough."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count

from adapter.wsdl.components import local_name
from adapter.xml.types import (
    ANY,
    ANY_ATTRIBUTES,
    GROUP,
    TYPE,
    Attribute,
    ComplexType,
    Element,
    Group,
    Particle,
    SimpleType,
    Wildcard,
)


class CannotBeNamedError(Exception):
    """Two parts of a type would have one key; the text names them."""


def keyed(content: Group) -> Group:
    """The content with a key for each part; raises CannotBeNamedError.

    A record names its elements by local names, by `{namespace}name` where two namespaces share one. A repeated group
    is a record of its own, under a reserved key.
    """
    root = replace(content, least=1, most=1) if not content.is_repeated else Group("sequence", (content,))
    found = _scoped(root)
    assert isinstance(found, Group)  # noqa: S101 - a group stays a group
    return found if content.is_repeated else replace(found, least=content.least)


def _scoped(group: Group) -> Group:
    """The parts of one record, keyed; repeated groups in it are records of their own."""
    tags = list(_tags(group))
    shared = [*map(local_name, dict.fromkeys(tags))]
    clashing = {name for name in shared if shared.count(name) > 1}
    _refuse_twice(group)
    groups, wildcards = (_numbered(name) for name in (GROUP, ANY))

    def key(part: Particle) -> Particle:
        if isinstance(part, Element):
            local = local_name(part.tag)
            return replace(part, key=part.tag if local in clashing else local)
        if isinstance(part, Wildcard):
            return replace(part, key=next(wildcards))
        if part.is_repeated:
            return replace(_scoped(replace(part, least=1, most=1)), least=part.least, most=part.most, key=next(groups))
        return replace(part, parts=tuple(key(one) for one in part.parts))

    return replace(group, parts=tuple(key(one) for one in group.parts))


def _tags(group: Group) -> Iterator[str]:
    for part in group.parts:
        if isinstance(part, Element):
            yield part.tag
        elif isinstance(part, Group) and not part.is_repeated:
            yield from _tags(part)


def _refuse_twice(group: Group) -> dict[str, Element]:
    """The elements of one record by tag. One tag may stand in two options of a choice, of the same form, not twice."""
    found: dict[str, Element] = {}
    for part in group.parts:
        inside = (
            {part.tag: part}
            if isinstance(part, Element)
            else _refuse_twice(part)
            if isinstance(part, Group) and not part.is_repeated
            else {}
        )
        for tag, one in inside.items():
            known = found.setdefault(tag, one)
            if known is one:
                continue
            if group.kind != "choice" or (known.type, known.is_repeated) != (one.type, one.is_repeated):
                raise CannotBeNamedError(f"'{local_name(tag)}' stands twice in one type")
    return found


def not_compiled(kind: ComplexType | SimpleType) -> str:
    """Why values of a type cannot be compiled; empty where they can. A name needs a place to declare its prefix."""
    if isinstance(kind, SimpleType):
        inside = [kind.items, *kind.members] if kind.items else list(kind.members)
        return "a list or union of names (xs:QName)" if any(one and _is_name(one) for one in inside) else ""
    if kind.simple and _is_name(kind.simple):
        return "a name (xs:QName) with attributes"
    return next((why for one in kind.attributes if (why := not_compiled(one.type))), "")


def _is_name(kind: SimpleType) -> bool:
    return kind.base in {"QName", "NOTATION"} or any(map(_is_name, kind.members))


def _numbered(name: str) -> Iterator[str]:
    return (name if number == 1 else f"{name}{number}" for number in count(1))


def keyed_attributes(attributes: Sequence[Attribute]) -> tuple[Attribute, ...]:
    """Attributes named `@name`, by `@{namespace}name` where a name is shared or reserved."""
    names = [local_name(one.tag) for one in attributes]
    reserved = {ANY_ATTRIBUTES.removeprefix("@"), *(name for name in names if names.count(name) > 1)}
    return tuple(
        replace(one, key=f"@{_clark(one.tag)}" if local_name(one.tag) in reserved else f"@{local_name(one.tag)}")
        for one in attributes
    )


def _clark(tag: str) -> str:
    return tag if tag.startswith("{") else f"{{}}{tag}"


def type_key(attributes: Sequence[str]) -> str:
    """Where content names a type that stands in; attributes of that name keep theirs."""
    return "@xsi:type" if TYPE.removeprefix("@") in map(local_name, attributes) else TYPE


def stand_ins(types: Mapping[str, tuple[str | None, bool]]) -> dict[str, dict[str, str]]:
    """For each type what may stand in for it, by the name that content gives it; `types` are base and abstractness."""
    below: dict[str, list[str]] = {}
    for key, (_, is_abstract) in types.items():
        if is_abstract or key.startswith("#"):
            continue
        for base in _bases(key, types):
            below.setdefault(base, []).append(key)
    return {base: _short(keys) for base, keys in below.items()}


def _bases(key: str, types: Mapping[str, tuple[str | None, bool]]) -> Iterator[str]:
    base = types[key][0]
    while base is not None and base in types:
        yield base
        base = types[base][0]


def _short(keys: Sequence[str]) -> dict[str, str]:
    names = [local_name(key) for key in keys]
    return {name if names.count(name) == 1 else key: key for name, key in zip(names, keys, strict=True)}
