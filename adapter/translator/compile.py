"""A table of rows becomes one function from (record, context) to a payload; paths and arguments are resolved once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, TypeAlias

from adapter.errors import Unfit, Untranslatable
from adapter.exchange import Payload, Record
from adapter.tables import Fault, Source
from adapter.translator.lines import CONDITIONS, Line, OwnFile, read_lines
from adapter.translator.needing import Need, needs_of
from adapter.translator.paths import (
    NIL,
    Context,
    Frame,
    Reader,
    compile_collector,
    compile_reader,
    is_absent,
    parse_path,
)
from adapter.translator.rules import RULES, Gives, Tools

Producer: TypeAlias = Callable[[Frame], Any]
"""From a frame to what stands at one place of the payload; None leaves the place out, NIL puts null there."""

_GATHERING = frozenset({"join", "each"})
"""Rules that take all values of a source which repeats more often than their target."""


@dataclass(frozen=True, slots=True)
class Table:
    """A compiled table. `build` gives None when no row yields anything."""

    name: str
    file: str
    lines: tuple[Line, ...]
    build: Producer
    needs: tuple[Need, ...] = ()

    def translate(self, record: Record, context: Context) -> Payload:
        """Return the payload; raises Untranslatable whose place is the row and whose text holds no citizen's value."""
        payload: Payload | None = self.build((record, context))
        return {} if payload is None else payload

    def place_of(self, path: str) -> str:
        """The row that fills a field of the payload, the first of several; the file where none does."""
        return next((line.row.place for line in self.lines if line.target.text == path), self.file)

    def missing(self, record: Record) -> list[str]:
        """The paths that hold nothing, and without which the record can never be translated."""
        return [path for path, collect in self.needs if not collect(record)]


def compile_table(source: Source, label: str, tools: Tools, own: OwnFile = None) -> tuple[Table, list[Fault]]:
    """Read and compile one table; with faults the table must not be used. `label` is the file's name in messages.

    `own` is a tenant's table: its rows take the place of those with the same target.
    """
    lines, faults = read_lines(source, label, tools, own)
    build = _compile_section(lines, depth=0, scopes=(), faults=faults)
    return Table(FilePath(label).stem, label, lines, build, needs_of(lines)), faults


def compile_lines(lines: Sequence[Line]) -> Producer:
    """Compile lines that were found sound before, such as a sound table's with other conversions in them."""
    return _compile_section(lines, depth=0, scopes=(), faults=[])


