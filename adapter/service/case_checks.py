"""cases/ looked at without running them: halves, tables without a case, and the kinds that every service has."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic_core import from_json

from adapter.service.cases import INPUT, INPUT_KEYS, OUTPUT, REFUSAL
from adapter.service.layers import Layers, is_own
from adapter.service.publication import TABLE as PUBLICATION
from adapter.tables import STILL_TO_FILL, TO_FILL, Fault, near
from adapter.translator import Table

FEWEST_CASES = 3
"""At least an ordinary one, an edge and a refused one; a service that is only published has one that is."""

_FOLDER = "cases/"
_TO_FILL = f'"{TO_FILL}"'.encode()

UNTRIED = "no case tries this table"


@dataclass(frozen=True, slots=True)
class _File:
    """One half of a case as it stands on disk; no content where it cannot be read."""

    label: str
    is_shared: bool
    text: bytes
    content: Mapping[str, Any] | None = None

    def fault(self, column: str, what: str, why: str = "", *, what_to_do: str = "") -> Fault:
        """Return a fault at the line of a part."""
        lines = self.text.decode().splitlines()
        line = next((number for number, one in enumerate(lines, start=1) if f'"{column}"' in one), 1)
        return Fault(self.label, line, column, what, why, what_to_do)


def case_faults(layers: Layers, tables: Mapping[str, Table], *, named: Collection[str]) -> list[Fault]:
    """Return what is wrong with the files of cases, cases that are missing, and tables that none tries.

    The layers are read. `named` are the tables that service.toml names; those among them that could not be read are in
    no `tables`. A shared case of a table that a tenant has no more, or alone, is not its matter.
    """
    label = layers.label()
    files = _files(layers)
    faults = _halves(set(files), label)
    halves = {}
    for name, file in files.items():
        if name.endswith((INPUT, OUTPUT)):
            halves[name], found = _read(file)
            faults += found
    if layers.own is not None:
        shared = {name for name in named if name not in tables or not is_own(tables[name].file)}
        halves = {name: half for name, half in halves.items() if not _is_of_others(half, shared)}
    inputs = {name: half for name, half in halves.items() if name.endswith(INPUT)}
    if len(inputs) < (FEWEST_CASES if set(named) - {PUBLICATION} else len(named)):
        what = f"{len(inputs)} cases are too few"
        faults.append(Fault(f"{label}/cases", 0, "", what, what_to_do="write an ordinary, an edge and a refused one"))
    faults += [half.fault(TO_FILL, STILL_TO_FILL) for half in halves.values() if _TO_FILL in half.text]
    faults += _kinds([half for name, half in halves.items() if name.endswith(OUTPUT)], f"{label}/cases")
    tried = {str(half.content.get("table")) for half in inputs.values() if half.content is not None}
    faults += [fault for half in inputs.values() if half.content is not None for fault in _parts(half, named)]
    untried = sorted(name for name, table in tables.items() if table.lines and name not in tried)
    return [
        *faults,
        *(Fault(tables[name].file, 0, "", UNTRIED, what_to_do="write one") for name in untried),
    ]


def _files(layers: Layers) -> dict[str, _File]:
    """Every file in the folders of cases by its name, sorted; the tenant's where it has one. A folder is no half."""
    found: dict[str, _File] = {}
    for folder, files in layers.contents.items():
        label, is_shared = layers.label_of(folder), folder == layers.shared
        for path, text in files.items():
            name = path.removeprefix(_FOLDER).partition("/")[0]
            if path.startswith(_FOLDER) and not name.startswith("."):
                found[name] = _File(f"{label}/{_FOLDER}{name}", is_shared, text)
    return dict(sorted(found.items()))


def _is_of_others(half: _File, shared: Collection[str]) -> bool:
    return half.is_shared and half.content is not None and half.content.get("table", None) not in {None, *shared}


def _halves(names: set[str], label: str) -> list[Fault]:
    known = {end: {name.removesuffix(end) for name in names if name.endswith(end)} for end in (INPUT, OUTPUT)}
    alone = [f"{name}{INPUT}" for name in known[OUTPUT] - known[INPUT]]
    alone += [f"{name}{OUTPUT}" for name in known[INPUT] - known[OUTPUT]]
    odd = sorted(name for name in names if not name.endswith((INPUT, OUTPUT)))
    return [
        *(
            Fault(f"{label}/cases/{name}", 0, "", "the file is missing, its other half is there")
            for name in sorted(alone)
        ),
        *(
            Fault(
                f"{label}/cases/{name}", 0, "", f"the name ends neither in {INPUT} nor in {OUTPUT}", "nothing reads it"
            )
            for name in odd
        ),
    ]


def _read(file: _File) -> tuple[_File, list[Fault]]:
    try:
        content = _json(file.text)
    except UnicodeDecodeError:
        return _unread(file, 0, "the text is not UTF-8", what_to_do="save the file as UTF-8")
    except json.JSONDecodeError as error:
        return _unread(file, error.lineno, "not readable as JSON", error.msg)
    if not isinstance(content, dict):
        return _unread(file, 1, "the file holds no JSON object", what_to_do="begin with { and end with }")
    return replace(file, content=content), []


def _json(text: bytes) -> Any:
    try:
        return from_json(text)
    except ValueError:
        return json.loads(text.decode())  # slower, and tells the line of what is wrong


def _unread(file: _File, line: int, what: str, why: str = "", *, what_to_do: str = "") -> tuple[_File, list[Fault]]:
    return replace(file, text=b""), [Fault(file.label, line, "", what, why, what_to_do)]


def _kinds(outputs: list[_File], label: str) -> list[Fault]:
    """Without a refused case nobody sees what a wrong record meets; with refused ones alone nobody sees a payload."""
    is_refused = [REFUSAL in half.content for half in outputs if half.content is not None]
    if len(is_refused) < FEWEST_CASES or len(set(is_refused)) > 1:
        return []
    missing = "ordinary" if is_refused[0] else "refused"
    what_to_do = "write one with its payload" if is_refused[0] else f'write one with "{REFUSAL}"'
    return [Fault(label, 0, "", f"no case is {missing}", "every service has ordinary and refused ones", what_to_do)]


def _parts(half: _File, tables: Collection[str]) -> list[Fault]:
    content = half.content or {}
    faults = [
        half.fault(name, f"'{name}' is not a part of a case", what_to_do=near(name, INPUT_KEYS))
        for name in content
        if name not in INPUT_KEYS
    ]
    table = content.get("table")
    if table is None:
        return [*faults, half.fault("table", "the case names no table", what_to_do=near("", tables))]
    if table not in tables:
        what = f"'{table}' is not a table of this service"
        faults.append(half.fault("table", what, what_to_do=near(str(table), tables)))
    return faults
