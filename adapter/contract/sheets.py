"""What a contract over a folder does: an operation is a sheet that goes out, or one that comes in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adapter.contract.json_schema import Schema, Validator
from adapter.contract.records import Column, column_of, entry_of, object_of, read_declared

GIVEN: Mapping[str, Schema] = {
    "file": {"type": "string"},
    "line": {"type": "integer"},
    "row_id": {"type": "string"},
    "row_order": {"type": "integer"},
    "file_time": {"type": "string", "format": "date-time"},
}
"""What every row that comes has besides its cells: `row_id` is the same for the same cells, `row_order` grows."""

_FOLDER = r"^[A-Za-z0-9_-]{1,64}$"


class SheetFile(BaseModel):
    """`[OPERATION]` of a sheets file: rows that go `out`, that come in by `folder`, or what was sent and is `found`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    out: str | None = Field(default=None, pattern=_FOLDER)
    form: Literal["csv", "xlsx"] = "csv"
    answer: tuple[str, ...] = ()
    found: str | None = None
    folder: str | None = Field(default=None, pattern=_FOLDER)
    rows: str | None = None
    title: str | None = None
    parameters: dict[str, dict[str, Any]] = {}
    columns: dict[str, dict[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Sheet:
    """One operation. `answer` are the fields of the message that its answer repeats; `row` checks one row."""

    operation: str
    out: str | None
    form: str
    answer: tuple[str, ...]
    found: str | None
    folder: str | None
    title: str | None
    parameters: tuple[Column, ...]
    columns: tuple[Column, ...]
    row: Validator


@dataclass(frozen=True, slots=True)
class Sheets:
    """A sheets file; `zone` is that of every day and time in a cell."""

    zone: ZoneInfo
    of: Mapping[str, Sheet]


def read_sheets(path: Path, pages: Mapping[str, Mapping[str, str]], faults: list[str]) -> tuple[Sheets, Schema] | None:
    """The sheets and their messages as an OpenAPI document; None when they have faults, which are then added.

    `pages` tells by operation which of its fields are `cursor`, `count`, `items` and `next_cursor`.
    """
    if (declared := read_declared(path, faults, named_by="file")) is None:
        return None
    content, zone = declared
    before, sheets, paths = len(faults), {}, {}
    for name, said in content.items():
        try:
            file = SheetFile.model_validate(said)
            wrong = list(_contradictions(file, pages.get(name)))
            faults.extend(f"{path}: {name}.{fault}" for fault in wrong)
            if not wrong:
                sheets[name] = _sheet(name, file)
                paths[f"/{name}"] = entry_of(name, *_messages(file, pages.get(name, {})))
        except ValidationError as error:
            faults.extend(f"{path}: {name}.{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        except ValueError as error:
            faults.append(f"{path}: {name}.columns: the schema cannot be compiled: {error}")
    if len(faults) > before:
        return None
    return Sheets(zone, sheets), {"openapi": "3.1.0", "paths": paths}


def _contradictions(said: SheetFile, page: Mapping[str, str] | None) -> Iterator[str]:
    if [bool(one) for one in (said.out, said.found, said.folder)].count(True) != 1:
        yield "out: a sheet goes out, comes in by folder, or tells what was found: one of the three"
    if (said.folder is not None) != (page is not None) or (page and page["items"] != said.rows):
        yield "folder: contract.toml asks for no pages of it, or looks for its rows elsewhere than in rows"
    for name in said.answer:
        if name not in said.parameters:
            yield f"answer: '{name}' is not one of its parameters"
    for name in sorted(GIVEN.keys() & said.columns.keys() if said.folder else ()):
        yield f"columns.{name}: every row has it already; choose another name"


def _sheet(name: str, said: SheetFile) -> Sheet:
    return Sheet(
        operation=name,
        out=said.out,
        form=said.form,
        answer=said.answer,
        found=said.found,
        folder=said.folder,
        title=said.title,
        parameters=tuple(column_of(one, schema) for one, schema in said.parameters.items()),
        columns=tuple(column_of(one, schema) for one, schema in said.columns.items()),
        row=Validator(object_of(said.columns), {}),
    )


def _messages(said: SheetFile, page: Mapping[str, str]) -> tuple[Schema, Schema]:
    request = object_of(said.parameters)
    if said.out is not None:
        return request, object_of({name: said.parameters[name] for name in said.answer})
    if said.found is not None:
        found = {said.found: {"type": "boolean", "required": True}}
        return request, object_of({**found, **{name: {**one, "required": False} for name, one in said.columns.items()}})
    text: Schema = {"type": "string"}
    request["properties"] |= {page["cursor"]: text, page["count"]: {"type": "integer"}}
    row = object_of({**said.columns, **{name: {**one, "required": True} for name, one in GIVEN.items()}})
    answer = {page["items"]: {"type": "array", "items": row, "required": True}}
    return request, object_of({**answer, page["next_cursor"]: {**text, "required": True}})
