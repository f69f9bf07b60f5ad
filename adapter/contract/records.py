"""Messages that are plain records, declared field by field in TOML: each field a JSON Schema, and where it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapter.contract.json_schema import Schema

_JSON = "application/json"
_OURS = frozenset({"required", "column"})


@dataclass(frozen=True, slots=True)
class Column:
    """A field of a message and the column that holds it; `kind` is its JSON type, or a format that is a type there."""

    name: str
    column: str
    kind: str


def column_of(name: str, schema: Mapping[str, Any]) -> Column:
    """The column of a declared field."""
    form = schema.get("format")
    kind = form if form in {"date-time", "date"} else schema.get("type", "string")
    return Column(name, schema.get("column", name), str(kind))


def object_of(fields: Mapping[str, Mapping[str, Any]]) -> Schema:
    """The schema of a record of these fields, and of no others."""
    bare = {name: {key: one for key, one in schema.items() if key not in _OURS} for name, schema in fields.items()}
    required = [name for name, schema in fields.items() if schema.get("required")]
    return {"type": "object", "properties": bare, "required": required, "additionalProperties": False}


def entry_of(name: str, request: Schema, answer: Schema) -> Schema:
    """The operation as a path of an OpenAPI document."""
    taken, given = ({"content": {_JSON: {"schema": one}}} for one in (request, answer))
    return {"post": {"operationId": name, "requestBody": taken, "responses": {"200": given}}}
