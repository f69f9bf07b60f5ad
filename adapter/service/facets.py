"""What a row can give against what its target takes: kind, length, digits, pattern and enumeration.

A rule of which it is known what it gives is tried with a value of the right kind. `text` and the numbers pass on what
the source may hold, so that the limits of the source are compared with those of the target. Of the reserved names and
of rules over several sources nothing is known here; the codec still refuses what does not fit before it leaves.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from adapter.errors import Unfit
from adapter.tables import Fault
from adapter.translator import RULES, Context, Table
from adapter.translator.lines import Line
from adapter.workbench.fields import Field, Kind, Limits
from adapter.workbench.patterns import samples
from adapter.workbench.sampling import fits
from adapter.workbench.sampling import value as example
from adapter.workbench.sides import Paths

_NUMBERS = frozenset({"rial", "thousand_rial", "integer"})
_PASSING = frozenset({"text", "decimal", "integer"})
_TRIED = frozenset(RULES) - _NUMBERS - _PASSING - {"code", "constant", "nil", "join", "split", "copy", "each"}
"""Rules whose answer always has the same form: each is tried with the value of its own example."""

_MANY = 12
_TRIES = 4
_LONGEST_TOLD = 60


def facet_faults(table: Table, takes: Paths, gives: Paths, message: str) -> list[Fault]:
    """Return every row that can give what its target does not take; `gives` are the sources' fields."""
    return [
        fault
        for line in table.lines
        if (fault := next(_misfits(line, takes.get(line.target.text, ()), gives, message), None))
    ]


def taken(limits: Limits) -> str:
    """Return what the limits take, in words."""
    if limits.enumeration:
        more = " …" if len(limits.enumeration) > _MANY else ""
        return ", ".join(limits.enumeration[:_MANY]) + more
    if limits.patterns:
        return f"{limits.kind} such as {example(limits)}"
    if limits.longest:
        return f"{limits.kind} of {limits.longest} characters at most"
    return str(limits.kind)


def _misfits(line: Line, targets: Sequence[Field], gives: Paths, message: str) -> Iterator[Fault]:
    rule = line.row["rule"]
    sources = gives.get(line.sources[0].text, ()) if len(line.sources) == 1 else ()
    for target in targets:
        takes = target.limits
        what = f"'{line.target}' of {message}"
        if rule == "constant" and not _takes(takes, line.row["argument"]):
            yield line.row.fault(
                "argument", f"'{line.row['argument']}' does not fit", f"{what} takes {taken(takes)}", what_to_do=_MEND
            )
        for value in _tried(line):
            if not _takes(takes, value):
                given = f"{rule} {line.row['argument']}".strip()
                yield line.row.fault(
                    "rule",
                    f"'{given}' gives such as {_shown(value)}",
                    f"{what} takes {taken(takes)}",
                    what_to_do=_OTHER,
                )
        if rule in _NUMBERS and takes.kind not in {Kind.INTEGER, Kind.DECIMAL, Kind.ANYTHING}:
            yield line.row.fault(
                "rule", f"'{rule}' gives a whole number", f"{what} takes {taken(takes)}", what_to_do=_OTHER
            )
        elif rule in _PASSING:
            yield from (fault for source in sources for fault in _passed(line, source.limits, takes, what))


_MEND = "mend the cell"
_OTHER = "choose another rule or argument"


def _passed(line: Line, source: Limits, takes: Limits, what: str) -> Iterator[Fault]:
    """What the source may hold and the target does not take, of a rule that passes values on."""
    rule, path = line.row["rule"], line.sources[0]
    if rule == "text" and takes.kind in {Kind.INTEGER, Kind.BOOLEAN}:
        why = f"{what} takes {taken(takes)}"
        yield line.row.fault("rule", "'text' gives text", why, what_to_do=_OTHER)
    elif takes.enumeration and rule == "text":
        if not set(source.enumeration) <= set(takes.enumeration) or not source.enumeration:
            why = f"{what} takes only {taken(takes)}"
            yield line.row.fault("rule", f"'{path}' may hold other words", why, what_to_do="use code with a codes file")
    elif takes.patterns and takes.patterns != source.patterns:
        value = next((one for one in _samples(source) if not fits(one, _only_patterns(takes))), None)
        if value is not None:
            why = f"{what} takes {taken(takes)}"
            yield line.row.fault("rule", f"'{path}' may hold such as {_shown(value)}", why, what_to_do=_OTHER)
    elif rule == "integer":
        yield from _beyond(line, source, takes, what)
    elif rule == "text" and takes.longest and _longest(line, source) > takes.longest:
        why = f"{what} takes {takes.longest} characters"
        told = "any number of" if _longest(line, source) == _ENDLESS else f"{_longest(line, source)}"
        what_to_do = f"write {takes.longest} as the argument, then a longer one is told before it is sent"
        yield line.row.fault("argument", f"'{path}' may hold {told} characters", why, what_to_do=what_to_do)


def _beyond(line: Line, source: Limits, takes: Limits, what: str) -> Iterator[Fault]:
    for bound, is_beyond in (("least", operator.lt), ("most", operator.gt)):
        one, other = getattr(source, bound), getattr(takes, bound)
        if one is not None and other is not None and is_beyond(float(one), float(other)):
            found = f"'{line.sources[0]}' may hold {one}"
            yield line.row.fault("source", found, f"{what} takes {other} at {bound}", what_to_do=_OTHER)


_ENDLESS = 10**9


def _longest(line: Line, source: Limits) -> int:
    """The most characters that a `text` row can give, 0 where a pattern decides."""
    argument = line.row["argument"]
    if argument.isascii() and argument.isdigit():
        return int(argument)
    if source.kind is not Kind.TEXT or source.patterns or source.form:
        return 0
    if source.enumeration:
        return max(map(len, source.enumeration))
    return source.longest or _ENDLESS


def _samples(source: Limits) -> Iterator[str]:
    """Some values of the source: all of an enumeration, a few of a pattern, a sentence where anything may stand."""
    if source.enumeration:
        yield from source.enumeration
    elif source.patterns:
        tried = (one for count, one in enumerate(samples(source.patterns[0])) if count < _TRIES)
        yield from (one for one in tried if fits(one, _only_patterns(source)))
    elif source.kind is Kind.TEXT and source.form is None:
        yield "متن"


def _only_patterns(limits: Limits) -> Limits:
    return Limits(enumeration=limits.enumeration, patterns=limits.patterns)


def _tried(line: Line) -> Iterator[Any]:
    """What the rule gives for a value of the right kind."""
    if line.row["rule"] in _TRIED:
        try:
            given = line.convert(RULES[line.row["rule"]].example.given, Context(date.min))
        except Unfit:
            return
        if given is not None:
            yield given


def _takes(limits: Limits, value: Any) -> bool:
    """Whether the limits take a value of this kind; a decimal is text to us."""
    if limits.kind is Kind.ANYTHING:
        return True
    if isinstance(value, bool) or limits.kind is Kind.BOOLEAN:
        return isinstance(value, bool) and limits.kind is Kind.BOOLEAN
    if isinstance(value, int) or limits.kind is Kind.INTEGER:
        return isinstance(value, int) and limits.kind in {Kind.INTEGER, Kind.DECIMAL} and fits(str(value), limits)
    return limits.kind is not Kind.SECTION and fits(str(value), limits)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes or no"
    return f"'{value}'" if isinstance(value, str) and len(value) <= _LONGEST_TOLD else str(value)[:_LONGEST_TOLD]
