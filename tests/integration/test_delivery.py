"""Delivery over a real journal: announced before the first byte, the same bytes again, in order, nothing lost."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapter.errors import GatewayUnreachable, JournalFailed
from adapter.exchange import Claim, Event, Exchange, Operation, Outcome, Stage, State, Verdict
from adapter.journal import Command, Settlement, reading
from tests.support.cancelling import cancelled_at
from tests.support.house import ASSESSED, REVENUE, TENANT, House, Logs, Town, Weakened, shipped_offer
from tests.support.records import core_status, correction, document, payment, permit, question, toll, withdrawal
from tests.support.sandboxed import SYSTEMS, Sandboxed, sandboxed
from tests.support.scripted import ScriptedSystem, Sent

pytest_plugins = ["tests.support.fixtures"]

UNSENT = Outcome(Verdict.RETRY, "unsent", "the request never left", left=False)
BUSY = Outcome(Verdict.RETRY, "BUSY", "busy", left=True)
LOST = Outcome(Verdict.IN_DOUBT, "lost", "the request may have arrived, no whole answer came")
REFUSED = Outcome(Verdict.REFUSED, "NO_PROPERTY", "ملکی یافت نشد", {"code": "NO_PROPERTY"})
FORBIDDEN = Outcome(Verdict.RETRY, "http-403", "they forbid this to us", pause="forbidden")
UNAUTHORISED = Outcome(Verdict.RETRY, "http-401", "they do not accept our credentials", pause="credentials")
CERTIFICATE = Outcome(
    Verdict.PARKED, "certificate", "their certificate was not accepted", left=False, pause="certificate"
)


async def submission(house: House) -> Exchange:
    return await house.only(Operation.SUBMIT_REQUEST)


async def kept(house: House, exchange: Exchange) -> Exchange:
    return await house.journal.read(reading.exchange, exchange.id)


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
    assert any(event["event"] == "translation_failed" for event in logs)


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


# lanes


async def filed_permit(house: House, house_no: int = 48) -> str:
    """A permit that the core has taken; its number there."""
    code = await house.submit(permit(house_no))
    await house.deliver_due()
    number = (await house.case(code)).internal_reference
    assert number is not None
    return number


async def resolve(house: House, exchange: Exchange) -> None:
    """A person has seen to it."""
    seen = await kept(house, exchange)
    await house.journal.command(Command(seen, Event.RESOLVED, State.DONE, "uid:1000", "seen to by hand"))


async def test_within_a_lane_everything_goes_in_the_order_in_which_it_was_accepted(house: House) -> None:
    code = await house.submit(permit())
    await house.receive(Operation.ATTACH_DOCUMENT, document(code))
    await house.receive(Operation.CORRECT_REQUEST, correction(code))
    await house.receive(Operation.WITHDRAW_REQUEST, withdrawal(code))
    house.core.say(UNSENT)
    await house.settle_all()
    assert [sent.operation for sent in house.core.sent] == [
        "RegisterRequest",
        "RegisterRequest",
        "AddDocument",
        "CorrectRequest",
        "CancelRequest",
    ]


async def test_what_comes_behind_uses_the_number_that_the_first_one_brought(house: House) -> None:
    code = await house.submit(permit())
    await house.receive(Operation.ATTACH_DOCUMENT, document(code))
    await house.deliver_due()
    number = (await house.case(code)).internal_reference
    (attached,) = house.core.sent_as("AddDocument")
    assert attached.says(house.core)["CaseNo"] == number


@pytest.mark.parametrize("first", [UNSENT, LOST, Outcome(Verdict.PARKED, "E200", "the core found the content wrong")])
async def test_what_waits_doubts_or_is_parked_holds_up_its_own_lane_and_no_other(house: House, first: Outcome) -> None:
    house.core.say(first)
    held = await house.submit(permit(48))
    await house.receive(Operation.ATTACH_DOCUMENT, document(held))
    free = await house.submit(permit(49))
    await house.receive(Operation.ATTACH_DOCUMENT, document(free))
    await house.deliver_due()
    assert [sent.operation for sent in house.core.sent] == ["RegisterRequest", "RegisterRequest", "AddDocument"]
    states = {exchange.case_id: exchange.state for exchange in await house.exchanges(Operation.ATTACH_DOCUMENT)}
    assert states[(await house.case(held)).id] is State.READY
    assert states[(await house.case(free)).id] is State.DONE


async def test_a_refused_exchange_frees_its_lane(house: House) -> None:
    code = await house.submit(permit())
    await house.receive(Operation.ATTACH_DOCUMENT, document(code))
    await house.receive(Operation.CORRECT_REQUEST, correction(code))
    house.core.say(house.core.done("RegisterRequest"), Outcome(Verdict.REFUSED, "E230", "پرونده بسته است", {}))
    await house.deliver_due()
    assert [sent.operation for sent in house.core.sent] == ["RegisterRequest", "AddDocument", "CorrectRequest"]


async def test_the_two_directions_of_a_case_do_not_hold_each_other_up(house: House) -> None:
    house.gateway.always = UNSENT
    code = await house.submit(toll())
    await house.receive(Operation.CONFIRM_PAYMENT, payment(code))
    await house.deliver_due()
    assert [sent.operation for sent in house.revenue.sent] == ["CreateAssessment", "RegisterPayment"]


# when nothing may be sent there


async def test_while_the_breaker_is_open_no_attempt_is_burnt_and_afterwards_one_probes(house: House) -> None:
    house.revenue.always = UNSENT
    for number in range(15):
        await house.submit(toll(100 + number))
    await house.deliver_due()
    assert len(house.revenue.sent) == 10
    exchanges = await house.exchanges()
    assert sorted(exchange.attempts for exchange in exchanges) == [0] * 5 + [1] * 10
    waits = {exchange.due_at - house.clock() for exchange in exchanges if exchange.attempts == 0}
    assert waits == {house.profile.breaker_open}, "not taken up again and again meanwhile"
    house.clock.advance(29)
    assert await house.deliver_due() == 0
    house.clock.advance(3)
    await house.deliver_due()
    assert len(house.revenue.sent) == 11, "one probe, and it failed"
    house.revenue.always = None
    await house.settle_all(step=61)
    assert {exchange.state for exchange in await house.exchanges()} == {State.DONE}


async def test_another_group_and_another_endpoint_go_on_while_a_breaker_is_open(house: House) -> None:
    code = await house.submit(toll(1))
    await house.deliver_due()
    house.revenue.say(*[UNSENT] * 10)
    for number in range(12):
        await house.submit(toll(100 + number))
    await house.deliver_due()
    assert house.endpoints.breaker(REVENUE, "assessment").is_open(house.clock())
    await house.receive(Operation.CONFIRM_PAYMENT, payment(code))
    await house.submit(permit())
    await house.deliver_due()
    assert len(house.revenue.sent_as("RegisterPayment")) == 1
    assert len(house.core.sent_as("RegisterRequest")) == 1


@pytest.mark.parametrize("outcome", [REFUSED, Outcome(Verdict.PARKED, "VALIDATION", "the content is wrong")])
async def test_business_answers_of_any_kind_do_not_open_the_breaker(house: House, outcome: Outcome) -> None:
    house.revenue.always = outcome
    for number in range(25):
        await house.submit(toll(100 + number))
    await house.deliver_due()
    assert len(house.revenue.sent) == 25


@pytest.mark.parametrize("outcome", [UNAUTHORISED, CERTIFICATE])
async def test_wrong_credentials_or_certificate_pause_the_endpoint_at_once_and_across_restarts(
    town: Town, logs: Logs, outcome: Outcome
) -> None:
    house = town.open()
    house.revenue.say(outcome)
    for number in range(3):
        await house.submit(toll(100 + number))
    await house.deliver_due()
    assert len(house.revenue.sent) == 1
    assert house.endpoints.paused == {REVENUE: outcome.reason}
    assert await house.journal.read(reading.paused_endpoints) == {REVENUE: outcome.reason}
    lost = [event for event in logs if event["event"] == "endpoint_lost"]
    assert [(event["endpoint"], event["reason"]) for event in lost] == [("revenue/1.0", outcome.reason)]
    house.clock.advance(timedelta(days=1))
    assert await house.deliver_due() == 0
    house.endpoints.resume(REVENUE)
    await house.deliver_due()
    assert len(house.revenue.sent) >= 3


async def test_a_paused_endpoint_does_not_keep_others_waiting(house: House) -> None:
    house.endpoints.paused[REVENUE] = "they do not accept our credentials"
    await house.submit(toll())
    await house.submit(permit())
    await house.deliver_due()
    assert house.revenue.sent == []
    assert len(house.core.sent) == 1


async def test_what_waits_for_a_paused_endpoint_is_translated_once_it_may_be_sent(house: House) -> None:
    house.endpoints.paused[REVENUE] = "they do not accept our credentials"
    await house.submit(toll(applicant={**toll()["applicant"], "national_id": "0001172035"}))
    assert await house.deliver_due() == 0
    assert (await submission(house)).state is State.READY
    house.endpoints.resume(REVENUE)
    house.clock.advance(60)
    await house.deliver_due()
    assert (await submission(house)).state is State.PARKED


async def test_one_exchange_forbidden_many_times_pauses_nothing(house: House) -> None:
    house.revenue.always = FORBIDDEN
    await house.submit(toll())
    for _ in range(5):
        await house.deliver_due()
        house.clock.now = (await submission(house)).due_at
    assert house.endpoints.paused == {}


async def test_three_distinct_exchanges_forbidden_pause_the_endpoint(house: House) -> None:
    house.revenue.always = FORBIDDEN
    for number in range(2):
        await house.submit(toll(100 + number))
    await house.deliver_due()
    assert house.endpoints.paused == {}
    await house.submit(toll(102))
    await house.deliver_due()
    assert set(house.endpoints.paused) == {REVENUE}


# services that come and go


async def test_what_belongs_to_a_stopped_service_waits_unburnt_and_goes_on_when_it_is_mended(house: House) -> None:
    await house.submit(toll())
    house.offer = shipped_offer("renovation_toll")
    await house.deliver_due()
    exchange = await submission(house)
    assert (exchange.state, exchange.attempts) == (State.READY, 0)
    house.offer = shipped_offer()
    house.clock.advance(60)
    await house.deliver_due()
    assert (await submission(house)).state is State.DONE


# workers


class Running:
    """Delivery and follow-up at work, until the end of the block."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def __aenter__(self) -> House:
        flows = (self._house.delivery.run(), self._house.followup.run())
        self._tasks = [asyncio.create_task(flow) for flow in flows]
        return self._house

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def is_running(self) -> bool:
        return not any(task.done() for task in self._tasks)


