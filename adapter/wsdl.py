"""WSDL and XSD read by zeep from one folder only, handed on as plain types; the one place that imports zeep.

zeep checks no facets and would load `../` and absolute paths, so the files are vetted before it sees them, and
messages are read and written by functions compiled from the plain types (`adapter.contract`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lxml import etree
from zeep import Settings, xsd
from zeep.exceptions import Error as ZeepError
from zeep.wsdl import Document
from zeep.wsdl.bindings.soap import Soap11Binding, Soap12Binding
from zeep.xsd.elements.indicators import Sequence as XsdSequence
from zeep.xsd.types.collection import ListType, UnionType
from zeep.xsd.types.simple import AnySimpleType

from adapter.contract.xml_types import SOAP_11, SOAP_12, Element, Simple, Wsdl, WsdlOperation
from adapter.errors import FaultyTables

_XS = "{http://www.w3.org/2001/XMLSchema}"
_REFERENCES = ("schemaLocation", "location")
_REFERRING = re.compile(r"\}(import|include|redefine|override)$")
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")

_SIMPLE_TYPES: tuple[tuple[type, Simple], ...] = (
    (xsd.Boolean, Simple.BOOLEAN),
    (xsd.Integer, Simple.INTEGER),
    (AnySimpleType, Simple.TEXT),
)
"""The first that fits; xs:decimal, dates and binary content are text as written."""


def read_wsdl(folder: Path, name: str) -> Wsdl:
    """The WSDL `name` of the folder with all its schemas; raises FaultyTables with all that cannot be carried."""
    faults: list[str] = []
    documents = dict(_vetted(folder, name, faults))
    if faults:
        raise FaultyTables(faults)
    place = folder / name
    try:
        transport: Any = _Folder(folder, documents)
        document: Any = Document(str(place.resolve()), transport, settings=_SETTINGS)
        schema = _schema(folder, documents, name)
    except (ZeepError, etree.XMLSyntaxError, etree.XMLSchemaParseError, KeyError, ValueError) as error:
        raise FaultyTables([f"{place}: cannot be read as WSDL: {type(error).__name__}: {error}"]) from error
    operations = {one.name: one for one in _operations(document, place, faults)}
    if faults:
        raise FaultyTables(faults)
    return Wsdl(_namespace(documents[name]), operations, schema, documents)


def _namespace(content: bytes) -> str:
    return etree.fromstring(content).get("targetNamespace", "")


_SETTINGS = Settings(forbid_dtd=True, forbid_entities=True, forbid_external=True, strict=True)


class _Folder:
    """zeep's transport: it hands out the bytes that were vetted, and nothing else exists for it."""

    def __init__(self, folder: Path, documents: Mapping[str, bytes]) -> None:
        self._documents = {str(folder.resolve() / name): content for name, content in documents.items()}

    def load(self, location: str) -> bytes:
        return self._documents[location]


class _Resolver(etree.Resolver):
    """libxml2's way to schemas: the vetted bytes, and nothing else exists for it."""

    def __init__(self, documents: Mapping[str, bytes]) -> None:
        self._documents = documents

    def resolve(self, system_url: str, public_id: str, context: Any = None) -> Any:
        del public_id
        answer: Any = self.resolve_string
        return answer(self._documents[Path(system_url).name], context, base_url=system_url)


def _vetted(folder: Path, name: str, faults: list[str]) -> Iterator[tuple[str, bytes]]:
    """Every file of the folder that the first one needs, directly or not; anything outside is a fault."""
    waiting, seen = [name], set()
    while waiting:
        one = waiting.pop(0)
        if one in seen:
            continue
        seen.add(one)
        path = folder / one
        if not _FILE_NAME.fullmatch(one) or path.is_symlink():
            faults.append(f"{folder}: '{one}' leads outside the folder; put the file beside contract.toml")
            continue
        try:
            content = path.read_bytes()
            root = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
        except (OSError, etree.XMLSyntaxError) as error:
            faults.append(f"{path}: cannot be read as XML: {error}")
            continue
        info: Any = root.getroottree().docinfo
        if info.doctype:
            faults.append(f"{path}: has a document type declaration; remove it")
            continue
        waiting.extend(_references(root))
        yield one, content


def _references(root: etree._Element) -> list[str]:
    referring = (one for one in root.iter("*") if _REFERRING.search(str(one.tag)))
    return [str(one.attrib[name]) for one in referring for name in _REFERENCES if name in one.attrib]


