"""The fault script: which call meets which misfortune. The same rules, seed and order of calls give the same faults."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from ops.sandbox.ledger import SLIPS

ANY_STAND_IN = "*"
ANY_OPERATION = "*"
ANY_EFFECT = "effects"
"""As an operation of a rule: all operations that change something."""


class Mode(StrEnum):
    """What befalls a call; README.md says what the caller sees of each."""

    ANSWER_LOST = "answer_lost"
    CLOSE_BEFORE = "close_before"
    RESET_BEFORE = "reset_before"
    CLOSE_AFTER = "close_after"
    RESET_AFTER = "reset_after"
    HALF_ANSWER = "half_answer"
    SLOW = "slow"
    BUSY = "busy"
    SOAP_FAULT = "soap_fault"
    HTML = "html"
    FAULT_IN_200 = "fault_in_200"
    DUPLICATE_CALLBACKS = "duplicate_callbacks"
    OUT_OF_ORDER_CALLBACKS = "out_of_order_callbacks"
    WRONG_SIGNATURE = "wrong_signature"
    OLD_TIMESTAMP = "old_timestamp"
    DOWN = "down"
    VIEW_MISSING = "view_missing"
    COLUMN_RENAMED = "column_renamed"
    UNKNOWN_CODE = "unknown_code"
    LOCKED = "locked"
    HALF_FILE = "half_file"
    MERGED_CELLS = "merged_cells"
    FORMULA = "formula"
    SHEET_TWICE = "sheet_twice"


CALLBACK_MODES = frozenset({Mode.DUPLICATE_CALLBACKS, Mode.OUT_OF_ORDER_CALLBACKS})
TOLD_MODES = frozenset({Mode.WRONG_SIGNATURE, Mode.OLD_TIMESTAMP})
"""What befalls only changes that a stand-in tells by itself."""
LASTING_MODES = frozenset({Mode.SLOW, Mode.DOWN, Mode.LOCKED})
STATES = frozenset({Mode.VIEW_MISSING, Mode.COLUMN_RENAMED, Mode.LOCKED})
"""Modes of a database or a folder that are so for a while, whoever looks."""
_OF_ROWS = frozenset({Mode.UNKNOWN_CODE, Mode.HALF_FILE, Mode.MERGED_CELLS, Mode.FORMULA, Mode.SHEET_TWICE})
WIRE_MODES = frozenset(Mode) - STATES - _OF_ROWS
"""What can befall a call over HTTP."""


class FaultyScriptError(ValueError):
    """A fault script names a key, a mode or a figure that does not exist."""


@dataclass(frozen=True, slots=True)
class FaultRule:
    """One rule. Without `rate`, `every` and `nth` it meets every call; `times` ends it after so many.

    `after_seconds` and `for_seconds` bound it in time, counted from its installation. `seconds` is how long the end of
    the call is delayed (`slow`: required) or how long `down` lasts (required). `code` is the business or fault code
    to answer, `effect` whether `soap_fault`, `html` and `fault_in_200` come after the effect was applied. `enters` are
    fields of the ledger's line that are entered otherwise than they came, such as another amount.
    """

    mode: Mode
    operation: str = ANY_OPERATION
    stand_in: str = ANY_STAND_IN
    rate: float | None = None
    every: int | None = None
    nth: int | None = None
    times: int | None = None
    seed: int = 0
    after_seconds: float = 0.0
    for_seconds: float | None = None
    seconds: float = 0.0
    retry_after_seconds: int = 1
    status: int | None = None
    code: str | None = None
    effect: bool = False
    enters: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.mode in LASTING_MODES and self.seconds <= 0:
            raise FaultyScriptError(f"{self.mode}: seconds: must be above 0")
        if self.rate is not None and not 0 <= self.rate <= 1:
            raise FaultyScriptError(f"{self.mode}: rate: must lie between 0 and 1, is {self.rate}")
        if (self.every is not None and self.every < 1) or (self.nth is not None and self.nth < 1):
            raise FaultyScriptError(f"{self.mode}: every, nth: are counted from 1")
        if unknown := sorted(set(self.enters or ()) - set(SLIPS)):
            raise FaultyScriptError(f"{self.mode}: enters: {unknown[0]!r} is none of {', '.join(SLIPS)}")

    @property
    def is_by_the_clock(self) -> bool:
        """Whether `down` or `locked` comes at a time, without waiting for a call."""
        is_lasting = self.mode in {Mode.DOWN, Mode.LOCKED}
        return is_lasting and self.rate is None and self.every is None and self.nth is None

    def told(self) -> dict[str, Any]:
        """The rule as it would stand in a script: what differs from the defaults."""
        return {field.name: value for field, value in self._values() if value != field.default}

    def _values(self) -> Iterable[tuple[Any, Any]]:
        values = asdict(self)
        return ((field, values[field.name]) for field in fields(self))


def read_rules(script: Any) -> tuple[FaultRule, ...]:
    """The rules of a script: `{"faults": [rule, …]}` or the list itself; raises FaultyScriptError naming the place."""
    rows = script.get("faults") if isinstance(script, Mapping) else script
    if not isinstance(rows, list):
        raise FaultyScriptError('a fault script is {"faults": [rule, …]} or a list of rules')
    return tuple(_rule(number, row) for number, row in enumerate(rows, start=1))


def load_rules(path: Path) -> tuple[FaultRule, ...]:
    """The rules of a `.toml` (`[[faults]]`) or JSON file."""
    text = path.read_text(encoding="utf-8")
    return read_rules(tomllib.loads(text) if path.suffix == ".toml" else json.loads(text))


@dataclass(frozen=True, slots=True)
class Place:
    """What a rule may name at one stand-in."""

    operations: Collection[str]
    modes: Collection[Mode]


def check_places(rules: Iterable[FaultRule], served: Mapping[str, Place]) -> None:
    """Raise FaultyScriptError for a rule that could never strike: `served` has the place of each stand-in."""
    for number, rule in enumerate(rules, start=1):
        if rule.stand_in != ANY_STAND_IN and rule.stand_in not in served:
            raise FaultyScriptError(
                f"rule {number}: {rule.stand_in!r} is no stand-in here; here are {', '.join(served)}"
            )
        places = served.values() if rule.stand_in == ANY_STAND_IN else [served[rule.stand_in]]
        known = {ANY_OPERATION, ANY_EFFECT}.union(*(place.operations for place in places))
        if rule.operation not in known:
            names = ", ".join(sorted(known))
            raise FaultyScriptError(f"rule {number}: {rule.operation!r} is no operation here; known are {names}")
        possible = set[Mode]().union(*(place.modes for place in places))
        if rule.mode not in possible:
            names = ", ".join(sorted(possible))
            raise FaultyScriptError(f"rule {number}: {rule.mode} cannot befall {rule.stand_in}; there are {names}")


def _rule(number: int, row: Any) -> FaultRule:
    if not isinstance(row, Mapping):
        raise FaultyScriptError(f"rule {number}: is not an object")
    known = {field.name for field in fields(FaultRule)}
    if unknown := sorted(set(row) - known):
        raise FaultyScriptError(f"rule {number}: {unknown[0]!r} is no key; known are {', '.join(sorted(known))}")
    modes = [mode.value for mode in Mode]
    if row.get("mode") not in modes:
        raise FaultyScriptError(f"rule {number}: {row.get('mode')!r} is no mode; known are {', '.join(modes)}")
    try:
        return FaultRule(**{**row, "mode": Mode(row["mode"])})
    except (TypeError, FaultyScriptError) as error:
        raise FaultyScriptError(f"rule {number}: {error}") from error


@dataclass(slots=True)
class _Standing:
    rule: FaultRule
    met: int = 0
    fired: int = 0


class FaultScript:
    """The rules in force at one stand-in, with their counts. `now` is seconds of any clock that never runs back."""

    def __init__(self, rules: Iterable[FaultRule], *, now: float) -> None:
        self._standing = [_Standing(rule) for rule in rules]
        self._since = now

    def pick(
        self,
        operation: str,
        *,
        has_effect: bool,
        tells_changes: bool,
        now: float,
        is_told: bool = False,
        modes: Collection[Mode] = WIRE_MODES,
    ) -> FaultRule | None:
        """The first rule of these modes that befalls this call. Every rule that matches it counts it, also behind it.

        `is_told`: the call is the stand-in's own, by which it tells its changes.
        """
        words = {ANY_OPERATION, operation} | ({ANY_EFFECT} if has_effect else set())
        befalling = [
            standing
            for standing in self._standing
            if standing.rule.operation in words
            and standing.rule.mode in modes
            and not standing.rule.is_by_the_clock
            and (tells_changes or standing.rule.mode not in CALLBACK_MODES)
            and _befalls(standing.rule.mode, is_told=is_told)
            and self._is_due(standing.rule, now)
            and _strikes(standing)
        ]
        if not befalling:
            return None
        befalling[0].fired += 1
        return befalling[0].rule

    def in_force(self, mode: Mode, now: float) -> frozenset[str]:
        """The operations for which this state lasts now."""
        lasting = [one for one in self._standing if one.rule.mode is mode and self._is_due(one.rule, now)]
        for standing in lasting:
            standing.met = standing.fired = 1
        return frozenset(standing.rule.operation for standing in lasting)

    def told(self, now: float) -> list[dict[str, Any]]:
        """Each rule with its counts and whether it can still strike, for the page and the control endpoint."""
        return [
            {
                **standing.rule.told(),
                "met": standing.met,
                "fired": standing.fired,
                "active": self._is_due(standing.rule, now) and not _is_spent(standing),
            }
            for standing in self._standing
        ]

    def _is_due(self, rule: FaultRule, now: float) -> bool:
        age = now - self._since - rule.after_seconds
        lasts = rule.seconds if rule.is_by_the_clock else rule.for_seconds
        return age >= 0 and (lasts is None or age < lasts)


def _is_spent(standing: _Standing) -> bool:
    return standing.rule.times is not None and standing.fired >= standing.rule.times


def _befalls(mode: Mode, *, is_told: bool) -> bool:
    """Whether a mode can befall a call to a stand-in, or one of its own."""
    return mode in CALLBACK_MODES | TOLD_MODES if is_told else mode not in TOLD_MODES


def _strikes(standing: _Standing) -> bool:
    standing.met += 1
    rule = standing.rule
    return not _is_spent(standing) and (
        (rule.nth is None or standing.met == rule.nth)
        and (rule.every is None or standing.met % rule.every == 0)
        and (rule.rate is None or _draw(rule.seed, standing.met) < rule.rate)
    )


def _draw(seed: int, count: int) -> float:
    """A number in [0, 1) that depends on the seed and the count alone."""
    digest = hashlib.blake2b(f"{seed}/{count}".encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big") / (1 << 56)
