"""A settlement says what the paper says: by the outcome of an attempt, and by what was seen on the other side."""

from __future__ import annotations

import random  # noqa: TID251 - seeded: the same house each time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapter.channels import Sight, Sighting
from adapter.exchange import (
    Case,
    Claim,
    Direction,
    Draft,
    Effect,
    Operation,
    Outcome,
    Stage,
    State,
    Verdict,
)
from adapter.journal import Settlement
from adapter.retry import Profile
from adapter.service import Service
from adapter.settlement.drafting import Drafting
from adapter.settlement.settling import Settling
from tests.support.clock import StandingClock
from tests.support.house import ASSESSED, RECEIPT, contracts, services

PROFILE = Profile()
CLOCK = StandingClock()
SETTLE = timedelta(seconds=10)


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def settling(clock: StandingClock) -> Settling:
    return Settling(Drafting(contracts(), PROFILE, random.Random(1).randbytes), PROFILE, clock, lambda: 0.5)


def claim_of(
    settling: Settling,
    operation: Operation,
    state: State = State.SENDING,
    *,
    service: str = "renovation_toll",
    direction: Direction = Direction.INWARD,
    **exchange: Any,
) -> Claim:
    """A claim on an exchange of a new case, in any state."""
    now = settling.clock()
    case = Case("c" * 32, "sample-city", service, "4052718396", Stage.RECEIVED, "counter", opened_at=now)
    draft = Draft(operation, direction, table="any", record={})
    drafted = settling.drafting.exchange(draft, case, services()[service], now=now)
    asked = replace(drafted, **{"state": state, "attempts": 1, "may_have_effect": True, **exchange})
    return Claim(asked, case, fence=1, record={"sequence": 7})


def submitted(settling: Settling, state: State = State.SENDING, **exchange: Any) -> Claim:
    return claim_of(settling, Operation.SUBMIT_REQUEST, state, **exchange)


def promising(settling: Settling, operation: str, **promises: Any) -> Settling:
    """The same rules with a revenue contract that says something else of one operation."""
    revenue = settling.drafting.contracts["revenue/1.0"]
    changed = replace(revenue.operations[operation], **promises)
    contract = replace(revenue, operations={**revenue.operations, operation: changed})
    drafting = replace(settling.drafting, contracts={**settling.drafting.contracts, "revenue/1.0": contract})
    return replace(settling, drafting=drafting)


def toll() -> Service:
    return services()["renovation_toll"]


def by_outcome(settling: Settling, claim: Claim, outcome: Outcome) -> Settlement:
    return settling.by_outcome(claim, outcome, services()[claim.exchange.service], None)


def by_sight(settling: Settling, claim: Claim, sight: Sight) -> Settlement:
    return settling.by_sight(claim, sight, services()[claim.exchange.service], None)


# by outcome


def test_a_retry_is_ready_again_by_the_schedule(settling: Settling) -> None:
    settlement = by_outcome(settling, submitted(settling), Outcome(Verdict.RETRY, "unsent", "never left", left=False))
    assert settlement.state is State.READY
    assert settlement.due_at == settling.clock() + timedelta(seconds=30)
    assert not settlement.may_have_effect
    assert settlement.following == ()


def test_a_busy_answer_is_ready_again_and_proven_without_effect(settling: Settling) -> None:
    settlement = by_outcome(settling, submitted(settling), Outcome(Verdict.RETRY, "BUSY", left=True))
    assert (settlement.state, settlement.may_have_effect) == (State.READY, False)


def test_retry_after_is_heeded_when_it_is_later_than_the_schedule(settling: Settling) -> None:
    outcome = Outcome(Verdict.RETRY, "BUSY", retry_after=timedelta(minutes=20))
    assert by_outcome(settling, submitted(settling), outcome).due_at == settling.clock() + timedelta(minutes=20)


def test_doubt_is_asked_for_only_after_the_contract_s_settle_time(settling: Settling) -> None:
    lost = Outcome(Verdict.IN_DOUBT, "lost")
    assert by_outcome(settling, submitted(settling), lost).due_at == settling.clock() + SETTLE
    payment = claim_of(settling, Operation.CONFIRM_PAYMENT)
    assert by_outcome(settling, payment, lost).due_at == settling.clock() + timedelta(seconds=60)
    assert by_outcome(settling, payment, lost).may_have_effect


