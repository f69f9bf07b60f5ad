"""The breaker: when it opens, for how long, who may probe, and how it comes back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.breaker import Breaker, opened_for
from adapter.endpoints import Endpoints
from adapter.retry import Profile
from tests.support.clock import StandingClock

PROFILE = Profile()
HALF_MINUTE = timedelta(seconds=30)
ENDPOINT = ("sample-city", "window/1.0")


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def breaker() -> Breaker:
    return Breaker(PROFILE)


def call(breaker: Breaker, clock: StandingClock, *, succeeded: bool) -> bool:
    """One call from begin to end; whether it was let through."""
    place = breaker.begin(clock())
    if place is None:
        return False
    breaker.end(place, clock(), succeeded=succeeded)
    return True


def let_through(breaker: Breaker, clock: StandingClock, callers: int = 20) -> list[int]:
    """The places that so many callers at once are given."""
    return [place for _ in range(callers) if (place := breaker.begin(clock())) is not None]


def fail(breaker: Breaker, clock: StandingClock, times: int = 10) -> None:
    for _ in range(times):
        assert call(breaker, clock, succeeded=False)


def probe(breaker: Breaker, clock: StandingClock, *, succeeded: bool) -> None:
    """Wait until the breaker's time is over and let the probe end so."""
    clock.advance(opened_for(breaker, clock()))
    assert call(breaker, clock, succeeded=succeeded)


def test_nine_failures_in_a_row_leave_it_closed_and_the_tenth_opens_it(breaker: Breaker, clock: StandingClock) -> None:
    fail(breaker, clock, 9)
    assert not breaker.is_open(clock())
    fail(breaker, clock, 1)
    assert breaker.is_open(clock())
    assert let_through(breaker, clock) == []


def test_one_success_begins_the_row_anew(breaker: Breaker, clock: StandingClock) -> None:
    fail(breaker, clock, 9)
    call(breaker, clock, succeeded=True)
    fail(breaker, clock, 9)
    assert not breaker.is_open(clock())


def test_half_of_twenty_failing_opens_it(breaker: Breaker, clock: StandingClock) -> None:
    for number in range(18):
        call(breaker, clock, succeeded=number % 2 == 0)
    assert not breaker.is_open(clock())
    call(breaker, clock, succeeded=True)
    assert not breaker.is_open(clock())
    call(breaker, clock, succeeded=False)
    assert breaker.is_open(clock())


def test_less_than_half_of_many_leaves_it_closed(breaker: Breaker, clock: StandingClock) -> None:
    for number in range(300):
        assert call(breaker, clock, succeeded=number % 5 >= 2)
    assert not breaker.is_open(clock())


def test_failures_older_than_a_minute_are_forgotten(breaker: Breaker, clock: StandingClock) -> None:
    for number in range(19):
        call(breaker, clock, succeeded=number % 2 == 1)
    clock.advance(61)
    call(breaker, clock, succeeded=True)
    call(breaker, clock, succeeded=False)
    assert not breaker.is_open(clock())


def test_business_refusals_are_successes_of_the_wire(breaker: Breaker, clock: StandingClock) -> None:
    for _ in range(100):
        assert call(breaker, clock, succeeded=True)
    assert not breaker.is_open(clock())


def test_it_opens_for_thirty_seconds(breaker: Breaker, clock: StandingClock) -> None:
    fail(breaker, clock)
    assert opened_for(breaker, clock()) == HALF_MINUTE
    clock.advance(HALF_MINUTE - timedelta(microseconds=1))
    assert let_through(breaker, clock) == []
    clock.advance(timedelta(microseconds=1))
    assert len(let_through(breaker, clock)) == 1


def test_each_failed_probe_doubles_the_time_up_to_five_minutes(breaker: Breaker, clock: StandingClock) -> None:
    fail(breaker, clock)
    times = []
    for _ in range(6):
        times.append(opened_for(breaker, clock()).total_seconds())
        probe(breaker, clock, succeeded=False)
    assert times == [30, 60, 120, 240, 300, 300]


def test_of_twenty_callers_exactly_one_may_probe(breaker: Breaker, clock: StandingClock) -> None:
    fail(breaker, clock)
    clock.advance(HALF_MINUTE)
    assert len(let_through(breaker, clock, 20)) == 1
    clock.advance(timedelta(minutes=1))
    assert let_through(breaker, clock, 20) == []


def test_after_the_probe_it_starts_slowly_one_two_four(breaker: Breaker, clock: StandingClock) -> None:
    fail(breaker, clock)
    clock.advance(HALF_MINUTE)
    at_once = []
    for _ in range(7):
        first, *others = let_through(breaker, clock, 100)
        at_once.append(1 + len(others))
        breaker.end(first, clock(), succeeded=True)
        for place in others:
            breaker.cancel(place)
    assert at_once == [1, 2, 4, 8, 16, 32, 100]


