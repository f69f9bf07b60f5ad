"""Messages that are plain records, declared field by field in TOML: each field a JSON Schema, and where it is kept."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adapter.contract.json_schema import Schema

_JSON = "application/json"
_OURS = frozenset({"required", "column"})


@dataclass(frozen=True, slots=True)
class Column:
    """A field of a message and the column that holds it; `kind` is its JSON type, or a format that is a type there."""

    name: str
    column: str
    kind: str


def read_declared(path: Path, faults: list[str], *, named_by: str) -> tuple[dict[str, Any], ZoneInfo] | None:
    """The operations of a TOML file as they are written, and the zone of its days, Tehran's where it names none.

    None when it cannot be read: then that is added to the faults. `named_by` is the key of contract.toml that names it.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return content, ZoneInfo(content.pop("time_zone", "Asia/Tehran"))
    except FileNotFoundError:
        faults.append(f"{path}: is missing; contract.toml: {named_by} names it")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        faults.append(f"{path}: is not TOML in UTF-8: {error}")
    except (ZoneInfoNotFoundError, ValueError, TypeError):
        faults.append(f"{path}: time_zone: is not the name of a time zone, such as Asia/Tehran")
    return None


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
