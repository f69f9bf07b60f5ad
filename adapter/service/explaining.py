"""One cell followed from the field that it reads, through its rule, to the field that it fills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from adapter.calendar import spell_day
from adapter.errors import Untranslatable
from adapter.exchange import Record
from adapter.service.reviewing import Stands
from adapter.translator import RULES, Context, Step, traced
from adapter.translator.codes import CodeRow
from adapter.translator.lines import Line
from adapter.translator.paths import RESERVED
from adapter.workbench.fields import Field, Limits


@dataclass(frozen=True, slots=True)
class Passage:
    """One row between two fields; `values` are what came and what it gave, each time that it gave something."""

    place: str
    giver: str
    sources: tuple[tuple[str, str], ...]
    rule: str
    does: Mapping[str, str]
    argument: str
    codes: tuple[str, ...]
    when: str
    is_required: bool
    message: str
    target: str
    takes: str
    values: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Explained:
    """Every row for one target, in the order in which they are tried; `refusal` is why the record gives no payload."""

    passages: tuple[Passage, ...] = field(default=())
    refusal: str = ""


def explain(stands: Stands, target: str, *, record: Record | None = None, context: Context | None = None) -> Explained:
    """Follow a target of a table; with a record also the value at each step."""
    steps: list[Step] = []
    refusal = ""
    if record is not None and context is not None:
        try:
            traced(stands.table, steps).translate(record, context)
        except Untranslatable as error:
            refusal = str(error)
    lines = [line for line in stands.table.lines if line.target.text == target]
    return Explained(tuple(_passage(stands, line, steps) for line in lines), refusal)


def _passage(stands: Stands, line: Line, steps: Sequence[Step]) -> Passage:
    row, rule = line.row, RULES[line.row["rule"]]
    values = tuple(
        {"given": step.given, "gives": step.came, "codes": [cell.row.place for cell in step.codes]}
        for step in steps
        if step.line.row.place == row.place
    )
    return Passage(
        place=row.place,
        giver=stands.giver,
        sources=tuple(
            (source.text, _described(source.text, stands.gives.get(source.text, ()))) for source in line.sources
        ),
        rule=row["rule"],
        does=rule.does._asdict(),
        argument=row["argument"],
        codes=tuple(f"{cell.row.place}: {cell.code} → {cell.value}{_period(cell.entry)}" for cell in line.cells),
        when=row["when"],
        is_required=line.is_required,
        message=stands.message,
        target=line.target.text,
        takes=_described(line.target.text, stands.takes.get(line.target.text, ())),
        values=values,
    )


def _period(entry: CodeRow) -> str:
    """From when to when a code is in force, where it is not always."""
    ends = (("from", entry.valid_from, date.min), ("to", entry.valid_to, date.max))
    told = " ".join(f"{word} {spell_day(day)}" for word, day, never in ends if day != never)
    return f" ({told})" if told else ""


def _described(path: str, fields: Sequence[Field]) -> str:
    """What a field may hold, in words; of a reserved name who gives it."""
    if path.partition(".")[0] in RESERVED:
        return "kept with the case and the exchange"
    words = dict.fromkeys(_facets(one.limits) for one in fields)
    needed = "required" if any(one.is_required for one in fields) else "optional"
    return f"{', or '.join(words)}; {needed}" if words else "not known"


def _facets(limits: Limits) -> str:
    """The kind and every limit, as the contract has them."""
    told = [str(limits.kind)]
    told += [f"one of {', '.join(limits.enumeration)}"] if limits.enumeration else []
    told += [f"like {pattern}" for pattern in limits.patterns]
    told += [
        f"{word} {value}"
        for word, value in (
            ("at least", limits.least),
            ("at most", limits.most),
            ("digits", limits.digits),
            ("places", limits.fraction_digits),
            ("form", limits.form),
        )
        if value is not None
    ]
    told += [f"{limits.shortest} characters or more"] if limits.shortest else []
    told += [f"{limits.longest} characters at most"] if limits.longest is not None else []
    return ", ".join(told)