def test_a_retry_past_the_deadline_is_parked_with_the_reason_and_what_the_last_try_said(
    settling: Settling, clock: StandingClock
) -> None:
    claim = submitted(settling)
    clock.advance(timedelta(days=7))
    settlement = by_outcome(settling, claim, Outcome(Verdict.RETRY, "unsent", "the request never left", left=False))
    assert (settlement.state, settlement.event) == (State.PARKED, "deadline")
    assert "deadline" in (settlement.reason or "")
    assert "the request never left" in (settlement.reason or "")
    assert not settlement.may_have_effect


def test_just_before_the_deadline_it_is_still_tried_again(settling: Settling, clock: StandingClock) -> None:
    claim = submitted(settling)
    clock.advance(timedelta(days=7) - timedelta(microseconds=1))
    assert by_outcome(settling, claim, Outcome(Verdict.RETRY)).state is State.READY


def test_what_was_done_after_its_deadline_is_done(settling: Settling, clock: StandingClock) -> None:
    claim = submitted(settling)
    clock.advance(timedelta(days=30))
    assert by_outcome(settling, claim, Outcome(Verdict.DONE, answer=ASSESSED)).state is State.DONE


def test_the_transport_s_deadline_does_not_bind_the_municipality_s_own_answer(
    settling: Settling, clock: StandingClock
) -> None:
    claim = claim_of(settling, Operation.INQUIRE, State.AWAITING, service="notary_inquiry")
    clock.advance(timedelta(days=2))
    still = Outcome(Verdict.AWAITING, answer={"ErrorResult": {}, "State": 2, "InquiryNo": "Q1"})
    assert by_outcome(settling, claim, still).state is State.AWAITING
    unreachable = Outcome(Verdict.RETRY, "unsent", left=False)
    assert by_outcome(settling, claim, unreachable).state is State.AWAITING


def test_parked_after_bytes_had_left_may_have_effect_and_before_may_not(settling: Settling) -> None:
    assert by_outcome(settling, submitted(settling), Outcome(Verdict.PARKED, "VALIDATION")).may_have_effect
    kept = by_outcome(settling, submitted(settling), Outcome(Verdict.PARKED, "certificate", left=False))
    assert not kept.may_have_effect


def test_what_only_reads_never_may_have_an_effect(settling: Settling) -> None:
    claim = claim_of(settling, Operation.INQUIRE, service="notary_inquiry")
    assert settling.contract_of(claim, services()["notary_inquiry"]).effect is Effect.READ
    assert not by_outcome(settling, claim, Outcome(Verdict.PARKED, "E200")).may_have_effect


def test_done_brings_the_case_s_number_and_the_pattern_s_followers_in_one_settlement(settling: Settling) -> None:
    settlement = by_outcome(settling, submitted(settling), Outcome(Verdict.DONE, answer=ASSESSED))
    assert settlement.state is State.DONE
    assert settlement.internal_reference == "1405-2"
    ((bill, record),) = settlement.following
    assert (bill.operation, bill.table, bill.state) == (Operation.ISSUE_BILL, "bill", State.READY)
    assert record["content"] == ASSESSED


def test_a_later_operation_never_changes_the_case_s_number(settling: Settling) -> None:
    numbered = promising(settling, "CancelAssessment", answer_reference="assessment_no")
    outcome = Outcome(Verdict.DONE, answer={"code": "OK", "assessment_no": "another"})
    assert by_outcome(numbered, claim_of(numbered, Operation.WITHDRAW_REQUEST), outcome).internal_reference is None


@pytest.mark.parametrize("verdict", [Verdict.RETRY, Verdict.IN_DOUBT, Verdict.PARKED])
def test_nothing_follows_from_what_is_not_settled(settling: Settling, verdict: Verdict) -> None:
    settlement = by_outcome(settling, submitted(settling), Outcome(verdict, answer=ASSESSED))
    assert settlement.following == ()
    assert settlement.internal_reference is None