def _schema(folder: Path, documents: Mapping[str, bytes], name: str) -> etree.XMLSchema:
    """All schemas as one validator; the WSDL's types hold one schema, which imports the others."""
    parser = etree.XMLParser(no_network=True, resolve_entities=False)
    parser.resolvers.add(_Resolver(documents))
    root = etree.fromstring(documents[name], parser, base_url=str(folder.resolve() / name))
    schemas = root.findall(f"{{http://schemas.xmlsoap.org/wsdl/}}types/{_XS}schema")
    if len(schemas) != 1:
        raise ValueError(f"its types hold {len(schemas)} schemas; keep one, which imports the others")
    imported = [one.get("namespace") for one in schemas[0].iterfind(f"{_XS}import")]
    if len(set(imported)) < len(imported):
        raise ValueError("a namespace is imported twice and libxml2 would read the first only; use one import each")
    return etree.XMLSchema(schemas[0])


def _operations(document: Any, place: Path, faults: list[str]) -> Iterator[WsdlOperation]:
    found: dict[str, WsdlOperation] = {}
    bindings: list[Any] = list(document.bindings.values())
    for binding in bindings:
        version = _VERSIONS.get(type(binding))
        if version is None:
            continue
        for name, operation in binding._operations.items():  # noqa: SLF001 - zeep has no public list of them
            try:
                port_type: Any = binding.port_type
                one = _operation(name, operation, port_type.name.localname, version)
            except _NotCarriedError as error:
                faults.append(f"{place}: {name}: {error}")
                continue
            known = found.setdefault(name, one)
            if replace(known, actions={}) != replace(one, actions={}):
                faults.append(f"{place}: {name}: stands in two bindings that differ; give each operation one form")
            found[name] = replace(known, actions={**one.actions, **known.actions})
    yield from found.values()


_VERSIONS: Mapping[type, str] = {Soap11Binding: SOAP_11, Soap12Binding: SOAP_12}


def _operation(name: str, operation: Any, port_type: str, version: str) -> WsdlOperation:
    if operation.style != "document":
        raise _NotCarriedError("is not document/literal; rpc is not carried")
    headers = _headers(operation.input, name)
    return WsdlOperation(
        name=name,
        port_type=port_type,
        style=operation.style,
        actions={version: operation.soapaction or ""},
        request=_element(operation.input.body, name, ()),
        answer=_element(operation.output.body, f"{name} answer", ()) if operation.output else None,
        takes_key=any(one.name == "IdempotencyKey" for one in headers.values()),
        headers=headers,
        answer_headers=_headers(operation.output, f"{name} answer") if operation.output else {},
        faults={
            title: _element(part.element, f"{name} {title}", ())
            for title, fault in operation.faults.items()
            for part in fault.abstract.parts.values()
            if part.element is not None
        },
    )


def _headers(message: Any, path: str) -> dict[str, Element]:
    elements = [] if message.header is None else [one for _, one in message.header.type.elements]
    return {one.qname.text: _element(one, f"{path} header", ()) for one in elements}


class _NotCarriedError(Exception):
    """A construct that the compiler of messages does not know; the text names the place."""


def _element(element: Any, path: str, within: tuple[str, ...]) -> Element:
    if not isinstance(element, xsd.Element):
        raise _NotCarriedError(f"{path}: {type(element).__name__} is not carried; only named elements are")
    if element.nillable:
        raise _NotCarriedError(f"{path}: nillable is not carried; leave the element out instead (minOccurs=0)")
    kind: Any = element.type
    most: Any = element.max_occurs
    is_complex = isinstance(kind, xsd.ComplexType)
    return Element(
        name=str(element.name),
        tag=element.qname.text,
        simple=Simple.TEXT if is_complex else _simple(kind, path),
        parts=_parts(kind, path, within) if is_complex else None,
        is_required=element.min_occurs != 0,
        is_repeated=most == "unbounded" or most > 1,
    )


def _parts(kind: Any, path: str, within: tuple[str, ...]) -> tuple[Element, ...]:
    name = kind.qname.text if kind.qname is not None else path
    if name in within:
        raise _NotCarriedError(f"{path}: a type that contains itself is not carried")
    if kind.attributes:
        raise _NotCarriedError(f"{path}: attributes are not carried; make them elements")
    found: list[Element] = []
    for _, group in kind.elements_nested:
        if not isinstance(group, XsdSequence) or (group.min_occurs, group.max_occurs) != (1, 1):
            raise _NotCarriedError(f"{path}: {type(group).__name__} is not carried; only plain sequences are")
        found.extend(_element(one, f"{path}.{getattr(one, 'name', None) or '?'}", (*within, name)) for one in group)
    return tuple(found)


def _simple(kind: Any, path: str) -> Simple:
    if isinstance(kind, UnionType | ListType):
        raise _NotCarriedError(f"{path}: {type(kind).__name__} is not carried; use one simple type")
    for known, simple in _SIMPLE_TYPES:
        if isinstance(kind, known):
            return simple
    raise _NotCarriedError(f"{path}: {type(kind).__name__} is not carried; use one simple type")
