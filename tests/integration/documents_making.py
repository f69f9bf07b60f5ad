"""Large documents for the tests of the journal: brought, attached to calls, and what of them lies where."""

from __future__ import annotations

import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapter.exchange import Case, Exchange
from adapter.journal import Journal
from adapter.journal.documents import CHUNK_BYTES
from adapter.mark import Mark
from tests.integration.journal_making import TENANT, addition, look, meddle, opening

PAGE = secrets.token_bytes(CHUNK_BYTES + 5)
"""A scanned page, larger than a chunk."""
DAY = timedelta(days=1)
CAME: dict[Mark, set[str]] = {}
"""By its mark, under which ids a document came: what the calls of these tests have brought."""

on_both = pytest.mark.parametrize("journal_url", ["sqlite", "postgresql"], indirect=True)
"""Where chunks lie matters; to the rest of the tests the two kinds of journal are one."""


async def brought(journal: Journal, content: bytes = PAGE, tenant: str = TENANT) -> Mark:
    """The mark of a document that waits for its message."""
    coming = journal.documents.begin(tenant)
    for place in range(0, len(content), 65_536):
        await coming.write(content[place : place + 65_536])
    mark = await coming.end()
    CAME.setdefault(mark, set()).add(coming.id)
    return mark


async def attached(journal: Journal, content: bytes = PAGE, case: Case | None = None) -> tuple[Exchange, Mark]:
    """The exchange that carries a document in its case, and the document's mark."""
    mark = await brought(journal, content)
    call = with_document(mark, case)
    await journal.accept(call)
    return call.exchange, mark


def with_document(mark: Mark, case: Case | None = None) -> Any:
    record = {"document": {"file_name": "نقشه.pdf", "content": mark.text}}
    own: dict[str, Any] = {"record": record, "brought": CAME.get(mark, set())}
    return opening(**own) if case is None else addition(case, **own)


async def fetched(journal: Journal, exchange: Exchange, mark: Mark, tenant: str = TENANT) -> bytes:
    return b"".join([piece async for piece in journal.documents.content(tenant, exchange.reference, mark)])


def rows(url: str) -> int:
    return int(look(url, "SELECT count(*) FROM documents")[0][0])


def chunks(url: str) -> int:
    """How many chunks lie in rows, or how many files hold some."""
    if url.startswith("sqlite"):
        return len(files(url))
    return int(look(url, "SELECT count(*) FROM document_chunks")[0][0])


def files(url: str) -> list[Path]:
    folder = Path(url.removeprefix("sqlite:///")).with_suffix(".documents")
    return sorted(folder.iterdir()) if folder.is_dir() else []


def later(url: str, wait: timedelta) -> None:
    """So much time goes by for documents and cases."""
    micros = wait // timedelta(microseconds=1)
    meddle(url, "UPDATE documents SET waits_until = waits_until - :micros", micros=micros)
    meddle(url, "UPDATE cases SET closed_at = closed_at - :micros", micros=micros)
