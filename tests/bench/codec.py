"""SOAP messages: the compiled functions beside zeep, pydantic-xml and what lxml alone would need, in one run."""

from __future__ import annotations

import importlib
import importlib.util
import logging
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

from lxml import etree

from adapter.contract.soap import SoapCodec
from adapter.wsdl import read_wsdl
from adapter.xml.messages import Compiler
from adapter.xml.types import ComplexType, Element, Types, Wsdl, elements_of
from ops.daemon import tune_process
from tests.figures import HOUSE, Figure
from tests.support.oracle import Oracle

ELEMENTS = 145
BYTES = 4900
ROUNDS = 60
CALLS = 30
_FOLDER = HOUSE / "contracts/window/1.0"
_EXAMPLE = _FOLDER / "examples/valid/SubmitRequest.a_new_building_of_two_owners_and_three_floors.soap.xml"


def measure() -> list[Figure]:
    """Microseconds a message, and the ratios that must hold."""
    logging.getLogger("zeep").setLevel(logging.CRITICAL)
    tune_process()  # as the daemon has it, for all of them alike
    wsdl = read_wsdl(_FOLDER, "window.wsdl")
    element = wsdl.operations["SubmitRequest"].request
    message, content = Compiler(wsdl).message(element), _content(wsdl, element)
    tree = etree.fromstring(message.write(content, []).encode())
    raw = etree.tostring(tree, encoding="utf-8")
    elements = sum(1 for _ in tree.iter("*"))
    took = _best(
        {
            "build: lxml floor (tostring)": lambda: etree.tostring(tree, encoding="utf-8"),
            "build: compiled": lambda: message.write(content, []),
            "read: lxml floor (parse + XSD)": lambda: _validated(wsdl, raw),
            "read: compiled, with XSD": lambda: message.read(_validated(wsdl, raw)),
            **_envelopes(wsdl, content),
            **_zeep(wsdl, element, content, raw),
            **_pydantic_xml(wsdl.types, element, content, raw),
        }
    )
    note = f"{elements} elements, {len(raw)} bytes"
    return [*(Figure(f"codec: {name}", one, "µs", None, note=note) for name, one in took.items()), *_ratios(took)]


def _ratios(took: Mapping[str, float]) -> list[Figure]:
    build, read = took["build: compiled"], took["read: compiled, with XSD"]
    return [
        Figure("codec: build / floor", build / took["build: lxml floor (tostring)"], "times", 3, at_most=True),
        Figure("codec: read / floor", read / took["read: lxml floor (parse + XSD)"], "times", 3, at_most=True),
        Figure("codec: zeep / build", took["build: zeep"] / build, "times", 7),
        Figure("codec: zeep / read", took["read: zeep, without XSD"] / read, "times", 7),
    ]


def _content(wsdl: Wsdl, element: Element) -> Any:
    """The example with as many owners and floors as make 145 elements, and a note that makes it 4.9 kB."""
    message = Compiler(wsdl).message(element)
    content = message.read(etree.fromstring(_EXAMPLE.read_bytes())[-1][0])
    owners, floors = content["owners"], content["floors"]
    while _count(message.write(content, [])) < ELEMENTS:
        many, other = ("owners", owners) if len(content["owners"]) <= len(content["floors"]) else ("floors", floors)
        content[many] = [*content[many], other[0]]
    content["note"] = "ی" * ((BYTES - len(message.write(content, []).encode())) // 2)
    return content


def _count(text: str) -> int:
    return sum(1 for _ in etree.fromstring(text).iter("*"))


def _validated(wsdl: Wsdl, raw: bytes) -> etree._Element:
    node = etree.fromstring(raw)
    assert wsdl.schema.validate(node)
    return node


def _envelopes(wsdl: Wsdl, content: Any) -> dict[str, Callable[[], object]]:
    """The whole way of a message: its envelope, every check of what comes from strangers, XSD both ways."""
    codec = SoapCodec(wsdl, limits=dict.fromkeys(wsdl.operations, 1_000_000), path="/")
    frozen = codec.encode_request("SubmitRequest", content)
    return {
        "build: codec, validated before sending": lambda: codec.encode_request("SubmitRequest", content),
        "read: codec, hardened": lambda: codec.decode_request(frozen),
    }


def _zeep(wsdl: Wsdl, element: Element, content: Any, raw: bytes) -> dict[str, Callable[[], object]]:
    schema: Any = Oracle(wsdl)._schema
    theirs = schema.get_element(element.tag)

    def build() -> bytes:
        parent = etree.Element("parent")
        theirs.render(parent, theirs(**content))
        return etree.tostring(parent[0], encoding="utf-8")

    return {"build: zeep": build, "read: zeep, without XSD": lambda: theirs.parse(etree.fromstring(raw), schema)}


def _pydantic_xml(types: Types, element: Element, content: Any, raw: bytes) -> dict[str, Callable[[], object]]:
    """pydantic-xml with models made from the same types; nothing where it is not installed."""
    if importlib.util.find_spec("pydantic_xml") is None:
        return {}
    model = _Models(types, importlib.import_module("pydantic_xml")).of(element)
    made = model.model_validate(content)
    assert made.model_dump(exclude_none=True) == model.from_xml(raw).model_dump(exclude_none=True)
    return {
        "build: pydantic-xml": lambda: model.model_validate(content).to_xml(skip_empty=True),
        "read: pydantic-xml, without XSD": lambda: model.from_xml(raw),
    }


class _Models:
    """pydantic-xml's models of a contract's types, text throughout as records have it."""

    def __init__(self, types: Types, library: Any) -> None:
        self._types = types
        self._library = library

    def of(self, element: Element) -> Any:
        pydantic: Any = importlib.import_module("pydantic")
        kind = self._types.types[element.type]
        assert isinstance(kind, ComplexType)
        assert kind.content is not None
        namespace, _, tag = element.tag[1:].partition("}")
        fields = {one.key: self._field(one) for one in elements_of(kind.content)}
        base = type(element.key, (self._library.BaseXmlModel,), {}, tag=tag, ns="", nsmap={"": namespace})
        return pydantic.create_model(element.key, __base__=base, **fields)

    def _field(self, one: Element) -> tuple[Any, Any]:
        kind = self._types.types[one.type]
        of_leaf = {"boolean": bool, "int": int, "long": int}
        single = self.of(one) if isinstance(kind, ComplexType) else of_leaf.get(kind.base, str)
        whole = list[single] if one.is_repeated else single  # type: ignore[valid-type]
        default = {} if one.least else {"default": None}
        return (whole if one.least else whole | None), self._library.element(tag=one.key, ns="", **default)


def _best(calls: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """The best of several rounds, all measured in turns so that a slow moment meets all of them."""
    took = dict.fromkeys(calls, float("inf"))
    for _ in range(ROUNDS):
        for name, call in calls.items():
            started = perf_counter()
            for _ in range(CALLS):
                call()
            took[name] = min(took[name], (perf_counter() - started) / CALLS * 1e6)
    return took
