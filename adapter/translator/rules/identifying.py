"""Rules for Iranian identifiers: `adapter.identifiers` checks and spells, the argument chooses a form or a part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapter import identifiers
from adapter.translator.paths import Context
from adapter.translator.rules.making import Conversion, Maker, Tools, no_argument, one_of
from adapter.translator.values import plain_text


def identifier(check: Callable[[Any], str]) -> Maker:
    """Make a rule without argument of an identifier's check."""

    def make(argument: str, _: Tools) -> Conversion:
        no_argument(argument)
        return lambda value, _: check(value)

    return make


def payment_id(argument: str, _: Tools) -> Conversion:
    """شناسهٔ پرداخت; with a second source, the bill id, its last check digit is checked as well (identifiers)."""
    no_argument(argument)

    def convert(value: Any, _: Context) -> str:
        payment, bill = value if isinstance(value, list) else (value, None)
        return identifiers.payment_id(payment, bill)

    return convert


def renovation_code(argument: str, _: Tools) -> Conversion:
    """کد نوسازی as canonical text, or one of its seven numbers."""
    one_of(argument, ("", *identifiers.RenovationCode._fields))

    def convert(value: Any, _: Context) -> str | int:
        found = identifiers.renovation_code(value)
        part: int = getattr(found, argument) if argument else 0
        return part if argument else str(found)

    return convert


def plate(argument: str, _: Tools) -> Conversion:
    """Plate of a `car` (or empty), a `motorcycle`, either (`vehicle`), or پلاک ثبتی: `registry main sub section`."""
    forms: dict[str, Callable[[str], str]] = {
        "": identifiers.car_plate,
        "car": identifiers.car_plate,
        "motorcycle": identifiers.motorcycle_plate,
        "vehicle": identifiers.vehicle_plate,
        "registry": lambda value: str(identifiers.registry_plate(value)),
        "main": lambda value: identifiers.registry_plate(value).main,
        "sub": lambda value: identifiers.registry_plate(value).sub,
        "section": lambda value: identifiers.registry_plate(value).section,
    }
    one_of(argument, forms)
    form = forms[argument]
    return lambda value, _: form(plain_text(value))
