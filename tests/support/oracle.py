"""zeep as the oracle: what it writes and reads of the same content, in the compiler's words."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from lxml import etree
from zeep.helpers import serialize_object

from adapter.xml import values as xml_values
from adapter.xml.leaves import Leaf, python_leaf
from adapter.xml.types import TEXT, TYPE, XSI, ComplexType, Element, Facets, Group, Particle, SimpleType, Wsdl


class Oracle:
    """zeep over the same schemas."""

    def __init__(self, wsdl: Wsdl) -> None:
        assert wsdl.fallback is not None
        fallback: Any = wsdl.fallback()
        self._schema: Any = fallback._schema
        self._wsdl = wsdl

    def written(self, element: Element, content: Any) -> str:
        """The canonical element that zeep writes of the content."""
        theirs = self._schema.get_element(element.tag)
        parent = etree.Element("parent")
        value = self._theirs(element.type, content)
        theirs.render(parent, theirs(**value) if isinstance(value, dict) else value)
        return canonical(parent[0])

    def read(self, node: etree._Element) -> list[str]:
        """Every value that zeep reads, in its order."""
        plain: Any = serialize_object
        return sorted(leaves(plain(self._schema.get_element(node.tag).parse(node, self._schema), dict)))

    def _theirs(self, key: str, content: Any) -> Any:
        kind = self._wsdl.types.types[key]
        if isinstance(kind, SimpleType):
            return base64.b64decode(content) if kind.base == "base64Binary" else content
        said = content.get(TYPE)
        if said is not None:
            key = self._wsdl.types.stand_ins[key][said]
            return self._schema.get_type(key)(**self._fields(key, content))
        return self._fields(key, content)

    def _fields(self, key: str, content: Any) -> dict[str, Any]:
        kind = self._wsdl.types.types[key]
        assert isinstance(kind, ComplexType)
        parts = {one.key: one for one in elements_in(kind.content)} if kind.content else {}
        fields = {}
        for name, value in content.items():
            if name in parts:
                one = parts[name]
                each = [self._theirs(one.type, part) for part in value] if one.is_repeated else None
                fields[name] = self._theirs(one.type, value) if each is None else each
            elif name != TYPE:
                fields["_value_1" if name == TEXT else name.removeprefix("@").rpartition("}")[2]] = value
        return fields


def elements_in(part: Particle) -> Iterator[Element]:
    """The elements of one record."""
    if isinstance(part, Element):
        yield part
    elif isinstance(part, Group):
        for one in part.parts:
            yield from elements_in(one)


def canonical(node: etree._Element) -> str:
    """Canonical XML 2.0 with prefixes by their order, those in xsi:type too, so that they do not count."""
    text = etree.tostring(node, encoding="unicode", with_tail=False)
    told: str = etree.canonicalize(text, rewrite_prefixes=True, qname_aware_attrs=[f"{{{XSI}}}type"])
    return told


def as_the_oracle_reads(kind: SimpleType) -> Leaf:
    """Python's own types whatever patterns say of the text."""
    return python_leaf(replace(kind, facets=Facets()))


def leaves(value: Any) -> Iterator[str]:
    """Every value as text, in order. What is absent, nil or empty is left out; a moment is told in UTC."""
    if isinstance(value, dict):
        for name, one in value.items():
            if name != TYPE:
                yield from leaves(one)
    elif isinstance(value, list):
        for one in value:
            yield from leaves(one)
    elif isinstance(value, datetime):
        yield (value.astimezone(UTC) if value.tzinfo else value).isoformat()
    elif isinstance(value, bytes):
        yield base64.b64encode(value).decode() or "-"
    elif isinstance(value, xml_values.ZonedDate):
        yield str(value.day)
    elif value is not None and value != "":
        yield str(value)
