"""Who asks for what, in which order, through which channel and binding: all of it follows from the seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ops.demo import invented
from ops.demo.scenes import Scene, Script, Variation, fill

_PEOPLE_PER_REQUEST = 2


@dataclass(frozen=True, slots=True)
class Request:
    """One citizen's request. A planted one can have no end; a repeated one is sent a second time."""

    number: int
    scene: str
    operation: str
    title: str
    channel: str
    binding: str
    values: Mapping[str, Any]
    record: Any
    is_planted: bool = False
    is_repeated: bool = False

    @property
    def key(self) -> str:
        """The idempotency key of every sending of this request."""
        return f"demo-request-{self.number:06d}"


def requests_of(scenes: Mapping[str, Scene], script: Script, *, count: int, seed: int) -> list[Request]:
    """So many requests in the order of their sending; the planted ones are among them, whatever the count."""
    roles: list[tuple[Scene, Variation, bool]] = [
        (scene, planted, True) for scene in scenes.values() for planted in scene.planted
    ]
    shares = {scene.name: scene.share for scene in scenes.values()}
    for name, size in parts_of(max(count - len(roles), 0), shares).items():
        scene = scenes[name]
        kinds = parts_of(size, {place: kind.share for place, kind in enumerate(scene.variations)})
        roles += [(scene, scene.variations[place], False) for place, times in kinds.items() for _ in range(times)]
    order = sorted(range(len(roles)), key=lambda place: invented.draw(seed, "order", place))
    repeated = set(sorted(order, key=lambda place: invented.draw(seed, "repeat", place))[: _tenth(count, script)])
    return [
        _request(number, roles[place], script=script, seed=seed, is_repeated=place in repeated)
        for number, place in enumerate(order, start=1)
    ]


def parts_of(whole: int, shares: Mapping[Any, int]) -> dict[Any, int]:
    """A whole number divided by shares; the largest remainders get what is left over."""
    total = sum(shares.values())
    exact = {name: whole * share / total for name, share in shares.items()}
    parts = {name: int(part) for name, part in exact.items()}
    by_remainder = sorted(exact, key=lambda name: parts[name] - exact[name])
    for name in by_remainder[: whole - sum(parts.values())]:
        parts[name] += 1
    return parts


def _tenth(count: int, script: Script) -> int:
    return round(count * script.repeated_share)


def _request(
    number: int, role: tuple[Scene, Variation, bool], *, script: Script, seed: int, is_repeated: bool
) -> Request:
    scene, kind, is_planted = role
    channel = _chosen(list(script.channels), seed, "channel", number)
    values: dict[str, Any] = _values(number) | {"channel": script.channels[channel]}
    values |= {name: fill(value, values) for name, value in {**scene.values, **kind.values}.items()}
    return Request(
        number=number,
        scene=scene.name,
        operation=scene.operation,
        title=kind.title,
        channel=channel,
        binding=_chosen(script.bindings, seed, "binding", number),
        values=values,
        record=scene.record,
        is_planted=is_planted,
        is_repeated=is_repeated,
    )


def _values(number: int) -> dict[str, Any]:
    person = number * _PEOPLE_PER_REQUEST
    return {
        "number": str(number),
        "national_id": invented.national_id(person),
        "second_national_id": invented.national_id(person + 1),
        "mobile": invented.mobile(number),
        "postal_code": invented.postal_code(number),
        "registry": str(2000 + number),
        "low_number": str(101 + number % 800),
        "high_number": str(1000 + number),
    }


def _chosen(among: Sequence[str], seed: int, *words: object) -> str:
    return among[int(invented.draw(seed, *words) * len(among))]
