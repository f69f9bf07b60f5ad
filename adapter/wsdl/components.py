"""The named components of all schemas, found by their names; a reference leads to the node that it means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lxml import etree

from adapter.wsdl.schemas import XML, XS, Schema

_KINDS = ("element", "attribute", "complexType", "simpleType", "group", "attributeGroup")


@dataclass(frozen=True, slots=True)
class Components:
    """Global components by kind and `{namespace}name`; `heads` are substitution groups: head → its members."""

    tables: Mapping[str, Mapping[str, etree._Element]]
    heads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def find(self, kind: str, name: str) -> etree._Element:
        """The component; the schema was found valid before, so that it exists."""
        return self.tables[kind][name]

    def members(self, head: str) -> list[str]:
        """All that may stand for the head, itself included where it is not abstract."""
        waiting, found = [head], [head]
        while waiting:
            more = [one for one in self.heads.get(waiting.pop(0), ()) if one not in found]
            waiting.extend(more)
            found.extend(more)
        return [one for one in found if not is_true(self.find("element", one), "abstract")]


def components_of(schemas: Iterable[Schema]) -> Components:
    """The components of schemas in their normal form."""
    tables: dict[str, dict[str, etree._Element]] = {kind: {} for kind in _KINDS}
    heads: dict[str, list[str]] = {}
    for schema in schemas:
        for node in schema.root:
            name = clark(schema.namespace, node.get("name", ""))
            tables[etree.QName(node).localname][name] = node
            if head := node.get("substitutionGroup"):
                heads.setdefault(qname(node, head), []).append(name)
    return Components(tables, {head: tuple(members) for head, members in heads.items()})


def named(node: etree._Element, attribute: str) -> str | None:
    """`{namespace}name` that an attribute of the node names."""
    text = node.get(attribute)
    return None if text is None else qname(node, text)


def qname(node: etree._Element, text: str) -> str:
    """`prefix:name` as it is meant at the node."""
    prefix, _, local = text.strip().rpartition(":")
    return clark(XML if prefix == "xml" else node.nsmap.get(prefix or None) or "", local)


def clark(namespace: str, local: str) -> str:
    """`{namespace}local`, or the bare name without a namespace."""
    return f"{{{namespace}}}{local}" if namespace else local


def local_name(tag: str) -> str:
    """The name without its namespace."""
    return tag.rpartition("}")[2]


def is_true(node: etree._Element, attribute: str) -> bool:
    """Whether a boolean attribute is said to be true."""
    return node.get(attribute, "false").strip() in {"true", "1"}


def tag_of(node: etree._Element, default: str) -> str:
    """The name that a local element or attribute has in messages; `default` is the schema's attribute for its form."""
    schema = node.getroottree().getroot()
    is_qualified = node.get("form", schema.get(default, "unqualified")) == "qualified"
    namespace = node.get("targetNamespace") or (schema.get("targetNamespace") if is_qualified else "") or ""
    return clark(namespace, node.get("name", ""))


def occurrence(node: etree._Element) -> tuple[int, int | None]:
    """MinOccurs and maxOccurs; None is without end."""
    most = node.get("maxOccurs", "1").strip()
    return int(node.get("minOccurs", "1")), None if most == "unbounded" else int(most)


BUILT_IN = XS
"""What names of built-in types begin with."""
