"""A statements file, read: views, inserts and calls by operation, every parameter and column with its schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adapter.contract.folder import ContractFile
from adapter.contract.json_schema import Schema, Validator
from adapter.contract.records import Column, column_of, entry_of, object_of, read_declared
from adapter.contract.statements import Statement, Statements
from adapter.exchange import Effect

_NAME = r"^[A-Za-z_][A-Za-z0-9_$#]*(\.[A-Za-z_][A-Za-z0-9_$#]*)?$"
_BOUND = re.compile(r"(?<![:\w]):([A-Za-z_]\w*)")
_QUOTED = re.compile(r"'[^']*'")
_OVERLAPS = {"integer": 100, "date-time": 60}
"""By the kind of a cursor column: how far behind its end the next look begins, in its values or in seconds."""


class StatementFile(BaseModel):
    """`[OPERATION]` of a statements file: what is written, then what is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    insert: str | None = Field(default=None, pattern=_NAME)
    call: str | None = None
    view: str | None = Field(default=None, pattern=_NAME)
    where: tuple[str, ...] = ()
    found: str | None = None
    rows: str | None = None
    cursor: str | None = None
    period: str | None = None
    key: str | None = None
    overlap: int | None = Field(default=None, ge=0)
    page_size: int = Field(default=500, gt=0)
    parameters: dict[str, dict[str, Any]] = {}
    columns: dict[str, dict[str, Any]] = {}


def read_statements(path: Path, file: ContractFile, faults: list[str]) -> tuple[Statements, Schema] | None:
    """The statements and their messages as an OpenAPI document; None when they have faults, which are then added."""
    if (declared := read_declared(path, faults, named_by="sql")) is None:
        return None
    content, zone = declared
    before = len(faults)
    statements, paths = {}, {}
    for name, said in content.items():
        if (read := _operation(name, said, file, place=f"{path}: {name}", faults=faults)) is not None:
            statements[name], paths[f"/{name}"] = read
    if len(faults) > before:
        return None
    return Statements(str(path), zone, statements), {"openapi": "3.1.0", "paths": paths}


def _operation(
    name: str, content: Any, file: ContractFile, *, place: str, faults: list[str]
) -> tuple[Statement, Schema] | None:
    try:
        said = StatementFile.model_validate(content)
    except ValidationError as error:
        faults.extend(f"{place}.{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        return None
    wrong = [f"{place}.{fault}" for fault in _contradictions(name, said, file)]
    faults.extend(wrong)
    if wrong:
        return None
    row = object_of(said.columns)
    try:
        validator = Validator(row, {})
    except ValueError as error:
        faults.append(f"{place}.columns: the schema cannot be compiled: {error}")
        return None
    columns = {column: column_of(column, schema) for column, schema in said.columns.items()}
    cursor = columns.get(said.cursor or "")
    statement = Statement(
        operation=name,
        insert=said.insert,
        call=said.call,
        view=said.view,
        where=said.where,
        found=said.found,
        rows=said.rows,
        cursor=cursor,
        period=columns.get(said.period or ""),
        key=columns.get(said.key or ""),
        overlap=_overlap(said, cursor),
        page_size=said.page_size,
        parameters=tuple(column_of(parameter, schema) for parameter, schema in said.parameters.items()),
        columns=tuple(columns.values()),
        row=validator,
    )
    return statement, entry_of(name, _request(said, file), _answer(said, row, file))


def _contradictions(name: str, said: StatementFile, file: ContractFile) -> Iterator[str]:
    """What a statement says against itself or against contract.toml."""
    operation = file.operations.get(name)
    if operation is not None and operation.effect is Effect.READ and (said.insert or said.call):
        yield f"{'insert' if said.insert else 'call'}: {name} only reads; name a view"
    yield from (told for is_wrong, told in _wrong_together(said) if is_wrong)
    for key in ("cursor", "period", "key"):
        if (column := getattr(said, key)) is not None and column not in said.columns:
            yield f"{key}: '{column}' is not one of its columns"
    for key, wanted in (("cursor", file.changes), ("period", file.statement)):
        if getattr(said, key) is not None and (wanted is None or wanted.operation != name or wanted.items != said.rows):
            yield f"{key}: contract.toml asks for no pages of {name}, or looks for its rows elsewhere than in rows"
    for parameter in said.where:
        if parameter not in said.parameters:
            yield f"where: '{parameter}' is not one of its parameters"
    yield from _call_faults(said)


def _wrong_together(said: StatementFile) -> Iterator[tuple[bool, str]]:
    does, reads = bool(said.insert or said.call), bool(said.view or said.call)
    is_paged = bool(said.cursor or said.period)
    yield bool(said.insert and said.call), "call: stands beside insert; one operation writes in one way"
    yield not (does or reads), "view: is missing; name a view, or insert or call what shall be done"
    yield bool(said.columns) and not reads, "columns: nothing is read; name the view that has them"
    yield bool(said.view) and not said.columns, "columns: are missing; name what is read of the view"
    yield is_paged and not (said.rows and said.key), "rows: a view that is read in pages needs rows and key"


def _call_faults(said: StatementFile) -> Iterator[str]:
    if said.call is None:
        return
    bound = set(_BOUND.findall(_QUOTED.sub("", said.call)))
    for parameter in sorted(bound ^ said.parameters.keys()):
        told = "is not one of its parameters" if parameter in bound else "stands nowhere in it"
        yield f"call: ':{parameter}' {told}"
    if ";" in said.call.rstrip().rstrip(";"):
        yield "call: is more than one statement; put them into a procedure"


def _overlap(said: StatementFile, cursor: Column | None) -> int:
    kind = cursor.kind if cursor else ""
    return _OVERLAPS.get(kind, 0) if said.overlap is None else said.overlap


_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 1}


def _request(said: StatementFile, file: ContractFile) -> Schema:
    """The parameters, and those by which contract.toml asks for pages."""
    schema = object_of(said.parameters)
    if said.cursor and file.changes:
        schema["properties"] |= {file.changes.cursor: _TEXT, file.changes.count: _COUNT}
        schema["required"].append(file.changes.count)
    if said.period and file.statement:
        instant = {"type": "string", "format": "date-time"}
        asked = {file.statement.since: instant, file.statement.until: instant, file.statement.page: _COUNT}
        schema["properties"] |= asked
        schema["required"] += asked
    return schema


def _answer(said: StatementFile, row: Schema, file: ContractFile) -> Schema:
    if said.rows is None and said.found is None:
        return row
    if said.rows is None:
        return {
            **row,
            "properties": {str(said.found): {"type": "boolean"}, **row["properties"]},
            "required": [said.found],
        }
    fields: Schema = {said.rows: {"type": "array", "items": row}}
    if said.cursor and file.changes:
        fields[file.changes.next_cursor] = _TEXT
    if said.period and file.statement:
        fields[file.statement.pages] = {"type": "integer", "minimum": 0}
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
