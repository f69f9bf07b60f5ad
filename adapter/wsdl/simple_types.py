"""Simple types of a schema as plain types, down to the built-in type on which they stand."""

from __future__ import annotations

from dataclasses import replace

from lxml import etree

from adapter.wsdl.components import BUILT_IN, Components, local_name, named, qname
from adapter.xml.types import Facets, SimpleType

_LISTS = {"NMTOKENS": "NMTOKEN", "IDREFS": "IDREF", "ENTITIES": "ENTITY"}


class SimpleTypes:
    """Simple types by name, each made once."""

    def __init__(self, components: Components) -> None:
        self._components = components
        self._made: dict[str, SimpleType] = {}

    def of(self, name: str) -> SimpleType:
        """The type of that name, built-in or of the schema."""
        if name not in self._made:
            self._made[name] = (
                _built_in(local_name(name))
                if name.startswith(BUILT_IN)
                else self.made(self._components.find("simpleType", name))
            )
        return self._made[name]

    def made(self, node: etree._Element) -> SimpleType:
        """The type that an xs:simpleType says."""
        said = next(one for one in node.iterchildren("*") if local_name(str(one.tag)) in _VARIETIES)
        return _VARIETIES[local_name(str(said.tag))](self, said)

    def restricted(self, node: etree._Element, base: SimpleType | None = None) -> SimpleType:
        """The type that a restriction makes of its base; facets of the base stay."""
        inner = node.find(f"{BUILT_IN}simpleType")
        if inner is not None:
            base = self.made(inner)
        elif base is None:
            base = self.of(named(node, "base") or f"{BUILT_IN}anySimpleType")
        return replace(base, facets=_narrowed(base.facets, node))

    def listed(self, node: etree._Element) -> SimpleType:
        """A list of the type that xs:list names or holds."""
        items = named(node, "itemType")
        return SimpleType("list", items=self.of(items) if items else self.made(node[-1]))

    def united(self, node: etree._Element) -> SimpleType:
        """The union of the types that xs:union names and holds."""
        members = [self.of(qname(node, one)) for one in node.get("memberTypes", "").split()]
        members.extend(self.made(one) for one in node.iterchildren(f"{BUILT_IN}simpleType"))
        return SimpleType("union", members=tuple(members))


_VARIETIES = {"restriction": SimpleTypes.restricted, "list": SimpleTypes.listed, "union": SimpleTypes.united}


def _built_in(name: str) -> SimpleType:
    return SimpleType("list", items=SimpleType(_LISTS[name])) if name in _LISTS else SimpleType(name)


def _narrowed(facets: Facets, node: etree._Element) -> Facets:
    values: dict[str, list[str]] = {}
    for one in node.iterchildren("*"):
        if "value" in one.attrib:
            values.setdefault(local_name(str(one.tag)), []).append(str(one.attrib["value"]))
    enumeration, patterns = values.pop("enumeration", None), values.pop("pattern", None)
    bounds = {name: texts[-1] for name, texts in values.items()}
    return Facets(
        enumeration=facets.enumeration if enumeration is None else tuple(enumeration),
        patterns=facets.patterns if patterns is None else (*facets.patterns, tuple(patterns)),
        bounds={**facets.bounds, **bounds},
    )
