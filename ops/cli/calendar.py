"""`panjereh calendar`: the working days of a tenant, and a closure announced the evening before."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from adapter.calendar import (
    EVERYBODY,
    Days,
    WorkingDays,
    days_after,
    jalali_day,
    jalali_parts,
    parse_day,
    read_calendars,
    spell_day,
    tehran_day,
    weekday_of,
    with_closure,
)
from adapter.errors import FaultyTables, NotFound, Refused, Unfit
from adapter.tables import near
from adapter.text import canonical_digits
from ops.cli.asking import DEFAULT_CONFIG, named
from ops.cli.checking import Config, Json, Mappings, folders_of
from ops.cli.exits import Exit
from ops.cli.printing import print_json, print_table, say
from ops.replacing import replace_text
from ops.settings_file import load_settings

app = App(name="calendar", help="Show a tenant's working days, or close a day.", help_format="plaintext")

_COLUMNS = ("date", "weekday", "working", "opens", "closes", "title")
_MONTH = re.compile(r"(1[2-5][0-9]{2})[/-]?(0?[1-9]|1[0-2])")
Tenant = Annotated[str, Parameter(help="One municipality; * for everybody.")]


@app.command
def show(
    month: str | None = None,
    /,
    *,
    tenant: Tenant = EVERYBODY,
    mappings: Mappings = None,
    config: Config = None,
    json: Json = False,
) -> int:
    """Tell every day of a month, spelt 1405/09; without one, of this month."""
    days_of_all, first = _calendars(_folder(config, mappings), tenant, config), _first_of(month)
    working, year = days_of_all.of(tenant), jalali_parts(first)[0]
    has_calendar = year in days_of_all.spans
    days = [_told(working, day) for day in (first, *days_after(first, _last_of(first)))]
    count = sum(bool(day["working"]) for day in days)
    if json:
        print_json({"tenant": tenant, "has_calendar": has_calendar, "days": days, "working_days": count})
    else:
        print_table(_COLUMNS, [[day[column] for column in _COLUMNS] for day in days])
        say(f"{count} working days" if has_calendar else f"no calendar of {year} is there; only its Fridays are known")
    return Exit.OK


@app.command
def close(
    day: str,
    /,
    *,
    tenant: Tenant,
    why: Annotated[str, Parameter(help="What people are told: smog, power.")],
    apply: Annotated[bool, Parameter(negative="", help="Do it; without this only what would happen is told.")] = False,
    mappings: Mappings = None,
    config: Config = None,
) -> int:
    """Close a day for a tenant, or for everybody by *; the daemon knows it once its tables are read anew."""
    closed, folder = _day(day), _folder(config, mappings)
    path = folder / f"ir-{jalali_parts(closed)[0]}.csv"
    if not why.strip():
        raise Refused("a closure needs a reason; give --why")
    if not path.is_file():
        raise NotFound(f"{path}: there is no calendar of that year; add it first")
    working = _calendars(folder, tenant, config).of(tenant)
    try:
        text = with_closure(path.read_text(encoding="utf-8"), closed, tenant=tenant, why=why.strip())
    except Unfit as unfit:
        raise Refused(f"{path}: {unfit.detail}") from unfit
    was = "worked" if working.is_working(closed) else "was closed anyhow"
    if apply:
        replace_text(path, text, room=folder)
    reload = "panjereh tables reload --apply --reason …"
    told = f"closed; take it up with: {named(reload, config or DEFAULT_CONFIG)}"
    done = told if apply else "nothing was changed; add --apply"
    say(f"{spell_day(closed)} ({weekday_of(closed)}) {was} for {tenant}: {done}")
    return Exit.OK


def _folder(config: Path | None, mappings: Path | None) -> Path:
    return folders_of(config, **({"mappings": mappings} if mappings else {}))["mappings"] / "calendars"


def _calendars(folder: Path, tenant: str, config: Path | None) -> Days:
    """The calendars of all; raises NotFound for a tenant of whom neither the settings nor any table knows."""
    days, faults = read_calendars(folder)
    if faults:
        raise FaultyTables([str(fault) for fault in faults])
    path = config or DEFAULT_CONFIG
    known = set(load_settings(path).tenants) if config or path.is_file() else set(days.tenants)
    if tenant not in known | {EVERYBODY}:
        hint = "" if config or path.is_file() else "; name the settings that know it with --config"
        raise NotFound(f"there is no tenant {tenant!r}; {near(tenant, known)}{hint}")
    return days


def _first_of(month: str | None) -> date:
    if month is None:
        year, number, _ = jalali_parts(tehran_day(datetime.now(UTC)))
        return jalali_day(year, number, 1)
    found = _MONTH.fullmatch(canonical_digits(month).strip())
    if found is None:
        raise Refused(f"'{month}' is not a month of the Jalali calendar; spell it 1405/09")
    return jalali_day(int(found[1]), int(found[2]), 1)


def _day(written: str) -> date:
    try:
        return parse_day(written)
    except Unfit as unfit:
        raise Refused(f"'{written}': {unfit.detail}") from unfit


def _last_of(first: date) -> date:
    year, month, _ = jalali_parts(first)
    following = jalali_day(year, month + 1, 1) if month < 12 else jalali_day(year + 1, 1, 1)  # noqa: PLR2004 - Esfand
    return following - timedelta(days=1)


def _told(working: WorkingDays, day: date) -> dict[str, str | bool | None]:
    row = working.row(day)
    return {
        "date": str(spell_day(day)),
        "weekday": weekday_of(day),
        "working": working.is_working(day),
        "opens": row.opens.isoformat("minutes") if row and row.opens else None,
        "closes": row.closes.isoformat("minutes") if row and row.closes else None,
        "title": row.title if row else None,
    }
