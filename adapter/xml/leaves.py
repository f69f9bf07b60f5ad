"""How values without parts stand in content: as records hold them, or as Python's own types."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from functools import partial
from operator import methodcaller
from typing import Any, TypeAlias

from adapter.xml import values
from adapter.xml.types import SimpleType

INTEGERS = frozenset(
    [
        "integer",
        "nonPositiveInteger",
        "negativeInteger",
        "long",
        "int",
        "short",
        "byte",
        "nonNegativeInteger",
        "unsignedLong",
        "unsignedInt",
        "unsignedShort",
        "unsignedByte",
        "positiveInteger",
    ]
)
_SPACES = re.compile("[ \t\r\n]+")
_SPACE = re.compile("[\t\r\n]")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One simple type: `write` raises ValueError or TypeError, `expected` is then what an operator reads.

    A value of exactly the type `wanted` is written by `told` without a look. `is_plain` says that a str is written as
    it is; `is_qname` that text is `{namespace}name` and needs a prefix.
    """

    read: Callable[[str], Any]
    write: Callable[[Any], str]
    expected: str
    wanted: type | None = None
    told: Callable[[Any], str] = str
    is_plain: bool = False
    is_qname: bool = False


Leaves: TypeAlias = Callable[[SimpleType], Leaf]


def collapsed(text: str) -> str:
    """Without spaces around and with single ones within, as XSD collapses."""
    return _SPACES.sub(" ", text).strip(" ")


_stripped = methodcaller("strip", " \t\r\n")
"""Without spaces around, where none may stand within."""


def _replaced(text: str) -> str:
    return _SPACE.sub(" ", text)


_SPACINGS: Mapping[str, Callable[[str], str]] = {"preserve": str, "replace": _replaced, "collapse": collapsed}
_WITHOUT_SPACES = frozenset(
    {"decimal", "float", "double", "date", "dateTime", "time", "duration", "hexBinary", "QName"}
    | {"gYear", "gYearMonth", "gMonth", "gMonthDay", "gDay"}
)
_SPACING_OF = {"string": "preserve", "normalizedString": "replace"}


def _spacing(kind: SimpleType) -> Callable[[str], str]:
    if kind.base in _WITHOUT_SPACES:
        return _stripped
    return _SPACINGS[kind.facets.bounds.get("whiteSpace") or _SPACING_OF.get(kind.base, "collapse")]


def record_leaf(kind: SimpleType) -> Leaf:
    """As records hold it and both bindings and the journal keep it: whole numbers, yes and no, else text as written."""
    if kind.items is not None:
        return _list(record_leaf(kind.items))
    if kind.base in INTEGERS:
        return Leaf(int, _only(int, str), "a whole number", int)
    if kind.base == "boolean":
        return Leaf(_yes_or_no, _only(bool, values.write_boolean), "yes or no", bool, values.write_boolean)
    return _text(kind)


def _yes_or_no(text: str) -> bool:
    return values.read_boolean(collapsed(text))


def python_leaf(kind: SimpleType) -> Leaf:
    """As Python's own type; as written where that cannot hold it (the year 10000, 24:00:00, a union).

    Where a pattern speaks of the text, a value that Python would write otherwise stays text too (leading zeros).
    """
    if kind.items is not None:
        return _list(python_leaf(kind.items))
    if kind.base in INTEGERS:
        return record_leaf(kind)
    if kind.base not in _PYTHON:
        return _text(kind)
    types, read, write = _PYTHON[kind.base]
    if kind.facets.patterns:
        read = partial(_read_as_written, read, write)
    return Leaf(partial(_read_or_text, read), partial(_write_or_text, types, write), f"a value of xs:{kind.base}")


def _read_or_text(read: Callable[[str], Any], text: str) -> Any:
    stripped = collapsed(text)
    try:
        return read(stripped)
    except (ValueError, KeyError, OverflowError):
        return stripped


def _read_as_written(read: Callable[[str], Any], write: Callable[[Any], str], text: str) -> Any:
    value = read(text)
    return value if write(value) == text else text


def _write_or_text(types: tuple[type, ...], write: Callable[[Any], str], value: Any) -> str:
    if type(value) is str:
        return value
    if type(value) not in types:
        raise TypeError
    return write(value)


_Row: TypeAlias = tuple[tuple[type, ...], Callable[[str], Any], Callable[[Any], str]]

_PYTHON: Mapping[str, _Row] = {
    "boolean": ((bool,), values.read_boolean, values.write_boolean),
    "decimal": ((Decimal,), values.read_decimal, values.write_decimal),
    "float": ((float,), values.read_float, values.write_float),
    "double": ((float,), values.read_float, values.write_float),
    "date": ((date, values.ZonedDate), values.read_date, values.write_date),
    "dateTime": ((datetime,), values.read_datetime, values.write_datetime),
    "time": ((time,), values.read_time, values.write_time),
    "duration": ((values.Duration,), values.read_duration, values.write_duration),
    "base64Binary": ((bytes,), values.read_base64, values.write_base64),
    "hexBinary": ((bytes,), values.read_hex, values.write_hex),
    **{
        kind: ((values.Partial,), partial(values.read_partial, kind), partial(values.write_partial, kind))
        for kind in ("gYear", "gYearMonth", "gMonth", "gMonthDay", "gDay")
    },
}


def _text(kind: SimpleType) -> Leaf:
    is_qname = kind.base in {"QName", "NOTATION"}
    return Leaf(
        _spacing(kind), _only(str, str), "text", None if is_qname else str, is_plain=not is_qname, is_qname=is_qname
    )


def _only(wanted: type, write: Callable[[Any], str]) -> Callable[[Any], str]:
    def checked(value: Any) -> str:
        if type(value) is not wanted:
            raise TypeError
        return write(value)

    return checked


def _list(item: Leaf) -> Leaf:
    def read(text: str) -> list[Any]:
        return [item.read(one) for one in collapsed(text).split(" ") if one]

    def write(value: Any) -> str:
        if type(value) is not list:
            raise TypeError
        return " ".join(item.write(one) for one in value)

    return Leaf(read, write, f"a list, each {item.expected}")


RECORD: Leaves = record_leaf
PYTHON: Leaves = python_leaf
