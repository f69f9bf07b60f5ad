"""Documents of a call beside what its service takes: size, type, and how many a case may have."""

from __future__ import annotations

from adapter.exchange import Record
from adapter.idempotency import Call
from adapter.journal import Journal, reading
from adapter.mark import mark_of
from adapter.refusals import MediaTypeNotTaken, TooLarge, TooManyDocuments
from adapter.service import DocumentLimits


async def check_paper(journal: Journal, call: Call) -> None:
    """Raises TooLarge, MediaTypeNotTaken or TooManyDocuments, each with the limit that does not hold."""
    limits, case = call.service.documents, call.case
    _check_size(call.record, limits)
    if limits.media_types and call.record.get("media_type") not in limits.media_types:
        raise MediaTypeNotTaken(f"A document of this service may be of {', '.join(limits.media_types)}")
    if limits.count is None or case is None:
        return
    if await journal.read(reading.documents_taken, case.id) >= limits.count:
        raise TooManyDocuments(f"A case of this service may have {limits.count} documents")


def _check_size(record: Record, limits: DocumentLimits) -> None:
    content = str(record.get("content", ""))
    mark = mark_of(content)
    size = len(content) * 3 // 4 - content.endswith("=") - content.endswith("==") if mark is None else mark.size
    if size > limits.most_bytes:
        raise TooLarge(f"A document of this service may have at most {limits.most_bytes} bytes; this one has {size}")
