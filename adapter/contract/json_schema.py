"""JSON Schema as compiled validators, and their errors in our words: a place, what was expected, never a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, islice
from typing import Any, TypeAlias
from urllib.parse import unquote

import jsonschema_rs

from adapter.refusals import SchemaViolation, Violation
from adapter.strict_json import MOST_VIOLATIONS, kind_of, safe_name

Schema: TypeAlias = dict[str, Any]

MOST_VALUES_SEARCHED = 5_000
"""In more values only the first fault is looked for: jsonschema_rs builds them all at once, some 2 KB each."""

_COMPONENT = re.compile("#/components/([^/]+)/([^/]+)")
_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "boolean": "yes or no",
    "array": "a list",
    "object": "an object",
    "number": "a number",
    "null": "null",
}


class Validator:
    """One schema, compiled once; the document around it resolves its references."""

    def __init__(self, schema: Schema, document: Schema) -> None:
        whole = {**schema, "components": _components_of(schema, document.get("components", {}))}
        self._validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)

    def check(self, value: Any) -> None:
        """Raise SchemaViolation with the first places where the value breaks the schema."""
        if found := self.violations(value):
            raise SchemaViolation(found)

    def violations(self, value: Any) -> list[Violation]:
        """The first places where the value breaks the schema; none when it is valid."""
        try:
            self._validator.validate(value)
        except jsonschema_rs.ValidationError as first:
            is_searched = _values_in(value) <= MOST_VALUES_SEARCHED
            errors = self._validator.iter_errors(value) if is_searched else [first]
            return list(islice(chain.from_iterable(map(_violations, errors)), MOST_VIOLATIONS))
        return []


def _components_of(schema: Schema, components: Mapping[str, Any]) -> Schema:
    """Those components that the schema refers to, at any distance: a validator keeps a copy of all it is given."""
    found: Schema = {}
    waiting: list[Any] = [schema]
    while waiting:
        for kind, name in _references(waiting.pop()):
            its = found.setdefault(kind, {})
            if name not in its and name in components.get(kind, {}):
                its[name] = components[kind][name]
                waiting.append(its[name])
    return found


def _references(part: Any) -> Iterator[tuple[str, str]]:
    """Kind and name of every component that a part of a schema names."""
    if isinstance(part, dict):
        referred = _COMPONENT.match(part["$ref"]) if isinstance(part.get("$ref"), str) else None
        if referred:
            yield referred[1], unquote(referred[2]).replace("~1", "/").replace("~0", "~")
        for inner in part.values():
            yield from _references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _references(inner)


def _values_in(value: Any) -> int:
    if isinstance(value, dict | list):
        return 1 + sum(map(_values_in, value.values() if isinstance(value, dict) else value))
    return 1


def _violations(error: jsonschema_rs.ValidationError) -> list[Violation]:
    path = _path(error.instance_path)
    kind: Any = error.kind
    if kind.name == "required":
        return [Violation(_join(path, kind.property), "a value", "nothing")]
    if (
        kind.name in {"anyOf", "oneOf"}
        and len(only := [branch for branch in kind.context if not _is_null(branch)]) == 1
    ):
        return list(chain.from_iterable(map(_violations, only[0])))
    if kind.name in {"additionalProperties", "unevaluatedProperties"}:
        return [
            Violation(_join(path, safe_name(name)), "no such field", "a field")
            for name in kind.unexpected[:MOST_VIOLATIONS]
        ]
    expected = _EXPECTED.get(kind.name, lambda _kind: "what the schema says")(kind)
    return [Violation(path or "(whole body)", expected, _found(kind.name, error.instance))]


def _is_null(branch: list[jsonschema_rs.ValidationError]) -> bool:
    """Whether this form of a value is null alone: then the other form is what was meant."""
    kinds: list[Any] = [error.kind for error in branch]
    return [getattr(kind, "types", None) for kind in kinds] == [["null"]]


def _found(rule: str, value: Any) -> str:
    if rule == "enum":
        return "another " + kind_of(value).removeprefix("a ")
    if isinstance(value, str):
        return f"text of {len(value)} characters" if rule != "type" else "text"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return kind_of(value)


_EXPECTED: Mapping[str, Callable[[Any], str]] = {
    "type": lambda kind: " or ".join(_TYPES.get(one, one) for one in kind.types),
    "pattern": lambda kind: f"text like {kind.pattern}",
    "enum": lambda kind: "one of " + ", ".join(map(str, kind.options)),
    "format": lambda kind: f"a {kind.format}",
    "minLength": lambda kind: f"at least {kind.limit} characters",
    "maxLength": lambda kind: f"at most {kind.limit} characters",
    "minItems": lambda kind: f"at least {kind.limit} entries",
    "maxItems": lambda kind: f"at most {kind.limit} entries",
    "minimum": lambda kind: f"at least {kind.limit}",
    "maximum": lambda kind: f"at most {kind.limit}",
    "const": lambda kind: f"{kind.expected_value}",
    "exclusiveMinimum": lambda kind: f"more than {kind.limit}",
    "exclusiveMaximum": lambda kind: f"less than {kind.limit}",
    "multipleOf": lambda kind: f"a multiple of {kind.multiple_of}",
    "uniqueItems": lambda _kind: "entries that differ",
    "contains": lambda _kind: "the right number of the entries that must be among them",
    "unevaluatedItems": lambda _kind: "no more entries",
    "minProperties": lambda kind: f"at least {kind.limit} fields",
    "maxProperties": lambda kind: f"at most {kind.limit} fields",
    "propertyNames": lambda _kind: "fields with allowed names",
    "anyOf": lambda _kind: "one of the allowed forms",
    "oneOf": lambda _kind: "exactly one of the allowed forms",
    "not": lambda _kind: "something else than this",
    "falseSchema": lambda _kind: "nothing",
}


def _path(steps: list[str | int]) -> str:
    path = ""
    for step in steps:
        path = f"{path}[{step}]" if isinstance(step, int) else _join(path, safe_name(step))
    return path


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def resolved(schema: Schema, document: Schema) -> Schema:
    """The schema itself, or what its local reference names; raises KeyError when nothing stands there."""
    while "$ref" in schema:
        where: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            where = where[step]
        schema = where
    return schema


def shape_of(schema: Schema, document: Schema, *, path: str = "", within: tuple[int, ...] = ()) -> dict[str, bool]:
    """Every field of an object schema: its dotted path → whether it must stand; raises RecursionError on a cycle."""
    schema = _meant(schema, document)
    if id(schema) in within:
        raise RecursionError(path)
    within = (*within, id(schema))
    found: dict[str, bool] = {}
    for part in schema.get("allOf", ()):
        found |= shape_of(part, document, path=path, within=within)
    for name, inner in schema.get("properties", {}).items():
        inner_schema = _meant(inner, document)
        step = _join(path, name)
        if inner_schema.get("type") in ("array", ["array", "null"]):
            step += "[]"
            inner_schema = _meant(inner_schema.get("items", {}), document)
        found[step] = name in schema.get("required", ())
        found |= shape_of(inner_schema, document, path=step, within=within)
    return found


def base64_in(schema: Schema, document: Schema, *, path: str = "", within: tuple[int, ...] = ()) -> Iterator[str]:
    """The dotted path of every field of an object schema that holds Base64, in whichever of its forms."""
    schema = resolved(schema, document)
    if id(schema) in within:
        return
    if schema.get("contentEncoding") == "base64" or schema.get("format") == "byte":
        yield path
    below = {"within": (*within, id(schema))}
    for form in chain.from_iterable(schema.get(word, ()) for word in ("allOf", "anyOf", "oneOf")):
        yield from base64_in(form, document, path=path, **below)
    if isinstance(schema.get("items"), dict):
        yield from base64_in(schema["items"], document, path=f"{path}[]", **below)
    for name, inner in schema.get("properties", {}).items():
        yield from base64_in(inner, document, path=_join(path, name), **below)


def _meant(schema: Schema, document: Schema) -> Schema:
    """The schema itself, or the one beside null where only null is the other choice."""
    schema = resolved(schema, document)
    forms = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    return _meant(forms[0], document) if len(forms) == 1 else schema
