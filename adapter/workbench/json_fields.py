"""The messages of an OpenAPI document as fields: parameters and body together, as the record has them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from adapter.contract.json_schema import Schema, resolved
from adapter.contract.openapi import JSON, METHODS
from adapter.workbench.fields import Field, Kind, Limits, Message

_FORMATS = {"date": Kind.DAY, "date-time": Kind.INSTANT, "time": Kind.CLOCK, "byte": Kind.BINARY}
_KINDS = {
    "string": Kind.TEXT,
    "integer": Kind.INTEGER,
    "number": Kind.DECIMAL,
    "boolean": Kind.BOOLEAN,
    "object": Kind.SECTION,
}
_PROBLEM = "application/problem+json"


def json_messages(document: Schema) -> dict[str, Message]:
    """Every operation of the document that has a name."""
    return {name: _message(entry, path, document) for name, path, entry in _entries(document)}


def _entries(document: Schema) -> Iterator[tuple[str, str, Schema]]:
    for path, methods in document.get("paths", {}).items():
        for method in METHODS:
            if isinstance(name := methods.get(method, {}).get("operationId"), str):
                entry = methods[method]
                shared = methods.get("parameters", [])
                yield name, path, {**entry, "parameters": [*shared, *entry.get("parameters", [])]}


def _message(entry: Schema, path: str, document: Schema) -> Message:
    body = _content(resolved(entry.get("requestBody", {}), document), document)
    request = body or Field("", Limits(Kind.SECTION))
    answers = [_content(resolved(answer, document), document) for answer in _successes(entry)]
    faults = [_content(resolved(answer, document), document) for answer in _failures(entry)]
    return Message(
        request=replace(request, parts=(*_parameters(entry, path, document), *request.parts)),
        answer=next((one for one in answers if one), Field("", Limits(Kind.SECTION))),
        faults=tuple(one for one in faults if one),
    )


def _parameters(entry: Schema, path: str, document: Schema) -> Iterator[Field]:
    in_path = re.findall(r"\{(\w+)\}", path)
    for parameter in (resolved(one, document) for one in entry["parameters"]):
        if parameter["name"] in in_path or parameter["in"] == "query":
            is_required = parameter["name"] in in_path or parameter.get("required", False)
            yield _field(parameter["name"], parameter.get("schema", {}), document, is_required=is_required)


def _successes(entry: Schema) -> Iterator[Schema]:
    yield from (answer for status, answer in entry.get("responses", {}).items() if status.startswith("2"))


def _failures(entry: Schema) -> Iterator[Schema]:
    yield from (answer for status, answer in entry.get("responses", {}).items() if not status.startswith("2"))


def _content(one: Schema, document: Schema) -> Field | None:
    content = one.get("content", {})
    schema = next((content[kind].get("schema") for kind in (JSON, _PROBLEM) if kind in content), None)
    return None if schema is None else _field("", schema, document, is_required=True)


def _field(name: str, schema: Schema, document: Schema, *, is_required: bool, within: tuple[int, ...] = ()) -> Field:
    schema, number = _merged(schema, document)
    most: int | None = 1
    least, is_list = int(is_required), False
    if _type(schema) == "array":
        is_list, most = True, schema.get("maxItems")
        least = max(schema.get("minItems", 1), 1) if is_required else 0
        schema, number = _merged(schema.get("items", {}), document)
    is_cut = number in within
    return Field(
        name=name,
        limits=_limits(schema),
        parts=() if is_cut else tuple(_parts(schema, document, (*within, number))),
        least=least,
        most=most,
        is_list=is_list,
        is_cut=is_cut,
    )


def _parts(schema: Schema, document: Schema, within: tuple[int, ...]) -> Iterator[Field]:
    required = schema.get("required", ())
    for name, inner in schema.get("properties", {}).items():
        yield _field(name, inner, document, is_required=name in required, within=within)


def _merged(schema: Schema, document: Schema) -> tuple[Schema, int]:
    """The schema without references, its `allOf` taken together and the first of its alternatives; and which it is."""
    schema = resolved(schema, document)
    number = id(schema)
    for key in ("oneOf", "anyOf"):
        if options := [one for one in schema.get(key, ()) if resolved(one, document).get("type") != "null"]:
            schema = _with(schema, [options[0]], document)
    return _with(schema, schema.get("allOf", []), document), number


def _with(schema: Schema, others: list[Schema], document: Schema) -> Schema:
    for other in others:
        part, _ = _merged(other, document)
        properties = {**part.get("properties", {}), **schema.get("properties", {})}
        required = [*part.get("required", ()), *schema.get("required", ())]
        schema = {**part, **schema} | ({"properties": properties, "required": required} if properties else {})
    return schema


def _type(schema: Schema) -> str | None:
    """Its type; OpenAPI 3.1 lists `null` beside it, and enumerations may leave it out."""
    kind: Any = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), None)
    return kind or ("object" if "properties" in schema else None)


def _limits(schema: Schema) -> Limits:
    kind = _KINDS.get(_type(schema) or "", Kind.TEXT if schema.get("enum") else Kind.ANYTHING)
    form = "byte" if schema.get("contentEncoding") == "base64" else schema.get("format")
    if kind is Kind.TEXT:
        kind = _FORMATS.get(form or "", kind)
    values = schema.get("enum", [schema["const"]] if "const" in schema else [])
    return Limits(
        kind=kind,
        enumeration=tuple(_text(value) for value in values if value is not None),
        patterns=(_whole(schema["pattern"]),) if "pattern" in schema else (),
        shortest=schema.get("minLength"),
        longest=schema.get("maxLength"),
        least=_bound(schema, "minimum", "exclusiveMinimum", +1),
        most=_bound(schema, "maximum", "exclusiveMaximum", -1),
        form=form if kind is Kind.TEXT else None,
    )


def _whole(pattern: str) -> str:
    """The pattern as XSD writes it, for the whole text: JSON Schema looks for it anywhere."""
    begins, ends = pattern.startswith("^"), pattern.endswith("$") and not pattern.endswith("\\$")
    bare = pattern.removeprefix("^").removesuffix("$") if ends else pattern.removeprefix("^")
    if "|" in bare and re.fullmatch(r"\([^()]*\)", bare):
        bare = bare[1:-1]
    elif "|" in bare:
        return f".*({pattern}).*"
    return f"{'' if begins else '.*'}{bare}{'' if ends else '.*'}"


def _bound(schema: Mapping[str, Any], name: str, exclusive: str, step: int) -> str | None:
    """The bound itself; one that is excluded as the next whole number."""
    if exclusive in schema:
        return str(schema[exclusive] + step)
    return str(schema[name]) if name in schema else None


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
