"""Complex types, elements and attributes of a schema as plain types."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from lxml import etree

from adapter.wsdl.components import (
    BUILT_IN,
    Components,
    is_true,
    local_name,
    named,
    occurrence,
    tag_of,
)
from adapter.wsdl.naming import CannotBeNamedError, keyed, keyed_attributes, not_compiled, stand_ins, type_key
from adapter.wsdl.simple_types import SimpleTypes
from adapter.xml.types import Attribute, ComplexType, Element, Group, Particle, SimpleType, Types, Wildcard

_ANY_TYPE = f"{BUILT_IN}anyType"
_GROUPS = ("sequence", "choice", "all")


@dataclass(frozen=True, slots=True)
class _Raw:
    """A complex type before its parts have keys."""

    kind: ComplexType
    base: str | None


def types_of(components: Components) -> tuple[Types, dict[str, Element]]:
    """All types, and the global elements by tag."""
    builder = _Builder(components)
    elements = {tag: builder.element(node, tag) for tag, node in components.tables["element"].items()}
    for name in components.tables["complexType"]:
        builder.complex(name)
    return builder.finished(), elements


class _Builder:
    """Types as they are met; a type that is being made already has its key, so that types may contain themselves."""

    def __init__(self, components: Components) -> None:
        self._components = components
        self._simple = SimpleTypes(components)
        self._raw: dict[str, _Raw] = {}
        self._types: dict[str, ComplexType | SimpleType] = {}
        self._nodes: dict[etree._Element, str] = {}

    def finished(self) -> Types:
        """Everything that was made, with the keys by which content names it."""
        types: dict[str, ComplexType | SimpleType] = dict(self._types)
        faults: dict[str, str] = {}
        standing = stand_ins({key: (one.base, one.kind.is_abstract) for key, one in self._raw.items()})
        faults |= {key: why for key, kind in self._types.items() if (why := not_compiled(kind))}
        for key, raw in self._raw.items():
            if why := not_compiled(raw.kind):
                faults[key] = why
            family = [raw.kind, *(self._raw[one].kind for one in standing.get(key, {}).values())]
            try:
                content = keyed(raw.kind.content) if raw.kind.content else None
            except CannotBeNamedError as error:
                content, faults[key] = raw.kind.content, str(error)
            types[key] = replace(
                raw.kind,
                content=content,
                attributes=keyed_attributes(raw.kind.attributes),
                type_key=type_key([name.tag for one in family for name in one.attributes]),
            )
        return Types(types, standing, faults)

    def element(self, node: etree._Element, tag: str, least: int = 1, most: int | None = 1) -> Element:
        """An element, global or local, as it may stand that often."""
        return Element(
            key=local_name(tag),
            tag=tag,
            type=self._type_of(node),
            least=least,
            most=most,
            is_nillable=is_true(node, "nillable"),
            default=node.get("default"),
            fixed=node.get("fixed"),
        )

    def complex(self, name: str) -> _Raw:
        """The complex type of that name; it is made when first asked for."""
        if name not in self._raw:
            if name == _ANY_TYPE:
                self._raw[name] = _Raw(ComplexType(as_it_came=True), None)
            else:
                self._make(name, self._components.find("complexType", name))
        return self._raw[name]

    def _type_of(self, node: etree._Element) -> str:
        if name := named(node, "type"):
            return self._named(name)
        inner = next(node.iterchildren(f"{BUILT_IN}complexType", f"{BUILT_IN}simpleType"), None)
        if inner is not None:
            return self._anonymous(inner)
        head = named(node, "substitutionGroup")
        return self._type_of(self._components.find("element", head)) if head else self._named(_ANY_TYPE)

    def _named(self, name: str) -> str:
        if name == _ANY_TYPE:
            self.complex(name)
        elif name not in self._types and name not in self._components.tables["complexType"]:
            self._types[name] = self._simple.of(name)
        return name

    def _anonymous(self, node: etree._Element) -> str:
        """The key of a type without a name: that of the element around it and a number, stable for one schema."""
        if node not in self._nodes:
            around = node.getparent()
            owner = "" if around is None else around.get("name", "")
            self._nodes[node] = key = f"#{owner}.{len(self._nodes)}"
            if local_name(str(node.tag)) == "simpleType":
                self._types[key] = self._simple.made(node)
            else:
                self._make(key, node)
        return self._nodes[node]

    def _make(self, key: str, node: etree._Element) -> None:
        """Afterwards the type stands under its key."""
        shell = next(node.iterchildren(f"{BUILT_IN}simpleContent", f"{BUILT_IN}complexContent"), None)
        change = None if shell is None else next(shell.iterchildren(f"{BUILT_IN}extension", f"{BUILT_IN}restriction"))
        base = None if change is None else named(change, "base")
        inherited = self._inherited(base)
        kind = replace(
            self._changed(node if change is None else change, inherited), is_abstract=is_true(node, "abstract")
        )
        if shell is not None and local_name(str(shell.tag)) == "simpleContent":
            kind = replace(kind, content=None, simple=self._text(change, inherited, base))
        if is_true(node, "mixed") or (shell is not None and is_true(shell, "mixed")):
            kind = replace(kind, as_it_came=True)
        self._raw[key] = _Raw(kind, base)

    def _inherited(self, base: str | None) -> ComplexType:
        """What a type takes over from its base; the type of anything gives nothing."""
        is_plain = base is None or base == _ANY_TYPE or base not in self._components.tables["complexType"]
        return ComplexType() if is_plain or base is None else self.complex(base).kind

    def _changed(self, node: etree._Element, inherited: ComplexType) -> ComplexType:
        content = next((self._group(one) for one in node if local_name(str(one.tag)) in {*_GROUPS, "group"}), None)
        attributes = {one.tag: one for one in inherited.attributes}
        for tag, attribute in self._attributes(node):
            attributes.pop(tag, None)
            if attribute is not None:
                attributes[tag] = attribute
        extends = local_name(str(node.tag)) == "extension"
        is_open = any(True for _ in self._wild(node)) or (extends and inherited.any_attribute)
        if extends and inherited.content is not None:
            parts = (inherited.content, *([] if content is None else [content]))
            content = Group("sequence", parts) if content is not None else inherited.content
        return ComplexType(
            content=content,
            simple=inherited.simple,
            attributes=tuple(attributes.values()),
            any_attribute=is_open,
            as_it_came=extends and inherited.as_it_came,
        )

    def _text(self, change: etree._Element | None, inherited: ComplexType, base: str | None) -> SimpleType:
        known = inherited.simple or self._simple.of(base or f"{BUILT_IN}string")
        is_restriction = change is not None and local_name(str(change.tag)) == "restriction"
        return self._simple.restricted(change, known) if change is not None and is_restriction else known

    def _group(self, node: etree._Element) -> Group:
        """A sequence, choice or all, or the group that a reference means."""
        least, most = occurrence(node)
        if name := named(node, "ref"):
            inside = next(one for one in self._components.find("group", name) if local_name(str(one.tag)) in _GROUPS)
            return replace(self._group(inside), least=least, most=most)
        return Group(local_name(str(node.tag)), tuple(self._particles(node)), least, most)

    def _particles(self, node: etree._Element) -> Iterator[Particle]:
        for one in node:
            make = _PARTICLES.get(local_name(str(one.tag)))
            if make is not None and occurrence(one)[1] != 0:
                yield make(self, one)

    def _wildcard(self, node: etree._Element) -> Wildcard:
        return Wildcard("", *occurrence(node))

    def _placed(self, node: etree._Element) -> Particle:
        """A local element, or what a reference lets stand: a choice where others may substitute for it."""
        least, most = occurrence(node)
        name = named(node, "ref")
        if name is None:
            return self.element(node, tag_of(node, "elementFormDefault"), least, most)
        members = self._components.members(name)
        if members == [name]:
            return self.element(self._components.find("element", name), name, least, most)
        options = tuple(self.element(self._components.find("element", one), one) for one in members)
        return Group("choice", options, least, most)

    def _attributes(self, node: etree._Element) -> Iterator[tuple[str, Attribute | None]]:
        """Every attribute with its tag; None where it is taken away."""
        for one in node:
            kind = local_name(str(one.tag))
            if kind == "attributeGroup":
                yield from self._attributes(self._components.find("attributeGroup", named(one, "ref") or ""))
            elif kind == "attribute":
                yield self._attribute(one)

    def _attribute(self, node: etree._Element) -> tuple[str, Attribute | None]:
        name = named(node, "ref")
        said = node if name is None else self._components.find("attribute", name)
        tag = name or tag_of(node, "attributeFormDefault")
        if node.get("use") == "prohibited":
            return tag, None
        inner, kind = said.find(f"{BUILT_IN}simpleType"), named(said, "type")
        simple = self._simple.of(kind or f"{BUILT_IN}anySimpleType") if inner is None else self._simple.made(inner)
        is_required = node.get("use") == "required"
        fixed, default = (node.get(one, said.get(one)) for one in ("fixed", "default"))
        return tag, Attribute("", tag, simple, is_required=is_required, default=default, fixed=fixed)

    def _wild(self, node: etree._Element) -> Iterator[etree._Element]:
        yield from node.iterchildren(f"{BUILT_IN}anyAttribute")
        for one in node.iterchildren(f"{BUILT_IN}attributeGroup"):
            yield from self._wild(self._components.find("attributeGroup", named(one, "ref") or ""))


_PARTICLES: dict[str, Callable[[_Builder, etree._Element], Particle]] = {
    **dict.fromkeys((*_GROUPS, "group"), _Builder._group),  # noqa: SLF001 - the table of this class
    "element": _Builder._placed,  # noqa: SLF001 - as above
    "any": _Builder._wildcard,  # noqa: SLF001 - as above
}
