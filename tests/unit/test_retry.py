"""Every duration is what production wants, jitter stays in its bounds, and Retry-After is honoured within reason."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.retry import Profile, ask_at, poll_at, retry_at
from tests.support.clock import MORNING

PROFILE = Profile()
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SCHEDULE = (MINUTE / 2, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 6 * HOUR)
FRACTIONS = st.floats(min_value=0, max_value=1, exclude_max=True, allow_nan=False)


def wait_after(
    attempts: int, fraction: float = 0.5, retry_after: timedelta | None = None, profile: Profile = PROFILE
) -> timedelta:
    return retry_at(profile, attempts, now=MORNING, fraction=lambda: fraction, retry_after=retry_after) - MORNING


@pytest.mark.parametrize(("attempts", "wait"), list(enumerate(SCHEDULE, start=1)))
def test_each_attempt_waits_as_the_paper_says(attempts: int, wait: timedelta) -> None:
    assert wait_after(attempts) == wait


@pytest.mark.parametrize("attempts", [10, 11, 100])
def test_after_the_last_step_it_is_every_six_hours(attempts: int) -> None:
    assert wait_after(attempts) == 6 * HOUR


@given(attempts=st.integers(1, 50), fraction=FRACTIONS)
def test_jitter_is_a_fifth_in_both_directions_and_no_more(attempts: int, fraction: float) -> None:
    planned = SCHEDULE[min(attempts, len(SCHEDULE)) - 1]
    assert planned * 0.8 <= wait_after(attempts, fraction) <= planned * 1.2


def test_jitter_uses_its_whole_range() -> None:
    assert wait_after(1, 0.0) == timedelta(seconds=24)
    assert wait_after(1, 1.0 - 1e-9) == pytest.approx(timedelta(seconds=36), abs=timedelta(milliseconds=1))


def test_nothing_is_due_before_its_own_schedule_however_small_retry_after_is() -> None:
    assert wait_after(3, retry_after=timedelta(seconds=2)) == 5 * MINUTE


def test_a_longer_retry_after_is_honoured_to_the_second() -> None:
    assert wait_after(1, retry_after=timedelta(seconds=95)) == timedelta(seconds=95)


def test_an_absurd_retry_after_is_clamped_to_an_hour() -> None:
    assert wait_after(1, retry_after=timedelta(days=365)) == HOUR
    assert wait_after(9, retry_after=timedelta(days=365)) == 6 * HOUR


@given(attempts=st.integers(0, 50), fraction=FRACTIONS, seconds=st.integers(-(10**6), 10**6))
def test_no_wait_is_ever_negative_or_absurd(attempts: int, fraction: float, seconds: int) -> None:
    wait = wait_after(attempts, fraction, timedelta(seconds=seconds))
    assert timedelta(seconds=24) <= wait <= 6 * HOUR * 1.2


def test_doubt_is_asked_for_at_ten_seconds_thirty_two_minutes_ten_an_hour_and_then_on() -> None:
    waits = [ask_at(PROFILE, asked, now=MORNING, settle_after=timedelta(seconds=10)) - MORNING for asked in range(8)]
    seconds = [wait.total_seconds() for wait in waits]
    assert seconds == [10, 30, 120, 600, 3600, 21600, 21600, 21600]


def test_doubt_is_never_asked_for_sooner_than_the_other_side_knows_the_truth() -> None:
    for asked in range(8):
        assert ask_at(PROFILE, asked, now=MORNING, settle_after=15 * MINUTE) - MORNING >= 15 * MINUTE


def test_a_deferred_answer_is_fetched_more_and_more_seldom_and_at_least_hourly() -> None:
    waits = [poll_at(PROFILE, polled, now=MORNING) - MORNING for polled in range(9)]
    assert waits == sorted(waits)
    assert waits[-1] == HOUR


def test_a_scaled_profile_shortens_every_wait_but_no_time_an_answer_or_a_heartbeat_may_take() -> None:
    fast = PROFILE.scaled("fast", 0.01)
    kept = {"connect", "write", "first_byte", "total", "lease", "deadline", "heartbeat", "silence", "jitter"}
    kept |= {"keys_kept", "tombstones_kept", "documents_kept", "sweep"}
    pulses = {"idle": timedelta(milliseconds=20), "change_poll": timedelta(milliseconds=50)}
    for field in fields(Profile):
        before, after = getattr(PROFILE, field.name), getattr(fast, field.name)
        if field.name in kept:
            assert after == before, field.name
        elif field.name in pulses:
            assert after == max(before * 0.01, pulses[field.name]), field.name
        elif field.name not in {"name", "contract_scale"}:
            expected = tuple(wait * 0.01 for wait in before) if isinstance(before, tuple) else before * 0.01
            assert after == expected, field.name
    assert (fast.name, fast.contract_scale) == ("fast", 0.01)
    assert wait_after(1, profile=fast) == timedelta(milliseconds=300)


def test_no_wait_of_a_scaled_profile_is_longer_than_it_was_told() -> None:
    fast = PROFILE.scaled("fast", 0.01, longest=timedelta(seconds=2))
    assert max(fast.schedule) == max(fast.asks) == max(fast.polls) == timedelta(seconds=2)
    assert fast.schedule[0] == timedelta(milliseconds=300)
    assert fast.deadline == PROFILE.deadline


def test_a_lease_outlives_the_longest_call_by_twenty_seconds() -> None:
    assert PROFILE.lease >= PROFILE.total + timedelta(seconds=20)


def test_a_key_outlives_every_deadline_of_its_case_and_its_tombstone_outlives_the_key() -> None:
    assert PROFILE.keys_kept == timedelta(days=90) > PROFILE.deadline
    assert PROFILE.tombstones_kept == timedelta(days=3650)
    assert PROFILE.documents_kept == timedelta(days=90)
    assert PROFILE.sweep == HOUR


def test_a_node_is_silent_only_after_several_missed_heartbeats() -> None:
    assert PROFILE.silence >= 3 * PROFILE.heartbeat
