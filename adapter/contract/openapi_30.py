"""OpenAPI 3.0 said in the words of 3.1, whose schemas are JSON Schema 2020-12."""

from __future__ import annotations

from typing import Any

from adapter.contract.json_schema import Schema

_ONE = ("items", "not", "additionalProperties")
_LISTS = ("allOf", "oneOf", "anyOf")
_NAMED = ("properties",)
_EXCLUSIVE = (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum"))


def as_31(document: Schema) -> Schema:
    """The document with all its schemas as JSON Schema has them; one of 3.1 stays as it is."""
    if not str(document.get("openapi", "")).startswith("3.0"):
        return document
    told: Schema = _document(document)
    components = dict(told.get("components", {}))
    components["schemas"] = {name: schema_31(one) for name, one in components.get("schemas", {}).items()}
    return {**told, "openapi": "3.1.0", "components": components}


def _document(node: Any) -> Any:
    """Everything outside schemas, which stand at `schema`: in parameters, headers and media types."""
    if isinstance(node, list):
        return [_document(one) for one in node]
    if not isinstance(node, dict):
        return node
    return {
        name: inner if name in {"example", "examples", "schemas"} else _place(name, inner)
        for name, inner in node.items()
    }


def _place(name: str, inner: Any) -> Any:
    return schema_31(inner) if name == "schema" else _document(inner)


def schema_31(schema: Any) -> Any:
    """One schema: `nullable`, exclusive limits as yes or no, and the formats that tell an encoding.

    `nullable` beside `allOf` has no effect by the letter of 3.0.3; generators write it so and mean it, so it counts.
    """
    if not isinstance(schema, dict) or "$ref" in schema:
        return {"$ref": schema["$ref"]} if isinstance(schema, dict) else schema  # 3.0: nothing counts beside a $ref
    told = {name: _inside(name, inner) for name, inner in schema.items() if name not in {"nullable", "example"}}
    for limit, exclusive in _EXCLUSIVE:
        is_exclusive = told.get(exclusive)
        if isinstance(is_exclusive, bool):
            del told[exclusive]
            if is_exclusive and limit in told:
                told[exclusive] = told.pop(limit)
    if told.get("format") == "byte":
        told["contentEncoding"] = "base64"
    return _nullable(told) if schema.get("nullable") is True else told


def _inside(name: str, inner: Any) -> Any:
    if name in _ONE:
        return schema_31(inner)
    if name in _LISTS:
        return [schema_31(one) for one in inner]
    if name in _NAMED:
        return {field: schema_31(one) for field, one in inner.items()}
    return inner


def _nullable(told: Schema) -> Schema:
    kind = told.get("type")
    if isinstance(kind, str):
        return {**told, "type": [kind, "null"]}
    return {"anyOf": [told, {"type": "null"}]}
