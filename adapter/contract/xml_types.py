"""A WSDL as plain values: what the contract compiler needs of it and nothing of the library that read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from lxml import etree

from adapter.contract.model import Shape


class Simple(StrEnum):
    """How a value without parts is carried: decimals, dates and binary content are text as written."""

    TEXT = "text"
    INTEGER = "integer"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a sequence; `tag` is `{namespace}name`; `parts` is None for a value without parts."""

    name: str
    tag: str
    simple: Simple
    parts: tuple[Element, ...] | None
    is_required: bool
    is_repeated: bool


SOAP_11, SOAP_12 = "1.1", "1.2"


@dataclass(frozen=True, slots=True)
class WsdlOperation:
    """One operation, over all bindings that carry it; `answer` is None where nothing is answered (one-way).

    `style` is `document` or `rpc`; either way `request` is the only child of the Body. `actions` is the SOAPAction by
    SOAP version, and its keys are the versions in which the operation may be called. `headers` and `answer_headers`
    are by tag, `faults` (the elements of a fault's detail) by the name that the port type gives them.
    """

    name: str
    port_type: str
    style: str
    actions: Mapping[str, str]
    request: Element
    answer: Element | None
    takes_key: bool = False
    headers: Mapping[str, Element] = field(default_factory=dict)
    answer_headers: Mapping[str, Element] = field(default_factory=dict)
    faults: Mapping[str, Element] = field(default_factory=dict)

    @property
    def action(self) -> str:
        """The SOAPAction of the oldest version that carries the operation."""
        return self.actions[min(self.actions)]


@dataclass(frozen=True, slots=True)
class Wsdl:
    """A WSDL with all its schemas: `documents` are its files as read, the first is the WSDL itself."""

    namespace: str
    operations: Mapping[str, WsdlOperation]
    schema: etree.XMLSchema
    documents: Mapping[str, bytes]

    @property
    def versions(self) -> frozenset[str]:
        """The SOAP versions of its bindings."""
        return frozenset(version for one in self.operations.values() for version in one.actions)


WsdlReader: TypeAlias = Callable[[Path, str], Wsdl]
"""Folder and file name → the WSDL; raises FaultyTables with everything that cannot be carried."""


def shape_of(element: Element, path: str = "") -> dict[str, bool]:
    """Every field below an element: its dotted path → whether it must stand within its parent."""
    found: dict[str, bool] = {}
    for part in element.parts or ():
        step = f"{path}.{part.name}" if path else part.name
        step += "[]" if part.is_repeated else ""
        found[step] = part.is_required
        found |= shape_of(part, step)
    return found


def shapes(operations: Mapping[str, WsdlOperation]) -> tuple[dict[str, Shape], dict[str, Shape]]:
    """The fields of every request and of every answer."""
    requests: dict[str, Shape] = {name: shape_of(one.request) for name, one in operations.items()}
    answers: dict[str, Shape] = {name: shape_of(one.answer) if one.answer else {} for name, one in operations.items()}
    return requests, answers
