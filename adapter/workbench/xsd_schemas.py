"""All schemas of a contract as one index: every global declaration by its name, whichever file it stands in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from lxml import etree

XS = "{http://www.w3.org/2001/XMLSchema}"
_GLOBAL = ("element", "complexType", "simpleType", "group", "attributeGroup", "attribute")
_INCLUDING = ("include", "redefine", "override")


@dataclass(frozen=True, slots=True)
class Declaration:
    """A node of a schema with what its surroundings say of it: the namespace that it declares, and the form."""

    node: etree._Element
    namespace: str
    is_qualified: bool

    def at(self, node: etree._Element) -> Declaration:
        """Another node of the same schema."""
        return Declaration(node, self.namespace, self.is_qualified)

    def name_in(self, attribute: str) -> str:
        """The qualified name in an attribute, as `{namespace}name`; empty when it does not stand."""
        prefix, _, local = self.node.get(attribute, "").rpartition(":")
        if not local:
            return ""
        own = self.node.nsmap.get(prefix or None)
        # In a chameleon include an unprefixed name means the namespace of who includes it (XML Schema 1.0, 4.2.1).
        return f"{{{own if own is not None else self.namespace}}}{local}"


Schemas = Mapping[tuple[str, str], Declaration]
"""By what it is (element, complexType …) and `{namespace}name`."""


def schemas_of(documents: Mapping[str, bytes]) -> Schemas:
    """Every global declaration in the documents, which are WSDL or XSD files by their name."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    roots = {name: etree.fromstring(content, parser) for name, content in documents.items()}
    found: dict[tuple[str, str], Declaration] = {}
    for schema, namespace in _schemas(roots):
        for node in schema.iterchildren(*(f"{XS}{kind}" for kind in _GLOBAL)):
            is_qualified = schema.get("elementFormDefault") == "qualified"
            key = etree.QName(node).localname, f"{{{namespace}}}{node.get('name')}"
            found.setdefault(key, Declaration(node, namespace, is_qualified))
    return found


def _schemas(roots: Mapping[str, etree._Element]) -> Iterator[tuple[etree._Element, str]]:
    """Every schema with the namespace it speaks for; one without its own speaks for each that includes it."""
    plain = [schema for root in roots.values() for schema in root.iter(f"{XS}schema")]
    files = {root: name for name, root in roots.items()}
    for schema in plain:
        namespace = schema.get("targetNamespace", "")
        yield schema, namespace
        if namespace:
            file = files[schema.getroottree().getroot()]
            yield from _included(schema, namespace, roots, file=file, seen=set())


def _included(
    schema: etree._Element, namespace: str, roots: Mapping[str, etree._Element], *, file: str, seen: set[str]
) -> Iterator[tuple[etree._Element, str]]:
    for including in schema.iterchildren(*(f"{XS}{name}" for name in _INCLUDING)):
        name = str(PurePosixPath(file).parent / including.get("schemaLocation", ""))
        other = roots.get(name)
        if other is None or name in seen or other.get("targetNamespace"):
            continue
        seen.add(name)
        yield other, namespace
        yield from _included(other, namespace, roots, file=name, seen=seen)
