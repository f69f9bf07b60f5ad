"""The schemas of a WSDL in one normal form: each with its namespace, includes and imports resolved.

libxml2 keeps only the first import of a namespace and zeep stumbles over cycles and over several documents of one
namespace; in the normal form neither meets any of that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from lxml import etree

from adapter.wsdl.vetting import beside

XS = "{http://www.w3.org/2001/XMLSchema}"
WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
XML = "http://www.w3.org/XML/1998/namespace"
_LINKS = frozenset(f"{XS}{name}" for name in ("import", "include", "annotation"))
_REFUSED = frozenset(f"{XS}{name}" for name in ("redefine", "override"))
_ROOT = "panjereh:contract.xsd"

_XML_ATTRIBUTES = f"""<xs:schema xmlns:xs="{XS[1:-1]}" targetNamespace="{XML}">
  <xs:attribute name="lang" type="xs:language"/><xs:attribute name="base" type="xs:anyURI"/>
  <xs:attribute name="id" type="xs:ID"/><xs:attribute name="space"><xs:simpleType>
    <xs:restriction base="xs:NCName"><xs:enumeration value="default"/><xs:enumeration value="preserve"/>
    </xs:restriction></xs:simpleType></xs:attribute></xs:schema>"""


@dataclass(frozen=True, slots=True)
class Schema:
    """One schema document in the normal form; `imports` are the namespaces that it refers to."""

    namespace: str
    root: etree._Element
    imports: tuple[str, ...]


def normal_schemas(roots: Mapping[str, etree._Element]) -> list[Schema]:
    """Every schema in the WSDL's types and every one that they need, each once; raises ValueError.

    A document without a namespace that is included takes that of the including one (XSD 1.0 §4.2.1, chameleon).
    """
    found: dict[tuple[str, str], Schema] = {}
    for place, root in roots.items():
        for number, schema in enumerate(root.iterfind(f"{WSDL}types/{XS}schema")):
            _visit(f"{place}#{number}", schema, schema.get("targetNamespace", ""), roots, found)
        for link in root.iterfind(f"{WSDL}import"):
            named = beside(place, link.get("location", ""))
            if named in roots and roots[named].tag == f"{XS}schema":
                _visit(named, roots[named], roots[named].get("targetNamespace", ""), roots, found)
    if not any(one.namespace == XML for one in found.values()):
        found["", XML] = Schema(XML, etree.fromstring(_XML_ATTRIBUTES), ())
    return list(found.values())


def _visit(
    place: str,
    root: etree._Element,
    namespace: str,
    roots: Mapping[str, etree._Element],
    found: dict[tuple[str, str], Schema],
) -> None:
    waiting = [(place, root, namespace)]
    while waiting:
        place, root, namespace = waiting.pop()
        if (place, namespace) not in found:
            found[place, namespace] = _normal(place, root, namespace)
            waiting.extend(_linked(place, root, namespace, roots))


def _linked(
    place: str, root: etree._Element, namespace: str, roots: Mapping[str, etree._Element]
) -> Iterator[tuple[str, etree._Element, str]]:
    for link in root.iterchildren(f"{XS}import", f"{XS}include"):
        location = link.get("schemaLocation")
        if location is None:
            continue
        named = beside(place.partition("#")[0], location)
        wanted = namespace if link.tag == f"{XS}include" else link.get("namespace", "")
        own = roots[named].get("targetNamespace", "")
        if own != wanted and (own or link.tag == f"{XS}import"):
            raise ValueError(
                f"{place}: takes {named} for namespace '{wanted}', but it has '{own}'; correct one of them"
            )
        yield named, roots[named], wanted


def _normal(place: str, root: etree._Element, namespace: str) -> Schema:
    """A copy with its namespace said, on its own, without what links it to others."""
    refused = next(root.iterchildren(*_REFUSED), None)
    if refused is not None:
        raise ValueError(f"{place}: xs:{etree.QName(refused).localname} is not carried; write the types out")
    prefixes: dict[Any, Any] = dict(root.nsmap)
    if namespace and not root.get("targetNamespace"):
        prefixes.setdefault(None, namespace)
    normal = etree.Element(f"{XS}schema", {str(name): str(text) for name, text in root.attrib.items()}, prefixes)
    if namespace:
        normal.set("targetNamespace", namespace)
    imports = [one.get("namespace", "") for one in root.iterchildren(f"{XS}import")]
    normal.extend([deepcopy(one) for one in root.iterchildren("*") if one.tag not in _LINKS])
    return Schema(namespace, normal, tuple(dict.fromkeys(imports)))


def combined(schemas: Sequence[Schema]) -> etree.XMLSchema:
    """One validator of all schemas; raises XMLSchemaParseError. libxml2 sees nothing but these texts."""
    by_namespace: dict[str, list[Schema]] = {}
    for one in schemas:
        by_namespace.setdefault(one.namespace, []).append(one)
    places = {namespace: f"panjereh:{number}.xsd" for number, namespace in enumerate(by_namespace)}
    texts = {_ROOT: _linking("urn:panjereh:contract", _imports(places, places))}
    for namespace, members in by_namespace.items():
        documents = [f"{places[namespace]}-{number}" for number in range(len(members))]
        texts[places[namespace]] = _linking(namespace, [("include", {"schemaLocation": one}) for one in documents])
        texts |= {place: _text(one, places) for place, one in zip(documents, members, strict=True)}
    parser = etree.XMLParser(no_network=True, resolve_entities=False)
    parser.resolvers.add(_Resolver(texts))
    return etree.XMLSchema(etree.fromstring(texts[_ROOT], parser, base_url=_ROOT))


def _imports(
    namespaces: Mapping[str, str] | Sequence[str], places: Mapping[str, str]
) -> list[tuple[str, dict[str, str]]]:
    known = [one for one in namespaces if one in places]
    return [("import", {"schemaLocation": places[one], **({"namespace": one} if one else {})}) for one in known]


def _linking(namespace: str, links: Sequence[tuple[str, dict[str, str]]]) -> bytes:
    root = etree.Element(f"{XS}schema", {"targetNamespace": namespace} if namespace else {}, {"xs": XS[1:-1]})
    for name, attributes in links:
        etree.SubElement(root, f"{XS}{name}", attributes)
    return etree.tostring(root)


def _text(schema: Schema, places: Mapping[str, str]) -> bytes:
    root = deepcopy(schema.root)
    for name, attributes in reversed(_imports([one for one in schema.imports if one != schema.namespace], places)):
        root.insert(0, etree.Element(f"{XS}{name}", attributes))
    return etree.tostring(root)


class _Resolver(etree.Resolver):
    """libxml2's way to schemas: our texts, and nothing else exists for it."""

    def __init__(self, texts: Mapping[str, bytes]) -> None:
        self._texts = texts

    def resolve(self, system_url: str, public_id: str, context: Any = None) -> Any:
        del public_id
        answer: Any = self.resolve_string
        return answer(self._texts[system_url], context, base_url=system_url)
