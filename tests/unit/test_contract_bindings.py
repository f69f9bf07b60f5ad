"""Both bindings of the window say the same: the same messages, the same fields, the same facets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from lxml import etree

from adapter.exchange import Operation
from tests.support.contract_folders import WINDOW, XS, document_of, resolved, schema_of

WHOLE_NUMBERS = {"xs:int", "xs:long"}
ONE_BINDING_ONLY = {"Problem", "IdempotencyKey"}
"""A problem is RFC 9457 in REST and a fault's detail in SOAP; the key is a header in both."""


class Field(NamedTuple):
    """What a binding says of one field: whether it must stand, how often it may, and its facets when it is a value."""

    is_required: bool
    most: int
    facets: frozenset[tuple[str, Any]]


# What the XSD says


def xsd_facets(simple: etree._Element) -> frozenset[tuple[str, Any]]:
    restriction = simple.find(f"{XS}restriction")
    assert restriction is not None
    base = restriction.get("base")
    facets: set[tuple[str, Any]] = {("is_number", base in WHOLE_NUMBERS)}
    for facet in restriction:
        name, value = etree.QName(facet).localname, str(facet.get("value"))
        facets.add((name, int(value) if value.lstrip("-").isdigit() else value))
    return frozenset(facets)


def xsd_fields(schema: etree._Element, type_name: str, at: str = "") -> Iterator[tuple[str, Field]]:
    section = schema.find(f"{XS}complexType[@name='{type_name}']")
    assert section is not None, type_name
    for element in section.iter(f"{XS}element"):
        path = f"{at}.{element.get('name')}"
        inner = str(element.get("type")).removeprefix("tns:")
        simple = schema.find(f"{XS}simpleType[@name='{inner}']")
        is_yes_no = inner == "xs:boolean"
        facets = frozenset({("is_yes_no", True)}) if is_yes_no else frozenset()
        if simple is not None:
            facets = xsd_facets(simple)
        least, most = int(element.get("minOccurs", "1")), int(element.get("maxOccurs", "1"))
        yield path, Field(least > 0, most, facets)
        if simple is None and not is_yes_no:
            yield from xsd_fields(schema, inner, path)


def xsd_shape(folder: Path, root: str) -> dict[str, Field]:
    schema = schema_of(folder)
    element = schema.find(f"{XS}element[@name='{root}']")
    assert element is not None, root
    return dict(xsd_fields(schema, str(element.get("type")).removeprefix("tns:")))


# What the OpenAPI says, in the XSD's words


def json_facets(schema: Any) -> frozenset[tuple[str, Any]]:
    if schema["type"] == "boolean":
        return frozenset({("is_yes_no", True)})
    facets: set[tuple[str, Any]] = {("is_number", schema["type"] == "integer")}
    if schema["type"] == "integer":
        return frozenset(facets | {("minInclusive", schema["minimum"]), ("maxInclusive", schema["maximum"])})
    if "contentEncoding" in schema:
        most_bytes = schema["maxLength"] // 4 * 3
        return frozenset(facets | {("base64 of about", most_bytes // 1024)})
    facets |= {(name, schema[name]) for name in ("minLength", "maxLength") if name in schema}
    facets |= {("enumeration", value) for value in schema.get("enum", ())}
    if "pattern" in schema:
        bare = schema["pattern"].removeprefix("^").removesuffix("$")
        facets.add(("pattern", bare[1:-1] if "|" in bare and bare.startswith("(") and bare.endswith(")") else bare))
    return frozenset(facets)


def json_fields(document: Any, schema: Any, at: str = "") -> Iterator[tuple[str, Field]]:
    for name, inner in schema["properties"].items():
        path, one = f"{at}.{name}", resolved(document, inner)
        is_required, most = name in schema.get("required", ()), 1
        if one.get("type") == "array":
            is_required, most = is_required and one.get("minItems", 0) > 0, one["maxItems"]
            one = resolved(document, one["items"])
        is_section = one["type"] == "object"
        yield path, Field(is_required, most, frozenset() if is_section else json_facets(one))
        if is_section:
            yield from json_fields(document, one, path)


def json_shape(folder: Path, root: str) -> dict[str, Field]:
    document = document_of(folder)
    return dict(json_fields(document, resolved(document, document["components"]["schemas"][root])))


def in_json_words(field: Field) -> Field:
    """Base64 is measured in bytes in XSD and in characters in JSON Schema; whole kibibytes agree."""
    facets = dict(field.facets)
    if set(facets) == {"is_number", "minLength", "maxLength"} and facets["maxLength"] > 1024 * 1024:
        return field._replace(
            facets=frozenset({("is_number", False), ("base64 of about", facets["maxLength"] // 1024)})
        )
    return field


@pytest.mark.parametrize("root", [f"{operation}{end}" for operation in Operation for end in ("", "Response")])
def test_both_bindings_of_the_window_have_the_same_fields_duties_and_facets(root: str) -> None:
    soap = {path: in_json_words(field) for path, field in xsd_shape(WINDOW, root).items()}

    assert soap == json_shape(WINDOW, root)


def test_both_bindings_of_the_window_have_the_same_roots() -> None:
    roots = {str(element.get("name")) for element in schema_of(WINDOW).findall(f"{XS}element")}

    assert roots - ONE_BINDING_ONLY == {f"{operation}{end}" for operation in Operation for end in ("", "Response")}
    assert roots <= document_of(WINDOW)["components"]["schemas"].keys()


def test_a_fault_of_the_window_tells_nothing_that_a_problem_does_not() -> None:
    problem = document_of(WINDOW)["components"]["schemas"]["Problem"]["properties"]

    assert {path.removeprefix(".") for path in xsd_shape(WINDOW, "Problem")} <= problem.keys()
