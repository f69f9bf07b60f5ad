"""OpenAPI 3.0 and 3.1 as one kind of contract, and every class of JSON schema errors in words without values."""

from __future__ import annotations

from typing import Any

import pytest

from adapter.contract.json_schema import Validator, base64_in, shape_of
from adapter.contract.openapi import RestOperation, declared_names, operations_of
from adapter.contract.openapi_30 import as_31, schema_31
from adapter.contract.rest import RestCodec
from adapter.refusals import SchemaViolation
from adapter.telemetry import DriftLog

PERSON = {
    "type": "object",
    "required": ["name", "age"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "nullable": True, "example": "SECRET"},
        "age": {"type": "integer", "minimum": 0, "exclusiveMinimum": True, "maximum": 150, "exclusiveMaximum": False},
        "nullable": {"type": "boolean"},
        "photo": {"type": "string", "format": "byte"},
        "home": {"allOf": [{"$ref": "#/components/schemas/Address"}], "nullable": True},
        "work": {"$ref": "#/components/schemas/Address", "description": "counts for nothing", "nullable": True},
        "notes": {"type": "array", "nullable": True, "items": {"type": "string", "nullable": True}},
    },
}
ADDRESS = {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}}


def document(version: str = "3.0.3", person: Any = None, **answer: Any) -> dict[str, Any]:
    json = {"application/json; charset=utf-8": {"schema": {"$ref": "#/components/schemas/Person"}}}
    return {
        "openapi": version,
        "paths": {
            "/people/{id}": {
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
                "post": {
                    "operationId": "AddPerson",
                    "requestBody": {"$ref": "#/components/requestBodies/Person"},
                    "responses": {"204": {"description": "kept"}, **answer},
                },
            }
        },
        "components": {
            "requestBodies": {"Person": {"required": True, "content": json}},
            "schemas": {"Person": person or PERSON, "Address": ADDRESS},
        },
    }


def operation(found: dict[str, Any]) -> RestOperation:
    faults: list[str] = []
    operations = operations_of(found, faults, place="openapi.json")
    assert faults == []
    return operations["AddPerson"]


@pytest.mark.parametrize(
    ("content", "violations"),
    [
        ({"name": None, "age": 1}, []),
        ({"name": "a", "age": 150, "home": None, "notes": None, "nullable": True}, []),
        ({"name": "a", "age": 1, "notes": ["a", None]}, []),
        ({"name": "a", "age": 0}, [("age", "more than 0", "a whole number")]),
        ({"name": "a", "age": 151}, [("age", "at most 150", "a whole number")]),
        ({"name": 5, "age": 1}, [("name", "null or text", "a whole number")]),
        ({"name": "a", "age": 1, "work": None}, [("work", "an object", "nothing")]),
        ({"name": "a", "age": 1, "home": {}}, [("home.city", "a value", "nothing")]),
        ({"name": "a", "age": 1, "home": {"city": 5}}, [("home.city", "text", "a whole number")]),
    ],
)
def test_a_contract_of_3_0_is_held_as_it_is_meant(content: dict[str, Any], violations: list[Any]) -> None:
    known = operation(document())
    found = known.content.violations({**content, "id": 1})
    assert [(one.path, one.expected, one.found) for one in found] == violations


def test_its_shape_sees_through_null_and_composition() -> None:
    shape = operation(document()).shape
    assert shape == {
        "id": True,
        "name": True,
        "age": True,
        "nullable": False,
        "photo": False,
        "home": False,
        "home.city": True,
        "work": False,
        "work.city": True,
        "notes[]": False,
    }


def test_examples_and_properties_keep_their_names() -> None:
    told = schema_31({"properties": {"nullable": {"type": "string"}, "example": {"type": "string", "example": 1}}})
    assert told == {"properties": {"nullable": {"type": "string"}, "example": {"type": "string"}}}
    assert schema_31({"type": "string", "format": "byte"})["contentEncoding"] == "base64"
    assert schema_31({"enum": [{"nullable": True}], "default": {"nullable": True}})["default"] == {"nullable": True}


def test_a_document_of_3_1_stays_as_it_is() -> None:
    found = document("3.1.0")
    assert as_31(found) is found


@pytest.mark.parametrize("version", ["2.0", "4.0.0", "None", ""])
def test_another_version_is_a_fault_that_says_what_to_do(version: str) -> None:
    faults: list[str] = []
    assert operations_of(document(version), faults, place="openapi.json") == {}
    assert "convert the document to 3.1 or 3.0" in faults[0]


def test_an_answer_without_content_is_an_empty_record() -> None:
    codec = RestCodec({"AddPerson": operation(document())}, {"AddPerson": 1000})
    assert codec.decode_answer("AddPerson", b"", status=204) == {}


def test_a_request_and_an_answer_are_held_to_the_document() -> None:
    answer = {"description": "x", "content": {"application/json": {"schema": ADDRESS}}}
    found = document("3.0.3", PERSON, **{"200": answer})
    names = declared_names(found)
    codec = RestCodec({"AddPerson": operation(found)}, {"AddPerson": 1000}, names=names, drift=DriftLog())
    body = b'{"name": null, "age": 7, "hobby": "SECRET"}'
    decoded = codec.decode_request(body, operation="AddPerson", parameters={"id": "5"})
    assert decoded.content == {"id": 5, "name": None, "age": 7}
    with pytest.raises(SchemaViolation):
        codec.decode_answer("AddPerson", b'{"city": 5}')


