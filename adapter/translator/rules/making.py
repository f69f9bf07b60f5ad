"""What a rule is made of: the function it becomes, what it may use while it is made, and how arguments are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from adapter.errors import Unfit
from adapter.exchange import Direction
from adapter.tables import Fault, near
from adapter.translator.codes import CodeBook
from adapter.translator.paths import Context

Conversion: TypeAlias = Callable[[Any, Context], Any]
"""From what a row's source says to what its target gets; raises Unfit, whose text never carries the value."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What rules may use while a table is compiled; `faults` gathers what they find in the codes files."""

    direction: Direction
    books: Mapping[str, CodeBook] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


Maker: TypeAlias = Callable[[str, Tools], Conversion]
"""From a row's argument to its conversion, once at load; Unfit when the argument is none of this rule."""


def number_argument(argument: str) -> int:
    """Read an argument that is a whole number in ASCII digits."""
    if not (argument.isascii() and argument.isdigit()):
        raise Unfit(f"the argument '{argument}' is not a whole number")
    return int(argument)


def no_argument(argument: str) -> None:
    """Refuse any argument."""
    if argument:
        raise Unfit("this rule takes no argument; empty the cell")


def one_of(argument: str, known: Iterable[str]) -> None:
    """Refuse an argument that is not among the known ones, and offer the nearest of them."""
    names = tuple(known)
    if argument not in names:
        raise Unfit(f"'{argument}' is not an argument of this rule; {near(argument, filter(None, names))}")
