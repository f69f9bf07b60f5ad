"""The chunks of large documents: sealed where they lie, durable before they count, and damage is told."""

from __future__ import annotations

import hashlib
import os
import secrets
import stat

import pytest

from adapter.errors import DocumentDamaged
from adapter.journal import Journal, documents
from adapter.journal.documents import CHUNK_BYTES
from adapter.journal.sealing import SEAL_BYTES
from tests.integration.documents_making import PAGE, attached, fetched, files, on_both
from tests.integration.journal_making import TENANT, Opening, look, meddle, url_of


@pytest.fixture(params=["sqlite"])
def journal_url(request: pytest.FixtureRequest) -> str:
    """One kind, but for the tests that are `on_both`."""
    return url_of(request)


@on_both
async def test_nothing_of_a_document_can_be_read_where_it_lies(journal_url: str, journal: Journal):
    await attached(journal, b"a passport " * 300_000)

    lying = [file.read_bytes() for file in files(journal_url)]
    if not lying:
        lying = [bytes(row[0]) for row in look(journal_url, "SELECT sealed FROM document_chunks")]
    digest = hashlib.sha256(b"a passport " * 300_000).digest()

    assert lying
    assert not any(b"passport" in one for one in lying)
    assert digest not in [bytes(row[0]) for row in look(journal_url, "SELECT digest FROM documents")]


async def test_files_and_their_folder_are_their_owners_alone(sqlite_url: str, sqlite_journals: Opening):
    await attached(sqlite_journals())

    (file,) = files(sqlite_url)

    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


async def test_what_a_case_loses_its_key_for_is_lost(journal_url: str, journal: Journal):
    exchange, mark = await attached(journal)
    other, _ = await attached(journal)
    meddle(
        journal_url,
        "UPDATE documents SET data_key = (SELECT data_key FROM documents WHERE case_id = :other) WHERE case_id = :own",
        other=other.case_id,
        own=exchange.case_id,
    )

    with pytest.raises(Exception, match="does not open"):
        await fetched(journal, exchange, mark)


def swapped(url: str) -> None:
    """The first two chunks change places."""
    if url.startswith("sqlite"):
        (file,) = files(url)
        whole, length = file.read_bytes(), CHUNK_BYTES + 28
        file.write_bytes(whole[length : 2 * length] + whole[:length] + whole[2 * length :])
        return
    moves = ((0, 9), (1, 0), (9, 1))
    meddle(url, *(f"UPDATE document_chunks SET number = {to} WHERE number = {one}" for one, to in moves))


def cut(url: str) -> None:
    """The last chunk is gone, and the row tells a size that fits."""
    if url.startswith("sqlite"):
        (file,) = files(url)
        file.write_bytes(file.read_bytes()[: 2 * (CHUNK_BYTES + 28)])
    else:
        meddle(url, "DELETE FROM document_chunks WHERE number = 2")
    meddle(url, f"UPDATE documents SET size = {2 * CHUNK_BYTES}")


def gone(url: str) -> None:
    """Not a chunk is left."""
    for file in files(url):
        file.unlink()
    meddle(url, "DELETE FROM document_chunks")


def flipped(url: str) -> None:
    """One bit of the first chunk is another."""
    if url.startswith("sqlite"):
        (file,) = files(url)
        whole = bytearray(file.read_bytes())
        whole[1000] ^= 1
        file.write_bytes(whole)
    else:
        meddle(
            url,
            "UPDATE document_chunks SET sealed = set_byte(sealed, 1000, get_byte(sealed, 1000) # 1) WHERE number = 0",
        )


@on_both
async def test_a_document_that_was_meddled_with_is_told_damaged(journal_url: str, journal: Journal):
    for meddling in (swapped, cut, flipped, gone):
        exchange, mark = await attached(journal, secrets.token_bytes(2 * CHUNK_BYTES + 1))
        meddling(journal_url)

        with pytest.raises(DocumentDamaged):
            await fetched(journal, exchange, mark)

        for file in files(journal_url):
            file.unlink()
        meddle(journal_url, "DELETE FROM document_chunks", "DELETE FROM documents")


async def test_the_chunks_of_one_document_are_not_those_of_another(journal_url: str, journal: Journal):
    (first, mark), (second, _) = await attached(journal), await attached(journal, secrets.token_bytes(len(PAGE)))
    ids = dict(look(journal_url, "SELECT case_id, id FROM documents"))
    one, other = ids[first.case_id], ids[second.case_id]
    if journal_url.startswith("sqlite"):
        here, there = sorted(files(journal_url), key=lambda file: file.name != one)
        here.write_bytes(there.read_bytes())
    else:
        meddle(
            journal_url,
            "UPDATE document_chunks AS here SET sealed = there.sealed FROM document_chunks AS there"
            " WHERE here.document_id = :one AND there.document_id = :other AND here.number = there.number",
            one=one,
            other=other,
        )

    with pytest.raises(DocumentDamaged):
        await fetched(journal, first, mark)


async def test_what_waits_for_its_message_is_durable_before_it_can_be_bound(
    sqlite_url: str, sqlite_journals: Opening, monkeypatch: pytest.MonkeyPatch
):
    """Both the file, when all of it is there, and the folder that names it; only then the row knows its digest."""
    journal = sqlite_journals()
    synced: list[tuple[bool, int, bool]] = []
    fsync = os.fsync

    def heard(file: int) -> None:
        fsync(file)
        told = os.fstat(file)
        (digest,) = look(sqlite_url, "SELECT digest FROM documents")[0]
        synced.append((stat.S_ISDIR(told.st_mode), 0 if stat.S_ISDIR(told.st_mode) else told.st_size, digest is None))

    coming = journal.documents.begin(TENANT)
    await coming.write(PAGE)
    monkeypatch.setattr(os, "fsync", heard)
    await coming.end()

    assert synced == [(False, len(PAGE) + 2 * SEAL_BYTES, True), (True, 0, True)]


async def test_a_store_whose_chunks_know_not_their_places_would_not_notice_a_swap(
    sqlite_url: str, sqlite_journals: Opening, monkeypatch: pytest.MonkeyPatch
):
    """The twin of the meddling above: it is the label that notices, and the test would see it gone."""
    monkeypatch.setattr(documents, "_chunk_label", lambda document_id, _number, **_: document_id)
    journal = sqlite_journals()
    content = secrets.token_bytes(2 * CHUNK_BYTES + 1)
    exchange, mark = await attached(journal, content)
    swapped(sqlite_url)

    assert await fetched(journal, exchange, mark) != content
