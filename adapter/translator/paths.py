"""Dotted paths into records and payloads, `[]` repeats: parsed once, then plain functions.

A frame is what a row sees: the record, the context, and one item for each repetition around the row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, TypeAlias

from adapter.errors import Unfit
from adapter.exchange import Record

Frame: TypeAlias = tuple[Any, ...]
Reader: TypeAlias = Callable[[Frame], Any]

RESERVED: Mapping[str, frozenset[str]] = {
    "case": frozenset({"tracking_code", "internal_reference", "channel"}),
    "service": frozenset({"service_id"}),
    "exchange": frozenset({"reference", "event_id", "sequence", "changed_at"}),
    "outcome": frozenset({"code", "reason"}),
    "parent": frozenset({"tracking_code", "internal_reference"}),
}
"""What every table may use besides its record; a record's own section of such a name cannot be reached."""

NIL = object()
"""What a row gives that wants null to stand at its target; None leaves the target out."""

_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\[\])?(\.[A-Za-z_][A-Za-z0-9_]*(\[\])?)*")
_ITEMS_IN_FRAME = 2
KEPT_PATHS = 4096
"""Parsed paths that are remembered: the tables of all services name the same few hundred."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a row may use besides the record; `today` decides which codes are in force (the day in Tehran)."""

    today: date
    case: Mapping[str, Any] = field(default_factory=dict)
    service: Mapping[str, Any] = field(default_factory=dict)
    exchange: Mapping[str, Any] = field(default_factory=dict)
    outcome: Mapping[str, Any] = field(default_factory=dict)
    parent: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path; `repeats` holds the prefixes that repeat: `a[].b[].c` has `a[]` and `a[].b[]`."""

    text: str
    steps: tuple[str, ...]
    repeats: tuple[str, ...]

    @property
    def is_reserved(self) -> bool:
        """Whether the path begins at one of the reserved roots."""
        return self.steps[0] in RESERVED

    def __str__(self) -> str:
        return self.text


@lru_cache(maxsize=KEPT_PATHS)
def parse_path(text: str, *, reserved: bool = True) -> Path:
    """Parse `applicant.national_id` or `owners[].share_dang`; Unfit when it is no path or no reserved name.

    Targets have no reserved names.
    """
    if _PATH.fullmatch(text) is None:
        raise Unfit(f"'{text}' is not a path; a path is names joined by dots, [] where it repeats")
    steps = tuple(text.split("."))
    repeats = tuple(".".join(steps[: place + 1]) for place, step in enumerate(steps) if step.endswith("[]"))
    path = Path(text, steps, repeats)
    if reserved and path.is_reserved and steps[1:] not in {(name,) for name in RESERVED[steps[0]]}:
        names = ", ".join(f"{steps[0]}.{name}" for name in sorted(RESERVED[steps[0]]))
        raise Unfit(f"'{text}' is not among the reserved names {names}")
    return path


def compile_reader(path: Path, scopes: Sequence[str] = (), *, as_list: bool = False, nil: Any = None) -> Reader:
    """Return a function from a frame to the value, None where a part is absent, `nil` where null stands.

    `scopes` are the repeated source prefixes around the row, outermost first; Unfit when the path repeats beyond them.
    With `as_list`, a path that ends in [] gives the list itself.
    """
    if path.is_reserved:
        return _reserved_reader(*path.steps)
    if nil is not None:
        return _nil_reader(path, scopes, as_list=as_list, nil=nil)
    if not path.repeats:
        return _item_reader(0, path.steps)
    depth = max((place for place, scope in enumerate(scopes, start=1) if scope in path.repeats), default=0)
    inside = scopes[depth - 1] if depth else ""
    rest = path.text[len(inside) :].removeprefix(".")
    rest = rest.removesuffix("[]") if as_list else rest
    if "[]" in rest:
        raise Unfit(f"'{path}' repeats and its target does not; give the target [] or take the value by join")
    return _item_reader(depth, tuple(rest.split(".")) if rest else ())


def _nil_reader(path: Path, scopes: Sequence[str], *, as_list: bool, nil: Any) -> Reader:
    """Tell null from what is not there: only the section above knows."""
    read = compile_reader(path, scopes, as_list=as_list)
    above, _, name = path.text.removesuffix("[]").rpartition(".")
    section = compile_reader(parse_path(above), scopes) if above else _record

    def read_exactly(frame: Frame) -> Any:
        value = read(frame)
        if value is None and isinstance(found := section(frame), dict) and name in found:
            return nil
        return value

    return read_exactly


def _record(frame: Frame) -> Any:
    return frame[0]


def compile_collector(path: Path) -> Callable[[Record], list[Any]]:
    """Return a function from a record to all present values of a path, whether or not it repeats."""
    if not any(step.endswith("[]") for step in path.steps):
        return _collector_of_one(path.steps)
    steps = tuple((step.removesuffix("[]"), step.endswith("[]")) for step in path.steps)

    def collect(record: Record) -> list[Any]:
        found: list[Any] = [record]
        for name, repeats in steps:
            values = [node.get(name) for node in found if isinstance(node, dict)]
            found = [item for value in values if isinstance(value, list) for item in value] if repeats else values
        return [value for value in found if not is_absent(value)]

    return collect


def _collector_of_one(steps: tuple[str, ...]) -> Callable[[Record], list[Any]]:
    def collect(record: Record) -> list[Any]:
        value: Any = record
        for name in steps:
            value = value.get(name) if isinstance(value, dict) else None
        return [] if is_absent(value) else [value]

    return collect


def is_absent(value: Any) -> bool:
    """Whether nothing was said: no value or an empty text; False and 0 are values."""
    return value is None or value == ""


def _reserved_reader(root: str, name: str) -> Reader:
    def read(frame: Frame) -> Any:
        return getattr(frame[1], root).get(name)

    return read


@lru_cache(maxsize=KEPT_PATHS)
def _item_reader(depth: int, names: tuple[str, ...]) -> Reader:
    """One name and two names are by far the most common, so they are spelt out."""
    start = depth + _ITEMS_IN_FRAME - 1 if depth else 0
    if not names:
        return lambda frame: frame[start]
    first, *others = names
    if not others:
        return lambda frame: node.get(first) if isinstance(node := frame[start], dict) else None
    if len(others) == 1:
        return _second_level_reader(start, first, others[0])

    def read(frame: Frame) -> Any:
        node = frame[start]
        for name in names:
            if not isinstance(node, dict):
                return None
            node = node.get(name)
        return node

    return read


def _second_level_reader(start: int, first: str, second: str) -> Reader:
    def read(frame: Frame) -> Any:
        node = frame[start]
        inner = node.get(first) if isinstance(node, dict) else None
        return inner.get(second) if isinstance(inner, dict) else None

    return read
