"""REST by the contract's OpenAPI document: routes and schemas are read from it, never repeated here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import jsonschema_rs

from ops.sandbox.calls import NO_HEADERS, Call, InvalidCallError, NoSuchCallError, Record, digest_of
from ops.sandbox.wire import Reply, Request

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class _Route:
    operation: str
    method: str
    path: re.Pattern[str]
    status: int
    integers: frozenset[str]
    schema: jsonschema_rs.Validator | None


class RestBinding:
    """One contract's REST side: path and query parameters are merged into the record and validated with it."""

    def __init__(self, document: Path, operations: frozenset[str]) -> None:
        openapi = json.loads(document.read_text(encoding="utf-8"))
        routes = [
            _route(openapi, method, path, described)
            for path, methods in openapi["paths"].items()
            for method, described in methods.items()
            if method in METHODS and described["operationId"] in operations
        ]
        self._routes = routes
        self._status = {route.operation: route.status for route in routes}
        self._problem_names = frozenset(openapi["components"]["schemas"]["Problem"]["properties"])

    def takes(self, request: Request) -> bool:
        return self._find(request) is not None

    def read(self, request: Request) -> Call:
        found = self._find(request)
        if found is None:
            raise NoSuchCallError(f"nothing is served at {request.method} {request.path}")
        route, parameters = found
        record = _record(route, request, parameters)
        if route.schema is not None:
            try:
                route.schema.validate(record)
            except jsonschema_rs.ValidationError as error:
                place = "/".join(map(str, error.instance_path)) or "the message"
                raise InvalidCallError(route.operation, f"{place}: {error.message}") from error
        return Call(route.operation, record, digest_of(request.path.encode(), request.query.encode(), request.body))

    def answer(self, operation: str, content: Record, *, is_done: bool = True) -> Reply:
        paper = next((value for value in content.values() if isinstance(value, bytes)), None)
        if paper is not None:
            return Reply(HTTPStatus.OK, paper, "application/octet-stream")
        bare = {name: value for name, value in content.items() if value is not None}
        return Reply(
            self._status[operation] if is_done else HTTPStatus.OK, json.dumps(bare, ensure_ascii=False).encode()
        )

    def fault(self, status: int, code: str, *, text: str, headers: Mapping[str, str] = NO_HEADERS) -> Reply:
        problem = {
            "type": f"urn:sandbox:problem:{code.lower()}",
            "title": code,
            "status": status,
            "detail": text,
            "code": code,
            "title_fa": "خطای آزمایشی",
        }
        known = {name: value for name, value in problem.items() if name in self._problem_names}
        content = json.dumps(known, ensure_ascii=False).encode()
        return Reply(status, content, "application/problem+json", tuple(headers.items()))

    def _find(self, request: Request) -> tuple[_Route, dict[str, str]] | None:
        for route in self._routes:
            if route.method == request.method and (match := route.path.fullmatch(request.path)):
                return route, match.groupdict()
        return None


def _route(openapi: Mapping[str, Any], method: str, path: str, described: Mapping[str, Any]) -> _Route:
    pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path))
    answers = [int(status) for status in described["responses"] if status.isdigit()]
    integers = frozenset(
        parameter["name"]
        for parameter in described.get("parameters", ())
        if _resolved(openapi, parameter["schema"]).get("type") == "integer"
    )
    record = described.get("x-record") or _body_schema(described)
    schema = None if record is None else jsonschema_rs.validator_for({**record, "components": openapi["components"]})
    return _Route(described["operationId"], method.upper(), re.compile(pattern), max(answers), integers, schema)


def _body_schema(described: Mapping[str, Any]) -> Any:
    return described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")


def _resolved(openapi: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    place: Any = openapi
    for step in schema["$ref"].removeprefix("#/").split("/"):
        place = place[step]
    found: Mapping[str, Any] = place
    return found


def _record(route: _Route, request: Request, parameters: Mapping[str, str]) -> Record:
    record: Record = {}
    if request.body:
        try:
            content = json.loads(request.body)
        except ValueError as error:
            raise NoSuchCallError(f"the body is no JSON: {error}") from error
        if not isinstance(content, dict):
            raise InvalidCallError(route.operation, "the message: must be an object")
        record.update(content)
    for name, text in (*parse_qsl(request.query), *parameters.items()):
        record[name] = int(text) if name in route.integers and re.fullmatch("[0-9]{1,18}", text) else text
    return record
