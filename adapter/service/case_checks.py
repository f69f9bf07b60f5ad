"""cases/ looked at without running them: halves, tables without a case, and the kinds that every service has."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from adapter.service.cases import INPUT, INPUT_KEYS, OUTPUT, REFUSAL
from adapter.service.layers import Layers
from adapter.service.publication import TABLE as PUBLICATION
from adapter.tables import STILL_TO_FILL, TO_FILL, Fault, near
from adapter.translator import Table

FEWEST_CASES = 3
"""At least an ordinary one, an edge and a refused one; a service that is only published has one that is."""


@dataclass(frozen=True, slots=True)
class _File:
    """One half of a case as it stands on disk; no content when it cannot be read."""

    label: str
    text: str = ""
    content: Mapping[str, Any] | None = None

    def fault(self, column: str, what: str, why: str = "", *, what_to_do: str = "") -> Fault:
        """Return a fault at the line of a part."""
        lines = self.text.splitlines()
        line = next((number for number, one in enumerate(lines, start=1) if f'"{column}"' in one), 1)
        return Fault(self.label, line, column, what, why, what_to_do)


def case_faults(layers: Layers, tables: Mapping[str, Table], *, named: Collection[str]) -> list[Fault]:
    """Return what is wrong with the files of cases, cases that are missing, and tables that none tries.

    `named` are the tables that service.toml names; those among them that could not be read are in no `tables`. A
    shared case of a table that a tenant has no more is not its matter.
    """
    label = layers.label()
    files = {name: file for name, file in layers.last_of("cases").items() if not name.startswith(".")}
    names = set(files)
    faults = _halves(names, label)
    halves = {}
    for name, file in files.items():
        if name.endswith((INPUT, OUTPUT)):
            halves[name], found = _read(*file)
            faults += found
    if layers.own is not None:
        halves = {name: half for name, half in halves.items() if not _is_of_others(layers, files[name][0], half, named)}
    inputs = {name: half for name, half in halves.items() if name.endswith(INPUT)}
    if len(inputs) < (FEWEST_CASES if set(named) - {PUBLICATION} else len(named)):
        what = f"{len(inputs)} cases are too few"
        faults.append(Fault(f"{label}/cases", 0, "", what, what_to_do="write an ordinary, an edge and a refused one"))
    faults += [half.fault(TO_FILL, STILL_TO_FILL) for half in halves.values() if f'"{TO_FILL}"' in half.text]
    faults += _kinds([half for name, half in halves.items() if name.endswith(OUTPUT)], f"{label}/cases")
    tried = {str(half.content.get("table")) for half in inputs.values() if half.content is not None}
    faults += [fault for half in inputs.values() if half.content is not None for fault in _parts(half, named)]
    untried = sorted(name for name, table in tables.items() if table.lines and name not in tried)
    return [
        *faults,
        *(Fault(tables[name].file, 0, "", "no case tries this table", what_to_do="write one") for name in untried),
    ]


def _is_of_others(layers: Layers, path: str, half: _File, named: Collection[str]) -> bool:
    is_shared = layers.own is None or not path.startswith(f"{layers.own}/")
    return is_shared and half.content is not None and half.content.get("table", None) not in {None, *named}


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


def _read(path: str, label: str) -> tuple[_File, list[Fault]]:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - 23 000 files of 300 services: a Path for each takes 0.4 s
            text = file.read().decode()
        content = json.loads(text)
    except UnicodeDecodeError:
        return _File(label), [Fault(label, 0, "", "the text is not UTF-8", what_to_do="save the file as UTF-8")]
    except json.JSONDecodeError as error:
        return _File(label), [Fault(label, error.lineno, "", "not readable as JSON", error.msg)]
    if not isinstance(content, dict):
        return _File(label), [
            Fault(label, 1, "", "the file holds no JSON object", what_to_do="begin with { and end with }")
        ]
    return _File(label, text, content), []


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
