"""A TOML file as rows of a sheet and back, line by line, so that comments and order stay.

A row is (key, value, kind, comment). A section's row has its brackets in `key`; a line that is only a comment has
nothing else; what a clerk could not edit as a value stands as it is, with the kind `toml`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from adapter.errors import Unfit
from adapter.tables import near

HEADER = ("key", "value", "kind", "comment")

TomlRow: TypeAlias = tuple[str, str, str, str]

_SECTION = re.compile(r"\[\[?[A-Za-z0-9_.\"-]+\]\]?")
_KEY = re.compile(r"[A-Za-z0-9_.-]+|\"[^\"\n]+\"")
_STATEMENT = re.compile(rf"({_KEY.pattern}) = (.*)", re.DOTALL)
_COMMENT = re.compile(r"\s*# ?(.*)")
_ESCAPED = re.compile(r'["\\\x00-\x1f\x7f]')
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def toml_rows(text: str) -> list[tuple[TomlRow, str]]:
    """Give each statement, comment and blank line as its row and as it stands; the text is readable as TOML."""
    return [(_row(statement), statement) for statement in _statements(text)]


def toml_line(row: TomlRow) -> str:
    """Give a row's line or lines; raises RowUnfit when it makes no TOML."""
    return _line(*row)


class RowUnfit(Unfit):
    """A row that makes no TOML, and the column of the cell to mend."""

    def __init__(self, column: str, detail: str) -> None:
        super().__init__(detail)
        self.column = column


def _statements(text: str) -> Iterable[str]:
    """Lines, joined where a value goes over several: only then they are readable."""
    held = ""
    for line in text.replace("\r\n", "\n").removesuffix("\n").split("\n"):
        held = f"{held}\n{line}" if held else line
        try:
            tomllib.loads(held)
        except tomllib.TOMLDecodeError:
            continue
        yield held
        held = ""
    if held:
        yield held


def _row(statement: str) -> TomlRow:
    line = statement.strip()
    if found := _COMMENT.fullmatch(line):
        return "", "", "", found[1]
    if (found := _SECTION.match(line)) and (comment := _comment(line[found.end() :])) is not None:
        return found[0], "", "", comment
    found = _STATEMENT.fullmatch(line)
    if found is None:
        return "", line, "toml" if line else "", ""
    value: Any = tomllib.loads(line)
    while isinstance(value, dict) and value:
        value = next(iter(value.values()))
    for kind, spelling in _KINDS.items():
        cell = spelling.cell(value)
        if cell is not None and found[2].startswith(spelt := spelling.line(cell)):
            comment = _comment(found[2][len(spelt) :])
            if comment is not None:
                return found[1], cell, kind, comment
    return found[1], found[2], "toml", ""


def _comment(rest: str) -> str | None:
    """Give the comment after a value, empty when there is none; None when something else follows."""
    found = _COMMENT.fullmatch(rest)
    return found[1] if found else None if rest.strip() else ""


def _line(key: str, value: str, kind: str, comment: str) -> str:
    after = f"  # {comment}" if comment else ""
    if _SECTION.fullmatch(key):
        return f"{key}{after}"
    if not key and kind != "toml":
        if value:
            raise RowUnfit("key", "the value has no key")
        return after.strip()
    if key and _KEY.fullmatch(key) is None:
        raise RowUnfit("key", f"'{key}' is neither a key nor a [section]")
    if kind == "toml":
        return f"{key} = {value}{after}" if key else f"{value}{after}"
    if kind not in _KINDS:
        raise RowUnfit("kind", f"'{kind}' is not a kind; {near(kind, KINDS)}")
    if not _KINDS[kind].is_sound(value):
        raise RowUnfit("value", f"'{value}' is not {kind}")
    return f"{key} = {_KINDS[kind].line(value)}{after}"


def _quoted(text: str) -> str:
    return f'"{_ESCAPED.sub(lambda found: _ESCAPES.get(found[0]) or f"{chr(92)}u{ord(found[0]):04X}", text)}"'


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


@dataclass(frozen=True, slots=True)
class _Spelling:
    """How a kind of value stands in a cell (None when it cannot) and in a line of TOML."""

    cell: Callable[[Any], str | None]
    line: Callable[[str], str]
    is_sound: Callable[[str], bool] = lambda _: True


def _list_cell(value: Any) -> str | None:
    is_plain = isinstance(value, list) and all(isinstance(one, str) and one and one == one.strip() for one in value)
    return "\n".join(value) if is_plain and not any("\n" in one for one in value) else None


def _list_line(cell: str) -> str:
    entries = (one.strip() for one in cell.split("\n"))
    return f"[{', '.join(_quoted(one) for one in entries if one)}]"


_KINDS: Mapping[str, _Spelling] = {
    "text": _Spelling(lambda value: value if isinstance(value, str) and value == value.strip() else None, _quoted),
    "yes_no": _Spelling(
        lambda value: str(value).lower() if isinstance(value, bool) else None, str, {"true", "false"}.__contains__
    ),
    "number": _Spelling(
        lambda value: str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None,
        str,
        lambda cell: _NUMBER.fullmatch(cell) is not None,
    ),
    "list": _Spelling(_list_cell, _list_line),
}
KINDS = (*_KINDS, "toml")
"""What may stand under `kind`; a list has one entry a line."""
