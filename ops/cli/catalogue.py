"""`panjereh services import`, `list` and `coverage`: the catalogue of all services that are known of."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from adapter.calendar import parse_day, spell_day, tehran_day
from adapter.catalogue import (
    DUTY_PERCENT,
    FIELDS,
    FILE,
    KINDS,
    MATURITIES,
    STAGES,
    TIERS,
    Coverage,
    Entry,
    by_city,
    catalogue_text,
    cells_of,
    coverage_of,
    merge,
    read_catalogue,
    read_entries,
)
from adapter.errors import FaultyTables, NotFound, Refused, Unfit
from adapter.tables import Fault, near
from adapter.text import canonical_text
from ops.cli.checking import Config, Json, Mappings, folders_of
from ops.cli.exits import Exit
from ops.cli.printing import print_json, print_table, say

_LISTED = ("service_id", "title", "city", "district", "tier", "kind", "stage", "maturity", "planned_date")
_WORDS: Mapping[str, Sequence[str]] = {"stage": STAGES, "tier": TIERS, "kind": KINDS, "maturity": MATURITIES}


def import_(
    file: Path,
    /,
    *,
    apply: Annotated[bool, Parameter(negative="", help="Do it; without this only what would happen is told.")] = False,
    mappings: Mappings = None,
    config: Config = None,
    json: Json = False,
) -> int:
    """Take services from a .csv or .xlsx into the catalogue, all or nothing; the same file twice changes nothing.

    A row replaces the one of the same service and place; what the file does not name stays. Every fault is told as
    `file:line: column: …`, then exit code 1.
    """
    path = folders_of(config, mappings=mappings)["mappings"] / FILE
    present = _read(path) if path.exists() else []
    given, faults = _given(file)
    if faults:
        raise FaultyTables([str(fault) for fault in faults])
    merged, added, changed = merge(present, given)
    if apply and (added or changed):
        _write(path, catalogue_text(merged))
    told = {
        "rows": len(given),
        "added": [_place(key) for key in added],
        "changed": [{"row": _place(key), "columns": columns} for key, columns in changed.items()],
        "total": len(merged),
        "applied": apply,
    }
    if json:
        print_json(told)
        return Exit.OK
    for key, columns in changed.items():
        print(f"{_place(key)}: {', '.join(columns)}")
    done = "" if apply else "; nothing was written, add --apply" if added or changed else ""
    say(f"{len(given)} rows: {len(added)} new, {len(changed)} changed; the catalogue has {len(merged)}{done}")
    return Exit.OK


def list_(
    *,
    stage: Annotated[str | None, Parameter(help=f"One of {', '.join(STAGES)}.")] = None,
    tier: Annotated[str | None, Parameter(help=f"One of {', '.join(TIERS)}.")] = None,
    kind: Annotated[str | None, Parameter(help=f"One of {', '.join(KINDS)}.")] = None,
    maturity: Annotated[str | None, Parameter(help=f"One of {', '.join(MATURITIES)}.")] = None,
    province: str | None = None,
    city: str | None = None,
    district: str | None = None,
    most_used: Annotated[bool, Parameter(negative="", help="Only the most used.")] = False,
    mappings: Mappings = None,
    config: Config = None,
    json: Json = False,
) -> int:
    """Tell the services of the catalogue, connected or not."""
    entries = _read(folders_of(config, mappings=mappings)["mappings"] / FILE)
    wanted = {"stage": stage, "tier": tier, "kind": kind, "maturity": maturity}
    wanted |= {"province": province, "city": city, "district": district}
    for name, value in wanted.items():
        entries = _only(entries, name, value)
    found = [one for one in entries if one.most_used or not most_used]
    if json:
        print_json({"services": [_told(one) for one in found]})
    else:
        rows = [dict(zip(FIELDS, cells_of(one), strict=True)) for one in found]
        print_table(_LISTED, ([row[column] for column in _LISTED] for row in rows))
        say(f"{len(found)} services")
    return Exit.OK


def coverage(
    *,
    today: Annotated[str | None, Parameter(help="A day other than today, as 1405/07/01.")] = None,
    duty: Annotated[int, Parameter(help="Per cent of the most used services that must be online.")] = DUTY_PERCENT,
    mappings: Mappings = None,
    config: Config = None,
    json: Json = False,
) -> int:
    """Tell per city and in all how many services are connected, what share of the most used is online, what is late."""
    entries = _read(folders_of(config, mappings=mappings)["mappings"] / FILE)
    day = tehran_day(datetime.now(UTC)) if today is None else _day(today)
    cities = {place: coverage_of(its, day) for place, its in by_city(entries).items()}
    whole = coverage_of(entries, day)
    overdue = [one for one in entries if one.is_overdue(day)]
    if json:
        print_json(
            {
                "day": spell_day(day),
                "duty_percent": duty,
                "total": _counted(whole, duty),
                "cities": [{"province": at[0], "city": at[1], **_counted(one, duty)} for at, one in cities.items()],
                "overdue": [_told(one) for one in overdue],
            }
        )
        return Exit.OK
    rows = [(*place, *_counted(one, duty).values()) for place, one in cities.items()]
    print_table(("province", "city", *_counted(whole, duty)), [*rows, ("all", "", *_counted(whole, duty).values())])
    if overdue:
        columns = ("planned_date", "city", "district", "service_id", "title", "stage")
        told = [dict(zip(FIELDS, cells_of(one), strict=True)) for one in overdue]
        print_table(columns, ([row[name] for name in columns] for row in told), title="\noverdue")
    return Exit.OK


def _read(path: Path) -> list[Entry]:
    if not path.exists():
        raise NotFound(f"{path}: there is no catalogue; begin one with: panjereh services import FILE --apply")
    entries, faults = read_catalogue(path, f"{path.parent.name}/{path.name}")
    if faults:
        raise FaultyTables([str(fault) for fault in faults])
    return entries


def _given(file: Path) -> tuple[list[Entry], list[Fault]]:
    readers: Mapping[str, Callable[[Path], tuple[list[Entry], list[Fault]]]] = {
        ".csv": lambda path: read_catalogue(path, path.name),
        ".xlsx": _of_workbook,
    }
    read = readers.get(file.suffix.lower())
    if read is None:
        raise Refused(f"{file}: a catalogue is read from {' or '.join(readers)}")
    if not file.is_file():
        raise NotFound(f"{file}: there is no such file")
    return read(file)


def _of_workbook(file: Path) -> tuple[list[Entry], list[Fault]]:
    """The first sheet, whose first row is the header; what a program spoilt is a fault of its cell."""
    from ops.sheets.reading import CellFault, open_workbook, read_sheet  # noqa: PLC0415 - openpyxl, only for workbooks

    spoilt: list[CellFault] = []
    sheet = read_sheet(open_workbook(file).worksheets[0], file.name, spoilt, header_row=1)
    names = {number: name for name, number in sheet.columns.items()}
    faults = [Fault(file.name, one.row, names.get(one.column, one.coordinate), one.what) for one in spoilt]
    header = list(sheet.columns)
    records = [(row, [cells.get(name, "") for name in header]) for row, cells in sheet.rows.items()]
    entries, found = read_entries([(1, header), *records], file.name)
    places = {(one.line, one.column) for one in faults}
    return entries, sorted([*faults, *(one for one in found if (one.line, one.column) not in places)])


def _write(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8", newline="")
    os.replace(fresh, path)  # noqa: PTH105 - one step


def _only(entries: list[Entry], name: str, value: str | None) -> list[Entry]:
    """Those with the value; raises NotFound with a near one when the column never has it."""
    if value is None:
        return entries
    wanted = canonical_text(value)
    known = _WORDS.get(name) or sorted({str(getattr(one, name)) for one in entries} - {""})
    if wanted not in known:
        raise NotFound(f"{wanted!r} is no {name} here; {near(wanted, known)}")
    return [one for one in entries if getattr(one, name) == wanted]


def _day(text: str) -> date:
    try:
        return parse_day(text)
    except Unfit as unfit:
        raise Refused(f"--today {text}: {unfit.detail}") from unfit


def _place(key: Sequence[str]) -> str:
    return " ".join(filter(None, key))


def _told(entry: Entry) -> dict[str, Any]:
    planned = entry.planned_date
    return {**asdict(entry), "planned_date": None if planned is None else spell_day(planned)}


def _counted(one: Coverage, duty: int) -> dict[str, Any]:
    national, own = one.national_percent, one.own_percent
    return {
        **asdict(one),
        "national_percent": national,
        "own_percent": own,
        "duty_met": None if national is None else national >= duty,
    }
