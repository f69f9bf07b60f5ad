"""A codec: one binding of one contract, both ways, and what it reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from adapter.contract.mime import MediaType
from adapter.contract.multipart import Multipart
from adapter.exchange import Payload
from adapter.refusals import Violation


@dataclass(frozen=True, slots=True)
class Decoded:
    """A message read and validated: the operation it belongs to, its content, and the idempotency key if it has one."""

    operation: str
    content: Payload
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row of many: its content, and where it breaks the contract; then the content is what can be read of it."""

    content: Payload
    violations: tuple[Violation, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """A SOAP fault or problem document: `code` is the most specific code, `sender` whether it blames us."""

    code: str
    text: str
    sender: bool


@dataclass(frozen=True, slots=True)
class HttpForm:
    """A frozen request as it stands in HTTP, before address, credentials and reference are known."""

    method: str
    path: str
    media_type: str | None
    headers: Mapping[str, str]
    body: bytes


Shape: TypeAlias = Mapping[str, bool]
"""Dotted path, `[]` after what repeats → whether it must stand within its parent; branches and leaves alike."""


class Codec(Protocol):
    """One binding (SOAP or REST) of one contract, both ways.

    Decoding raises Unreadable, TooLarge or SchemaViolation; encoding raises SchemaViolation: nothing invalid leaves
    or enters. `answer_media_types` are those that a readable answer may have.
    """

    answer_media_types: frozenset[str]

    @property
    def operations(self) -> frozenset[str]:
        """The operations that this binding carries."""
        ...

    def request_shape(self, operation: str) -> Shape:
        """The fields of a request."""
        ...

    def answer_shape(self, operation: str) -> Shape:
        """The fields of an answer."""
        ...

    def base64_fields(self, operation: str) -> tuple[str, ...]:
        """The paths of a request's fields that hold Base64, and so documents."""
        ...

    def encode_request(self, operation: str, content: Payload, *, key: str | None = None) -> bytes:
        """The frozen request. For REST: `METHOD path?query`, an empty line, then the JSON body."""
        ...

    def thaw(self, operation: str, frozen: bytes) -> Payload:
        """The content of a request that `encode_request` froze."""
        ...

    def form(self, operation: str, frozen: bytes) -> HttpForm:
        """How a frozen request is sent."""
        ...

    def decode_request(
        self,
        body: bytes,
        *,
        operation: str | None = None,
        parameters: Mapping[str, str] | None = None,
        partner: str | None = None,
    ) -> Decoded:
        """A caller's request; SOAP finds the operation by the Body's element, REST is told it by the route.

        `parameters` are those of path and query, as text; they become fields of the content. `partner` is who calls,
        as aliases.csv names it: its other spellings become the contract's names before anything is checked.
        """
        ...

    def encode_answer(self, operation: str, content: Payload) -> bytes:
        """Our answer to a caller."""
        ...

    def decode_answer(
        self, operation: str, body: bytes, *, status: int = 200, content_type: str = ""
    ) -> Payload | Fault:
        """The other side's answer; its whole Content-Type matters only where it consists of parts."""
        ...

    def decode_parts(
        self, operation: str, media_type: MediaType, package: Multipart, *, status: int = 200
    ) -> Payload | Fault:
        """The other side's answer in a package that was read already."""
        ...

    def sift_answer(
        self, operation: str, body: bytes, *, rows: str, status: int = 200, content_type: str = ""
    ) -> tuple[Payload, Sequence[Row]]:
        """An answer that breaks the contract: without its rows, and each of those for itself.

        Raises Unreadable or SchemaViolation when something else than rows is wrong.
        """
        ...
