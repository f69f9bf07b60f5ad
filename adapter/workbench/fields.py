"""What a message holds, field by field with every limit, in the same words whether XSD or JSON Schema said it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Kind(StrEnum):
    """What a value is; a section has parts, and of anything nothing is known."""

    TEXT = "text"
    INTEGER = "a whole number"
    DECIMAL = "a decimal"
    BOOLEAN = "yes or no"
    DAY = "a day"
    INSTANT = "an instant"
    CLOCK = "a time of day"
    BINARY = "base64"
    SECTION = "a section"
    ANYTHING = "anything"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a value may be; None is no limit.

    Every one of the `patterns` holds for the whole text; numbers and days are as written; `form` is a JSON Schema
    format that is not a kind of its own, such as uuid.
    """

    kind: Kind = Kind.TEXT
    enumeration: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    shortest: int | None = None
    longest: int | None = None
    least: str | None = None
    most: str | None = None
    digits: int | None = None
    fraction_digits: int | None = None
    form: str | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message. `tag` is its XML name, if it has one; `most` is None where it may stand without end.

    `is_alternative`: it stands in a choice, so that nothing says it must stand; `is_other` ones are not the choice's
    first. `is_cut`: its parts are those of a section around it.
    """

    name: str
    limits: Limits
    parts: tuple[Field, ...] = ()
    least: int = 1
    most: int | None = 1
    tag: str | None = None
    is_attribute: bool = False
    is_list: bool = False
    is_alternative: bool = False
    is_other: bool = False
    is_cut: bool = False

    @property
    def is_section(self) -> bool:
        """Whether it has fields below it rather than a value."""
        return self.limits.kind is Kind.SECTION

    @property
    def is_repeated(self) -> bool:
        """Whether it may stand several times."""
        return self.is_list or self.most is None or self.most > 1

    @property
    def is_required(self) -> bool:
        """Whether every message must have it."""
        return self.least > 0 and not self.is_alternative


@dataclass(frozen=True, slots=True)
class Message:
    """One operation in one binding: what it takes, what it answers, and the faults that it declares."""

    request: Field
    answer: Field
    faults: tuple[Field, ...] = ()


Messages: TypeAlias = Mapping[str, Message]
"""Every operation of one binding by name."""


def flat(field: Field, path: str = "") -> Iterator[tuple[str, Field]]:
    """Every field below one, by its dotted path; `[]` after what repeats, as tables write it."""
    for part in field.parts:
        step = f"{path}.{part.name}" if path else part.name
        step += "[]" if part.is_repeated else ""
        yield step, part
        yield from flat(part, step)
