"""Rules that take several values, none at all, or whatever stands there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from adapter.errors import Unfit
from adapter.tables import near
from adapter.text import canonical_text
from adapter.translator.paths import NIL, Context, is_absent
from adapter.translator.rules.making import Conversion, Maker, Tools, no_argument
from adapter.translator.rules.words import SEPARATORS
from adapter.translator.values import plain_text

_BETWEEN = re.compile(r"[,،;؛|\n]")


def constant(argument: str, _: Tools) -> Conversion:
    """Give the argument itself, as text; the row has no source."""
    if not argument:
        raise Unfit("a constant needs its value in the argument")
    return lambda _value, _context: argument


def nil(argument: str, _: Tools) -> Conversion:
    """Give nil (null, xsi:nil): the target stands there and says that there is none; the row has no source."""
    no_argument(argument)
    return lambda _value, _context: NIL


def copy(argument: str, _: Tools) -> Conversion:
    """Give the value as it is, whatever its shape."""
    no_argument(argument)
    return lambda value, _: value


def join(argument: str, _: Tools) -> Conversion:
    """Join the present values of several sources (with spaces between them) or of one repeated source."""
    separator = SEPARATORS.get(argument or "space", argument)

    def convert(value: Any, _: Context) -> str:
        parts = value if isinstance(value, list) else [value]
        return separator.join(canonical_text(plain_text(part)) for part in parts if not is_absent(part))

    return convert


def each_of(makers: Mapping[str, Maker]) -> Maker:
    """Make the rule `each`, whose argument is one of these rules and that rule's own argument."""

    def each(argument: str, tools: Tools) -> Conversion:
        rule, inner = inner_rule(argument)
        if rule not in makers:
            raise Unfit(f"'{rule}' is not a rule for one value; {near(rule, makers)}")
        convert = makers[rule](inner, tools)

        def convert_each(value: Any, context: Context) -> list[Any]:
            return [found for found in _converted(_parts(value), convert, context) if not is_absent(found)]

        return convert_each

    return each


def inner_rule(argument: str) -> tuple[str, str]:
    """Return the rule and its argument that stand in the argument of `each`."""
    rule, _, inner = argument.partition(" ")
    return rule, inner.strip()


def _parts(value: Any) -> list[Any]:
    """A list's items, or the parts of a text between commas, semicolons, bars or line breaks."""
    parts = value if isinstance(value, list) else _BETWEEN.split(plain_text(value))
    return [part for part in parts if not (is_absent(part) or (isinstance(part, str) and not part.strip()))]


def _converted(parts: list[Any], convert: Conversion, context: Context) -> list[Any]:
    """Convert every part; a part that does not fit tells its number, because the row alone does not."""
    found = []
    for number, part in enumerate(parts, start=1):
        try:
            found.append(convert(part, context))
        except Unfit as unfit:
            raise Unfit(f"{unfit.detail} (number {number})") from None
    return found