def _compile_section(lines: Sequence[Line], *, depth: int, scopes: tuple[str, ...], faults: list[Fault]) -> Producer:
    """Compile the rows under one section of the payload into a function that gives the section."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(line.target.steps[depth], []).append(line)
    fields: dict[str, Producer] = {}
    for step, members in groups.items():
        name = step.removesuffix("[]")
        if name in fields:
            faults.append(members[0].row.fault("target", f"'{name}' both repeats and does not"))
        compiled = _compile_repeated if step.endswith("[]") else _compile_one
        fields[name] = compiled(members, depth=depth, scopes=scopes, faults=faults)
    return _section_producer(tuple(fields.items()))


def _compile_one(lines: Sequence[Line], *, depth: int, scopes: tuple[str, ...], faults: list[Fault]) -> Producer:
    """Compile either the alternatives for one value or a section."""
    leaves = [line for line in lines if len(line.target.steps) == depth + 1]
    if not leaves:
        return _compile_section(lines, depth=depth + 1, scopes=scopes, faults=faults)
    if len(leaves) < len(lines):
        faults.append(leaves[0].row.fault("target", f"'{leaves[0].target}' is both a value and a section"))
    return _first_of([_compile_line(line, scopes, faults) for line in leaves])


def _compile_repeated(lines: Sequence[Line], *, depth: int, scopes: tuple[str, ...], faults: list[Fault]) -> Producer:
    """Compile a repeated section: one item of the payload for each item of the source that its rows share.

    Rows by `each` give their whole list themselves.
    """
    listing = [line for line in lines if line.row["rule"] == "each" and len(line.target.steps) == depth + 1]
    if listing:
        faults += [
            line.row.fault("target", f"'{line.target}' stands beside a row by each, which fills it whole")
            for line in lines
            if line not in listing
        ]
        return _first_of([_compile_line(line, scopes, faults) for line in listing])
    scope = _shared_scope(lines, scopes, faults)
    if scope is None:
        return _nothing
    read_items = compile_reader(parse_path(scope), scopes, as_list=True)
    item = _compile_one(lines, depth=depth, scopes=(*scopes, scope), faults=faults)
    return _repeated_producer(read_items, item, place=lines[0].row.place, name=scope)


def _shared_scope(lines: Sequence[Line], scopes: tuple[str, ...], faults: list[Fault]) -> str | None:
    """Find the one source prefix that repeats under a repeated target; several or none are faults."""
    place = len(scopes)
    found: dict[str, Line] = {}
    for line in lines:
        for source in line.sources:
            if len(source.repeats) > place:
                found.setdefault(source.repeats[place], line)
    if not found and any(not line.sources and line.row["rule"] != "constant" for line in lines):
        return None  # a row without a source has told its fault
    if not found:
        what = f"'{lines[0].target}' repeats and no source under it does"
        faults.append(lines[0].row.fault("source", what, what_to_do="give one source []"))
        return None
    scope, *others = found
    for other in others:
        what = f"{other} stands beside {scope}"
        why = "rows under one repeated target share one repeated source"
        faults.append(found[other].row.fault("source", what, why))
    return None if others else scope


def _compile_line(line: Line, scopes: tuple[str, ...], faults: list[Fault]) -> Producer:
    read, applies = None, None
    try:
        read = _compile_sources(line, scopes)
    except Unfit as unfit:
        faults.append(line.row.fault("source", unfit.detail))
    try:
        applies = _compile_condition(line, scopes)
    except Unfit as unfit:
        faults.append(line.row.fault("when", unfit.detail))
    return _line_producer(line, read, applies)


def _compile_sources(line: Line, scopes: tuple[str, ...]) -> Reader | None:
    if not line.sources:
        return None
    if line.row["rule"] in _GATHERING and len(line.sources) == 1 and len(line.sources[0].repeats) > len(scopes):
        collect = compile_collector(line.sources[0])
        return lambda frame: collect(frame[0]) or None
    rule = RULES.get(line.row["rule"])
    nil = NIL if rule and rule.nil is not Gives.LEFT_OUT and not line.is_required else None
    readers = tuple(compile_reader(source, scopes, nil=nil) for source in line.sources)
    return readers[0] if len(readers) == 1 else _all_of(readers, first_decides=not (rule and rule.any_source_will_do))


def _all_of(readers: Sequence[Reader], *, first_decides: bool) -> Reader:
    """Read several sources; absent when all are, or when the first is and the others only serve it."""

    def read(frame: Frame) -> list[Any] | None:
        values = [one(frame) for one in readers]
        deciding = values[:1] if first_decides else values
        return None if all(map(is_absent, deciding)) else values

    return read


def _compile_condition(line: Line, scopes: tuple[str, ...]) -> Callable[[Frame], bool] | None:
    if line.when is None:
        return None
    path, holds = line.when
    read = compile_reader(path, scopes, as_list=True, nil=NIL if holds is CONDITIONS["nil"] else None)
    return lambda frame: holds(read(frame))


def _line_producer(line: Line, read: Reader | None, applies: Callable[[Frame], bool] | None) -> Producer:
    """Close over everything that is known at load: this is the innermost function of a translation."""
    place, rule, convert, is_required = line.row.place, line.row["rule"], line.convert, line.is_required
    names = " ".join(map(str, line.sources))
    remedy = "" if rule == "code" or line.cells else "; the sender must correct it"
    read = read or _something
    converts_empty = not is_required and rule in RULES and RULES[rule].empty is not Gives.LEFT_OUT

    def produce(frame: Frame) -> Any:
        value = read(frame)
        if value is not None and (value != "" or converts_empty):
            try:
                value = convert(value, frame[1])
            except Unfit as unfit:
                raise Untranslatable(f"{names}: {rule}: {unfit.detail}{remedy}", place=place) from unfit
            if value is not None and (value != "" or converts_empty):
                return value
        if is_required:
            raise Untranslatable(f"source: {names} gives nothing and the row is required", place=place)
        return None

    if applies is None:
        return produce
    return lambda frame: produce(frame) if applies(frame) else None


def _something(_: Frame) -> Any:
    """Stand in for the source of a constant."""
    return True


def _first_of(producers: Sequence[Producer]) -> Producer:
    if len(producers) == 1:
        return producers[0]
    return lambda frame: next((value for one in producers if (value := one(frame)) is not None), None)


def _section_producer(fields: tuple[tuple[str, Producer], ...]) -> Producer:
    def produce(frame: Frame) -> Payload | None:
        section = {}
        for name, field in fields:
            value = field(frame)
            if value is not None:
                section[name] = None if value is NIL else value
        return section or None

    return produce


def _repeated_producer(read_items: Reader, item: Producer, *, place: str, name: str) -> Producer:
    """Give one item for each of the source's; a failing item tells its number, because the row alone does not."""

    def produce(frame: Frame) -> list[Any] | None:
        items = read_items(frame)
        if not items:
            return None
        if not isinstance(items, list):
            raise Untranslatable(f"source: {name} is not a list", place=place)
        found = []
        for number, one in enumerate(items, start=1):
            try:
                value = item((*frame, one))
            except Untranslatable as error:
                text = error.detail.removeprefix(f"{error.place}: ")
                raise Untranslatable(f"{text} ({name} number {number})", place=error.place) from error
            if value is not None:
                found.append(None if value is NIL else value)
        return found or None

    return produce


def _nothing(_: Frame) -> Any:
    return None