async def until(house: House, operation: Operation, state: State, *, count: int = 1) -> None:
    async with asyncio.timeout(5):
        while [one.state for one in await house.exchanges(operation)].count(state) < count:
            await asyncio.sleep(0.005)


async def test_the_workers_deliver_what_comes_and_all_that_follows(house: House) -> None:
    async with Running(house):
        for number in range(20):
            await house.submit(toll(100 + number))
        await until(house, Operation.ISSUE_BILL, State.DONE, count=20)
    assert len(house.revenue.sent) == len(house.gateway.sent) == 20


async def test_what_raises_in_a_target_ends_no_worker_and_is_in_doubt_once_its_lease_is_over(
    house: House, logs: Logs
) -> None:
    house.delivery.workers = 2
    house.revenue.say(*[RuntimeError("a fault of the connector")] * 4)
    running = Running(house)
    async with running:
        for number in range(6):
            await house.submit(toll(100 + number))
        await until(house, Operation.SUBMIT_REQUEST, State.DONE, count=2)
        assert running.is_running
        async with asyncio.timeout(5):
            while len(await in_state(house, State.SENDING)) != 4:
                await asyncio.sleep(0.005)
        house.clock.advance(house.profile.lease + timedelta(seconds=1))
        async with asyncio.timeout(5):
            while len(await in_state(house, State.IN_DOUBT)) < 4:
                await house.journal.fall_expired()
                await asyncio.sleep(0.01)
    assert sum(event["event"] == "delivery_failed" for event in logs) == 4


