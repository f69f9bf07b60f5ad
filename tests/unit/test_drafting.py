"""From a draft to an exchange: tracking codes that show a slip, references that never change, ids that sort by time."""

from __future__ import annotations

import random  # noqa: TID251 - seeded
import uuid
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.exchange import Case, Direction, Draft, Exchange, Operation, Stage, State
from adapter.retry import Profile
from adapter.settlement.drafting import (
    Drafting,
    check_digit,
    inward_draft,
    is_tracking_code,
    new_id,
    new_tracking_code,
    operation_name,
    reference_of,
)
from tests.support.clock import MORNING
from tests.support.house import contracts, services

CODES = st.binary(min_size=8, max_size=8).map(lambda raw: new_tracking_code(lambda _: raw))


@pytest.fixture
def drafting() -> Drafting:
    return Drafting(contracts(), Profile(), random.Random(7).randbytes)


def draft_of(operation: Operation = Operation.SUBMIT_REQUEST, direction: Direction = Direction.INWARD) -> Draft:
    return Draft(operation, direction, table="submit", record={"a": 1}, event_id="event-1")


def case_of(service: str = "renovation_toll", case_id: str = "c" * 32) -> Case:
    return Case(case_id, "sample-city", service, "4052718396", Stage.RECEIVED, "counter", opened_at=MORNING)


def exchange(drafting: Drafting, draft: Draft, service: str = "renovation_toll") -> Exchange:
    return drafting.exchange(draft, case_of(service), services()[service], now=MORNING)


# the tracking code


def test_the_check_digit_is_iso_7064_mod_11_10() -> None:
    assert check_digit("0794") == "5"  # the standard's own example: 07945


@given(code=CODES)
def test_a_new_tracking_code_is_twelve_digits_and_holds(code: str) -> None:
    assert len(code) == 12
    assert code.isascii()
    assert code.isdigit()
    assert is_tracking_code(code)


@given(code=CODES)
def test_every_single_wrong_digit_is_found(code: str) -> None:
    for place, right in enumerate(code):
        for wrong in set("0123456789") - {right}:
            assert not is_tracking_code(code[:place] + wrong + code[place + 1 :]), (code, place, wrong)


def test_nearly_every_exchange_of_two_neighbours_is_found() -> None:
    randomness = random.Random(3).randbytes
    tried = found = 0
    for _ in range(2_000):
        code = new_tracking_code(randomness)
        for place in range(11):
            if code[place] != code[place + 1]:
                tried += 1
                swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
                found += not is_tracking_code(swapped)
    assert found / tried > 0.97


@pytest.mark.parametrize(
    "text", ["", "12345678901", "1234567890123", "12345678901a", "۱۲۳۴۵۶۷۸۹۰۱۲", "             ", "²²²²²²²²²²²²"]
)
def test_what_is_no_tracking_code_is_told_apart(text: str) -> None:
    assert not is_tracking_code(text)


def test_codes_are_random_over_the_whole_range() -> None:
    randomness = random.Random(5).randbytes
    codes = {new_tracking_code(randomness) for _ in range(5_000)}
    assert len(codes) == 5_000
    assert {code[0] for code in codes} == set("0123456789")


# references


def test_the_reference_is_the_same_for_the_same_exchange_operation_and_revision() -> None:
    first = reference_of("a" * 32, Operation.PUSH_STATUS, revision=1)
    assert first == reference_of("a" * 32, Operation.PUSH_STATUS, revision=1)
    assert uuid.UUID(first).version == 5


def test_another_exchange_operation_or_revision_has_another_reference() -> None:
    references = {
        reference_of(name * 32, operation, revision=revision)
        for name in "ab"
        for operation in (Operation.PUSH_STATUS, Operation.ISSUE_BILL)
        for revision in (1, 2, 12)
    }
    assert len(references) == 12


def test_a_drafted_exchange_s_reference_can_be_computed_again_from_what_is_kept(drafting: Drafting) -> None:
    drafted = exchange(drafting, draft_of())
    assert drafted.reference == reference_of(drafted.id, drafted.operation, revision=drafted.revision)


# ids


@given(seconds=st.integers(0, 10**9), later=st.integers(1, 10**6), seed=st.integers(0, 1000))
def test_ids_sort_by_time(seconds: int, later: int, seed: int) -> None:
    randomness = random.Random(seed).randbytes
    first = new_id(MORNING + timedelta(seconds=seconds), randomness)
    second = new_id(MORNING + timedelta(seconds=seconds, milliseconds=later), randomness)
    assert first < second


def test_an_id_is_a_uuid_of_version_seven() -> None:
    found = uuid.UUID(new_id(MORNING, random.Random(1).randbytes))
    assert (found.version, found.variant) == (7, uuid.RFC_4122)


# the exchange


def test_a_drafted_exchange_is_ready_now_in_the_lane_of_its_case_and_target(drafting: Drafting) -> None:
    inward = exchange(drafting, draft_of())
    assert (inward.state, inward.due_at, inward.attempts) == (State.READY, MORNING, 0)
    assert (inward.target, inward.lane) == ("revenue/1.0", f"{'c' * 32}:revenue/1.0")
    assert inward.event_id == "event-1"
    assert not inward.may_have_effect
    outward = exchange(drafting, draft_of(Operation.PUSH_STATUS, Direction.OUTWARD))
    assert (outward.target, outward.lane) == ("window/1.0", f"{'c' * 32}:window/1.0")


@pytest.mark.parametrize(
    ("service", "operation", "direction", "days"),
    [
        ("renovation_toll", Operation.SUBMIT_REQUEST, Direction.INWARD, 7.0),
        ("renovation_toll", Operation.CONFIRM_PAYMENT, Direction.INWARD, 1.0),
        ("notary_inquiry", Operation.INQUIRE, Direction.INWARD, 15 / 60 / 24),
        ("building_permit", Operation.PUSH_DOCUMENT, Direction.OUTWARD, 7.0),
    ],
)
def test_the_transport_s_deadline_is_the_target_contract_s(
    drafting: Drafting, service: str, operation: Operation, direction: Direction, days: float
) -> None:
    drafted = exchange(drafting, draft_of(operation, direction), service)
    assert drafted.deadline_at - MORNING == timedelta(days=days)


def test_internal_systems_are_spoken_to_in_their_contract_s_words() -> None:
    toll = services()["renovation_toll"]
    assert operation_name(toll, Operation.SUBMIT_REQUEST, Direction.INWARD) == "CreateAssessment"
    assert operation_name(toll, Operation.PUSH_STATUS, Direction.OUTWARD) == "PushStatus"


def test_an_inward_draft_has_no_event_of_its_own_because_its_key_makes_it_unique() -> None:
    assert inward_draft(Operation.SUBMIT_REQUEST, "submit", {"a": 1}) == Draft(
        Operation.SUBMIT_REQUEST, Direction.INWARD, "submit", {"a": 1}
    )
