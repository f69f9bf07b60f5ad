"""The fields of XML messages as dotted paths, as tables name them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from adapter.xml.types import (
    ANY_ATTRIBUTES,
    TEXT,
    ComplexType,
    Element,
    Group,
    Particle,
    SimpleType,
    Types,
    Wildcard,
)

_DEEPEST = 24


class _Field(NamedTuple):
    """A field: where it stands, whether it must stand within its parent, and the built-in type of its value."""

    path: str
    is_required: bool
    base: str | None = None


def shape_of(element: Element, types: Types) -> dict[str, bool]:
    """Every field below an element: its dotted path → whether it must stand within its parent.

    A type within itself is followed once; what only a type that stands in has, is not required.
    """
    return {one.path: one.is_required for one in _fields(element.type, types, "", ())}


def base64_in(element: Element, types: Types) -> tuple[str, ...]:
    """The paths of the fields below an element that hold Base64."""
    return tuple(one.path for one in _fields(element.type, types, "", ()) if one.base == "base64Binary")


def _fields(key: str, types: Types, path: str, within: tuple[str, ...]) -> Iterator[_Field]:
    if key in within or len(within) > _DEEPEST:
        return
    for one in types.stand_ins.get(key, {}).values():
        yield from (field._replace(is_required=False) for field in _fields(one, types, path, (*within, key)))
    kind = types.types[key]
    if isinstance(kind, SimpleType) or kind.as_it_came:
        return
    if key in types.stand_ins:
        yield _Field(_join(path, kind.type_key), kind.is_abstract)
    yield from (field._replace(path=_join(path, field.path)) for field in _own(kind))
    for part in kind.content.parts if kind.content else ():
        is_free = kind.content is not None and (kind.content.kind == "choice" or kind.content.least == 0)
        yield from _part(part, types, path, (*within, key), is_free=is_free)


def _own(kind: ComplexType) -> Iterator[_Field]:
    yield from (_Field(one.key, one.is_required and one.fixed is None, one.type.base) for one in kind.attributes)
    if kind.any_attribute:
        yield _Field(ANY_ATTRIBUTES, is_required=False)
    if kind.simple is not None:
        yield _Field(TEXT, is_required=True, base=kind.simple.base)


def _part(part: Particle, types: Types, path: str, within: tuple[str, ...], *, is_free: bool) -> Iterator[_Field]:
    is_required = part.least > 0 and not is_free
    if isinstance(part, Group):
        if part.is_repeated:
            path = _join(path, f"{part.key}[]")
            yield _Field(path, is_required)
            is_required = True
        for one in part.parts:
            yield from _part(one, types, path, within, is_free=not is_required or part.kind == "choice")
    elif isinstance(part, Wildcard):
        yield _Field(_join(path, f"{part.key}[]"), is_required)
    else:
        step = _join(path, part.key + ("[]" if part.is_repeated else ""))
        kind = types.types[part.type]
        yield _Field(step, is_required, kind.base if isinstance(kind, SimpleType) else None)
        yield from _fields(part.type, types, step, within)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
