"""Whether a contract takes a value at a path, asked of its codecs as they are: no facet is read a second time here.

A message of that one value is encoded and whatever else it needs is filled in until the codec speaks of values only;
what it then says of the path is the answer. XML needs the filling: a schema is asked once nothing is missing.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Collection
from typing import Any, TypeAlias

from adapter.contract.codec import Codec
from adapter.contract.model import Contract
from adapter.exchange import Payload
from adapter.refusals import SchemaViolation, Violation

Misfits: TypeAlias = Callable[[Contract, str, str, Collection[str]], dict[str, str]]
"""From a contract, an operation, a path and values to those that do not fit, each with what the contract takes."""

_FILLINGS: dict[str, Any] = {
    "a value": "",
    "text": "",
    "a whole number": 0,
    "yes or no": False,
    "an object": {},
    "a list": [""],
}
"""What a codec expected where something was missing or of another kind → the least that is of that kind."""

_MOST_ROUNDS = 12
_STEPS = re.compile(r"[^.\[\]]+")
_NUMBERS = re.compile(r"\[[0-9]*\]")


def misfits(contract: Contract, operation: str, path: str, values: Collection[str]) -> dict[str, str]:
    """Return each value that a request's field does not take → what the contract takes there."""
    return asking_once()(contract, operation, path, values)


def asking_once() -> Misfits:
    """Return `misfits` with a memory: many services fill the same fields with the same codes.

    It is of one set of contracts, in which a title names one.
    """
    probes: dict[tuple[str, str, str], list[_Probe]] = {}
    asked: dict[tuple[str, str, str], dict[str, str | None]] = {}

    def ask(contract: Contract, operation: str, path: str, values: Collection[str]) -> dict[str, str]:
        place = (contract.title, operation, path)
        known = asked.setdefault(place, {})
        if new := set(values) - known.keys():
            if place not in probes:
                probes[place] = _probes(contract, operation, path)
            known |= {value: _first(probes[place], value) for value in new}
        return {value: expected for value in values if (expected := known[value]) is not None}

    return ask


_Probe: TypeAlias = Callable[[str], str | None]
"""From a value to what one binding takes in its place, None where it takes the value."""


def _first(probes: list[_Probe], value: str) -> str | None:
    return next((expected for probe in probes if (expected := probe(value)) is not None), None)


def _probes(contract: Contract, operation: str, path: str) -> list[_Probe]:
    return [_probe(codec, operation, path) for codec in contract.bindings.values() if operation in codec.operations]


def _probe(codec: Codec, operation: str, path: str) -> _Probe:
    content = _filled(codec, operation, path)

    def probe(value: str) -> str | None:
        _put(content, path.replace("[]", "[0]"), value)
        return next((one.expected for one in _violations(codec, operation, content) if _is_at(one, path)), None)

    return probe


def _filled(codec: Codec, operation: str, path: str) -> Payload:
    """A message with some text at the path, in which nothing is missing and everything else is of the right kind."""
    content = _with_only(path)
    for _ in range(_MOST_ROUNDS):
        lacking = [
            one
            for one in _violations(codec, operation, content)
            if one.expected in _FILLINGS and not _is_at(one, path) and one.path[0] != "("
        ]
        if not lacking:
            break
        for one in lacking:
            _put(content, one.path, copy.copy(_FILLINGS[one.expected]))
    return content


def _with_only(path: str) -> Payload:
    content: Any = ""
    for step in reversed(path.split(".")):
        content = {step.removesuffix("[]"): [content] if step.endswith("[]") else content}
    return dict(content)


def _violations(codec: Codec, operation: str, content: Payload) -> list[Violation]:
    try:
        codec.encode_request(operation, content)
    except SchemaViolation as error:
        return error.violations
    return []


def _put(content: Payload, place: str, value: Any) -> None:
    node: Any = content
    *parents, last = _STEPS.findall(place)
    for step in parents:
        node = node[int(step)] if isinstance(node, list) else node[step]
    node[int(last) if isinstance(node, list) else last] = value


def _is_at(violation: Violation, path: str) -> bool:
    """Whether it speaks of the path; XML writes no number where a list has one entry."""
    return _NUMBERS.sub("", violation.path) == path.replace("[]", "")
