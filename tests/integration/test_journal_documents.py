"""Large documents: sealed as they come, bound to their case by the commit that acknowledges it, gone with it."""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapter.errors import DocumentDamaged, DocumentMissing
from adapter.exchange import Case, Change, Claim, Exchange, Record
from adapter.journal import Journal, Taken, binding, documents
from adapter.journal.documents import CHUNK_BYTES
from adapter.journal.sealing import SEAL_BYTES
from adapter.journal.unit import Unit
from adapter.mark import Mark
from adapter.refusals import DocumentNotSent
from tests.integration.journal_making import (
    CORE,
    TENANT,
    Clock,
    Opening,
    addition,
    begun,
    claim_of,
    counts,
    ended,
    look,
    meddle,
    new_case,
    opening,
    outward,
    settlement,
    submitted,
)

PAGE = secrets.token_bytes(CHUNK_BYTES + 5)
"""A scanned page, larger than a chunk."""
DAY = timedelta(days=1)
CAME: dict[Mark, set[str]] = {}
"""By its mark, under which ids a document came: what the calls of these tests have brought."""


on_both = pytest.mark.parametrize("journal_url", ["sqlite", "postgresql"], indirect=True)
"""Where chunks lie matters; to the rest of the tests the two kinds of journal are one."""


@pytest.fixture(params=["sqlite"])
def journal_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue({"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param])
    return url


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


async def test_a_document_is_no_other_cases_and_no_other_tenants(journal: Journal):
    exchange, mark = await attached(journal)
    other = opening()
    await journal.accept(other)

    for reference, tenant in ((other.exchange.reference, TENANT), (exchange.reference, "dehkadeh")):
        with pytest.raises(DocumentMissing):
            await fetched(journal, replace(exchange, reference=reference), mark, tenant)


async def test_a_mark_that_nothing_came_for_keeps_nothing(journal_url: str, journal: Journal):
    before = counts(journal_url)

    with pytest.raises(DocumentNotSent):
        await journal.accept(with_document(Mark(hashlib.sha256(PAGE).digest(), len(PAGE))))

    assert counts(journal_url) == before


async def test_a_mark_of_another_case_or_tenant_gets_nothing(journal: Journal):
    _, mark = await attached(journal)
    foreign = await brought(journal, b"theirs", tenant="dehkadeh")

    for written in (mark, foreign):
        with pytest.raises(DocumentNotSent):
            await journal.accept(with_document(written))


async def test_a_mark_tells_the_size_too(journal: Journal):
    mark = await brought(journal)

    with pytest.raises(DocumentNotSent):
        await journal.accept(with_document(Mark(mark.digest, mark.size + 1)))


@on_both
async def test_one_document_is_bound_to_one_case_alone(journal: Journal):
    mark = await brought(journal)
    await journal.accept(with_document(mark))

    with pytest.raises(DocumentNotSent):
        await journal.accept(with_document(mark))


async def test_of_two_documents_alike_a_call_binds_the_one_that_it_brought(journal: Journal, journal_url: str):
    mark = await brought(journal)
    theirs = CAME.pop(mark)
    await brought(journal)
    own = CAME[mark]

    await journal.accept(with_document(mark))

    bound = look(journal_url, "SELECT id FROM documents WHERE case_id IS NOT NULL")
    assert (len(bound), {row[0] for row in bound} <= own - theirs) == (1, True)
    with pytest.raises(DocumentNotSent):
        await journal.accept(opening(record=with_document(mark).record))


async def test_the_same_document_again_in_its_case_is_the_one_that_is_there(journal_url: str, journal: Journal):
    case, _ = await submitted(journal)
    first, mark = await attached(journal, case=case)
    again = with_document(mark, case)

    await journal.accept(again)

    assert await fetched(journal, again.exchange, mark) == await fetched(journal, first, mark) == PAGE


async def test_the_same_document_in_two_cases_is_each_ones_own(journal: Journal):
    (first, mark), (second, same) = await attached(journal), await attached(journal)

    assert mark == same
    assert await fetched(journal, first, mark) == await fetched(journal, second, mark) == PAGE


async def test_a_repeated_call_gets_its_answer_and_its_document_is_let_go(journal_url: str, journal: Journal):
    mark = await brought(journal)
    call = with_document(mark)
    await journal.accept(call)
    coming = journal.documents.begin(TENANT)
    await coming.write(PAGE)
    await coming.end()

    assert (await journal.accept(call)).is_replay
    await coming.discard()

    assert rows(journal_url) == 1
    assert await fetched(journal, call.exchange, mark) == PAGE


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


def later(url: str, wait: timedelta) -> None:
    """So much time goes by for documents and cases."""
    micros = wait // timedelta(microseconds=1)
    meddle(url, "UPDATE documents SET waits_until = waits_until - :micros", micros=micros)
    meddle(url, "UPDATE cases SET closed_at = closed_at - :micros", micros=micros)


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


async def changed(journal: Journal, case: Case, _: Claim, record: Record) -> Exchange:
    """A change of the case says it."""
    exchange = outward(case)
    await journal.take(Taken(TENANT, CORE, None, "1", drafts=((exchange, record),)))
    return exchange


async def strayed(journal: Journal, case: Case, _: Claim, record: Record) -> Exchange:
    """A change says it whose case did not know its number yet."""
    exchange, change = outward(case), Change("e-1", "document", "1405/7", 1, Clock()(), record)
    await journal.take(Taken(TENANT, CORE, None, "1", drafts=(), strays=(change,)))
    await journal.take(Taken(TENANT, CORE, "1", "1", drafts=((exchange, record),), gathered=("e-1",)))
    return exchange


async def answered(journal: Journal, case: Case, claim: Claim, record: Record) -> Exchange:
    """The answer to an attempt says it, and so does what follows from it."""
    exchange = outward(case)
    outcome = settlement(await begun(journal, claim), answer=record, following=((exchange, record),))
    await journal.settle(outcome)
    return exchange


@pytest.mark.parametrize("say", [changed, strayed, answered])
async def test_a_mark_that_a_system_writes_gets_no_document_that_waits_for_its_call(
    say: Callable[[Journal, Case, Claim, Record], Awaitable[Exchange]], journal: Journal
):
    case, claim = await submitted(journal)
    mark = await brought(journal)

    exchange = await say(journal, case, claim, {"content": mark.text})

    with pytest.raises(DocumentMissing):
        await fetched(journal, exchange, mark)
    call = with_document(mark)
    await journal.accept(call)
    assert await fetched(journal, call.exchange, mark) == PAGE


async def test_a_mark_in_an_answer_that_came_at_once_neither_binds_nor_refuses_the_call(journal: Journal):
    mark = await brought(journal)
    call = opening(answer={"content": mark.text}, brought=CAME[mark])

    await journal.accept(call)

    with pytest.raises(DocumentMissing):
        await fetched(journal, call.exchange, mark)


async def test_a_mark_that_a_system_writes_itself_stops_nothing_and_brings_nothing(journal: Journal):
    case, _ = await submitted(journal)
    exchange, mark = outward(case), Mark(bytes(32), 7)

    assert await journal.take(Taken(TENANT, CORE, None, "1", drafts=((exchange, {"content": mark.text}),))) == 1

    with pytest.raises(DocumentMissing):
        await fetched(journal, exchange, mark)


async def test_a_call_that_cannot_be_kept_binds_nothing(journal_url: str, journal: Journal):
    """The commit of the call is the commit of the binding: sabotaged twice over, both are undone."""
    mark = await brought(journal)
    case = new_case()
    first = opening(case=case)
    await journal.accept(first)
    clash = with_document(mark)
    clash = replace(clash, exchange=replace(clash.exchange, reference=first.exchange.reference))

    with pytest.raises(Exception, match=r"(?i)unique"):
        await journal.accept(clash)

    assert look(journal_url, "SELECT count(*) FROM documents WHERE case_id IS NULL") == [(1,)]
    assert rows(journal_url) == 1
    again = with_document(mark)
    claim_of(await journal.accept(again))
    assert await fetched(journal, again.exchange, mark) == PAGE


async def test_a_document_is_bound_by_the_journals_node_that_keeps_the_call(postgres_journals: Opening):
    """Nodes share no disk: what one took in, another sends."""
    one, two = postgres_journals(node="one"), postgres_journals(node="two")
    exchange, mark = await attached(one)

    assert await fetched(two, exchange, mark) == PAGE


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


async def test_a_binding_in_a_commit_of_its_own_would_outlive_a_call_that_was_not_kept(
    sqlite_url: str, sqlite_journals: Opening, monkeypatch: pytest.MonkeyPatch
):
    """The twin of the call that cannot be kept: bound early, the document is some case's that never was."""
    journal = sqlite_journals()
    mark = await brought(journal)
    bind = binding.bind

    def early(unit: Unit, *arguments: Any, **named: Any) -> None:
        bind(unit, *arguments, **named)
        unit.connection.commit()
        unit.connection.begin()
        raise ZeroDivisionError

    monkeypatch.setattr(binding, "bind", early)
    with pytest.raises(ZeroDivisionError):
        await journal.accept(with_document(mark))

    assert look(sqlite_url, "SELECT count(*) FROM documents WHERE case_id IS NOT NULL") == [(1,)]
    assert counts(sqlite_url)["cases"] == 0
