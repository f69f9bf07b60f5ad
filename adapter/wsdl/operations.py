"""The operations of a WSDL as plain types, one each however many bindings carry it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from lxml import etree

from adapter.wsdl.components import clark, local_name
from adapter.wsdl.definitions import Body, BoundOperation, NotCarriedError, Part
from adapter.wsdl.schemas import XS, Schema
from adapter.xml.types import Element, WsdlOperation

_KEY = "IdempotencyKey"


def operations_of(
    bound: Iterable[BoundOperation], elements: Mapping[str, Element], namespace: str, faults: list[str]
) -> dict[str, WsdlOperation]:
    """Operations by name; the same one in several bindings must have the same messages."""
    found: dict[str, WsdlOperation] = {}
    for one in bound:
        try:
            operation = _operation(one, elements, namespace)
        except NotCarriedError as error:
            faults.append(f"{one.name}: {error}")
            continue
        known = found.setdefault(one.name, operation)
        if replace(known, actions={}, port_type="") != replace(operation, actions={}, port_type=""):
            faults.append(f"{one.name}: stands in two bindings that differ; give each operation one form")
        found[one.name] = replace(known, actions={**operation.actions, **known.actions})
    return found


def _operation(bound: BoundOperation, elements: Mapping[str, Element], namespace: str) -> WsdlOperation:
    headers = _headers(bound.request, elements)
    return WsdlOperation(
        name=bound.name,
        port_type=bound.port_type,
        style=bound.style,
        actions={bound.version: bound.action},
        request=_message(bound.request, bound, elements, suffix=""),
        answer=_message(bound.answer, bound, elements, suffix="Response") if bound.answer else None,
        takes_key=clark(namespace, _KEY) in headers,
        headers=headers,
        answer_headers=_headers(bound.answer, elements) if bound.answer else {},
        faults={name: _element(part, elements) for name, part in bound.faults.items()},
    )


def _message(body: Body, bound: BoundOperation, elements: Mapping[str, Element], *, suffix: str) -> Element:
    if bound.style == "rpc":
        return elements[clark(body.namespace, bound.name + suffix)]
    if len(body.parts) != 1:
        raise NotCarriedError(f"has a Body of {len(body.parts)} parts; only one element is carried")
    return _element(body.parts[0], elements)


def _headers(body: Body, elements: Mapping[str, Element]) -> dict[str, Element]:
    found = [_element(part, elements) for part in body.headers]
    return {one.tag: one for one in found}


def _element(part: Part, elements: Mapping[str, Element]) -> Element:
    if part.element is None:
        raise NotCarriedError(f"part '{part.name}' names a type; in document style a part names an element")
    if part.element not in elements:
        raise NotCarriedError(f"part '{part.name}': no schema has the element {part.element}")
    return elements[part.element]


def rpc_wrappers(bound: Sequence[BoundOperation], schemas: Sequence[Schema], faults: list[str]) -> list[Schema]:
    """Schemas for the elements around rpc messages (WSDL 1.1 §3.5), which no schema declares."""
    wanted: dict[str, dict[str, Body]] = {}
    for one in bound:
        for body, suffix in ((one.request, ""), (one.answer, "Response")):
            if one.style == "rpc" and body is not None:
                wanted.setdefault(body.namespace, {})[one.name + suffix] = body
    return [_wrappers(namespace, bodies, schemas, faults) for namespace, bodies in wanted.items()]


def _wrappers(namespace: str, bodies: Mapping[str, Body], schemas: Sequence[Schema], faults: list[str]) -> Schema:
    declared = {
        one.get("name") for it in schemas if it.namespace == namespace for one in it.root.iterfind(f"{XS}element")
    }
    faults.extend(
        f"{name}: the schema has an element of this name already; give the soap:body a namespace of its own"
        for name in bodies
        if name in declared
    )
    kinds = [part.type for body in bodies.values() for part in body.parts if part.type]
    spaces = list(dict.fromkeys(etree.QName(kind).namespace or "" for kind in kinds))
    prefixes = {f"p{number}": space for number, space in enumerate(spaces) if space} | {"xs": XS[1:-1]}
    root = etree.Element(f"{XS}schema", {"targetNamespace": namespace} if namespace else {}, prefixes)
    for name, body in bodies.items():
        element = etree.SubElement(root, f"{XS}element", {"name": name})
        inside = etree.SubElement(etree.SubElement(element, f"{XS}complexType"), f"{XS}sequence")
        for attributes in _accessors(name, body, spaces, faults):
            etree.SubElement(inside, f"{XS}element", attributes)
    return Schema(namespace, root, tuple(one for one in spaces if one != namespace and one != XS[1:-1]))


def _accessors(name: str, body: Body, spaces: Sequence[str], faults: list[str]) -> Iterator[dict[str, str]]:
    for part in body.parts:
        if part.type is None:
            faults.append(f"{name}: part '{part.name}' names an element; in rpc style a part names a type")
            continue
        space = etree.QName(part.type).namespace or ""
        prefix = f"p{spaces.index(space)}:" if space else ""
        yield {"name": part.name, "type": prefix + local_name(part.type), "form": "unqualified"}
