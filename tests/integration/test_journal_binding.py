"""A large document is bound to one case by the commit that acknowledges its call, and to no other."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from adapter.errors import DocumentMissing
from adapter.exchange import Case, Change, Claim, Exchange, Record
from adapter.journal import Journal, Taken, binding
from adapter.journal.unit import Unit
from adapter.mark import Mark
from adapter.refusals import DocumentNotSent
from tests.integration.documents_making import CAME, PAGE, attached, brought, fetched, on_both, rows, with_document
from tests.integration.journal_making import (
    CORE,
    TENANT,
    Clock,
    Opening,
    begun,
    claim_of,
    counts,
    look,
    new_case,
    opening,
    outward,
    settlement,
    submitted,
    url_of,
)


@pytest.fixture(params=["sqlite"])
def journal_url(request: pytest.FixtureRequest) -> str:
    """One kind, but for the tests that are `on_both`."""
    return url_of(request)


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
