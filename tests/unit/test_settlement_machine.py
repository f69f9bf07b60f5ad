"""The state machine is total, closed states have no way out, and every open one an end."""

from __future__ import annotations

from itertools import product

import pytest

from adapter.errors import IllegalTransition
from adapter.exchange import CLOSED_STATES, LANE_HOLDING_STATES, Event, State, Verdict
from adapter.settlement.machine import TRANSITIONS, next_state


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_every_event_in_every_state_has_a_row_or_is_illegal(state: State, event: Event) -> None:
    if (state, event) in TRANSITIONS:
        assert next_state(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(IllegalTransition, match=f"{state} cannot be {event}") as refused:
            next_state(state, event)
        assert refused.value.context == {"state": state, "event": event}


def test_the_table_speaks_of_nothing_but_states_and_events() -> None:
    for (state, event), after in TRANSITIONS.items():
        assert isinstance(state, State)
        assert isinstance(event, Event)
        assert isinstance(after, State)


@pytest.mark.parametrize("state", sorted(CLOSED_STATES))
def test_a_closed_state_has_no_way_out(state: State) -> None:
    assert [event for known, event in TRANSITIONS if known is state] == []


@pytest.mark.parametrize("state", sorted(set(State) - CLOSED_STATES))
def test_every_open_state_can_reach_an_end(state: State) -> None:
    reached = {state}
    while more := {after for (before, _), after in TRANSITIONS.items() if before in reached} - reached:
        reached |= more
    assert State.DONE in reached


@pytest.mark.parametrize("state", sorted(set(State) - CLOSED_STATES - {State.SENDING}))
def test_a_person_can_act_on_everything_that_stands(state: State) -> None:
    persons = {Event.REPLAYED, Event.AMENDED, Event.RESOLVED, Event.WITHDRAWN}
    assert any((state, event) in TRANSITIONS for event in persons)


def test_out_of_doubt_to_ready_leads_only_proof_or_a_person() -> None:
    out = {event for (state, event), after in TRANSITIONS.items() if (state, after) == (State.IN_DOUBT, State.READY)}
    assert out == {Event.NOT_FOUND, Event.REPLAYED}


def test_only_a_claim_leads_to_sending_and_only_from_ready() -> None:
    into = {pair for pair, after in TRANSITIONS.items() if after is State.SENDING}
    assert into == {(State.READY, Event.CLAIMED)}


def test_an_open_attempt_that_loses_its_lease_is_in_doubt_never_ready() -> None:
    assert next_state(State.SENDING, Event.LEASE_LOST) is State.IN_DOUBT


def test_every_state_either_closes_holds_its_lane_or_awaits() -> None:
    assert CLOSED_STATES | LANE_HOLDING_STATES | {State.AWAITING} == set(State)
    assert not CLOSED_STATES & LANE_HOLDING_STATES


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_is_an_event_that_ends_an_attempt(verdict: Verdict) -> None:
    assert (State.SENDING, Event(verdict.value)) in TRANSITIONS
