"""zeep, for the messages that cannot be compiled; the one place that imports it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from lxml import etree

from adapter.wsdl.schemas import Schema
from adapter.xml.types import Fallback


def zeep_of(schemas: Sequence[Schema]) -> Fallback:
    """Zeep with these schemas; it is loaded only where it is needed."""
    from zeep import Settings, xsd  # noqa: PLC0415 - 0.2 s and 30 MB that contracts without fallback never pay

    strict = Settings(forbid_dtd=True, forbid_entities=True, forbid_external=True, strict=True)
    schema: Any = xsd.Schema
    return _Zeep(schema(None, transport=_Nothing(), location="", settings=strict), schemas)


class _Nothing:
    """zeep's transport: nothing exists for it."""

    def load(self, location: str) -> bytes:
        raise ValueError(f"{location} was not handed over")


class _Zeep:
    """Messages by zeep's types; values that JSON does not know are text in records."""

    def __init__(self, schema: Any, schemas: Sequence[Schema]) -> None:
        self._schema = schema
        schema.add_documents([one.root for one in schemas], "")

    def write(self, tag: str, content: Any) -> etree._Element:
        element = self._schema.get_element(tag)
        parent = etree.Element("parent")
        try:
            value = element(**content) if isinstance(content, dict) else content
            element.render(parent, value)
        except Exception as error:
            raise ValueError(f"zeep cannot write it: {error}") from error
        return parent[0]

    def read(self, node: etree._Element) -> Any:
        from zeep.helpers import serialize_object  # noqa: PLC0415 - as above

        element = self._schema.get_element(node.tag)
        plain: Any = serialize_object
        return _json_like(plain(element.parse(node, self._schema), dict))


def _json_like(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _json_like(one) for name, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_json_like(one) for one in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value if value is None or isinstance(value, str | int | bool) else str(value)
