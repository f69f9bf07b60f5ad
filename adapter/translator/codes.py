"""codes/*.csv: what one side's code is called on the other side, and from when to when."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from operator import itemgetter
from typing import TypeAlias

from adapter.calendar import parse_day, spell_day
from adapter.errors import Unfit
from adapter.exchange import Stage
from adapter.tables import STILL_TO_FILL, TO_FILL, Columns, Fault, Row, Source, near, read_csv
from adapter.text import canonical_text
from adapter.translator.overlaying import columns_of_own, is_taken_out, taking_faults

CODE_COLUMNS = Columns(
    required=("gateway", "internal"),
    optional=("title", "stage", "awaited", "valid_from", "valid_to", "legal_basis", "unit", "note"),
)
VALUE_COLUMNS = ("gateway", "internal", "title", "stage", "awaited", "legal_basis", "unit")

PARTIES = ("citizen", "municipality", "engineers", "agencies", "commission")
"""Whom a case may wait for."""
_CODES = ("gateway", "internal")
_TEXTS = ("title", "legal_basis", "unit")
_values_of = itemgetter(*VALUE_COLUMNS)
_WORDS = {"stage": tuple(Stage), "awaited": PARTIES}
_LONGEST_CODE_TOLD = 32
_ONE_DAY = timedelta(days=1)

Lookup: TypeAlias = Callable[[str, date], str]


@dataclass(frozen=True, slots=True)
class CodeRow:
    """One row with its period; both days are included. `is_own` tells a tenant's row from a shared one."""

    row: Row
    valid_from: date
    valid_to: date
    is_own: bool = False

    @property
    def is_always_valid(self) -> bool:
        """Whether the row has no first and no last day."""
        return self.valid_from == date.min and self.valid_to == date.max

    def is_valid(self, today: date) -> bool:
        """Whether the row is in force on a day."""
        return self.valid_from <= today <= self.valid_to

    def overlaps(self, other: CodeRow) -> bool:
        """Whether there is a day on which both are in force."""
        return self.valid_from <= other.valid_to and other.valid_from <= self.valid_to


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a codes file, and the code in the column `key` that leads to it."""

    entry: CodeRow
    key: str
    column: str

    @property
    def code(self) -> str:
        """The code that leads to it."""
        return self.row[self.key]

    @property
    def row(self) -> Row:
        """The row in which it stands."""
        return self.entry.row

    @property
    def value(self) -> str:
        """What stands in the cell."""
        return self.row[self.column]

    def fault(self, what: str, why: str, *, what_to_do: str) -> Fault:
        """Return a fault in this cell."""
        return self.row.fault(self.column, what, why, what_to_do=what_to_do)


@dataclass(frozen=True, slots=True)
class Way:
    """From the codes of one column to what stands in another: how it is found, every cell there is, and the faults."""

    find: Lookup
    cells: tuple[Cell, ...]
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class CodeBook:
    """One codes file, read; a tenant's own row hides the shared ones with its code, whichever way it is looked up.

    They are hidden from the day on which the first own one begins: what a tenant changes tomorrow is shared today.
    """

    file: str
    rows: tuple[CodeRow, ...]
    ways: dict[tuple[str, str], Way] = field(default_factory=dict, compare=False, repr=False)
    """Those that were asked for: many rows of the tables go the same way."""

    def lookup(self, key: str, value: str) -> tuple[Lookup, tuple[Fault, ...]]:
        """Return a function from a code of column `key`, however it is written, and a day to column `value`, or Unfit.

        Faults are the codes that would mean two things on one day.
        """
        way = self._way(key, value)
        return way.find, way.faults

    def cells(self, key: str, value: str) -> tuple[Cell, ...]:
        """Every cell that a lookup from column `key` to column `value` can give."""
        return self._way(key, value).cells

    def _way(self, key: str, value: str) -> Way:
        if (key, value) not in self.ways:
            self.ways[key, value] = self._found_way(key, value)
        return self.ways[key, value]

    def _found_way(self, key: str, value: str) -> Way:
        index: dict[str, list[CodeRow]] = {}
        faults: list[Fault] = []
        led = list(self._led_by(key))
        for row in led:
            code = row.row[key]
            others = index.setdefault(code, [])
            faults += [
                _ambiguous(row, other, key)
                for other in others
                if other.overlaps(row) and other.row[value] != row.row[value]
            ]
            others.append(row)
        return Way(self._finder(index, value), tuple(Cell(row, key, value) for row in led), tuple(faults))

    def _led_by(self, key: str) -> Iterator[CodeRow]:
        """Give the rows that a code in column `key` leads to, a shared one as far as no own one has begun."""
        begins: dict[str, date] = {}
        for row in self.rows:
            if row.is_own:
                begins[row.row[key]] = min(row.valid_from, begins.get(row.row[key], date.max))
        for row in self.rows:
            code = row.row[key]
            if not code or is_taken_out(row.row):
                continue
            if row.is_own or code not in begins:
                yield row
            elif row.valid_from < begins[code]:
                yield replace(row, valid_to=min(row.valid_to, begins[code] - _ONE_DAY))

    def _finder(self, index: Mapping[str, list[CodeRow]], value: str) -> Lookup:
        always = {code: rows[0].row[value] for code, rows in index.items() if rows[0].is_always_valid}

        def find(written: str, today: date) -> str:
            found = always.get(written)
            if found is not None:
                return found
            code = canonical_text(written, digits=True)
            rows = index.get(code)
            if rows is None:
                raise Unfit(f"{_told(code)} is not in {self.file}; add a row there, then replay")
            for row in rows:
                if row.is_valid(today):
                    return row.row[value]
            ended = f"{_told(code)} is not in force on {spell_day(today)} by {rows[-1].row.place}"
            raise Unfit(f"{ended}; add a row that is, then replay")

        return find


def read_codes(source: Source, label: str, own: tuple[Source, str] | None = None) -> tuple[CodeBook, list[Fault]]:
    """Read one codes file, codes and texts canonical; every bad date, unknown stage and row without a code is a fault.

    `own` is a tenant's file, laid over it row by row.
    """
    rows, faults = _read_rows(source, label, CODE_COLUMNS)
    if own is None:
        return CodeBook(label, rows), faults
    over, own_faults = _read_rows(*own, columns_of_own(CODE_COLUMNS))
    faults += [*own_faults, *taking_faults([one.row for one in rows], [one.row for one in over], *_CODES)]
    faults += [
        one.row.fault("valid_to", "what is taken out does not come back", what_to_do="empty the cell, or write a row")
        for one in over
        if is_taken_out(one.row) and one.valid_to < date.max
    ]
    return CodeBook(label, (*(replace(row, is_own=True) for row in over), *rows)), faults


def _read_rows(source: Source, label: str, columns: Columns) -> tuple[tuple[CodeRow, ...], list[Fault]]:
    rows, faults = read_csv(source, label, columns)
    read: list[CodeRow] = []
    for row in map(_canonical, rows):
        first, first_faults = _day(row, "valid_from", date.min)
        last, last_faults = _day(row, "valid_to", date.max)
        faults += [*first_faults, *last_faults, *_word_faults(row)]
        faults += [
            row.fault(name, STILL_TO_FILL)
            for name, cell in row.cells.items()
            if cell == TO_FILL and name in VALUE_COLUMNS
        ]
        if first > last:
            faults.append(row.fault("valid_to", "the period ends before it begins"))
        if not row["gateway"] and not row["internal"]:
            faults.append(row.fault("gateway", "the row has no code"))
        read.append(CodeRow(row, first, last))
    return tuple(read), [*faults, *_repeated(read)]


def _canonical(row: Row) -> Row:
    """Codes with ASCII digits, texts with Persian letters and single spaces: whoever reads them gets no others."""
    cells = {name: canonical_text(row[name], digits=name in _CODES) for name in (*_CODES, *_TEXTS)}
    return row if cells.items() <= row.cells.items() else replace(row, cells={**row.cells, **cells})


def _repeated(rows: Sequence[CodeRow]) -> list[Fault]:
    """Find rows that say the same as another on one day; those that say something else are found by the lookup."""
    first: dict[tuple[str, ...], list[CodeRow]] = {}
    faults = []
    for row in rows:
        others = first.setdefault(_values_of(row.row.cells), [])
        if other := next((one for one in others if one.overlaps(row)), None):
            code = row.row["gateway"] or row.row["internal"]
            why = f"line {other.row.line} says the same on the same days"
            faults.append(row.row.fault("gateway", f"'{code}' stands twice", why, what_to_do="remove one of the rows"))
        others.append(row)
    return faults


def _day(row: Row, column: str, empty: date) -> tuple[date, list[Fault]]:
    if not row[column]:
        return empty, []
    try:
        return parse_day(row[column]), []
    except Unfit as unfit:
        return empty, [row.fault(column, f"'{row[column]}' is not a day", unfit.detail)]


def _word_faults(row: Row) -> list[Fault]:
    return [
        row.fault(column, f"'{row[column]}' is not known", what_to_do=near(row[column], words))
        for column, words in _WORDS.items()
        if row[column] and row[column] not in {*words, TO_FILL}
    ]


def _ambiguous(row: CodeRow, other: CodeRow, key: str) -> Fault:
    """Name no column of meanings: rows that differ in several would be told several times."""
    what = f"'{row.row[key]}' has two meanings"
    return row.row.fault(key, what, f"see line {other.row.line}", what_to_do="end one of them by valid_to")


def _told(code: str) -> str:
    """Return the code for people: a code is no personal data, but what is too long to be one is not repeated."""
    return f"'{code}'" if len(code) <= _LONGEST_CODE_TOLD else f"a text of {len(code)} characters"
