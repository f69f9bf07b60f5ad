"""Delivery over a real journal: announced before the first byte, the same bytes again, settled with what follows."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from adapter.errors import JournalFailed
from adapter.exchange import Claim, Operation, Outcome, Stage, State, Verdict
from adapter.journal import Settlement, reading
from tests.support.house import ASSESSED, TENANT, House, Logs, Town, Weakened
from tests.support.lives import LOST, REFUSED, UNSENT, filed_permit, resolve, submission
from tests.support.records import core_status, permit, question, toll
from tests.support.scripted import Sent

pytest_plugins = ["tests.support.fixtures"]

BUSY = Outcome(Verdict.RETRY, "BUSY", "busy", left=True)


# before anything is sent


async def test_an_untranslatable_record_is_parked_before_anything_was_sent_and_names_the_table_s_row(
    house: House,
) -> None:
    record = toll()
    record["applicant"]["national_id"] = "0001172035"
    await house.submit(record)
    await house.deliver_due()
    exchange = await submission(house)
    assert (exchange.state, exchange.code, exchange.attempts) == (State.PARKED, "untranslatable", 0)
    assert (exchange.reason or "").startswith("mappings/renovation_toll/revenue/submit.csv:3: ")
    assert "0001172035" not in (exchange.reason or "")
    assert not exchange.may_have_effect
    assert house.revenue.sent == []
    assert await house.journal.read(reading.attempts_of, exchange.id) == []
    assert await house.journal.content(exchange, "frozen") is None


async def test_a_payload_that_breaks_the_contract_is_parked_before_anything_was_sent_and_names_the_table(
    house: House,
) -> None:
    await house.submit(toll(toll={"year_from": 1, "year_to": 1405}))
    await house.deliver_due()
    exchange = await submission(house)
    assert (exchange.state, exchange.code, exchange.attempts) == (State.PARKED, "schema_violation", 0)
    assert "mappings/renovation_toll" in (exchange.reason or "")
    assert "submit" in (exchange.reason or "")
    assert "year_from" in (exchange.reason or "")
    assert house.revenue.sent == []


async def test_a_table_that_is_gone_since_is_named(house: House) -> None:
    known = house.offer.named(TENANT, "renovation_toll")
    assert known is not None
    await house.submit(toll())
    holed = replace(known, tables={name: table for name, table in known.tables.items() if name != "submit"})
    house.offer = replace(house.offer, by_name={**house.offer.by_name, (TENANT, "renovation_toll"): holed})
    await house.deliver_due()
    exchange = await submission(house)
    assert (exchange.state, exchange.code) == (State.PARKED, "untranslatable")
    assert (exchange.reason or "").startswith("mappings/renovation_toll: there is no table 'submit'")


@pytest.mark.parametrize("fault", [KeyError("a field"), TypeError("no text"), ValueError("no figure")], ids=repr)
async def test_a_fault_of_our_own_while_translating_parks_that_one_and_delays_no_other(
    house: House, logs: Logs, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def poisoned(*_: object) -> bytes:
        raise fault

    monkeypatch.setattr(house.revenue, "freeze", poisoned)
    await house.submit(toll())
    await house.submit(permit())
    await house.deliver_due()
    exchange, other = await house.exchanges(Operation.SUBMIT_REQUEST)
    assert (exchange.state, exchange.code, other.state) == (State.PARKED, "failed", State.DONE)
    assert type(fault).__name__ in (exchange.reason or "")
    assert any(event["event"] == "preparation_failed" for event in logs)


async def test_the_intent_is_committed_with_the_bytes_before_the_first_of_them_leaves(house: House) -> None:
    seen: list[tuple[State, int, bool, bytes | None, bytes]] = []

    async def looks(sent: Sent) -> Outcome:
        (exchange,) = await house.exchanges()
        frozen = await house.journal.content(exchange, "frozen")
        seen.append((exchange.state, exchange.attempts, exchange.may_have_effect, frozen, sent.frozen))
        return UNSENT

    house.revenue.say(looks, looks)
    await house.submit(toll())
    await house.deliver_due()
    house.clock.advance(60)
    await house.deliver_due()
    assert [(state, attempts, effect) for state, attempts, effect, *_ in seen] == [
        (State.SENDING, 1, True),
        (State.SENDING, 2, True),
    ]
    assert all(frozen == sent for *_, frozen, sent in seen)


async def test_nothing_is_sent_when_the_intent_cannot_be_committed(town: Town, logs: Logs) -> None:
    class Forgetful(Weakened):
        """A journal that cannot keep an INTENT."""

        async def intend(self, claim: Claim, frozen: bytes, *, lease: timedelta, settle: timedelta) -> None:
            raise JournalFailed("the disk is full")

    house = town.open(journal=Forgetful)
    await house.submit(toll())
    with pytest.raises(JournalFailed):
        await house.deliver_due()
    assert house.revenue.sent == []


# the same again


async def test_a_retry_sends_the_same_reference_and_the_same_bytes(house: House) -> None:
    house.revenue.say(UNSENT, BUSY)
    await house.submit(toll())
    for _ in range(3):
        await house.deliver_due()
        house.clock.advance(timedelta(minutes=3))
    first, second, third = house.revenue.sent
    assert first == second == third
    assert first.says(house.revenue)["reference"] == first.reference == (await submission(house)).reference
    assert (await submission(house)).state is State.DONE


async def test_what_was_sent_keeps_its_bytes_though_the_tables_change(house: House) -> None:
    house.revenue.say(UNSENT)
    await house.submit(toll())
    await house.deliver_due()
    known = house.offer.named(TENANT, "renovation_toll")
    assert known is not None
    emptied = replace(known, tables={**known.tables, "submit": known.tables["withdraw"]})
    house.offer = replace(house.offer, by_name={**house.offer.by_name, (TENANT, "renovation_toll"): emptied})
    house.clock.advance(60)
    await house.deliver_due()
    first, second = house.revenue.sent
    assert first == second


async def test_what_never_left_is_tried_again_by_the_schedule_and_each_attempt_is_kept(house: House) -> None:
    house.revenue.always = UNSENT
    await house.submit(toll())
    waits = []
    for _ in range(6):
        await house.deliver_due()
        exchange = await submission(house)
        assert exchange.state is State.READY
        waits.append((exchange.due_at - house.clock()).total_seconds())
        house.clock.now = exchange.due_at - timedelta(microseconds=1)
        assert await house.deliver_due() == 0
        house.clock.now = exchange.due_at
    assert waits == [30, 120, 300, 900, 1800, 3600]
    attempts = await house.journal.read(reading.attempts_of, exchange.id)
    assert [(attempt["number"], attempt["verdict"]) for attempt in attempts] == [
        (number, "retry") for number in range(1, 7)
    ]


async def test_retry_after_is_heeded_by_the_journal_too(house: House) -> None:
    house.revenue.say(replace(BUSY, retry_after=timedelta(minutes=40)))
    await house.submit(toll())
    await house.deliver_due()
    assert (await submission(house)).due_at == house.clock() + timedelta(minutes=40)


async def test_tried_until_its_deadline_it_is_parked_with_the_reason_and_never_dropped(house: House) -> None:
    house.revenue.always = UNSENT
    await house.submit(toll())
    for _ in range(60):
        await house.deliver_due()
        exchange = await submission(house)
        if exchange.state is State.PARKED:
            break
        house.clock.now = exchange.due_at
    assert exchange.state is State.PARKED
    assert house.clock() - exchange.accepted_at >= timedelta(days=7)
    assert "deadline" in (exchange.reason or "")
    assert "never left" in (exchange.reason or "")
    assert not exchange.may_have_effect


async def test_what_waited_behind_another_past_its_deadline_is_still_sent_once_it_may(house: House) -> None:
    number = await filed_permit(house)
    house.core.tell(core_status(number, 1, 999), core_status(number, 2, 10))
    await house.take_changes()
    await house.deliver_due()
    house.clock.advance(timedelta(days=30))
    parked, _ = await house.exchanges(Operation.PUSH_STATUS)
    await resolve(house, parked)
    await house.deliver_due()
    assert [one.state for one in await house.exchanges(Operation.PUSH_STATUS)] == [State.DONE, State.DONE]


async def test_a_message_to_the_gateway_that_took_two_attempts_moves_the_case_too(house: House) -> None:
    house.gateway.say(UNSENT)
    code = await house.submit(toll())
    await house.deliver_due()
    assert (await house.case(code)).stage is Stage.RECEIVED
    house.clock.advance(60)
    await house.deliver_due()
    assert (await house.case(code)).stage is Stage.TO_PAY


async def test_a_route_that_is_gone_since_parks_what_waited_for_it_by_name(house: House, logs: Logs) -> None:
    known = house.offer.named(TENANT, "renovation_toll")
    assert known is not None
    await house.submit(toll())
    unrouted = replace(known, inward={})
    house.offer = replace(house.offer, by_name={**house.offer.by_name, (TENANT, "renovation_toll"): unrouted})
    await house.deliver_due()
    exchange = await submission(house)
    assert (exchange.state, exchange.code) == (State.PARKED, "failed")
    assert "mappings/renovation_toll" in (exchange.reason or "")


# doubt


async def test_what_is_in_doubt_is_never_sent_again_before_it_was_asked_for(house: House) -> None:
    house.revenue.say(LOST)
    await house.submit(toll())
    await house.deliver_due()
    for _ in range(50):
        house.clock.advance(timedelta(hours=6))
        await house.deliver_due()
    exchange = await submission(house)
    assert (exchange.state, exchange.may_have_effect, exchange.code) == (State.IN_DOUBT, True, "lost")
    assert len(house.revenue.sent) == 1
    assert house.revenue.asked == []


async def test_nothing_of_an_attempt_leaves_once_its_lease_is_over(town: Town) -> None:
    """As when many wait in line for a token that is slow to come, and what one of them holds was sent again."""
    left: list[str] = []

    async def late(sent: Sent) -> Outcome:
        await asyncio.sleep(0.1)
        left.append(sent.reference)
        return Outcome(Verdict.DONE, answer=ASSESSED)

    town.profile = replace(town.profile, lease=timedelta(milliseconds=20))
    house = town.open()
    house.revenue.always = late
    await house.submit(toll())
    await house.deliver_due()
    await asyncio.sleep(0.15)
    doubtful = await house.only(Operation.SUBMIT_REQUEST)
    assert (doubtful.state, doubtful.code, left) == (State.IN_DOUBT, "lease_over", [])


async def test_what_may_have_left_before_a_restart_is_in_doubt_after_it(town: Town) -> None:
    house = town.open()
    house.revenue.say(asyncio.CancelledError())
    await house.submit(toll())
    with suppress(asyncio.CancelledError):
        await house.deliver_due()
    house = town.open()
    exchange = await submission(house)
    assert (exchange.state, exchange.code, exchange.may_have_effect) == (State.IN_DOUBT, "lease_lost", True)
    await house.deliver_due()
    assert len(house.revenue.sent) == 1


# settled with what follows


async def test_a_refusal_is_told_to_the_source_with_its_legal_basis_and_ends_the_case(house: House) -> None:
    house.revenue.say(REFUSED)
    code = await house.submit(toll())
    await house.deliver_due()
    assert (await submission(house)).state is State.REFUSED
    (told,) = house.gateway.sent
    says = told.says(house.gateway)
    assert (told.operation, says["status_code"], says["stage"]) == ("PushStatus", "90", "refused")
    assert says["legal_basis"]
    assert (await house.case(code)).stage is Stage.REFUSED


async def test_the_outcome_and_what_follows_from_it_are_one_commit(town: Town) -> None:
    class Dying(Weakened):
        """A journal whose process dies right after the commit of a settlement."""

        async def settle(self, settlement: Settlement) -> None:
            await self.kept.settle(settlement)
            raise asyncio.CancelledError

    house = town.open(journal=Dying)
    await house.submit(toll())
    with suppress(asyncio.CancelledError):
        await house.deliver_due()
    house = town.open()
    assert [one.operation for one in await house.exchanges()] == [Operation.SUBMIT_REQUEST, Operation.ISSUE_BILL]
    await house.deliver_due()
    assert (len(house.revenue.sent), len(house.gateway.sent)) == (1, 1)


async def test_the_sequence_told_never_goes_back_to_an_older_status(house: House) -> None:
    number = await filed_permit(house)
    (case,) = {exchange.case_id for exchange in await house.exchanges()}
    house.core.tell(core_status(number, 5, 40))
    await house.settle_all()
    house.core.tell(core_status(number, 3, 10))
    await house.settle_all()
    found = await house.journal.read(reading.case, case)
    assert (found.status_sequence, found.stage) == (5, Stage.IN_PROGRESS)


# what is counted


async def test_each_settled_attempt_is_logged_once_with_its_standing_keys_and_counted(house: House, logs: Logs) -> None:
    house.revenue.say(UNSENT)
    await house.submit(toll())
    await house.settle_all()
    settled = [event for event in logs if event["event"] == "attempt_settled"]
    assert [(event["operation"], event["attempt"], event["verdict"]) for event in settled] == [
        ("SubmitRequest", 1, "retry"),
        ("SubmitRequest", 2, "done"),
        ("IssueBill", 1, "done"),
    ]
    keys = {"tenant", "service", "operation", "exchange", "case", "attempt", "verdict", "code"}
    assert all(keys <= set(event) for event in settled)
    page = house.delivery.metrics.page().decode()
    assert 'panjereh_exchanges_total{direction="inward",service="renovation_toll",tenant="sample-city"' in page


async def test_no_log_line_tells_who_the_citizen_is(house: House, logs: Logs) -> None:
    house.revenue.say(REFUSED)
    await house.submit(toll(48))
    record = toll(49)
    record["applicant"]["national_id"] = "0001172035"
    await house.submit(record)
    await house.receive(Operation.INQUIRE, question())
    await house.settle_all()
    told = str(logs)
    for secret in ("0001172034", "0001172035", "شیرین", "نمونه", "09000000011", "2020212345"):
        assert secret not in told
