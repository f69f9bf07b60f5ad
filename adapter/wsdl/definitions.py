"""What WSDL 1.1 says beside its types: messages, port types and SOAP bindings, over all files of the set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lxml import etree

from adapter.wsdl.schemas import WSDL
from adapter.xml.types import SOAP_11, SOAP_12

_SOAP = {
    SOAP_11: "{http://schemas.xmlsoap.org/wsdl/soap/}",
    SOAP_12: "{http://schemas.xmlsoap.org/wsdl/soap12/}",
}


class NotCarriedError(Exception):
    """A construct that is not carried; the text names it and says what to do instead."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a message: either the `element` or the `type` is named, as `{namespace}name`."""

    name: str
    element: str | None
    type: str | None


@dataclass(frozen=True, slots=True)
class Body:
    """One direction of an operation as a binding carries it; `namespace` is that of an rpc wrapper."""

    parts: tuple[Part, ...]
    headers: tuple[Part, ...]
    namespace: str


@dataclass(frozen=True, slots=True)
class BoundOperation:
    """One operation in one binding."""

    name: str
    port_type: str
    version: str
    style: str
    action: str
    request: Body
    answer: Body | None
    faults: Mapping[str, Part] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Definitions:
    """Messages, port types and bindings by `{namespace}name`."""

    messages: Mapping[str, etree._Element]
    port_types: Mapping[str, etree._Element]
    bindings: Mapping[str, etree._Element]


def bound_operations(roots: Mapping[str, etree._Element], faults: list[str]) -> Iterator[BoundOperation]:
    """Every operation of every SOAP binding; other bindings are passed over. What is not carried is a fault."""
    definitions = _Definitions(*(_named(roots, kind) for kind in ("message", "portType", "binding")))
    soap = [(version, one) for one in definitions.bindings.values() if (version := _version(one))]
    if not soap:
        faults.append("has no SOAP binding")
    for version, binding in soap:
        port_type = definitions.port_types.get(_qname(binding, binding.get("type", "")))
        if port_type is None:
            faults.append(f"binding {binding.get('name')}: its port type does not exist")
            continue
        abstract = _by_name(port_type)
        for operation in binding.iterfind(f"{WSDL}operation"):
            try:
                yield _bound(definitions, version, binding, operation, abstract)
            except NotCarriedError as error:
                faults.append(f"{operation.get('name')}: {error}")


def _named(roots: Mapping[str, etree._Element], kind: str) -> dict[str, etree._Element]:
    return {
        _clark(root.get("targetNamespace", ""), one.get("name", "")): one
        for root in roots.values()
        for one in root.iterfind(f"{WSDL}{kind}")
    }


def _by_name(port_type: etree._Element) -> dict[str, list[etree._Element]]:
    found: dict[str, list[etree._Element]] = {}
    for one in port_type.iterfind(f"{WSDL}operation"):
        found.setdefault(one.get("name", ""), []).append(one)
    return found


def _version(binding: etree._Element) -> str | None:
    return next((version for version, prefix in _SOAP.items() if binding.find(f"{prefix}binding") is not None), None)


def _bound(
    definitions: _Definitions,
    version: str,
    binding: etree._Element,
    operation: etree._Element,
    known: Mapping[str, list[etree._Element]],
) -> BoundOperation:
    name, prefix = operation.get("name", ""), _SOAP[version]
    if len(known.get(name, ())) != 1:
        raise NotCarriedError(f"stands {len(known.get(name, ()))} times in its port type; give it a name of its own")
    abstract = known[name][0]
    said = operation.find(f"{prefix}operation")
    general = binding.find(f"{prefix}binding")
    style = (said.get("style") if said is not None else None) or (general.get("style") if general is not None else None)
    request = _body(definitions, operation.find(f"{WSDL}input"), abstract.find(f"{WSDL}input"), prefix)
    if request is None:
        raise NotCarriedError("has no input; an operation that only notifies is not carried")
    return BoundOperation(
        name=name,
        port_type=binding.get("type", "").rpartition(":")[2],
        version=version,
        style=style or "document",
        action=said.get("soapAction", "") if said is not None else "",
        request=request,
        answer=_body(definitions, operation.find(f"{WSDL}output"), abstract.find(f"{WSDL}output"), prefix),
        faults=dict(_faults(definitions, abstract)),
    )


def _body(
    definitions: _Definitions, bound: etree._Element | None, abstract: etree._Element | None, prefix: str
) -> Body | None:
    if abstract is None:
        return None
    message = _qname(abstract, abstract.get("message", ""))
    parts = _parts(definitions, message)
    body = None if bound is None else next(bound.iter(f"{prefix}body"), None)
    blocks = [] if bound is None else list(bound.iter(f"{prefix}header"))
    if any(one.get("use", "literal") != "literal" for one in [*blocks, *([] if body is None else [body])]):
        raise NotCarriedError("is encoded; only literal messages are carried")
    headers = [(_qname(one, one.get("message", "")), one.get("part", "")) for one in blocks]
    wanted = None if body is None else body.get("parts")
    names = parts.keys() - {part for home, part in headers if home == message} if wanted is None else wanted.split()
    return Body(
        parts=tuple(part for name, part in parts.items() if name in names),
        headers=tuple(_part(definitions, home, part) for home, part in headers),
        namespace="" if body is None else body.get("namespace", ""),
    )


def _faults(definitions: _Definitions, abstract: etree._Element) -> Iterator[tuple[str, Part]]:
    for one in abstract.iterfind(f"{WSDL}fault"):
        for part in _parts(definitions, _qname(one, one.get("message", ""))).values():
            if part.element is not None:
                yield one.get("name", ""), part


def _part(definitions: _Definitions, message: str, name: str) -> Part:
    part = _parts(definitions, message).get(name)
    if part is None or part.element is None:
        raise NotCarriedError(f"header part '{name}' of {message} is no element")
    return part


def _parts(definitions: _Definitions, message: str) -> dict[str, Part]:
    if message not in definitions.messages:
        raise NotCarriedError(f"message {message} does not exist")
    found = {}
    for one in definitions.messages[message].iterfind(f"{WSDL}part"):
        element, kind = one.get("element"), one.get("type")
        name = one.get("name", "")
        found[name] = Part(name, element and _qname(one, element), kind and _qname(one, kind))
    return found


def _qname(node: etree._Element, text: str) -> str:
    prefix, _, local = text.rpartition(":")
    return _clark(node.nsmap.get(prefix or None, ""), local)


def _clark(namespace: str, local: str) -> str:
    return f"{{{namespace}}}{local}" if namespace else local
