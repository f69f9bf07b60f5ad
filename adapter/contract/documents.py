"""Documents in a message: those of its Base64 fields, and large ones in its frozen bytes by their marks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from adapter.contract.codec import Codec
from adapter.contract.model import OperationContract
from adapter.contract.paths import values_at
from adapter.exchange import Payload
from adapter.mark import marks_in
from adapter.refusals import SchemaViolation, Violation
from adapter.strict_json import write_json

_MEDIA_TYPE = "media_type"


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A document in a message: the field that holds it, its Base64 or its mark, and the type declared beside it."""

    path: str
    content: str = field(repr=False)
    media_type: str | None = None


def enclosed_in(operation: OperationContract, payload: Payload) -> Iterator[Enclosed]:
    """The documents of a request: whatever stands in those of its fields that the contract has as Base64."""
    for path in operation.base64:
        for content, around in values_at(payload, path):
            declared = around.get(_MEDIA_TYPE)
            yield Enclosed(path, str(content), None if declared is None else str(declared))


def check_documents(operation: OperationContract, payload: Payload, frozen: bytes) -> None:
    """Raise SchemaViolation for a document that is larger than the contract lets it be, or stands twice or amid text.

    A text field of XML may hold what looks like a field of JSON; no field of the payload, as JSON, holds another.
    """
    most = operation.most_document_bytes
    marks = [one.mark for one in marks_in(frozen)]
    _refuse([one.size for one in marks if one.size > most], f"at most {most} bytes")
    counted = Counter(one.digest for one in marks)
    _refuse([one.size for one in marks if counted[one.digest] > 1], "each document once")
    fields = {one.mark for one in marks_in(write_json(payload))} if marks else set()
    _refuse([one.size for one in marks if one not in fields], "a document to be all that its field holds")


def freeze_record(codec: Codec, operation: str, payload: Payload, *, binding: str) -> bytes:
    """The bytes that every attempt will write, of a system that takes no large documents beside a record.

    Raises SchemaViolation when the payload breaks the contract, and for any large document.
    """
    frozen = codec.encode_request(operation, payload)
    _refuse([one.mark.size for one in marks_in(frozen)], f"content that a {binding} field can hold")
    return frozen


def _refuse(sizes: list[int], expected: str) -> None:
    if sizes:
        raise SchemaViolation([Violation("(document)", expected, f"{max(sizes)} bytes")])