def test_a_refusal_is_told_to_the_source_with_code_and_reason(settling: Settling) -> None:
    settlement = by_outcome(settling, submitted(settling), Outcome(Verdict.REFUSED, "NO_PROPERTY", "ملکی یافت نشد"))
    assert settlement.state is State.REFUSED
    ((told, record),) = settlement.following
    assert (told.operation, told.table) == (Operation.PUSH_STATUS, "refusal")
    assert record["outcome"] == {"code": "NO_PROPERTY", "reason": "ملکی یافت نشد"}


def test_what_the_gateway_was_told_is_kept_with_its_sequence_only_once_it_is_done(settling: Settling) -> None:
    claim = claim_of(settling, Operation.PUSH_STATUS, direction=Direction.OUTWARD)
    payload = {"stage": "approved", "status_code": "60", "status_title": "ثبت در حساب مودی"}
    done = settling.by_outcome(claim, Outcome(Verdict.DONE, answer=RECEIPT), toll(), payload)
    assert done.told is not None
    assert (done.told.sequence, done.told.stage, done.told.status_code) == (7, Stage.APPROVED, "60")
    for verdict in (Verdict.REFUSED, Verdict.PARKED, Verdict.RETRY, Verdict.IN_DOUBT):
        assert settling.by_outcome(claim, Outcome(verdict), toll(), payload).told is None


# by sight


def in_doubt(settling: Settling, operation: Operation = Operation.SUBMIT_REQUEST, **exchange: Any) -> Claim:
    return claim_of(settling, operation, State.IN_DOUBT, **exchange)


def test_found_is_adopted_with_number_and_followers_as_if_the_lost_answer_had_come(settling: Settling) -> None:
    settlement = by_sight(settling, in_doubt(settling), Sight(Sighting.FOUND, ASSESSED))
    assert (settlement.state, settlement.event) == (State.DONE, "found")
    assert settlement.internal_reference == "1405-2"
    assert [exchange.table for exchange, _ in settlement.following] == ["bill"]
    assert not settlement.may_have_effect


def test_found_with_a_refusal_as_its_answer_is_refused_and_told(settling: Settling) -> None:
    sight = Sight(Sighting.FOUND, {"code": "NO_PROPERTY", "message": "ملکی یافت نشد"})
    settlement = by_sight(settling, in_doubt(settling), sight)
    assert settlement.state is State.REFUSED
    ((told, record),) = settlement.following
    assert told.table == "refusal"
    assert record["outcome"]["code"] == "NO_PROPERTY"


def test_found_with_a_code_that_no_table_knows_is_parked_never_probably_fine(settling: Settling) -> None:
    settlement = by_sight(settling, in_doubt(settling), Sight(Sighting.FOUND, {"code": "PECULIAR"}))
    assert (settlement.state, settlement.following) == (State.PARKED, ())
    assert "contracts/revenue/1.0/outcomes.csv" in (settlement.reason or "")
    assert settlement.may_have_effect


def test_found_with_a_busy_answer_says_nothing_and_is_asked_again(settling: Settling) -> None:
    settlement = by_sight(settling, in_doubt(settling), Sight(Sighting.FOUND, {"code": "BUSY"}))
    assert (settlement.state, settlement.following) == (State.IN_DOUBT, ())
    assert settlement.due_at > settling.clock()


def test_not_found_once_is_asked_again_after_twice_the_settle_time(settling: Settling) -> None:
    settlement = by_sight(settling, in_doubt(settling), Sight(Sighting.NOT_FOUND))
    assert settlement.state is State.IN_DOUBT
    assert settlement.due_at == settling.clock() + 2 * SETTLE
    assert settlement.may_have_effect
    payment = by_sight(settling, in_doubt(settling, Operation.CONFIRM_PAYMENT), Sight(Sighting.NOT_FOUND))
    assert payment.due_at == settling.clock() + timedelta(minutes=15)


def asked_again(claim: Claim, settlement: Settlement) -> Claim:
    """The claim on the same exchange the next time, as the journal would give it."""
    kept = replace(
        claim.exchange,
        state=settlement.state,
        code=settlement.code,
        asked=settlement.asked,
        due_at=settlement.due_at,
        may_have_effect=settlement.may_have_effect,
    )
    return replace(claim, exchange=kept)


