"""What a table cannot do without: fields of the record that a row requires, whatever else the record holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from adapter.exchange import Record
from adapter.translator.lines import Line
from adapter.translator.paths import Path, compile_collector

Need: TypeAlias = tuple[str, Callable[[Record], list[Any]]]
"""A path of the record, and all that stands there."""


def needs_of(lines: Iterable[Line]) -> tuple[Need, ...]:
    """The paths without which no record can be translated; what depends on other fields is not among them."""
    by_target: dict[str, list[Line]] = {}
    for line in lines:
        by_target.setdefault(line.target.text, []).append(line)
    alone = (members[0] for members in by_target.values() if len(members) == 1)
    needed = {line.sources[0].text: line.sources[0] for line in alone if _needs_its_source(line)}
    return tuple((text, compile_collector(path)) for text, path in sorted(needed.items()))


def _needs_its_source(line: Line) -> bool:
    is_unconditional = line.is_required and line.when is None and not line.target.repeats
    return is_unconditional and len(line.sources) == 1 and _is_a_field(line.sources[0])


def _is_a_field(path: Path) -> bool:
    return not path.is_reserved and not path.repeats
