"""Dotted paths into a record or payload; `[]` after a name that repeats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adapter.exchange import Payload


def value_at(content: Payload, path: str) -> Any:
    """The value at a path without repeats; None where nothing stands."""
    found = next(values_at(content, path), None)
    return found[0] if found else None


def values_at(content: Payload, path: str) -> Iterator[tuple[Any, Payload]]:
    """Every value at a path, each with the object in which it stands."""
    name, _, rest = path.partition(".")
    value = content.get(name.removesuffix("[]"))
    if value is None:
        return
    for one in value if name.endswith("[]") and isinstance(value, list) else [value]:
        if not rest:
            yield one, content
        elif isinstance(one, dict):
            yield from values_at(one, rest)


def put(content: Payload, path: str, value: Any) -> None:
    """Afterwards the value stands at a path without repeats; the objects on the way exist."""
    *parents, name = path.split(".")
    for parent in parents:
        content = content.setdefault(parent, {})
    content[name] = value


def holds(content: Payload, condition: str | None) -> bool:
    """Whether a condition `field = value` is true of the content; no condition is never true."""
    if condition is None:
        return False
    path, _, wanted = condition.partition("=")
    value = value_at(content, path.strip())
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return value is not None and text == wanted.strip()
