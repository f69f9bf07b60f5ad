"""A call as every stand-in sees it, whether it came by SOAP or by REST."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from ops.sandbox.wire import Reply, Request

Record: TypeAlias = dict[str, Any]
"""A message's content. By SOAP every value is text; by REST numbers and booleans are what JSON says."""

NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Call:
    """One readable, valid call; `digest` is the same for the same bytes."""

    operation: str
    record: Record
    digest: str


class NoSuchCallError(Exception):
    """Nothing is served at this place, or the call cannot be read at all."""


class InvalidCallError(Exception):
    """The call is readable, but breaks its contract."""

    def __init__(self, operation: str, text: str) -> None:
        self.operation = operation
        super().__init__(text[:500])


class Binding(Protocol):
    """One way in: SOAP or REST."""

    def takes(self, request: Request) -> bool:
        """Whether the request is meant for this binding."""
        ...

    def read(self, request: Request) -> Call:
        """The call; raises NoSuchCallError or InvalidCallError."""
        ...

    def answer(self, operation: str, content: Record, *, is_done: bool = True) -> Reply:
        """The answer of an operation, in the order in which its names stand. REST says 200, or 201 where it is done."""
        ...

    def fault(self, status: int, code: str, *, text: str, headers: Mapping[str, str] = NO_HEADERS) -> Reply:
        """A SOAP fault or a problem document. A status under 500 blames the caller."""
        ...


def digest_of(*parts: bytes) -> str:
    """The first 16 hex digits of SHA-256: enough to see that two calls are alike."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:16]
