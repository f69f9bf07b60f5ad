"""What a partner sends beyond its contract: new names are set aside and told, misspelt and misplaced ones are refused.

A name is new when the contract has it nowhere. One that it has elsewhere is misplaced, and one that is near a name
which could stand there is misspelt: dropping either would lose what the sender meant.
"""

from __future__ import annotations

import copy
import difflib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from adapter.contract.codec import Shape
from adapter.refusals import Violation
from adapter.strict_json import safe_name

MOST_STRANGERS = 20
"""A partner that grows adds a few names; more in one message are another message."""

_NEAR = 0.8
_PLAIN = re.compile(r"(?!.*[0-9]{6})[A-Za-z_][A-Za-z0-9_.-]{0,63}")
"""Names end up in logs and metrics: one that could be a person's number is not a name."""
_WILDCARD = "#any"


@dataclass(frozen=True, slots=True)
class Known:
    """What a contract has names for: `names` anywhere in it, `levels` in one message.

    A level is a dotted path without `[]` → the names that may stand below it, and whether each repeats. Below a level
    that is not told, and where anything may stand, nothing is set aside.
    """

    names: frozenset[str]
    levels: Mapping[str, Mapping[str, bool]]


@dataclass(frozen=True, slots=True)
class Stranger:
    """A name that the contract has not, at its first place; `near` is what was probably meant."""

    name: str
    place: str
    near: str | None = None
    line: int | None = None

    @property
    def is_new(self) -> bool:
        """Whether it can be set aside without losing what the sender meant."""
        return self.near is None and _PLAIN.fullmatch(self.name) is not None

    @property
    def violation(self) -> Violation:
        """How it is told when the message is refused."""
        hint = f"; did you mean '{self.near}'?" if self.near else ""
        return Violation(self.place, f"no such field{hint}", "a field", self.line)


@dataclass(slots=True)
class Drift:
    """A message without what the contract does not know, and that by its dotted path."""

    cleaned: Any
    strangers: dict[str, Stranger] = field(default_factory=dict)

    @property
    def is_tolerable(self) -> bool:
        """Whether all that was set aside is new, and not too much."""
        return 0 < len(self.strangers) <= MOST_STRANGERS and all(one.is_new for one in self.strangers.values())

    @property
    def violations(self) -> list[Violation]:
        """Each stranger as a fault."""
        return [one.violation for one in self.strangers.values()]


def known_of(names: Iterable[str], shape: Shape) -> Known:
    """The names of a contract and the levels of one of its messages; without names nothing is ever set aside."""
    found = frozenset(names)
    levels: dict[str, dict[str, bool]] = {"": {}} if found else {}
    for path in shape if found else ():
        parent, _, name = path.rpartition(".")
        levels.setdefault(parent.replace("[]", ""), {})[name.removesuffix("[]")] = name.endswith("[]")
    return Known(found, levels)


def set_aside_in_json(content: dict[str, Any], known: Known) -> Drift:
    """A copy of the content without strangers."""
    seeker = _Seeker(known)
    return Drift(_object(content, "", "", seeker), seeker.found)


def set_aside_in_xml(element: etree._Element, known: Known) -> Drift:
    """A copy of the element without strangers; text that stood behind one stays."""
    seeker = _Seeker(known)
    cleaned = copy.deepcopy(element)
    cleaned.tail = None
    _prune(cleaned, "", "", seeker)
    return Drift(cleaned, seeker.found)


class _Seeker:
    """What was met so far; what is near is looked for once for each path."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._near: dict[str, str | None] = {}
        self.found: dict[str, Stranger] = {}

    def is_open(self, path: str) -> bool:
        """Whether nothing is set aside at this level."""
        level = self._known.levels.get(path)
        return level is None or any(name.startswith(_WILDCARD) for name in level)

    def meets(self, name: str, path: str, place: str, *, beside: Iterable[str], line: int | None = None) -> bool:
        """Whether the name is a stranger there; then it is found."""
        if name in self._known.names:
            return False
        step = join(path, safe_name(name))
        if len(self.found) <= MOST_STRANGERS or step in self.found:
            near = self._meant(name, path, step)
            if near is not None and near in beside and not self._known.levels[path][near]:
                near = None  # what it is near to stands there already, and once only
            if step not in self.found or near is not None:
                self.found[step] = Stranger(name, place, near, line)
        return True

    def _meant(self, name: str, path: str, step: str) -> str | None:
        if step not in self._near:
            folded = {_folded(one): one for one in self._known.levels[path]}
            close = difflib.get_close_matches(_folded(name[:64]), folded, n=1, cutoff=_NEAR)
            self._near[step] = folded[close[0]] if close else None
        return self._near[step]


def _folded(name: str) -> str:
    """PostalCode and postal_code are one name to a reader."""
    return re.sub(r"[_.-]", "", name).lower()


def _object(content: dict[str, Any], path: str, place: str, seeker: _Seeker) -> dict[str, Any]:
    if seeker.is_open(path):
        return content
    cleaned = {}
    for name, value in content.items():
        here = join(place, safe_name(name))
        if not seeker.meets(name, path, here, beside=content.keys()):
            cleaned[name] = _value(value, join(path, name), here, seeker)
    return cleaned


def _value(value: Any, path: str, place: str, seeker: _Seeker) -> Any:
    if isinstance(value, dict):
        return _object(value, path, place, seeker)
    if isinstance(value, list):
        return [_value(one, path, f"{place}[{number}]", seeker) for number, one in enumerate(value)]
    return value


def _prune(parent: etree._Element, path: str, place: str, seeker: _Seeker) -> None:
    if seeker.is_open(path):
        return
    children = list(parent.iterchildren("*"))
    names = [str(child.tag).rpartition("}")[2] for child in children]
    counts, numbers = Counter(names), Counter[str]()
    for child, name in zip(children, names, strict=True):
        number = f"[{numbers[name]}]" if counts[name] > 1 else ""
        numbers[name] += 1
        here = join(place, safe_name(name)) + number
        line: Any = child.sourceline
        if seeker.meets(name, path, here, beside=counts.keys(), line=line):
            _remove(parent, child)
        else:
            _prune(child, join(path, name), here, seeker)


def _remove(parent: etree._Element, child: etree._Element) -> None:
    """Only the element: lxml would take the text behind it away too, which was not part of the stranger."""
    tail, before = child.tail or "", child.getprevious()
    parent.remove(child)
    if not tail.strip():
        return
    if before is None:
        parent.text = (parent.text or "") + tail
    else:
        before.tail = (before.tail or "") + tail


def join(path: str, name: str) -> str:
    """One step further down a dotted path."""
    return f"{path}.{name}" if path else name
