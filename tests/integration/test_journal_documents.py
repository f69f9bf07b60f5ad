"""Large documents: they come back whole, and go with their case or when no message came for them."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from datetime import timedelta

import pytest

from adapter.errors import DocumentMissing
from adapter.journal import Journal
from adapter.journal.documents import CHUNK_BYTES
from adapter.mark import Mark
from adapter.refusals import DocumentNotSent
from tests.integration.documents_making import (
    DAY,
    PAGE,
    attached,
    brought,
    chunks,
    fetched,
    files,
    later,
    on_both,
    rows,
    with_document,
)
from tests.integration.journal_making import TENANT, Opening, ended, look, submitted, url_of


@pytest.fixture(params=["sqlite"])
def journal_url(request: pytest.FixtureRequest) -> str:
    """One kind, but for the tests that are `on_both`."""
    return url_of(request)


@on_both
async def test_a_document_comes_back_byte_for_byte_whatever_its_size(journal: Journal):
    for size in (1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 2_500_000):
        content = secrets.token_bytes(size)

        exchange, mark = await attached(journal, content)

        assert mark == Mark(hashlib.sha256(content).digest(), size)
        assert await fetched(journal, exchange, mark) == content


async def test_a_document_outlives_the_daemon(journal_url: str, opening_journals: Opening):
    first = opening_journals()
    exchange, mark = await attached(first)
    first.close()

    assert await fetched(opening_journals(), exchange, mark) == PAGE


@on_both
async def test_what_is_discarded_leaves_nothing(journal_url: str, journal: Journal):
    half, whole = journal.documents.begin(TENANT), journal.documents.begin(TENANT)
    await half.write(PAGE)
    await whole.write(PAGE)
    await whole.end()
    assert rows(journal_url) == 2

    await half.discard()
    await whole.discard()

    assert (rows(journal_url), chunks(journal_url)) == (0, 0)


async def test_what_is_bound_is_not_discarded(journal: Journal):
    coming = journal.documents.begin(TENANT)
    await coming.write(PAGE)
    call = replace(with_document(mark := await coming.end()), brought={coming.id})
    await journal.accept(call)

    await coming.discard()

    assert await fetched(journal, call.exchange, mark) == PAGE


async def test_a_document_of_less_than_a_chunk_touches_nothing_before_its_end(journal_url: str, journal: Journal):
    coming = journal.documents.begin(TENANT)
    await coming.write(b"little")

    await coming.discard()

    assert (rows(journal_url), chunks(journal_url)) == (0, 0)


async def test_what_no_message_came_for_within_an_hour_is_gone(journal_url: str, journal: Journal):
    exchange, bound = await attached(journal)
    waiting = await brought(journal, b"forgotten")
    later(journal_url, timedelta(minutes=59))
    await journal.documents.sweep(90 * DAY)
    assert rows(journal_url) == 2

    later(journal_url, timedelta(minutes=2))
    with pytest.raises(DocumentNotSent):
        await journal.accept(with_document(waiting))
    await journal.documents.sweep(90 * DAY)

    assert rows(journal_url) == 1
    assert await fetched(journal, exchange, bound) == PAGE


@on_both
async def test_a_document_that_was_swept_while_it_came_is_refused_and_leaves_nothing(
    journal_url: str, journal: Journal
):
    coming = journal.documents.begin(TENANT)
    await coming.write(PAGE)
    later(journal_url, timedelta(hours=2))
    await journal.documents.sweep(90 * DAY)

    with pytest.raises(Exception, match=r"document|No such file|foreign key"):
        await coming.end()
    await coming.discard()
    await journal.documents.sweep(90 * DAY)

    assert (rows(journal_url), chunks(journal_url)) == (0, 0)


async def test_what_a_killed_daemon_left_half_way_is_swept(journal_url: str, opening_journals: Opening):
    first = opening_journals()
    await first.documents.begin(TENANT).write(PAGE)
    first.close()
    later(journal_url, timedelta(hours=2))

    await opening_journals().documents.sweep(90 * DAY)

    assert (rows(journal_url), chunks(journal_url)) == (0, 0)


async def test_a_file_without_a_row_goes_and_one_with_a_row_stays(sqlite_url: str, sqlite_journals: Opening):
    journal = sqlite_journals()
    await attached(journal)
    (kept,) = files(sqlite_url)
    kept.with_name("0" * 32).write_bytes(b"from a backup")

    await journal.documents.sweep(90 * DAY)

    assert files(sqlite_url) == [kept]


@on_both
async def test_documents_go_so_long_after_the_end_of_their_case_and_the_audit_tells_it(
    journal_url: str, journal: Journal
):
    case, claim = await submitted(journal)
    exchange, mark = await attached(journal, case=case)
    open_one, its_mark = await attached(journal)
    await ended(journal, case, claim)
    later(journal_url, 89 * DAY)
    await journal.documents.sweep(90 * DAY)
    assert await fetched(journal, exchange, mark) == PAGE

    later(journal_url, 2 * DAY)
    while await journal.documents.sweep(90 * DAY):
        pass

    with pytest.raises(DocumentMissing):
        await fetched(journal, exchange, mark)
    assert await fetched(journal, open_one, its_mark) == PAGE
    assert rows(journal_url) == 1
    told = look(journal_url, "SELECT case_id, detail FROM audit WHERE event = 'documents_erased'")
    assert told == [(case.id, '{"documents":1}')]
