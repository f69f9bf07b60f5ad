"""The catalogue: every service that is known of, connected or not, and how far each city has come.

One CSV of thousands of rows; a row is a service of one municipality (or of one district, where they differ).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias

from adapter.calendar import JALALI_YEARS, parse_day, spell_day
from adapter.errors import Unfit
from adapter.identifiers import service_id
from adapter.tables import Columns, Fault, Row, near, read_records, rows_of
from adapter.text import canonical_digits, canonical_text

FILE = "catalogue.csv"
"""Of the catalogue in `mappings/`."""

STAGES = ("identified", "planned", "draft", "shadow", "live")
"""From known by name to connected."""

MATURITIES = ("information", "interaction", "transaction", "integration", "participation")
"""The five stages of an electronic service. Assumption: the common five-stage model (United Nations surveys and those
after them), in which a service is done entirely without a visit from `transaction` on."""

ONLINE_FROM = "transaction"
KINDS = ("service", "area")
TIERS = ("essential", "general")
DUTY_PERCENT = 30
"""Of its most used services a public body offers so many online."""

COLUMNS = Columns(
    required=("service_id", "title", "province", "city", "tier", "kind", "stage"),
    optional=(
        "title_en",
        "organisation",
        "district",
        "maturity",
        "most_used",
        "own_window",
        "national_window",
        "planned_date",
        "note",
    ),
)

Key: TypeAlias = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One row; its fields are the columns in the order in which they are written. `maturity` is empty when unknown."""

    service_id: str
    title: str
    title_en: str
    organisation: str
    province: str
    city: str
    district: str
    tier: str
    kind: str
    stage: str
    maturity: str
    most_used: bool
    own_window: bool
    national_window: bool
    planned_date: date | None
    note: str

    @property
    def key(self) -> Key:
        """What makes the row one: the service and the place."""
        return self.service_id, self.province, self.city, self.district

    @property
    def is_connected(self) -> bool:
        """Whether requests go through it."""
        return self.stage == STAGES[-1]

    @property
    def is_online(self) -> bool:
        """Whether it is connected and done entirely without a visit."""
        reached = MATURITIES.index(self.maturity) if self.maturity else -1
        return self.is_connected and reached >= MATURITIES.index(ONLINE_FROM)

    def is_overdue(self, today: date) -> bool:
        """Whether its day has passed and it is not connected."""
        return self.planned_date is not None and self.planned_date < today and not self.is_connected


FIELDS = tuple(one.name for one in fields(Entry))


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far a place has come; areas (حوزه) stand outside every share, as they are no single services."""

    services: int
    areas: int
    connected: int
    most_used: int
    online_national: int
    online_own: int
    overdue: int

    @property
    def national_percent(self) -> float | None:
        """Of the most used services, those online in the national window; None when none is marked."""
        return _percent(self.online_national, self.most_used)

    @property
    def own_percent(self) -> float | None:
        """Of the most used services, those online in the municipality's own window."""
        return _percent(self.online_own, self.most_used)


def read_catalogue(path: Path, label: str) -> tuple[list[Entry], list[Fault]]:
    """Read the CSV; entries are there only when there is no fault at all."""
    records, faults = read_records(path, label)
    return ([], faults) if faults else read_entries(records, label)


def read_entries(records: Sequence[tuple[int, list[str]]], label: str) -> tuple[list[Entry], list[Fault]]:
    """Make entries of (line, cells), the header first: canonical texts, ASCII digits; all faults at once."""
    rows, faults = rows_of(records, label, COLUMNS)
    entries = [_entry(row, faults) for row in rows]
    for first, row in _twice(entries, rows):
        faults.append(row.fault("service_id", "the service stands twice", f"first in line {first.line}"))
    return ([], sorted(set(faults))) if faults else ([entry for entry in entries if entry], [])


def catalogue_faults(mappings: Path) -> list[Fault]:
    """Return what is wrong in the catalogue of a folder of services; nothing where there is none."""
    path = mappings / FILE
    return read_catalogue(path, f"{mappings.name}/{FILE}")[1] if path.exists() else []


