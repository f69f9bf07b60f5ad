"""cases/*.in.json and *.out.json: each service's own examples, and what differs, told as a clerk would tell it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from adapter.calendar import parse_day
from adapter.errors import Unfit, Untranslatable
from adapter.service.layers import is_own
from adapter.service.model import Service
from adapter.tables import near
from adapter.translator import Context, Step, Table, traced

DAY_OF_CASES = date(2026, 11, 21)
"""A case without its own `today` means the same on every day it is run."""

INPUT = ".in.json"
OUTPUT = ".out.json"
INPUT_KEYS = frozenset({"table", "record", "case", "service", "exchange", "outcome", "parent", "today", "note", "each"})
_EACH = "each"
"""A list in both halves: its entries are run one by one, each laid over what stands beside the list."""

REFUSAL = "untranslatable"
_CONTEXT_KEYS = ("case", "exchange", "outcome", "parent")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a case expected otherwise; `row` is the place of the row that made it, `how` what that row does.

    `expected` and `came` are JSON, "nothing" where nothing stands; a difference of the whole has no field.
    """

    what: str
    field: str = ""
    expected: str = ""
    came: str = ""
    row: str = ""
    how: str = ""

    def __str__(self) -> str:
        made = ": ".join(part for part in (self.row, self.how) if part)
        return f"{self.what} ({made})" if made else self.what


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case: its sentence, its table, the differences, and when there are none the rows that made its payload."""

    name: str
    table: str
    differences: tuple[Difference, ...] = ()
    steps: tuple[Step, ...] = ()

    @property
    def is_passed(self) -> bool:
        """Whether the table gave what the case expects."""
        return not self.differences


class _Unusable(Exception):
    """A case that cannot be run; its text is the difference that is told."""


def run_cases(folder: Path, service: Service, *, own: Path | None = None) -> list[CaseResult]:
    """Run every case of a service's folder, sorted by name.

    With a tenant's `own` folder its halves take the place of the shared ones of their name, and a shared case of a
    table that the tenant has no more, or alone, is left out.
    """
    given, expected = (_halves((folder, own), end) for end in (INPUT, OUTPUT))
    cases = [(path, expected.get(name, path.with_name(f"{name}{OUTPUT}"))) for name, path in sorted(given.items())]
    return [
        _run_case(path, answer, service)
        for path, answer in cases
        if own is None or path.is_relative_to(own) or _is_shared(service.tables.get(_table_of(path) or ""))
    ]


def _halves(folders: Sequence[Path | None], end: str) -> dict[str, Path]:
    """Name → the half with this ending, that of the last folder which has it."""
    found = [path for folder in folders if folder is not None for path in (folder / "cases").glob(f"*{end}")]
    return {path.name.removesuffix(end): path for path in found}


def _is_shared(table: Table | None) -> bool:
    return table is not None and not is_own(table.file)


def _table_of(path: Path) -> str | None:
    try:
        return str(_read_json(path).get("table"))
    except _Unusable:
        return None


def _run_case(path: Path, answer: Path, service: Service) -> CaseResult:
    name, given_table = path.name.removesuffix(INPUT), ""
    try:
        given = _read_json(path)
        expected = _read_json(answer)
        given_table = str(given.get("table", ""))
        table = _checked_table(given, service)
        pairs = _pairs(given, expected)
        contexts = [context_of(one, service) for one, _, _ in pairs]
    except _Unusable as unusable:
        return CaseResult(name, given_table, (Difference(str(unusable)),))
    differences: list[Difference] = []
    steps: list[Step] = []
    for (one, wanted, at), context in zip(pairs, contexts, strict=True):
        made: list[Step] = []
        found = list(_compare(traced(table, made), one.get("record", {}), context, expected=wanted, made=made))
        differences += [replace(difference, what=f"{at}{difference.what}") for difference in found]
        steps += made if not found and REFUSAL not in wanted else ()
    return CaseResult(name, given_table, tuple(differences), () if differences else tuple(steps))


def _pairs(given: Mapping[str, Any], expected: Mapping[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any], str]]:
    """What comes, what is expected and where: once, or for every entry of `each`, laid over what stands beside it."""
    if _EACH not in given:
        return [(dict(given), dict(expected), "")]
    entries, answers = given[_EACH], expected.get(_EACH)
    for half, found in ((INPUT, entries), (OUTPUT, answers)):
        if not isinstance(found, list) or not found or not all(isinstance(one, dict) for one in found):
            raise _Unusable(f"'each' of {half[1:]} is not a list of objects; write one for every entry")
    if len(entries) != len(answers or ()):
        raise _Unusable(f"'each' has {len(entries)} entries that come and {len(answers or ())} that are expected")
    return [
        (_laid_over(_without_each(given), one), _laid_over(_without_each(expected), wanted), f"each[{number}]: ")
        for number, (one, wanted) in enumerate(zip(entries, answers or (), strict=True), start=1)
    ]


def _without_each(half: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in half.items() if name != _EACH}


def _laid_over(below: Any, above: Any) -> Any:
    """Objects are merged name by name; anything else of `above` replaces what is below it."""
    if isinstance(below, dict) and isinstance(above, dict):
        return {**below, **{name: _laid_over(below.get(name), value) for name, value in above.items()}}
    return above


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _Unusable(f"{path.name} is missing") from None
    except UnicodeDecodeError:
        raise _Unusable(f"{path.name} is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise _Unusable(f"{path.name}:{error.lineno}: not readable as JSON, {error.msg}") from None
    if not isinstance(found, dict):
        raise _Unusable(f"{path.name} holds no JSON object")
    return found


def _checked_table(given: Mapping[str, Any], service: Service) -> Table:
    unknown = sorted(set(given) - INPUT_KEYS)
    if unknown:
        raise _Unusable(f"'{unknown[0]}' is not a part of a case; {near(unknown[0], INPUT_KEYS)}")
    name = str(given.get("table", ""))
    if name not in service.tables:
        raise _Unusable(f"'{name}' is not a table of this service; {near(name, service.tables)}")
    return service.tables[name]


def context_of(given: Mapping[str, Any], service: Service) -> Context:
    """Return what the rows may use besides the record of a case, on its day."""
    try:
        today = parse_day(given["today"]) if "today" in given else DAY_OF_CASES
    except Unfit as unfit:
        raise _Unusable(f"today: {unfit.detail}") from None
    parts = {key: given.get(key, {}) for key in _CONTEXT_KEYS}
    return Context(today, service={"service_id": service.service_id}, **parts)


def _compare(
    table: Table, record: Any, context: Context, *, expected: Mapping[str, Any], made: Sequence[Step]
) -> Iterator[Difference]:
    refusal = expected.get(REFUSAL)
    try:
        payload = table.translate(record, context)
    except Untranslatable as error:
        if refusal is None:
            yield Difference(f"a payload was expected, but the record is untranslatable: {error}")
        elif str(refusal) not in str(error):
            yield Difference(f"expected to be untranslatable with '{refusal}', but the reason is: {error}")
        return
    if refusal is not None:
        yield Difference(f"expected to be untranslatable with '{refusal}', but a payload came")
        return
    for at, target, wanted, came in _differences(expected, payload, at="", target=""):
        row, how = _origin(table, target, made)
        yield Difference(f"{at}: {wanted} was expected, {came} came", at, wanted, came, row, how)


def _differences(expected: Any, found: Any, *, at: str, target: str) -> Iterator[tuple[str, str, str, str]]:
    """Walk both: place, target, what was expected, what came; `at` has item numbers, `target` is as tables write it."""
    if isinstance(expected, dict | None) and isinstance(found, dict | None) and (expected or found):
        one, other = expected or {}, found or {}
        for name in sorted({*one, *other}):
            inner, inner_target = (f"{at}.{name}", f"{target}.{name}") if at else (name, name)
            yield from _differences(one.get(name), other.get(name), at=inner, target=inner_target)
    elif isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            yield at, f"{target}[]", f"a list of {len(expected)}", f"one of {len(found)}"
        for number, (one, other) in enumerate(zip(expected, found, strict=False), start=1):
            yield from _differences(one, other, at=f"{at}[{number}]", target=f"{target}[]")
    elif type(expected) is not type(found) or expected != found:
        yield at, target, _told(expected), _told(found)


def _origin(table: Table, target: str, made: Sequence[Step]) -> tuple[str, str]:
    """The row that made a target, else the row that would have, and what it does; the file when there is none."""
    lines = [step.line for step in made if step.line.target.text == target]
    lines = lines or [line for line in table.lines if line.target.text == target]
    if not lines:
        within = any(line.target.text.startswith((f"{target}.", f"{target}[]")) for line in table.lines)
        return table.file, "" if within else "no row fills it"
    row = lines[0].row
    words = (row["source"], "by", row["rule"], row["argument"], f"when {row['when']}" if row["when"] else "")
    return row.place, " ".join(word for word in words if word).removeprefix("by ")


def _told(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