def test_a_failure_while_it_starts_slowly_halves_the_number_and_at_one_opens_it_for_longer(
    breaker: Breaker, clock: StandingClock
) -> None:
    fail(breaker, clock)
    probe(breaker, clock, succeeded=True)
    call(breaker, clock, succeeded=True)
    call(breaker, clock, succeeded=False)
    places = let_through(breaker, clock)
    assert len(places) == 2
    breaker.end(places[0], clock(), succeeded=False)
    breaker.end(places[1], clock(), succeeded=False)
    assert opened_for(breaker, clock()) == 2 * HALF_MINUTE


def test_once_wholly_back_it_opens_for_thirty_seconds_again(breaker: Breaker, clock: StandingClock) -> None:
    fail(breaker, clock)
    probe(breaker, clock, succeeded=False)
    probe(breaker, clock, succeeded=True)
    for _ in range(6):
        assert call(breaker, clock, succeeded=True)
    fail(breaker, clock)
    assert opened_for(breaker, clock()) == HALF_MINUTE


def test_a_clock_that_is_set_back_does_not_keep_it_open_for_so_long(breaker: Breaker, clock: StandingClock) -> None:
    fail(breaker, clock)
    clock.advance(timedelta(hours=-1))
    assert not breaker.is_open(clock())
    assert len(let_through(breaker, clock)) == 1


def test_failures_from_before_a_clock_was_set_back_are_forgotten(breaker: Breaker, clock: StandingClock) -> None:
    for _ in range(9):
        fail(breaker, clock, 1)
        assert call(breaker, clock, succeeded=True)
    clock.advance(timedelta(hours=-1))
    fail(breaker, clock, 2)
    assert not breaker.is_open(clock())


def test_a_cancelled_probe_gives_its_place_back_without_a_verdict(breaker: Breaker, clock: StandingClock) -> None:
    fail(breaker, clock)
    clock.advance(HALF_MINUTE)
    (place,) = let_through(breaker, clock)
    breaker.cancel(place)
    assert not breaker.is_open(clock())
    assert len(let_through(breaker, clock)) == 1


def test_cancellations_neither_open_it_nor_break_a_row_of_failures(breaker: Breaker, clock: StandingClock) -> None:
    for place in let_through(breaker, clock, 50):
        breaker.cancel(place)
    assert not breaker.is_open(clock())
    fail(breaker, clock, 9)
    (place,) = let_through(breaker, clock, 1)
    breaker.cancel(place)
    fail(breaker, clock, 1)
    assert breaker.is_open(clock())


def test_calls_that_began_before_it_opened_do_not_lengthen_its_time(breaker: Breaker, clock: StandingClock) -> None:
    for place in let_through(breaker, clock, 30):
        breaker.end(place, clock(), succeeded=False)
    assert opened_for(breaker, clock()) == HALF_MINUTE


def test_late_successes_of_calls_from_before_do_not_let_more_than_one_probe_through(
    breaker: Breaker, clock: StandingClock
) -> None:
    late = let_through(breaker, clock, 3)
    fail(breaker, clock)
    clock.advance(5)
    for place in late:
        breaker.end(place, clock(), succeeded=True)
    assert let_through(breaker, clock) == []
    clock.advance(HALF_MINUTE)
    assert len(let_through(breaker, clock)) == 1


def test_a_call_that_hangs_from_before_it_opened_does_not_take_the_probe_s_place(
    breaker: Breaker, clock: StandingClock
) -> None:
    let_through(breaker, clock, 1)
    fail(breaker, clock)
    clock.advance(HALF_MINUTE)
    assert len(let_through(breaker, clock)) == 1


@pytest.mark.parametrize("succeeded", [True, False])
def test_the_late_end_of_a_call_from_before_is_not_taken_for_the_probe_s(
    breaker: Breaker, clock: StandingClock, *, succeeded: bool
) -> None:
    (late,) = let_through(breaker, clock, 1)
    fail(breaker, clock)
    clock.advance(HALF_MINUTE)
    (probing,) = let_through(breaker, clock)
    breaker.end(late, clock(), succeeded=succeeded)
    assert let_through(breaker, clock) == [], "the probe is still under way"
    breaker.end(probing, clock(), succeeded=True)
    assert len(let_through(breaker, clock)) == 2


@given(steps=st.lists(st.sampled_from(["begin", "well", "ill", "cancel", "wait"]), max_size=200))
def test_places_are_never_lost_and_it_always_comes_back(steps: list[str]) -> None:
    clock, breaker, under_way = StandingClock(), Breaker(PROFILE), list[int]()
    for step in steps:
        if step == "begin":
            under_way += let_through(breaker, clock, 1)
        elif step == "wait":
            clock.advance(7)
        elif under_way:
            place = under_way.pop(0)
            breaker.cancel(place) if step == "cancel" else breaker.end(place, clock(), succeeded=step == "well")
    for place in under_way:
        breaker.cancel(place)
    clock.advance(timedelta(minutes=6))
    for _ in range(8):
        assert call(breaker, clock, succeeded=True)
    assert len(let_through(breaker, clock, 200)) == 200


