"""The scenes: for each service a file with the records its citizens send, what varies in them, and what is planted.

The script beside them has what all scenes share: channels, faults, times. Nothing here knows a service by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

HERE = Path(__file__).parent
_Part = TypeVar("_Part")


@dataclass(frozen=True, slots=True)
class Variation:
    """One kind of request of a scene; `share` is its weight among the others."""

    title: str
    share: int = 0
    values: Mapping[str, str] = field(default_factory=dict)
    title_fa: str = ""


@dataclass(frozen=True, slots=True)
class ReplyRule:
    """What a citizen sends when the gateway was `told` something: once, or for `each` of a list in it."""

    told: str
    send: str
    record: Any
    status_code: str | None = None
    each: str | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """A service as its citizens see it. `ends`: the gateway's status or answer code → `done` or `refused`."""

    name: str
    title: str
    title_en: str
    share: int
    operation: str
    ends: Mapping[str, str]
    record: Any
    values: Mapping[str, str]
    variations: Sequence[Variation]
    planted: Sequence[Variation]
    replies: Sequence[ReplyRule]


@dataclass(frozen=True, slots=True)
class Times:
    """The profile of short durations: `scale` multiplies every waiting time of the engine, up to the longest.

    `pace_seconds` lies between two events of a case in an internal system.
    """

    scale: float
    longest_wait_seconds: float
    pace_seconds: float
    requests_per_second: float
    kill_after_share: float
    rest_within_seconds: float


@dataclass(frozen=True, slots=True)
class Script:
    """What all scenes share; `channels` has what each channel says of itself in a record."""

    times: Times
    channels: Mapping[str, Any]
    bindings: Sequence[str]
    repeated_share: float
    confirmed_twice: int
    faults: Sequence[Mapping[str, Any]]

    @property
    def outage(self) -> Mapping[str, Any]:
        """The rule by which a system is down for a while."""
        return next(rule for rule in self.faults if rule["mode"] == "down")


def load_scenes(folder: Path = HERE / "scenes") -> dict[str, Scene]:
    """Every scene by its service's name, which is its file's."""
    return {path.stem: _scene(path) for path in sorted(folder.glob("*.json"))}


def load_script(path: Path = HERE / "script.json") -> Script:
    """The script."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return _part(Script, {**content, "times": _part(Times, content["times"])})


def fill(template: Any, values: Mapping[str, Any]) -> Any:
    """The template with its `{names}` filled; a text that is one name alone becomes the value itself, of any type."""
    if isinstance(template, Mapping):
        return {name: fill(part, values) for name, part in template.items()}
    if isinstance(template, list):
        return [fill(part, values) for part in template]
    if not isinstance(template, str):
        return template
    name = template[1:-1]
    is_alone = template.startswith("{") and template.endswith("}") and name in values
    return values[name] if is_alone else template.format_map(values)


def _scene(path: Path) -> Scene:
    content = json.loads(path.read_text(encoding="utf-8"))
    parts = {
        "variations": tuple(_part(Variation, row) for row in content["variations"]),
        "planted": tuple(_part(Variation, row) for row in content["planted"]),
        "replies": tuple(_part(ReplyRule, row) for row in content["replies"]),
    }
    return _part(Scene, {**content, **parts, "name": path.stem})


def _part(kind: type[_Part], content: Mapping[str, Any]) -> _Part:
    """A dataclass from its JSON; a key too many or too few names itself in the TypeError."""
    known = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(content) - known)
    if unknown:
        raise TypeError(f"{kind.__name__} has no {unknown[0]!r}; known are {', '.join(sorted(known))}")
    return kind(**content)