async def in_state(house: House, state: State) -> list[Exchange]:
    return [one for one in await house.exchanges() if one.state is state]


async def test_what_raises_before_the_intent_is_given_back_and_tried_again_later(
    house: House, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    freezes = house.revenue.freeze
    failures = [GatewayUnreachable("not now")]

    def fails_once(self: ScriptedSystem, operation: str, payload: Any) -> bytes:
        if failures:
            raise failures.pop()
        return freezes(operation, payload)

    monkeypatch.setattr(ScriptedSystem, "freeze", fails_once)
    running = Running(house)
    async with running:
        await house.submit(toll())
        async with asyncio.timeout(5):
            while failures or (await submission(house)).due_at == house.clock():
                await asyncio.sleep(0.005)
        assert (await submission(house)).attempts == 0
        house.clock.advance(60)
        await until(house, Operation.SUBMIT_REQUEST, State.DONE)
        assert running.is_running
    assert sum(event["event"] == "delivery_failed" for event in logs) == 1


async def test_a_search_that_fails_once_ends_nothing(town: Town, logs: Logs) -> None:
    class Stumbling(Weakened):
        """A journal whose first searches fail, as when a database is being failed over."""

        failures = 3

        async def claim_ready(self, *arguments: Any) -> list[Claim]:
            if self.failures:
                self.failures -= 1
                raise ConnectionError("the database went away")
            return await self.kept.claim_ready(*arguments)

    house = town.open(journal=Stumbling)
    await house.submit(toll())
    house.delivery._queue.get_nowait()
    house.delivery._under_way = 0
    house = town.open(journal=Stumbling)
    async with Running(house):
        await until(house, Operation.ISSUE_BILL, State.DONE)


async def test_a_failed_journal_ends_the_run_rather_than_go_on(town: Town) -> None:
    class Failed(Weakened):
        """A journal whose commits fail."""

        async def settle(self, settlement: Settlement) -> None:
            raise JournalFailed("fsync: input/output error")

    house = town.open(journal=Failed)
    await house.submit(toll())
    with pytest.raises(ExceptionGroup) as failed:
        async with asyncio.timeout(5):
            await house.delivery.run()
    assert failed.group_contains(JournalFailed)


# cancellation


@pytest.mark.parametrize("lands", [True, False])
@pytest.mark.parametrize("arrives", [True, False])
async def test_a_delivery_cancelled_at_any_await_loses_and_doubles_nothing(
    town: Town, *, lands: bool, arrives: bool
) -> None:
    """The effect happens before the answer's await when `arrives`, so that a cancelled call may have had one."""

    def answering(system: ScriptedSystem, operation: str) -> Any:
        async def answer(sent: Sent) -> Outcome:
            outcome = system.done(operation)
            if arrives:
                effects.append(sent.reference)
                system.answered[sent.reference] = outcome.answer or {}
            await asyncio.sleep(0)
            if not arrives:
                effects.append(sent.reference)
            return outcome

        return answer

    effects: list[str] = []
    for point in range(1, 30):
        town.close()
        town.folder.joinpath("journal.db").unlink(missing_ok=True)
        effects.clear()
        house = town.open()
        house.revenue.always = answering(house.revenue, "CreateAssessment")
        house.gateway.always = answering(house.gateway, "PushStatus")
        let_them_know(house)
        await house.submit(toll())
        came_so_far = await cancelled_at(house.deliver_due(), point, lands=lands)
        house = town.open()
        await house.settle_all(step=200)
        exchanges = await house.exchanges()
        assert [one.operation for one in exchanges] == [Operation.SUBMIT_REQUEST, Operation.ISSUE_BILL]
        assert [one.state for one in exchanges] == [State.DONE, State.DONE], (point, exchanges)
        assert sorted(effects) == sorted(one.reference for one in exchanges), point
        if not came_so_far:
            assert point > 4
            return
    pytest.fail("there are more awaits than this test thought")


def let_them_know(house: House) -> None:
    """Both other sides answer questions by what has arrived there."""
    for system in (house.revenue, house.gateway, house.core):
        system.knows = True


@pytest.mark.parametrize("seed", range(6))
async def test_a_run_cancelled_at_a_random_moment_loses_and_doubles_nothing(town: Town, seed: int) -> None:
    effects: list[str] = []

    def answering(system: ScriptedSystem, operation: str) -> Any:
        async def answer(sent: Sent) -> Outcome:
            effects.append(sent.reference)
            outcome = system.done(operation)
            system.answered[sent.reference] = outcome.answer or {}
            await asyncio.sleep(0.001)
            return outcome

        return answer

    house = town.open()
    house.revenue.always = answering(house.revenue, "CreateAssessment")
    house.gateway.always = answering(house.gateway, "PushStatus")
    let_them_know(house)
    async with Running(house):
        for number in range(12):
            await house.submit(toll(100 + number))
        await asyncio.sleep(0.002 + 0.004 * seed)
    house = town.open()
    await house.settle_all(step=200)
    exchanges = await house.exchanges()
    assert len(exchanges) == 24
    assert {one.state for one in exchanges} == {State.DONE}
    assert sorted(effects) == sorted(one.reference for one in exchanges)


async def test_nothing_new_is_begun_while_draining_and_it_is_all_there_after_the_restart(town: Town) -> None:
    house = town.open()

    async def slow(_: Sent) -> Outcome:
        await asyncio.sleep(0.05)
        return Outcome(Verdict.DONE, answer=ASSESSED)

    house.revenue.say(slow)
    async with Running(house):
        await house.submit(toll(100))
        await asyncio.sleep(0.02)
        draining = asyncio.create_task(house.delivery.drain(timedelta(seconds=5)))
        await asyncio.sleep(0)
        await house.submit(toll(101))
        await draining
    assert len(house.revenue.sent) == 1
    assert [one.state for one in await house.exchanges(Operation.SUBMIT_REQUEST)] == [State.DONE, State.READY]
    house = town.open()
    await house.settle_all()
    assert {one.state for one in await house.exchanges()} == {State.DONE}


async def test_a_drain_waits_no_longer_than_its_grace(house: House) -> None:
    async def hangs(_: Sent) -> Outcome:
        await asyncio.sleep(30)
        raise AssertionError("it is never awaited so long")

    house.revenue.say(hangs)
    async with Running(house):
        await house.submit(toll())
        await asyncio.sleep(0.02)
        async with asyncio.timeout(1):
            await house.delivery.drain(timedelta(milliseconds=30))


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


# over real wires, beside the sandbox

MISFORTUNES: dict[str, dict[str, Any]] = {
    "the answer is lost after the effect": {"mode": "answer_lost"},
    "closed before the effect": {"mode": "close_before"},
    "reset before the effect": {"mode": "reset_before"},
    "closed after the effect": {"mode": "close_after"},
    "reset after the effect": {"mode": "reset_after"},
    "half an answer": {"mode": "half_answer"},
    "busy": {"mode": "busy", "retry_after_seconds": 1},
    "a server fault before the effect": {"mode": "soap_fault"},
    "a server fault after the effect": {"mode": "soap_fault", "effect": True},
    "a proxy's page before the effect": {"mode": "html"},
    "a proxy's page after the effect": {"mode": "html", "effect": True},
    "a busy code in a good answer": {"mode": "fault_in_200"},
}


async def three_cases(town: Sandboxed) -> list[Exchange]:
    """A toll, a permit and two inquiries, one of them deferred, until everything is settled."""
    await town.receive(Operation.SUBMIT_REQUEST, toll())
    filed = await town.receive(Operation.SUBMIT_REQUEST, permit())
    await town.receive(Operation.ATTACH_DOCUMENT, document(filed.body["tracking_code"]))
    deferred = question("1405/9/202")
    deferred["property"]["renovation_code"] = "3-2-117-202-0-0-0"
    await town.receive(Operation.INQUIRE, question())
    await town.receive(Operation.INQUIRE, deferred)
    exchanges = await town.until_settled(at_least=13)
    assert len(exchanges) == 13, exchanges
    return exchanges


def references_with_effect(exchanges: list[Exchange]) -> list[str]:
    """What both sides together must have applied, each once: an inquiry reads and has no effect."""
    return sorted(one.reference for one in exchanges if one.operation is not Operation.INQUIRE)


@pytest.mark.parametrize("binding", ["rest", "soap"])
async def test_three_services_live_beside_the_sandbox_in_both_bindings(
    tmp_path: Path, binding: str, logs: Logs
) -> None:
    async with sandboxed(tmp_path, binding=binding) as town:
        exchanges = await three_cases(town)
        assert {one.state for one in exchanges} == {State.DONE}, exchanges
        assert sorted(town.effects()) == references_with_effect(exchanges)
        told = [
            entry.status_code for entry in town.sandbox.ledger("gateway").entries if entry.operation == "PushStatus"
        ]
        assert told == ["010", "030", "040", "070", "110"]


@pytest.mark.parametrize("misfortune", MISFORTUNES.values(), ids=MISFORTUNES)
async def test_whatever_befalls_the_first_calls_each_effect_happens_once(
    tmp_path: Path, misfortune: dict[str, Any], logs: Logs
) -> None:
    faults = [{**misfortune, "operation": "effects", "stand_in": side, "times": 2} for side in SYSTEMS]
    async with sandboxed(tmp_path, faults=faults) as town:
        exchanges = await three_cases(town)
        assert {one.state for one in exchanges} == {State.DONE}, exchanges
        assert sorted(town.effects()) == references_with_effect(exchanges)