def merge(present: Iterable[Entry], given: Iterable[Entry]) -> tuple[list[Entry], list[Key], dict[Key, list[str]]]:
    """Put the given rows over the present ones: all of them sorted, the new keys, and the changed columns by key.

    What is not given stays.
    """
    merged = {entry.key: entry for entry in present}
    added: list[Key] = []
    changed: dict[Key, list[str]] = {}
    for entry in given:
        before = merged.get(entry.key)
        if before is None:
            added.append(entry.key)
        elif before != entry:
            changed[entry.key] = [name for name in FIELDS if getattr(before, name) != getattr(entry, name)]
        merged[entry.key] = entry
    return [merged[key] for key in sorted(merged)], added, changed


def catalogue_text(entries: Iterable[Entry]) -> str:
    """Spell the entries as the CSV that read_catalogue reads."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(FIELDS)
    writer.writerows(cells_of(entry) for entry in entries)
    return text.getvalue()


def cells_of(entry: Entry) -> list[str]:
    """The entry's cells in the order of FIELDS; days are Jalali."""
    return [_spelt(getattr(entry, name)) for name in FIELDS]


def coverage_of(entries: Iterable[Entry], today: date) -> Coverage:
    """Count the entries as they stand on a day."""
    found = list(entries)
    services = [one for one in found if one.kind == "service"]
    most_used = [one for one in services if one.most_used]
    return Coverage(
        services=len(services),
        areas=len(found) - len(services),
        connected=sum(one.is_connected for one in services),
        most_used=len(most_used),
        online_national=sum(one.is_online and one.national_window for one in most_used),
        online_own=sum(one.is_online and one.own_window for one in most_used),
        overdue=sum(one.is_overdue(today) for one in found),
    )


def by_city(entries: Iterable[Entry]) -> dict[tuple[str, str], list[Entry]]:
    """Group the entries by (province, city), sorted."""
    found: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        found.setdefault((entry.province, entry.city), []).append(entry)
    return dict(sorted(found.items()))


def _entry(row: Row, faults: list[Fault]) -> Entry | None:
    """One entry, or None and its faults."""
    before = len(faults)
    values: dict[str, Any] = {}
    for name in FIELDS:
        try:
            values[name] = _READ[name](row[name])
        except Unfit as unfit:
            faults.append(row.fault(name, unfit.detail))
    if row["stage"] == "planned" and not row["planned_date"]:
        faults.append(row.fault("planned_date", "the cell is empty", "what is planned has a day"))
    return Entry(**values) if len(faults) == before else None


def _twice(entries: Iterable[Entry | None], rows: Iterable[Row]) -> Iterable[tuple[Row, Row]]:
    """Give rows that are one only once their texts are canonical, each with the first of them."""
    first: dict[Key, Row] = {}
    for entry, row in zip(entries, rows, strict=True):
        if entry and (other := first.setdefault(entry.key, row)) is not row:
            yield other, row


def _text(cell: str) -> str:
    return canonical_text(cell)


def _needed(cell: str) -> str:
    if not cell:
        raise Unfit("the cell is empty")
    return canonical_text(cell)


def _one_of(words: Sequence[str], *, may_be_empty: bool = False) -> Callable[[str], str]:
    def read(cell: str) -> str:
        if cell in words or (may_be_empty and not cell):
            return cell
        raise Unfit(f"'{cell}' is not known, {near(cell, words)}" if cell else f"the cell is empty, {near('', words)}")

    return read


def _yes(cell: str) -> bool:
    if cell not in {"yes", "no", ""}:
        raise Unfit(f"'{cell}' is neither yes nor no")
    return cell == "yes"


def _jalali(cell: str) -> date | None:
    if not cell:
        return None
    day = parse_day(cell)
    if int(canonical_digits(cell)[:4]) not in JALALI_YEARS:
        raise Unfit("the day is not Jalali; write it as in 1405/07/01")
    return day


_READ: Mapping[str, Callable[[str], object]] = {
    "service_id": service_id,
    "title": _needed,
    "title_en": _text,
    "organisation": _text,
    "province": _needed,
    "city": _needed,
    "district": _text,
    "tier": _one_of(TIERS),
    "kind": _one_of(KINDS),
    "stage": _one_of(STAGES),
    "maturity": _one_of(MATURITIES, may_be_empty=True),
    "most_used": _yes,
    "own_window": _yes,
    "national_window": _yes,
    "planned_date": _jalali,
    "note": _text,
}


def _spelt(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, date):
        return str(spell_day(value))
    return "" if value is None else str(value)


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None
