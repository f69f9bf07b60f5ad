"""An OpenAPI 3.0 document in the words of 3.1, whose schemas are JSON Schema 2020-12 as they stand."""

from __future__ import annotations

from typing import Any

_BOUNDS = (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum"))


def modern(document: Any) -> Any:
    """The document itself when it is of 3.1; else `nullable` and `exclusiveMinimum: true` as 3.1 writes them.

    Source: OpenAPI 3.1.0 release notes, "migrating from 3.0 to 3.1".
    """
    is_old = isinstance(document, dict) and str(document.get("openapi", "")).startswith("3.0")
    return _modern(document) if is_old else document


def _modern(node: Any) -> Any:
    if isinstance(node, list):
        return [_modern(one) for one in node]
    if not isinstance(node, dict):
        return node
    found = {name: _modern(inner) for name, inner in node.items()}
    for bound, exclusive in _BOUNDS:
        if isinstance(found.get(exclusive), bool) and found.pop(exclusive) and bound in found:
            found[exclusive] = found.pop(bound)
    if found.pop("nullable", False) is True and isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
        if "enum" in found:
            found["enum"] = [*found["enum"], None]
    return found
