"""Rules for numbers and money. Nothing is ever rounded: what is not exact in the target's unit is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from adapter.errors import Unfit
from adapter.translator.paths import Context
from adapter.translator.rules.making import Conversion, Maker, Tools, no_argument, one_of
from adapter.translator.values import read_number, read_whole_number

_MOST_PLACES = 8
_RIAL_PER_UNIT = {"rial": 1, "thousand_rial": 1_000, "toman": 10}


def money(unit: str) -> Maker:
    """Make a rule that gives whole numbers of a unit; its argument is the source's unit, rial when empty."""
    rial_per_target = _RIAL_PER_UNIT[unit]

    def make(argument: str, _: Tools) -> Conversion:
        one_of(argument, ("", *_RIAL_PER_UNIT))
        rial_per_source = _RIAL_PER_UNIT[argument or "rial"]

        def convert(value: Any, _: Context) -> int:
            amount, rest = divmod(read_number(value) * rial_per_source, rial_per_target)
            if rest:
                raise Unfit(f"the amount is not a whole number in {unit}")
            return int(amount)

        return convert

    return make


def decimal(argument: str, _: Tools) -> Conversion:
    """Decimal number as text, `12.50`; the argument is the number of places, longer ones are refused, not rounded."""
    if argument:
        one_of(argument, map(str, range(_MOST_PLACES + 1)))
    places = Decimal(1).scaleb(-int(argument)) if argument else None

    def convert(value: Any, _: Context) -> str:
        number = read_number(value)
        if places is None:
            return f"{number:f}"
        exact = number.quantize(places)
        if exact != number:
            raise Unfit(f"the number has more than {argument} places")
        return f"{exact:f}"

    return convert


def integer(argument: str, _: Tools) -> Conversion:
    """Whole number; Persian digits and leading zeros are accepted, a fraction is not."""
    no_argument(argument)
    return lambda value, _: read_whole_number(value)
