"""An OpenAPI document as plain REST operations: routes, parameters and compiled validators."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapter.contract.codec import Shape
from adapter.contract.json_schema import Schema, Validator, base64_in, resolved, shape_of
from adapter.contract.openapi_30 import as_31

METHODS = ("get", "post", "put", "patch", "delete")
JSON = "application/json"
MESSAGE = "message"
"""The part of a multipart body that holds the fields, where the document does not name it."""


@dataclass(frozen=True, slots=True)
class Packaging:
    """A multipart body in place of JSON: `message` is the part of the fields, `files` the fields that are parts."""

    media_type: str
    message: str = MESSAGE
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RestOperation:
    """One operation: its content is the body's fields and the parameters of path and query in one object.

    `typed` are the parameters that are no text, with their JSON type; `base64` the paths of fields that hold documents.
    """

    name: str
    direction: str | None
    method: str
    path: str
    path_names: tuple[str, ...]
    query_names: tuple[str, ...]
    typed: Mapping[str, str]
    has_body: bool
    content: Validator
    answers: Mapping[str, Validator]
    shape: Shape
    answer_shape: Shape
    base64: tuple[str, ...] = ()
    packagings: Mapping[str, Packaging] = field(default_factory=dict)


def operations_of(document: Schema, faults: list[str], *, place: str) -> dict[str, RestOperation]:
    """Every operation of the document by name; what cannot be read is added to the faults."""
    version = str(document.get("openapi") or document.get("swagger"))
    if not version.startswith(("3.0", "3.1")):
        faults.append(f"{place}: openapi: is '{version}'; convert the document to 3.1 or 3.0, nothing else is read")
        return {}
    document = as_31(document)
    found: dict[str, RestOperation] = {}
    for path, method, entry in _entries(document):
        name = entry.get("operationId")
        where = f"{place}: {method.upper()} {path}"
        if not isinstance(name, str):
            faults.append(f"{where}: operationId: is missing; give it the operation's name")
            continue
        if name in found:
            faults.append(f"{where}: operationId: '{name}' stands twice; one operation has one route")
            continue
        try:
            found[name] = _operation(name, path, method, entry=entry, document=document)
        except KeyError as error:
            faults.append(f"{where}: {name}: {error} is referred to or needed and does not stand in the document")
        except RecursionError as error:
            faults.append(f"{where}: {name}: {error}: a schema that contains itself cannot be carried; unroll it")
        except ValueError as error:
            faults.append(f"{where}: {name}: the schema cannot be compiled: {error}")
    return found


def declared_names(document: Schema) -> frozenset[str]:
    """Every field's and parameter's name; none where an object may have fields of any name, for none is new there."""
    schemas = list(_within(document))
    if any(isinstance(one.get(word), dict) for one in schemas for word in _OPEN):
        return frozenset()
    properties = (one["properties"] for one in schemas if isinstance(one.get("properties"), dict))
    parameters = (one["name"] for one in schemas if "in" in one and isinstance(one.get("name"), str))
    return frozenset([*(name for its in properties for name in its), *parameters])


_OPEN = ("additionalProperties", "unevaluatedProperties", "patternProperties")


def _within(node: Any) -> Iterator[Schema]:
    """Every object of the document."""
    if isinstance(node, dict):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _within(inner)


def _entries(document: Schema) -> Iterator[tuple[str, str, Schema]]:
    for path, methods in document.get("paths", {}).items():
        for method in METHODS:
            if method in methods:
                entry = methods[method]
                yield path, method, {**entry, "parameters": methods.get("parameters", []) + entry.get("parameters", [])}


def _operation(name: str, path: str, method: str, *, entry: Schema, document: Schema) -> RestOperation:
    parameters = [resolved(one, document) for one in entry["parameters"]]
    in_path = tuple(re.findall(r"\{(\w+)\}", path))
    in_query = tuple(one["name"] for one in parameters if one["in"] == "query")
    named = {one["name"]: one for one in parameters if one["in"] in {"path", "query"}}
    schema = _content_schema(entry, document, {step: named[step] for step in (*in_path, *in_query)})
    answers = dict(_answer_schemas(entry, document))
    first = next(iter(answers.values()), {})
    packagings = {one.media_type: one for one in _packagings(entry, document)}
    files = (path for one in packagings.values() for path in one.files)
    return RestOperation(
        name=name,
        direction=entry.get("x-direction"),
        method=method.upper(),
        path=path,
        path_names=in_path,
        query_names=in_query,
        typed=_typed(named, document),
        has_body="requestBody" in entry,
        content=Validator(schema, document),
        answers={status: Validator(answer, document) for status, answer in answers.items()},
        shape=shape_of(schema, document),
        answer_shape=shape_of(first, document),
        base64=tuple(dict.fromkeys((*base64_in(schema, document), *files))),
        packagings=packagings,
    )


def _packagings(entry: Schema, document: Schema) -> Iterator[Packaging]:
    """The multipart bodies that the operation takes, too: the part that is an object holds the fields."""
    for media_type, said in entry.get("requestBody", {}).get("content", {}).items():
        if not media_type.startswith("multipart/"):
            continue
        properties = resolved(said.get("schema", {}), document).get("properties", {})
        fields = {name: resolved(one, document) for name, one in properties.items()}
        message = next((name for name, one in fields.items() if one.get("type") == "object"), MESSAGE)
        yield Packaging(media_type, message, tuple(name for name, one in fields.items() if _is_file(one)))


def _is_file(schema: Schema) -> bool:
    """Text that is no text: OpenAPI 3.0 says so by its format, 3.1 by its media type."""
    is_text = schema.get("type", "string") == "string" and "contentEncoding" not in schema
    return is_text and (schema.get("format") == "binary" or "contentMediaType" in schema)


def _content_schema(entry: Schema, document: Schema, parameters: Mapping[str, Schema]) -> Schema:
    """The body's schema with the parameters as fields beside its own."""
    empty: Schema = {"type": "object", "properties": {}, "additionalProperties": False}
    body = _json_of(entry["requestBody"], document) if "requestBody" in entry else empty
    needed = [name for name, one in parameters.items() if one.get("required")]
    return {
        **body,
        "properties": {**{name: one["schema"] for name, one in parameters.items()}, **body.get("properties", {})},
        "required": sorted({*needed, *body.get("required", ())}),
    }


def _answer_schemas(entry: Schema, document: Schema) -> Iterator[tuple[str, Schema]]:
    """What a success holds, by status; one that is a file has no fields, failures are read as problem documents."""
    for status, answer in entry.get("responses", {}).items():
        content = resolved(answer, document).get("content") if status.startswith("2") else None
        if content and not all(_is_file(resolved(one.get("schema", {}), document)) for one in content.values()):
            yield status, _json_of(answer, document)


def _json_of(message: Schema, document: Schema) -> Schema:
    """The schema of a request's or answer's JSON, whatever parameters its media type has; raises KeyError."""
    content = resolved(message, document)["content"]
    found = {name.partition(";")[0].strip().lower(): kind for name, kind in content.items()}
    return resolved(found[JSON]["schema"], document)


def _typed(parameters: Mapping[str, Schema], document: Schema) -> dict[str, str]:
    types: dict[str, Any] = {name: resolved(one["schema"], document).get("type") for name, one in parameters.items()}
    return {name: kind for name, kind in types.items() if kind in ("integer", "boolean")}
