"""Messages made from fields alone: the least that is valid, one with everything, ones that lack what they need.

They are guesses until a codec has judged them: a schema can say more than `Limits` can.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from lxml import etree

from adapter.exchange import Payload
from adapter.workbench.fields import Field, Kind, Limits
from adapter.workbench.patterns import samples

_FORMS = {
    "uuid": "00000000-0000-4000-8000-000000000001",
    "email": "someone@example.ir",
    "uri": "https://example.ir/",
    "ipv4": "192.0.2.1",
}
_USUAL = {
    Kind.DAY: ("2026-11-21",),
    Kind.CLOCK: ("09:30:00", "09:30:00+03:30"),
    Kind.INSTANT: ("2026-11-21T09:30:00+03:30", "2026-11-21T09:30:00Z", "2026-11-21T09:30:00"),
    Kind.BOOLEAN: ("true",),
    Kind.BINARY: ("AAAA",),
}
"""Values that most schemas take, the likeliest first."""

_TEXT = "text"
_MOST_REPEATED = 2
_TYPED = frozenset({Kind.INTEGER, Kind.DECIMAL, Kind.BOOLEAN})


def value(limits: Limits) -> str:
    """A text that the limits most likely take."""
    found = list(_candidates(limits))
    return next((one for one in found if fits(one, limits)), found[0] if found else _TEXT)


def least(field: Field) -> Field:
    """The field with only the parts that every message must have, and of a choice the first."""
    kept = (part for part in field.parts if part.least and not part.is_other)
    return replace(field, parts=tuple(map(least, kept)), most=max(1, field.least))


def whole(field: Field) -> Field:
    """The field with every part, of a choice the first, of what repeats two; what would contain itself is left out."""
    kept = (part for part in field.parts if not (part.is_other or part.is_cut or part.most == 0))
    most = _MOST_REPEATED if field.most is None else min(field.most, _MOST_REPEATED)
    return replace(field, parts=tuple(map(whole, kept)), least=1, most=max(most, field.least))


def lacking(field: Field) -> Iterator[tuple[str, Field]]:
    """The least message without one field that it must have, once for each; the name tells the field."""
    for place, part in enumerate(field.parts):
        others = field.parts[:place], field.parts[place + 1 :]
        if part.is_required:
            yield part.name, replace(field, parts=(*others[0], *others[1]))
        for name, inner in lacking(part):
            yield f"{part.name}.{name}", replace(field, parts=(*others[0], inner, *others[1]))


def as_record(field: Field) -> Payload:
    """The message as a record: every part as often as its `most` says."""
    return {part.name: _many(part) for part in field.parts if part.most != 0}


def as_xml(field: Field) -> etree._Element:
    """The message as XML; attributes and elements as the fields name them."""
    root = etree.Element(field.tag or field.name)
    _fill(root, field)
    spaces = dict.fromkeys(etree.QName(one).namespace for one in root.iter("*"))
    prefixes: Any = {f"m{number or ''}": space for number, space in enumerate(filter(None, spaces))}
    etree.cleanup_namespaces(root, top_nsmap=prefixes)
    return root


def _many(field: Field) -> Any:
    one = as_record(field) if field.is_section else _typed(field.limits)
    return [one] * (field.most or 1) if field.is_list else one


def _typed(limits: Limits) -> Any:
    """The value as JSON types it: a fraction is refused in strict JSON, so that a decimal is whole here."""
    text = value(limits)
    if limits.kind is Kind.BOOLEAN:
        return text == "true"
    return int(Decimal(text)) if limits.kind in _TYPED and re.fullmatch(r"-?[0-9.]+", text) else text


def _fill(node: etree._Element, field: Field) -> None:
    if not field.is_section and field.limits.kind is not Kind.ANYTHING:
        node.text = value(field.limits)
    for part in field.parts:
        if part.is_attribute:
            node.set(part.tag or part.name, value(part.limits))
            continue
        for _ in range(part.most or 1):
            _fill(etree.SubElement(node, part.tag or part.name), part)


def _candidates(limits: Limits) -> Iterator[str]:
    yield from limits.enumeration[:1]
    yield from _USUAL.get(limits.kind, ())
    if limits.form in _FORMS:
        yield _FORMS[limits.form]
    yield from filter(None, (limits.least, limits.most))
    if limits.kind in {Kind.INTEGER, Kind.DECIMAL}:
        yield from ("1", "0", "1" * (limits.digits or 1))
    for pattern in limits.patterns:
        yield from samples(pattern)
    if not limits.patterns:
        length = max(
            limits.shortest or 0, min(len(_TEXT), limits.longest if limits.longest is not None else len(_TEXT))
        )
        yield (_TEXT * (length // len(_TEXT) + 1))[:length]


def fits(text: str, limits: Limits) -> bool:
    """Whether the text is within the limits, as far as can be told here; base64 is left to the codec."""
    if limits.enumeration and text not in limits.enumeration:
        return False
    if limits.kind in {Kind.INTEGER, Kind.DECIMAL} and not _is_between(text, limits):
        return False
    if limits.kind is not Kind.BINARY and not (limits.shortest or 0) <= len(text) <= (limits.longest or 10**9):
        return False
    return all(_matches(text, pattern) for pattern in limits.patterns)


def _is_between(text: str, limits: Limits) -> bool:
    if not re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", text):
        return False
    low, high = (Decimal(one) if one is not None else None for one in (limits.least, limits.most))
    return (low is None or Decimal(text) >= low) and (high is None or Decimal(text) <= high)


def _matches(text: str, pattern: str) -> bool:
    try:
        return re.fullmatch(pattern, text) is not None
    except re.error:  # XSD has classes that Python has not
        return True
