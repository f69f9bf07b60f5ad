"""What a WSDL 1.1 says of its operations, as fields: requests, answers and declared faults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lxml import etree

from adapter.workbench.fields import Field, Kind, Limits, Message
from adapter.workbench.xsd_fields import XsdFields
from adapter.workbench.xsd_schemas import Declaration, schemas_of

_WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
_SOAP = ("{http://schemas.xmlsoap.org/wsdl/soap/}", "{http://schemas.xmlsoap.org/wsdl/soap12/}")


def wsdl_messages(documents: Mapping[str, bytes]) -> dict[str, Message]:
    """Every operation that a SOAP binding of the documents carries, by name; the first document is the WSDL."""
    return _Wsdl(documents).messages()


def wsdl_namespace(documents: Mapping[str, bytes]) -> str:
    """The namespace that the WSDL speaks for."""
    return etree.fromstring(next(iter(documents.values()))).get("targetNamespace", "")


class _Wsdl:
    """The WSDL's own declarations by name, whichever of the documents they stand in."""

    def __init__(self, documents: Mapping[str, bytes]) -> None:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        self._roots = [etree.fromstring(content, parser) for content in documents.values()]
        self._fields = XsdFields(schemas_of(documents))

    def messages(self) -> dict[str, Message]:
        """Every operation of a SOAP binding; one that stands in several bindings once."""
        found: dict[str, Message] = {}
        for binding in self._declared("binding"):
            is_soap = any(binding.node.find(f"{soap}binding") is not None for soap in _SOAP)
            port_type = self._named("portType", binding.name_in("type"))
            for operation in port_type.node.iterchildren(f"{_WSDL}operation") if is_soap and port_type else ():
                name = operation.get("name", "")
                rpc = _rpc_namespace(binding.node, name)
                found.setdefault(name, self._message(Declaration(operation, "", is_qualified=False), rpc))
        return found

    def _message(self, here: Declaration, rpc: str | None) -> Message:
        name = here.node.get("name", "")
        return Message(
            request=self._body(here, "input", f"{{{rpc}}}{name}", is_rpc=rpc is not None),
            answer=self._body(here, "output", f"{{{rpc}}}{name}Response", is_rpc=rpc is not None),
            faults=tuple(
                field
                for fault in here.node.iterchildren(f"{_WSDL}fault")
                for field in self._parts(here.at(fault).name_in("message"))
            ),
        )

    def _body(self, here: Declaration, side: str, wrapper: str, *, is_rpc: bool) -> Field:
        node = here.node.find(f"{_WSDL}{side}")
        parts = tuple(self._parts(here.at(node).name_in("message"))) if node is not None else ()
        if is_rpc or not parts:
            return Field(etree.QName(wrapper).localname, Limits(Kind.SECTION), parts, tag=wrapper)
        return parts[0]

    def _parts(self, message: str) -> Iterator[Field]:
        declared = self._named("message", message)
        for part in declared.node.iterchildren(f"{_WSDL}part") if declared else ():
            here = Declaration(part, "", is_qualified=False)
            name = part.get("name", "")
            if part.get("element"):
                yield self._fields.element(here.name_in("element"))
            else:
                yield self._fields.of_type(name, here.name_in("type"), name)

    def _named(self, kind: str, name: str) -> Declaration | None:
        return next((one for one in self._declared(kind) if _name_of(one.node) == name), None)

    def _declared(self, kind: str) -> Iterator[Declaration]:
        for root in self._roots:
            for node in root.iterchildren(f"{_WSDL}{kind}"):
                yield Declaration(node, "", is_qualified=False)


def _name_of(node: etree._Element) -> str:
    parent = node.getparent()
    namespace = parent.get("targetNamespace", "") if parent is not None else ""
    return f"{{{namespace}}}{node.get('name')}"


def _rpc_namespace(binding: etree._Element, operation: str) -> str | None:
    """The namespace of an rpc operation's wrapper; None for document style."""
    for soap in _SOAP:
        shell = binding.find(f"{soap}binding")
        here = next((one for one in binding.iterfind(f"{_WSDL}operation") if one.get("name") == operation), None)
        if shell is None or here is None:
            continue
        own = here.find(f"{soap}operation")
        style = (own.get("style") if own is not None else None) or shell.get("style", "document")
        body = here.find(f"{_WSDL}input/{soap}body")
        return (body.get("namespace", "") if body is not None else "") if style == "rpc" else None
    return None
