"""Values as a database keeps them and as a message says them, both ways, by the type that the contract declares."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from adapter.contract.instants import read_instant
from adapter.contract.records import Column

_JSON = frozenset({"array", "object"})
"""The types that one column holds as JSON."""


@dataclass(frozen=True, slots=True)
class Values:
    """What a database without offsets keeps is in `zone`; SQLite (`as_text`) keeps days and instants as text, and one
    without booleans 0 and 1.
    """

    zone: ZoneInfo
    has_offsets: bool
    has_booleans: bool
    as_text: bool

    def bound(self, column: Column, value: Any) -> Any:
        """A message's value as a parameter; what is no instant or day there stays as it is, for the database to say."""
        if column.kind == "date-time" and (instant := read_instant(value)) is not None:
            return self.instant(instant)
        if isinstance(value, bool) and not self.has_booleans:
            return int(value)
        if column.kind in _JSON:
            return json.dumps(value, ensure_ascii=False)
        if column.kind == "date" and not self.as_text:
            with suppress(ValueError):
                return date.fromisoformat(value)
        return value

    def instant(self, instant: datetime) -> datetime | str:
        """An aware instant as this database compares it."""
        if self.has_offsets:
            return instant
        local = instant.astimezone(self.zone).replace(tzinfo=None)
        return local.isoformat(sep=" ") if self.as_text else local

    def told(self, column: Column, value: Any) -> Any:
        """A column's value as the message says it; what does not read as its type stays and breaks the schema."""
        if isinstance(value, memoryview):
            value = bytes(value)
        return _TELLING.get(column.kind, _text)(value, self.zone)


def _text(value: Any, _zone: ZoneInfo) -> Any:
    """CHAR columns come padded: their blanks are no content."""
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return value.isoformat() if isinstance(value, date) else str(value).rstrip(" ")


def _integer(value: Any, _zone: ZoneInfo) -> Any:
    if isinstance(value, Decimal | float | str):
        with suppress(ValueError, ArithmeticError):
            return int(value) if int(value) == Decimal(str(value)) else value
    return int(value) if isinstance(value, bool) else value


def _number(value: Any, _zone: ZoneInfo) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def _boolean(value: Any, _zone: ZoneInfo) -> Any:
    """A BIT of MySQL and MariaDB comes as its byte."""
    if isinstance(value, bytes):
        value = int.from_bytes(value)
    return {0: False, 1: True}.get(value, value) if isinstance(value, int) else value


def _instant(value: Any, zone: ZoneInfo) -> Any:
    if isinstance(value, str):
        with suppress(ValueError):
            value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        return value
    return (value if value.tzinfo else value.replace(tzinfo=zone)).isoformat()


def _json(value: Any, _zone: ZoneInfo) -> Any:
    """A list in a JSON column; some drivers read it themselves, and what is no JSON breaks the schema."""
    if isinstance(value, str):
        with suppress(ValueError):
            return json.loads(value)
    return value


def _day(value: Any, _zone: ZoneInfo) -> Any:
    return value.isoformat()[:10] if isinstance(value, date) else value


_TELLING: Mapping[str, Callable[[Any, ZoneInfo], Any]] = {
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date-time": _instant,
    "date": _day,
    "array": _json,
    "object": _json,
}
