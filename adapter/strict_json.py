"""JSON read strictly: what Python's reader lets pass, or the other binding and the journal cannot carry, is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NoReturn

from adapter.refusals import SchemaViolation, Unreadable, Violation

DEEPEST = 64
MOST_VALUES = 50_000
MOST_VIOLATIONS = 100
LARGEST_INTEGER = 2**53 - 1
"""Beyond this a reader that keeps numbers as doubles changes them silently."""

_UNCARRIABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML has no way to write, and halves of surrogate pairs."""

_TEXT_OR_STEP = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[,\[{]', re.DOTALL)
"""A whole text, or what announces one more value; possessive, so that a text without an end is read once only."""

_KINDS = {str: "text", bool: "yes or no", int: "a whole number", float: "a fraction", list: "a list", dict: "an object"}


def read_json(body: bytes) -> Any:
    """The value that a UTF-8 JSON text holds; raises Unreadable or SchemaViolation."""
    value = parse_json(body)
    if faults := faults_in(value):
        raise SchemaViolation(faults)
    return value


def parse_json(body: bytes) -> Any:
    """The value of a UTF-8 JSON text, its faults still in it; raises Unreadable.

    Values are counted before they are built: a million tiny ones cost far more memory than bytes.
    """
    if _has_too_many_values(body):
        raise Unreadable(f"The body has more than {MOST_VALUES} values")
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_distinct, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise Unreadable("The body is not UTF-8 text") from error
    except RecursionError as error:
        raise Unreadable(f"The body is nested deeper than {DEEPEST}") from error
    except ValueError as error:
        line = getattr(error, "lineno", None)
        raise Unreadable(f"The body is not JSON (line {line})" if line else "The body is not JSON") from error


def faults_in(value: Any) -> list[Violation]:
    """What the JSON grammar allows and we do not, the first places; raises Unreadable when nested too deep."""
    return list(islice(_faults(value, "", DEEPEST), MOST_VIOLATIONS))


def write_json(value: Any) -> bytes:
    """The value as compact UTF-8 JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def kind_of(value: Any) -> str:
    """What a value is, in a word that tells nothing of the value itself."""
    return _KINDS.get(type(value), "nothing")


def _has_too_many_values(body: bytes) -> bool:
    """Texts may hold commas and brackets as well: only where all of them together are too many are texts told apart."""
    if sum(map(body.count, (b",", b"[", b"{"))) <= MOST_VALUES:
        return False
    most = 3 * (MOST_VALUES + 1)  # each value has a step before it, and at most a name and a text
    is_step = [body[one.start()] != _QUOTE for one in islice(_TEXT_OR_STEP.finditer(body), most)]
    return len(is_step) == most or sum(is_step) > MOST_VALUES


_QUOTE = ord('"')


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Unreadable("A name stands twice in one object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise Unreadable(f"{name} is not JSON")


def _faults(value: Any, path: str, depth: int) -> Iterator[Violation]:
    if isinstance(value, str):
        if _UNCARRIABLE.search(value):
            yield Violation(path, "text without control characters", "text with one")
    elif isinstance(value, float):
        yield Violation(path, "a whole number, or a decimal as text", "a fraction")
    elif isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            yield Violation(path, "a whole number below 2^53", "a larger one")
    elif isinstance(value, dict | list):
        if not depth:
            raise Unreadable(f"The body is nested deeper than {DEEPEST}")
        if isinstance(value, dict) and any(map(_UNCARRIABLE.search, value)):
            yield Violation(path or "(whole body)", "names without control characters", "a name with one")
        for step, inner in _inside(value, path):
            yield from _faults(inner, step, depth - 1)


def _inside(value: dict[str, Any] | list[Any], path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        return ((f"{path}[{place}]", inner) for place, inner in enumerate(value))
    return ((f"{path}.{safe_name(name)}" if path else safe_name(name), inner) for name, inner in value.items())


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


def safe_name(name: str) -> str:
    """A field's name as it may stand in a message or a log: the sender chose it, so it is not trusted."""
    return name if _NAME.fullmatch(name) else "(a name that is not one)"
