"""A text that a pattern of XSD or JSON Schema takes; for examples, so that one text is enough."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

_LIKED = "1aA0-_ ./"
"""Tried in this order where a class takes several characters."""

_CLASSES = {
    "d": "0-9",
    "w": "A-Za-z0-9_",
    "s": " ",
    "i": "A-Za-z_",
    "c": "A-Za-z0-9_.-",
    "D": "A-Za-z",
    "S": "A-Za-z0-9",
    "W": " -/",
    "I": "0-9",
    "L": "A-Za-z",
    "Lu": "A-Z",
    "Ll": "a-z",
    "N": "0-9",
    "Nd": "0-9",
    "P": "-./",
    "Z": " ",
}
"""Escapes and Unicode categories as classes of ASCII."""

_CONTROLS = {"n": "\n", "r": "\r", "t": "\t"}
_QUANTIFIER = re.compile(r"([*+?]|\{(\d+)(,(\d*))?\})[?+]?")
_CATEGORY = re.compile(r"[pP]\{(\w+)\}")
_ENDLESS = 1000


@dataclass(frozen=True, slots=True)
class _Repeated:
    part: _Part
    least: int
    most: int


_Part: TypeAlias = "str | _Repeated | list[_Part]"
"""A character, a part that repeats, or parts in a row; of alternatives only the first is kept."""


def samples(pattern: str, longest: int = 64) -> Iterator[str]:
    """Texts that the pattern takes, ever longer; none for a pattern that is not understood."""
    try:
        part = _Reader(pattern).read()
    except (IndexError, ValueError):
        return
    last = None
    for more in range(longest + 1):
        text, _ = _write(part, more)
        if text == last:
            return
        yield text
        last = text


def _write(part: _Part, more: int) -> tuple[str, int]:
    """The text of a part with so many repetitions more than it needs, and how many of those are left."""
    if isinstance(part, str):
        return part, more
    if isinstance(part, _Repeated):
        extra = min(more, part.most - part.least)
        text, _ = _write(part.part, 0)
        return text * (part.least + extra), more - extra
    found = []
    for one in part:
        text, more = _write(one, more)
        found.append(text)
    return "".join(found), more


class _Reader:
    """A pattern read from the left; raises IndexError or ValueError where it is not understood."""

    def __init__(self, pattern: str) -> None:
        self._left = pattern

    def read(self) -> list[_Part]:
        """All of it."""
        found = self._alternatives()
        if self._left:
            raise ValueError(self._left)
        return found

    def _alternatives(self) -> list[_Part]:
        first = self._row()
        while self._left.startswith("|"):
            self._take()
            self._row()
        return first

    def _row(self) -> list[_Part]:
        found: list[_Part] = []
        while self._left and self._left[0] not in "|)":
            part = self._part()
            if quantifier := _QUANTIFIER.match(self._left):
                self._left = self._left[quantifier.end() :]
                part = _Repeated(part, *_times(quantifier))
            found.append(part)
        return found

    def _part(self) -> _Part:
        char = self._take()
        if char in "^$":
            return ""
        if char == "(":
            return self._group()
        if char == "[":
            return _liked(self._class())
        if char == "\\":
            return _liked(self._escaped())
        return "a" if char == "." else char

    def _group(self) -> _Part:
        if self._left.startswith("?") and not self._left.startswith("?:"):
            raise ValueError("a look-around")
        self._left = self._left.removeprefix("?:")
        found = self._alternatives()
        if self._take() != ")":
            raise ValueError("a group without an end")
        return found

    def _class(self) -> set[str]:
        is_negated = self._left.startswith("^")
        self._left = self._left.removeprefix("^")
        found: set[str] = set()
        first, without = True, set[str]()
        while first or not self._left.startswith("]"):
            first = False
            if self._left.startswith("-["):
                self._left = self._left[2:]
                without = self._class()
                continue
            char = self._take()
            known = self._escaped() if char == "\\" else {char}
            if len(known) == 1 and re.match(r"-[^\]\[]", self._left):
                self._take()
                last = self._take()
                end = self._escaped() if last == "\\" else {last}
                known = set(map(chr, range(ord(min(known)), min(ord(max(end)), ord(min(known)) + _ENDLESS) + 1)))
            found |= known
        self._take()
        return ({chr(code) for code in range(32, 127)} - found if is_negated else found) - without

    def _escaped(self) -> set[str]:
        if category := _CATEGORY.match(self._left):
            self._left = self._left[category.end() :]
            return _spread(_CLASSES.get(category[1], _CLASSES.get(category[1][0], "A-Za-z")))
        char = self._take()
        return _spread(_CLASSES[char]) if char in _CLASSES else {_CONTROLS.get(char, char)}

    def _take(self) -> str:
        char, self._left = self._left[0], self._left[1:]
        return char


def _times(quantifier: re.Match[str]) -> tuple[int, int]:
    simple = {"*": (0, _ENDLESS), "+": (1, _ENDLESS), "?": (0, 1)}
    if quantifier[1] in simple:
        return simple[quantifier[1]]
    least = int(quantifier[2])
    return least, (int(quantifier[4]) if quantifier[4] else _ENDLESS) if quantifier[3] else least


def _spread(written: str) -> set[str]:
    found = set(re.sub(r".-.", "", written, flags=re.DOTALL))
    for one in re.findall(r"\w-\w", written):
        found |= set(map(chr, range(ord(one[0]), ord(one[2]) + 1)))
    return found


def _liked(chars: set[str]) -> str:
    if not chars:
        raise ValueError("an empty class")
    return next((char for char in _LIKED if char in chars), min(chars))