# endpoints


@pytest.fixture
def endpoints() -> Endpoints:
    return Endpoints({}, {}, PROFILE)


def test_each_group_of_operations_has_a_breaker_of_its_own(endpoints: Endpoints, clock: StandingClock) -> None:
    fail(endpoints.breaker(ENDPOINT, "status"), clock)
    assert endpoints.breaker(ENDPOINT, "status").is_open(clock())
    assert not endpoints.breaker(ENDPOINT, "bill").is_open(clock())
    assert not endpoints.breaker(("other-city", "window/1.0"), "status").is_open(clock())


def test_an_endpoint_is_closed_only_when_every_group_used_there_is_open(
    endpoints: Endpoints, clock: StandingClock
) -> None:
    fail(endpoints.breaker(ENDPOINT, "status"), clock)
    assert endpoints.closed(clock()) == {ENDPOINT}
    call(endpoints.breaker(ENDPOINT, "bill"), clock, succeeded=True)
    assert endpoints.closed(clock()) == frozenset()
    assert set(endpoints.open_breakers(clock())) == {(*ENDPOINT, "status")}


def test_an_endpoint_whose_probe_is_due_is_not_closed(endpoints: Endpoints, clock: StandingClock) -> None:
    fail(endpoints.breaker(ENDPOINT, "status"), clock)
    clock.advance(HALF_MINUTE)
    assert endpoints.closed(clock()) == frozenset()


def test_a_paused_endpoint_is_closed_until_a_person_resumes_it(endpoints: Endpoints, clock: StandingClock) -> None:
    endpoints.paused[ENDPOINT] = "they do not accept our credentials"
    clock.advance(timedelta(days=30))
    assert endpoints.closed(clock()) == {ENDPOINT}
    endpoints.resume(ENDPOINT)
    assert endpoints.closed(clock()) == frozenset()


def test_a_call_that_ends_without_telling_how_gives_its_place_back(endpoints: Endpoints, clock: StandingClock) -> None:
    fail(endpoints.breaker(ENDPOINT, "status"), clock)
    clock.advance(HALF_MINUTE)
    with endpoints.call(ENDPOINT, "status", clock) as end:
        assert end is not None
        with endpoints.call(ENDPOINT, "status", clock) as another:
            assert another is None, "one probe at a time"
    with endpoints.call(ENDPOINT, "status", clock) as end:
        assert end is not None


def test_a_call_that_raises_gives_its_place_back(endpoints: Endpoints, clock: StandingClock) -> None:
    def fails() -> None:
        with endpoints.call(ENDPOINT, "status", clock):
            raise TimeoutError

    fail(endpoints.breaker(ENDPOINT, "status"), clock)
    clock.advance(HALF_MINUTE)
    with pytest.raises(TimeoutError):
        fails()
    assert not endpoints.breaker(ENDPOINT, "status").is_open(clock())


def test_a_call_s_end_is_what_it_was_told(endpoints: Endpoints, clock: StandingClock) -> None:
    for _ in range(10):
        with endpoints.call(ENDPOINT, "status", clock) as end:
            assert end is not None
            end(False)
    assert endpoints.breaker(ENDPOINT, "status").is_open(clock())
    clock.advance(HALF_MINUTE)
    with endpoints.call(ENDPOINT, "status", clock) as end:
        assert end is not None
        end(True)
    assert not endpoints.breaker(ENDPOINT, "status").is_open(clock())


def test_at_a_paused_endpoint_there_is_no_place_for_a_call(endpoints: Endpoints, clock: StandingClock) -> None:
    endpoints.paused[ENDPOINT] = "they do not accept our credentials"
    with endpoints.call(ENDPOINT, "status", clock) as end:
        assert end is None


def test_forbidden_counts_distinct_exchanges_and_begins_anew_after_a_person_acted(endpoints: Endpoints) -> None:
    assert [endpoints.is_forbidden_for_all(ENDPOINT, name) for name in "aabbaac"] == [False] * 6 + [True]
    endpoints.resume(ENDPOINT)
    assert not endpoints.is_forbidden_for_all(ENDPOINT, "c")


def test_forbidden_at_one_endpoint_says_nothing_of_another(endpoints: Endpoints) -> None:
    for name in "ab":
        endpoints.is_forbidden_for_all(ENDPOINT, name)
    assert not endpoints.is_forbidden_for_all(("other-city", "window/1.0"), "c")
