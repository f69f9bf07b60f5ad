"""What changed from one contract to another: operations, fields with their limits, outcomes, and what is declared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from typing import Any

from adapter.contract.model import Contract, OutcomeRow
from adapter.workbench.fields import Field, Limits, Messages, flat

_LIMITS = tuple(one.name for one in fields(Limits) if one.name != "enumeration")
_DECLARED = ("code_paths", "ignore_codes_when", "soap_path", "health", "finds", "changes", "statement")


class Side(StrEnum):
    """Which of an operation's messages."""

    REQUEST = "request"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One change: of a contract's declaration when `operation` is empty, of an operation's when `side` is."""

    operation: str
    side: str
    path: str
    what: str


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field that stands on both sides and is another: `narrower` tells what it no longer takes, in words."""

    operation: str
    side: Side
    path: str
    old: Field
    new: Field
    what: tuple[str, ...]
    narrower: tuple[str, ...]

    @property
    def added_values(self) -> tuple[str, ...]:
        """Values of its enumeration that are new; none where there was no enumeration."""
        old, new = self.old.limits.enumeration, self.new.limits.enumeration
        return tuple(value for value in new if old and value not in old)


def declared_changes(old: Contract, new: Contract) -> Iterator[Change]:
    """What contract.toml and outcomes.csv say otherwise, and bindings and operations that came or went."""
    yield from _named("binding", old.bindings, new.bindings)
    for name in _DECLARED:
        yield from (Change("", "", *one) for one in _said_otherwise(name, getattr(old, name), getattr(new, name)))
    for name in sorted(old.operations.keys() ^ new.operations.keys()):
        yield Change(name, "", "", "is new" if name in new.operations else "is gone")
    for name in sorted(old.operations.keys() & new.operations.keys()):
        before, after = old.operations[name], new.operations[name]
        for said in fields(before):
            its = (getattr(one, said.name) for one in (before, after))
            yield from (Change(name, "", *one) for one in _said_otherwise(said.name, *its))
    yield from _outcome_changes(old.outcomes, new.outcomes)


def message_changes(old: Messages, new: Messages) -> tuple[list[Change], list[FieldChange]]:
    """Fields that came or went, and fields that are others now, in the operations that both have."""
    changes: list[Change] = []
    changed: list[FieldChange] = []
    for name in sorted(old.keys() & new.keys()):
        for side in Side:
            before, after = (_by_path(getattr(one[name], side)) for one in (old, new))
            changes += (Change(name, side, path, what) for path, what in _came_or_went(before, after))
            for path in sorted(before.keys() & after.keys()):
                what, narrower = _field_changes(before[path], after[path])
                if what:
                    changed.append(FieldChange(name, side, path, before[path], after[path], what, narrower))
    return changes, changed


def _by_path(message: Field) -> dict[str, Field]:
    """The fields by their path without `[]`: whether one repeats may be what changed."""
    return {path.replace("[]", ""): field for path, field in flat(message)}


def _came_or_went(before: Mapping[str, Field], after: Mapping[str, Field]) -> Iterator[tuple[str, str]]:
    """With a section its fields come and go; they are not told again."""
    for path in sorted(before.keys() - after.keys()):
        if path.rpartition(".")[0] in after or "." not in path:
            yield path, "is gone"
    for path in sorted(after.keys() - before.keys()):
        if path.rpartition(".")[0] in before or "." not in path:
            yield path, "is new and required" if after[path].is_required else "is new, optional"


def _field_changes(old: Field, new: Field) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Every change in words, and those by which the field takes less than it took."""
    told: list[tuple[str, bool]] = []
    if old.is_required != new.is_required:
        told.append(("is required now" if new.is_required else "is optional now", False))
    if (old.is_repeated, old.most) != (new.is_repeated, new.most):
        is_less = new.most is not None and (old.most is None or new.most < old.most)
        told.append((f"may stand {_times(old)} → {_times(new)}", is_less or old.is_repeated != new.is_repeated))
    told += _enumeration_changes(old.limits.enumeration, new.limits.enumeration)
    for name in _LIMITS:
        before, after = getattr(old.limits, name), getattr(new.limits, name)
        if before != after:
            told.append((f"{name.replace('_', ' ')}: {_told(before)} → {_told(after)}", _is_less(name, before, after)))
    return tuple(what for what, _ in told), tuple(what for what, is_narrower in told if is_narrower)


def _enumeration_changes(old: tuple[str, ...], new: tuple[str, ...]) -> Iterator[tuple[str, bool]]:
    if bool(old) != bool(new):
        yield (f"takes only {', '.join(new)} now" if new else "takes other values too now"), bool(new)
        return
    for value in new:
        if value not in old:
            yield f"takes '{value}' too", False
    for value in old:
        if value not in new:
            yield f"takes '{value}' no longer", True


def _is_less(name: str, old: Any, new: Any) -> bool:
    """Whether a limit lets less through than before; of kinds and patterns nobody can tell, so that they count."""
    if new is None or new == ():
        return False
    if old is None or name in {"kind", "patterns", "form"}:
        return True
    upper = name in {"longest", "most", "digits", "fraction_digits"}
    return bool(float(new) < float(old) if upper else float(new) > float(old)) if _are_numbers(old, new) else True


def _are_numbers(*values: Any) -> bool:
    return all(str(value).lstrip("-").replace(".", "", 1).isdigit() for value in values)


def _named(kind: str, old: Iterable[str], new: Iterable[str]) -> Iterator[Change]:
    for name in sorted({*old} ^ {*new}):
        yield Change("", "", f"{kind} {name}", "is new" if name in {*new} else "is gone")


def _outcome_changes(
    old: Mapping[tuple[str, str], OutcomeRow], new: Mapping[tuple[str, str], OutcomeRow]
) -> Iterator[Change]:
    for place, code in sorted(old.keys() | new.keys()):
        before, after = old.get((place, code)), new.get((place, code))
        where = f"outcomes {place},{code}"
        if before is None or after is None:
            yield Change("", "", where, f"is new: {after.verdict}" if after else "is gone: it parks from now on")
        elif before.verdict is not after.verdict:
            yield Change("", "", where, _became(before.verdict, after.verdict))


def _said_otherwise(at: str, old: Any, new: Any) -> Iterator[tuple[str, str]]:
    """Every place of a declaration that is another, by its dotted name, and what it became."""
    before, after = _parts(old), _parts(new)
    if old == new:
        return
    if before is None or after is None:
        yield at, "is gone" if before is not None else "is new" if after is not None else _became(old, new)
        return
    for name in sorted(before.keys() | after.keys()):
        yield from _said_otherwise(f"{at}.{name}", before.get(name), after.get(name))


def _parts(value: Any) -> Mapping[str, Any] | None:
    """What a section of contract.toml says, by name; None for what is no section, or an empty one."""
    if is_dataclass(value):
        return {one.name: getattr(value, one.name) for one in fields(value)}
    return value if isinstance(value, Mapping) and value else None


def _became(old: Any, new: Any) -> str:
    return f"{_told(old)} → {_told(new)}"


def _told(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " ".join(map(str, value)) or "nothing"
    return "nothing" if value is None or value == {} else str(value)


def _times(field: Field) -> str:
    if not field.is_repeated:
        return "once"
    return "without end" if field.most is None else f"{field.most} times"
