"""The same tests for every kind of connector: a test module gives a fixture `side` and calls the suite in two lines.

    class TestRest(ConnectorSuite):
        "The suite, over REST."

What a kind cannot do stands in `adapter/contract/abilities.py`; only then, or where a contract takes no documents and
defers no answer, a test is skipped, and says so.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol

import pytest

from adapter.channels import ChangePage, Sighting, System
from adapter.contract.abilities import Ability, lacking
from adapter.contract.model import Contract
from adapter.contract.paths import value_at
from adapter.contract.sifting import UNREADABLE
from adapter.errors import GatewayUnreachable
from adapter.exchange import Effect, Outcome, Payload, Verdict

DOCUMENT_BYTES = 4 * 1024 * 1024
"""An operation that takes so much carries documents."""

PERSIAN = "پرونده\u200cهای «شیرین» ۱۴۰۵/۰۸/۳۰، عربي و كوچه، 𐎱𐎠𐎼𐎿، 😀 & <b> ' \" ; --"
"""Persian with its half-space and digits, Arabic letters, astral signs, and what a wire or statement could trip on."""

_SOON = 10.0
LONG_AGO, FAR_AHEAD = datetime(2020, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)


class Misfortune(StrEnum):
    """What befalls the next calls of one operation until it is mended."""

    ANSWER_LOST = "answer_lost"
    SLOW = "slow"
    WRONG_DATA = "wrong_data"
    UNKNOWN_CODE = "unknown_code"


class Side(Protocol):
    """The far end of a connector, as the suite leads it.

    `submission` is an operation that changes something and can be asked for by our reference. `another` is a message
    that differs from `message` in what the contract compares.
    """

    contract: Contract
    submission: str

    def connect(self) -> System:
        """Another connector to the same far end, as after a restart: it remembers nothing."""
        ...

    def message(self, reference: str, text: str = "") -> Payload: ...

    def another(self, reference: str) -> Payload: ...

    async def document(self, reference: str, content: bytes) -> tuple[str, Payload]: ...

    def befall(self, misfortune: Misfortune, operation: str) -> None: ...

    def mend(self) -> None: ...

    def effects(self) -> list[str]:
        """The reference of every effect, as often as it took effect."""
        ...

    def heard(self, reference: str) -> str:
        """The text of `message`, or the SHA-256 of the content of `document`, as it was entered."""
        ...

    async def happen(self, at_least: int) -> None:
        """So many changes, at least, can be asked for from now on, besides those before."""
        ...

    async def happen_broken(self) -> None:
        """From now on a sound change can be asked for, and one of another case whose row breaks the contract."""
        ...

    async def ask_later(self) -> tuple[str, Payload]:
        """An operation and a message of it whose answer comes later, by number."""
        ...

    async def fall(self) -> None: ...

    async def rise(self) -> None: ...


class ConnectorSuite:
    """Tests of a `System` of any kind. The fixture `side` is a fresh far end whose pages of changes hold four."""

    # What is sent has one effect

    async def test_a_submission_is_entered_once(self, side: Side) -> None:
        reference, outcome = await _submit(side)

        assert outcome.verdict in {Verdict.DONE, Verdict.AWAITING}, outcome
        assert side.effects() == [reference]

    async def test_a_repeated_submission_has_one_effect(self, side: Side) -> None:
        system, reference = side.connect(), _reference()
        frozen = system.freeze(side.submission, side.message(reference))
        await system.deliver(side.submission, frozen, reference=reference)

        again = await system.deliver(side.submission, frozen, reference=reference)

        assert again.verdict in {Verdict.DONE, Verdict.AWAITING, Verdict.IN_DOUBT}, again
        assert (await system.find(side.submission, reference, frozen)).sighting is Sighting.FOUND
        assert side.effects() == [reference]

    async def test_submissions_at_once_are_each_entered_once(self, side: Side) -> None:
        system, references = side.connect(), [_reference() for _ in range(8)]
        frozen = [system.freeze(side.submission, side.message(one)) for one in references]

        outcomes = await asyncio.gather(
            *(
                system.deliver(side.submission, each, reference=one)
                for each, one in zip(frozen, references, strict=True)
            )
        )

        assert {one.verdict for one in outcomes} <= {Verdict.DONE, Verdict.AWAITING}, outcomes
        assert sorted(side.effects()) == sorted(references)

    async def test_what_was_frozen_says_what_was_meant(self, side: Side) -> None:
        system, message = side.connect(), side.message(_reference(), PERSIAN)

        assert system.thaw(side.submission, system.freeze(side.submission, message)) == message

    async def test_every_letter_arrives_as_it_was_sent(self, side: Side) -> None:
        reference, outcome = await _submit(side, PERSIAN)

        assert outcome.verdict in {Verdict.DONE, Verdict.AWAITING}, outcome
        assert side.heard(reference) == PERSIAN

    async def test_a_big_document_arrives_whole(self, side: Side) -> None:
        contract = side.contract
        changing = [one for one in contract.operations.values() if one.effect is not Effect.READ]
        if not any(one.max_bytes >= DOCUMENT_BYTES for one in changing):
            told = f"{contract.title} declares no operation of {DOCUMENT_BYTES} bytes: it takes no documents"
            pytest.skip(lacking(contract, Ability.DOCUMENTS) or told)
        system, reference, content = side.connect(), _reference(), bytes(range(256)) * (3 * 1024 * 4)
        operation, payload = await side.document(reference, content)

        outcome = await system.deliver(operation, system.freeze(operation, payload), reference=reference)

        assert outcome.verdict in {Verdict.DONE, Verdict.AWAITING}, outcome
        assert side.heard(reference) == _digest(content)

    # What is unclear is asked for

    async def test_a_lost_answer_is_found_by_our_reference(self, side: Side) -> None:
        side.befall(Misfortune.ANSWER_LOST, side.submission)
        reference, outcome = await _submit(side)
        side.mend()

        sight = await side.connect().find(side.submission, reference, _frozen(side, reference))

        assert outcome.verdict is Verdict.IN_DOUBT
        assert outcome.left
        assert sight.sighting is Sighting.FOUND
        assert side.effects() == [reference]

    async def test_a_reference_that_never_came_is_not_found(self, side: Side) -> None:
        await _submit(side)
        stranger = _reference()

        sight = await side.connect().find(side.submission, stranger, _frozen(side, stranger))

        assert sight.sighting is Sighting.NOT_FOUND

    async def test_what_differs_under_our_reference_is_not_taken_for_ours(self, side: Side) -> None:
        reference, _ = await _submit(side)
        system = side.connect()

        sight = await system.find(side.submission, reference, system.freeze(side.submission, side.another(reference)))

        assert sight.sighting is Sighting.DIFFERENT

    async def test_a_slow_far_end_holds_nobody_up_and_is_asked_what_it_did(self, side: Side) -> None:
        side.befall(Misfortune.SLOW, side.submission)
        async with asyncio.timeout(_SOON):
            reference, outcome = await _submit(side)
        side.mend()

        sight = await side.connect().find(side.submission, reference, _frozen(side, reference))

        assert outcome.verdict in {Verdict.IN_DOUBT, Verdict.RETRY}, outcome
        assert (sight.sighting is Sighting.FOUND) is (side.effects() == [reference])
        assert outcome.verdict is Verdict.IN_DOUBT or not side.effects(), "what is sent again had no effect"

    async def test_wrong_data_in_an_answer_is_no_success(self, side: Side) -> None:
        _needs_codes(side)
        side.befall(Misfortune.WRONG_DATA, side.submission)
        reference, outcome = await _submit(side)
        side.mend()

        assert outcome.verdict is Verdict.IN_DOUBT, outcome
        assert side.effects().count(reference) <= 1

    async def test_a_code_that_no_table_knows_parks(self, side: Side) -> None:
        _needs_codes(side)
        side.befall(Misfortune.UNKNOWN_CODE, side.submission)
        _, outcome = await _submit(side)
        side.mend()

        assert outcome.verdict is Verdict.PARKED, outcome
        assert f"contracts/{side.contract.title}/outcomes.csv" in (outcome.reason or "")

    async def test_a_deferred_answer_is_fetched_by_its_number(self, side: Side) -> None:
        contract = side.contract
        if not any(one.poll for one in contract.operations.values()):
            pytest.skip(lacking(contract, Ability.DEFERRED) or f"{contract.title} declares no poll")
        system, (operation, payload) = side.connect(), await side.ask_later()
        taken = await system.deliver(operation, system.freeze(operation, payload), reference=_reference())
        number = value_at(taken.answer or {}, contract.operations[operation].answer_reference or "")

        async with asyncio.timeout(_SOON):
            while (later := await system.poll(operation, str(number))).verdict is Verdict.AWAITING:
                await asyncio.sleep(0.01)

        assert taken.verdict is Verdict.AWAITING
        assert later.verdict is Verdict.DONE
        assert later.answer

    # What changed is told once and in order

    async def test_changes_beyond_the_first_page_come_once_and_in_order(self, side: Side) -> None:
        page_size = _page_size(side)
        await side.happen(3 * page_size)

        pages = await _pages(side.connect(), None)

        told = [(change.reference, change.sequence, change.event_id) for page in pages for change in page.changes]
        assert len(told) >= 3 * page_size
        assert len({event for _, _, event in told}) == len(told)
        assert all(len(page.changes) <= page_size for page in pages)
        for one in {reference for reference, _, _ in told}:
            sequences = [sequence for reference, sequence, _ in told if reference == one]
            assert sequences == sorted(sequences)

    async def test_a_kept_cursor_goes_on_after_a_crash_and_an_older_one_tells_again(self, side: Side) -> None:
        page_size = _page_size(side)
        await side.happen(2 * page_size)
        first = await side.connect().changes(None)
        again = await side.connect().changes(None)

        behind = await _pages(side.connect(), first.cursor)

        later = {change.event_id for page in behind for change in page.changes}
        assert [one.event_id for one in again.changes] == [one.event_id for one in first.changes]
        assert len({one.event_id for one in first.changes} | later) >= 2 * page_size

    async def test_what_happens_later_is_told_later(self, side: Side) -> None:
        page_size = _page_size(side)
        system = side.connect()
        await side.happen(page_size)
        before = await _pages(system, None)
        known = {change.event_id for page in before for change in page.changes}
        await side.happen(1)

        after = await _pages(system, before[-1].cursor)

        assert {change.event_id for page in after for change in page.changes} - known

    async def test_a_row_that_breaks_the_contract_parks_alone_and_says_why(self, side: Side) -> None:
        _page_size(side)
        await side.happen_broken()

        pages = await _pages(side.connect(), None)

        changes = [change for page in pages for change in page.changes]
        (broken,) = (one for one in changes if one.kind == UNREADABLE)
        assert broken.record["why"].partition(": ")[2], "the place, then what is wrong there"
        assert {one.reference for one in changes} - {broken.reference}

    async def test_changes_that_cannot_be_read_are_asked_for_again(self, side: Side) -> None:
        page_size = _page_size(side)
        assert side.contract.changes is not None
        await side.happen(page_size)
        side.befall(Misfortune.WRONG_DATA, side.contract.changes.operation)
        system = side.connect()

        with pytest.raises(GatewayUnreachable):
            await system.changes(None)
        side.mend()

        assert (await system.changes(None)).changes

    # An outage is seen, and over

    async def test_it_says_whether_the_far_end_is_there(self, side: Side) -> None:
        system = side.connect()
        there = await system.ping()
        await side.fall()
        gone = await system.ping()
        await side.rise()

        assert (there, gone, await system.ping()) == (True, False, True)

    async def test_an_outage_sends_nothing_and_the_return_everything(self, side: Side) -> None:
        system, reference = side.connect(), _reference()
        frozen = system.freeze(side.submission, side.message(reference))
        await side.fall()
        out = await system.deliver(side.submission, frozen, reference=reference)
        if side.contract.changes is not None:
            with pytest.raises(GatewayUnreachable):
                await system.changes(None)
        await side.rise()

        back = await system.deliver(side.submission, frozen, reference=reference)

        assert out.verdict is Verdict.RETRY, out
        assert not out.left
        assert back.verdict in {Verdict.DONE, Verdict.AWAITING}, back
        assert side.effects() == [reference]

    async def test_an_outage_after_a_first_call_is_survived_too(self, side: Side) -> None:
        system = side.connect()
        assert await system.ping()
        await side.fall()
        await side.rise()
        reference = _reference()
        frozen = system.freeze(side.submission, side.message(reference))

        outcome = await system.deliver(side.submission, frozen, reference=reference)
        if outcome.verdict in {Verdict.RETRY, Verdict.IN_DOUBT}:
            assert not side.effects()
            outcome = await system.deliver(side.submission, frozen, reference=reference)

        assert outcome.verdict in {Verdict.DONE, Verdict.AWAITING}, outcome
        assert side.effects() == [reference]

    # Its ledger can be compared with ours

    async def test_the_statement_of_a_period_has_every_effect_and_no_other(self, side: Side) -> None:
        if side.contract.statement is None:
            pytest.skip(_unable(side, Ability.STATEMENT))
        references = [(await _submit(side))[0] for _ in range(3)]
        system, now = side.connect(), datetime.now(UTC)

        entries = [entry async for entry in system.statement(LONG_AGO, FAR_AHEAD)]
        before = [entry async for entry in system.statement(LONG_AGO, now - timedelta(days=1))]

        assert sorted(entry.reference for entry in entries) == sorted(references)
        assert {entry.operation for entry in entries} == {side.submission}
        assert not before


def _reference() -> str:
    return str(uuid.uuid4())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def _submit(side: Side, text: str = "") -> tuple[str, Outcome]:
    system, reference = side.connect(), _reference()
    frozen = system.freeze(side.submission, side.message(reference, text))
    return reference, await system.deliver(side.submission, frozen, reference=reference)


def _frozen(side: Side, reference: str) -> bytes:
    return side.connect().freeze(side.submission, side.message(reference))


async def _pages(system: System, cursor: str | None) -> list[ChangePage]:
    """Every page from a cursor to the end."""
    pages = [await system.changes(cursor)]
    while pages[-1].more:
        pages.append(await system.changes(pages[-1].cursor))
    return pages


def _page_size(side: Side) -> int:
    if side.contract.changes is None:
        pytest.skip(f"{side.contract.title} declares no [changes]")
    return side.contract.changes.page_size


def _needs_codes(side: Side) -> None:
    if not side.contract.code_paths:
        pytest.skip(_unable(side, Ability.CODES))


def _unable(side: Side, ability: Ability) -> str:
    """Why this kind cannot do it; a test fails where its contract merely leaves out what the kind can."""
    why = lacking(side.contract, ability)
    assert why, f"{side.contract.title} leaves out {ability}, which its kind can do"
    return why
