"""Large documents in a frozen message, by their marks."""

from __future__ import annotations

from adapter.contract.model import OperationContract
from adapter.errors import SchemaViolation, Violation
from adapter.mark import marks_in


def check_documents(operation: OperationContract, frozen: bytes) -> None:
    """Raise SchemaViolation for a document that is larger than the contract lets it be."""
    most = operation.most_document_bytes
    _refuse([one.mark.size for one in marks_in(frozen) if one.mark.size > most], f"at most {most} bytes")


def refuse_documents(frozen: bytes, *, binding: str) -> None:
    """Raise SchemaViolation for any large document: this kind of system has no way to take one."""
    _refuse([one.mark.size for one in marks_in(frozen)], f"content that a {binding} field can hold")


def _refuse(sizes: list[int], expected: str) -> None:
    if sizes:
        raise SchemaViolation([Violation("(document)", expected, f"{max(sizes)} bytes")])
