"""cases/*.in.json and *.out.json: each service's own examples, and what differs, told as a clerk would tell it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from adapter.calendar import parse_day
from adapter.errors import Unfit, Untranslatable
from adapter.service.model import Service
from adapter.tables import Fault, near
from adapter.translator import Context, Table

FEWEST_CASES = 3
"""At least an ordinary one, an edge and a refused one."""

DAY_OF_CASES = date(2026, 11, 21)
"""A case without its own `today` means the same on every day it is run."""

_INPUT = ".in.json"
_OUTPUT = ".out.json"
_INPUT_KEYS = frozenset({"table", "record", "case", "service", "exchange", "outcome", "today", "note"})
_CONTEXT_KEYS = ("case", "exchange", "outcome")


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case: its sentence, its table, and the differences, none when it passed."""

    name: str
    table: str
    differences: tuple[str, ...] = ()

    @property
    def is_passed(self) -> bool:
        """Whether the table gave what the case expects."""
        return not self.differences


class _Unusable(Exception):
    """A case that cannot be run; its text is the difference that is told."""


def run_cases(folder: Path, service: Service) -> list[CaseResult]:
    """Run every case of a service's folder, sorted by name."""
    return [_run_case(path, service) for path in sorted((folder / "cases").glob(f"*{_INPUT}"))]


def case_faults(folder: Path, label: str, tables: Mapping[str, Table]) -> list[Fault]:
    """Return cases without their other half, too few cases, and tables without any."""
    names = {
        end: {path.name.removesuffix(end) for path in (folder / "cases").glob(f"*{end}")} for end in (_INPUT, _OUTPUT)
    }
    alone = [f"{name}{_INPUT}" for name in names[_OUTPUT] - names[_INPUT]]
    alone += [f"{name}{_OUTPUT}" for name in names[_INPUT] - names[_OUTPUT]]
    faults = [
        Fault(f"{label}/cases/{name}", 0, "", "the file is missing, its other half is there") for name in sorted(alone)
    ]
    if len(names[_INPUT]) < FEWEST_CASES:
        what = f"{len(names[_INPUT])} cases are too few"
        faults.append(Fault(f"{label}/cases", 0, "", what, what_to_do="write an ordinary, an edge and a refused one"))
    tried = {_table_of(path) for path in (folder / "cases").glob(f"*{_INPUT}")}
    untried = sorted(set(tables) - tried)
    return [
        *faults,
        *(Fault(tables[name].file, 0, "", "no case tries this table", what_to_do="write one") for name in untried),
    ]


def _table_of(path: Path) -> str | None:
    try:
        return str(_read_json(path).get("table"))
    except _Unusable:
        return None


def _run_case(path: Path, service: Service) -> CaseResult:
    name, given_table = path.name.removesuffix(_INPUT), ""
    try:
        given = _read_json(path)
        expected = _read_json(path.with_name(f"{name}{_OUTPUT}"))
        given_table = str(given.get("table", ""))
        table = _checked_table(given, service)
        context = _context(given, service)
    except _Unusable as unusable:
        return CaseResult(name, given_table, (str(unusable),))
    return CaseResult(name, given_table, tuple(_compare(table, given.get("record", {}), context, expected=expected)))


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
    unknown = sorted(set(given) - _INPUT_KEYS)
    if unknown:
        raise _Unusable(f"'{unknown[0]}' is not a part of a case; {near(unknown[0], _INPUT_KEYS)}")
    name = str(given.get("table", ""))
    if name not in service.tables:
        raise _Unusable(f"'{name}' is not a table of this service; {near(name, service.tables)}")
    return service.tables[name]


def _context(given: Mapping[str, Any], service: Service) -> Context:
    try:
        today = parse_day(given["today"]) if "today" in given else DAY_OF_CASES
    except Unfit as unfit:
        raise _Unusable(f"today: {unfit.detail}") from None
    parts = {key: given.get(key, {}) for key in _CONTEXT_KEYS}
    return Context(today, service={"service_id": service.service_id}, **parts)


def _compare(table: Table, record: Any, context: Context, *, expected: Mapping[str, Any]) -> Iterator[str]:
    refusal = expected.get("untranslatable")
    try:
        payload = table.translate(record, context)
    except Untranslatable as error:
        if refusal is None:
            yield f"a payload was expected, but the record is untranslatable: {error}"
        elif str(refusal) not in str(error):
            yield f"expected to be untranslatable with '{refusal}', but the reason is: {error}"
        return
    if refusal is not None:
        yield f"expected to be untranslatable with '{refusal}', but a payload came"
    else:
        yield from _differences(table, expected, payload, at="", target="")


def _differences(table: Table, expected: Any, found: Any, *, at: str, target: str) -> Iterator[str]:
    """Walk both; `at` is the place with item numbers, `target` the same as tables write it."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in sorted({*expected, *found}):
            inner, inner_target = (f"{at}.{name}", f"{target}.{name}") if at else (name, name)
            yield from _differences(table, expected.get(name), found.get(name), at=inner, target=inner_target)
    elif isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            yield f"{at}: {len(expected)} items were expected, {len(found)} came"
        for number, (one, other) in enumerate(zip(expected, found, strict=False), start=1):
            yield from _differences(table, one, other, at=f"{at}[{number}]", target=f"{target}[]")
    elif type(expected) is not type(found) or expected != found:
        yield f"{at}: {_told(expected)} was expected, {_told(found)} came ({table.place_of(target)})"


def _told(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