def test_a_map_of_any_names_leaves_nothing_new() -> None:
    open_map = {**PERSON, "additionalProperties": {"type": "string"}}
    assert declared_names(document(person=open_map)) == frozenset()
    assert declared_names(document()) >= {"name", "home", "city", "id"}


WORDS: list[tuple[dict[str, Any], Any, str, str]] = [
    ({"type": "string"}, 5, "text", "a whole number"),
    ({"type": ["string", "null"]}, 5, "null or text", "a whole number"),
    ({"type": "number"}, "SECRET", "a number", "text"),
    ({"enum": ["a", "b"]}, "SECRET", "one of a, b", "another text"),
    ({"const": "a"}, "SECRET", "a", "text of 6 characters"),
    ({"pattern": "^[0-9]+$"}, "SECRET", "text like ^[0-9]+$", "text of 6 characters"),
    ({"format": "date-time"}, "SECRET", "a date-time", "text of 6 characters"),
    ({"minLength": 9}, "SECRET", "at least 9 characters", "text of 6 characters"),
    ({"maxLength": 1}, "SECRET", "at most 1 characters", "text of 6 characters"),
    ({"minimum": 9}, 5, "at least 9", "a whole number"),
    ({"maximum": 1}, 5, "at most 1", "a whole number"),
    ({"exclusiveMinimum": 5}, 5, "more than 5", "a whole number"),
    ({"exclusiveMaximum": 5}, 5, "less than 5", "a whole number"),
    ({"multipleOf": 1000}, 5, "a multiple of 1000", "a whole number"),
    ({"minItems": 1}, [], "at least 1 entries", "a list of 0"),
    ({"maxItems": 1}, ["SECRET"] * 2, "at most 1 entries", "a list of 2"),
    ({"uniqueItems": True}, ["SECRET"] * 2, "entries that differ", "a list of 2"),
    ({"contains": {"type": "null"}}, [1], "the right number of the entries that must be among them", "a list of 1"),
    ({"prefixItems": [{}], "unevaluatedItems": False}, [1, "SECRET"], "no more entries", "a list of 2"),
    ({"minProperties": 1}, {}, "at least 1 fields", "an object"),
    ({"maxProperties": 0}, {"a": 1}, "at most 0 fields", "an object"),
    ({"propertyNames": {"pattern": "^a$"}}, {"SECRET": 1}, "fields with allowed names", "an object"),
    ({"required": ["a"]}, {}, "a value", "nothing"),
    ({"dependentRequired": {"b": ["a"]}}, {"b": 1}, "a value", "nothing"),
    ({"properties": {"a": {}}, "additionalProperties": False}, {"new": "SECRET"}, "no such field", "a field"),
    ({"unevaluatedProperties": False}, {"new": "SECRET"}, "no such field", "a field"),
    ({"properties": {"a": False}}, {"a": "SECRET"}, "nothing", "text of 6 characters"),
    ({"not": {"type": "string"}}, "SECRET", "something else than this", "text of 6 characters"),
    ({"anyOf": [{"type": "integer"}, {"type": "array"}]}, "SECRET", "one of the allowed forms", "text of 6 characters"),
    ({"anyOf": [{"minLength": 9}, {"type": "null"}]}, "SECRET", "at least 9 characters", "text of 6 characters"),
    (
        {"oneOf": [{"type": "string"}, {"minLength": 1}]},
        "SECRET",
        "exactly one of the allowed forms",
        "text of 6 characters",
    ),
    ({"if": {"type": "string"}, "then": {"maxLength": 1}}, "SECRET", "at most 1 characters", "text of 6 characters"),
]


@pytest.mark.parametrize(("schema", "value", "expected", "found"), WORDS, ids=[str(one[0])[:50] for one in WORDS])
def test_every_class_of_errors_has_its_words(schema: dict[str, Any], value: Any, expected: str, found: str) -> None:
    told = Validator(schema, {}).violations(value)
    assert [(one.expected, one.found) for one in told] == [(expected, found)]


def test_a_shape_of_composed_parts_holds_them_all() -> None:
    schema = {"allOf": [{"properties": {"a": {}}, "required": ["a"]}], "properties": {"b": {}}}
    assert shape_of(schema, {}) == {"a": True, "b": False}


def test_base64_is_found_in_whichever_form_of_a_message_it_stands() -> None:
    file = {"type": "string", "contentEncoding": "base64"}
    schemas: dict[str, Any] = {
        "Scan": {"properties": {"pages": {"type": "array", "items": {"$ref": "#/components/schemas/Page"}}}}
    }
    schemas["Page"] = {"properties": {"image": file, "next": {"$ref": "#/components/schemas/Page"}}}
    schema = {
        "allOf": [{"properties": {"deed": file}}],
        "properties": {
            "name": {"type": "string"},
            "photo": {"type": "string", "format": "byte"},
            "either": {"oneOf": [{"$ref": "#/components/schemas/Scan"}, {"properties": {"letter": file}}]},
            "files": {"type": ["array", "null"], "items": file},
        },
    }
    found = list(base64_in(schema, {"components": {"schemas": schemas}}))
    assert found == ["deed", "photo", "either.pages[].image", "either.letter", "files[]"]


def test_an_operation_knows_its_base64_fields_and_those_that_are_parts() -> None:
    assert operation(document()).base64 == ("photo",)
    found = document()
    scan = {"type": "object", "properties": {"scan": {"type": "string", "format": "binary"}}}
    body = found["components"]["requestBodies"]["Person"]["content"]
    found["paths"]["/people/{id}"]["post"]["requestBody"] = {
        "content": {**body, "multipart/form-data": {"schema": scan}}
    }
    assert operation(found).base64 == ("photo", "scan")