def test_not_found_twice_is_proven_to_have_had_no_effect_and_sent_again(settling: Settling) -> None:
    first = in_doubt(settling)
    second = asked_again(first, by_sight(settling, first, Sight(Sighting.NOT_FOUND)))
    settlement = by_sight(settling, second, Sight(Sighting.NOT_FOUND))
    assert (settlement.state, settlement.event) == (State.READY, "not_found")
    assert settlement.due_at == settling.clock()
    assert not settlement.may_have_effect
    assert settlement.asked == 0


@pytest.mark.parametrize("effect", [Effect.QUERYABLE, Effect.IDEMPOTENT])
def test_an_attempt_after_the_deadline_that_is_lost_without_effect_was_the_last(
    settling: Settling, effect: Effect
) -> None:
    """One whose answer is lost each time would else be sent again for ever."""
    settling = promising(settling, "CreateAssessment", effect=effect)
    claim = submitted(settling, State.IN_DOUBT, code="not_found")
    for ended, state in [(timedelta(microseconds=-1), State.READY), (timedelta(0), State.PARKED)]:
        attempted = replace(claim.exchange, attempted_at=claim.exchange.deadline_at + ended)
        settlement = by_sight(settling, replace(claim, exchange=attempted), Sight(Sighting.NOT_FOUND))
        assert (settlement.state, settlement.may_have_effect) == (state, False)
    assert "deadline" in (settlement.reason or "")


def test_unclear_between_two_not_founds_does_not_count_as_one_of_them(settling: Settling) -> None:
    claim = in_doubt(settling)
    claim = asked_again(claim, by_sight(settling, claim, Sight(Sighting.UNCLEAR)))
    claim = asked_again(claim, by_sight(settling, claim, Sight(Sighting.UNCLEAR)))
    settlement = by_sight(settling, claim, Sight(Sighting.NOT_FOUND))
    assert settlement.state is State.IN_DOUBT


def test_unclear_is_asked_again_by_the_long_schedule_for_ever(settling: Settling) -> None:
    claim, waits = in_doubt(settling), []
    for _ in range(8):
        settlement = by_sight(settling, claim, Sight(Sighting.UNCLEAR, reason="unreachable"))
        assert settlement.state is State.IN_DOUBT
        assert settlement.may_have_effect
        waits.append((settlement.due_at - settling.clock()).total_seconds())
        claim = asked_again(claim, settlement)
    assert waits == [30, 120, 600, 3600, 21600, 21600, 21600, 21600]


def test_different_is_parked_as_a_conflict_that_may_have_effect(settling: Settling) -> None:
    settlement = by_sight(settling, in_doubt(settling), Sight(Sighting.DIFFERENT, reason="another tracking_code"))
    assert (settlement.state, settlement.code) == (State.PARKED, "conflict")
    assert settlement.may_have_effect
    assert "another tracking_code" in (settlement.reason or "")
    assert settlement.following == ()


def test_the_demo_s_profile_shortens_what_a_contract_says_too(clock: StandingClock) -> None:
    fast = PROFILE.scaled("fast", 0.1)
    settling = Settling(Drafting(contracts(), fast, random.Random(1).randbytes), fast, clock, lambda: 0.5)
    payment = claim_of(settling, Operation.CONFIRM_PAYMENT)
    assert by_outcome(settling, payment, Outcome(Verdict.IN_DOUBT)).due_at == clock() + timedelta(seconds=6)


def test_what_is_idempotent_is_sent_again_unproven_but_by_the_schedule(settling: Settling) -> None:
    idempotent = promising(settling, "CreateAssessment", effect=Effect.IDEMPOTENT)
    waits = []
    for attempts in (1, 2, 3):
        claim = in_doubt(idempotent, attempts=attempts)
        settlement = by_sight(idempotent, claim, Sight(Sighting.NOT_FOUND))
        assert settlement.state is State.READY
        waits.append((settlement.due_at - idempotent.clock()).total_seconds())
    assert waits == [30, 120, 300]
