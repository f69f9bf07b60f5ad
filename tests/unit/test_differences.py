"""Two states side by side: what differs, in which words, and which command mends it."""

from __future__ import annotations

import pytest

from adapter.exchange import TOLD_STATES, State
from adapter.reconciliation.differences import DIFFERS, OPEN, mending, with_entry, without_entry
from tests.integration.journal_making import WINDOW, new_case, outward

RUN = "0" * 32


def test_every_pair_of_states_has_a_meaning() -> None:
    meanings = {with_entry(ours, theirs) for ours in State for theirs in (*TOLD_STATES, None)}

    assert meanings | {without_entry(ours) for ours in State} == {None, OPEN, DIFFERS}


@pytest.mark.parametrize(
    ("ours", "agreeing"),
    [
        (State.DONE, {State.DONE}),
        (State.AWAITING, {State.DONE, State.AWAITING}),
        (State.REFUSED, {State.REFUSED, State.WITHDRAWN}),
        (State.WITHDRAWN, {State.REFUSED, State.WITHDRAWN}),
        (State.IN_DOUBT, set()),
        (State.PARKED, set()),
    ],
)
def test_each_state_of_ours_agrees_with_these_of_theirs(ours: State, agreeing: set[State]) -> None:
    assert {theirs for theirs in TOLD_STATES if with_entry(ours, theirs) is None} == agreeing


@pytest.mark.parametrize(
    ("state", "may_have_effect", "has_effect", "command"),
    [
        (State.IN_DOUBT, True, True, "panjereh exchanges replay {id} "),
        (State.IN_DOUBT, True, False, "panjereh exchanges replay {id} "),
        (State.PARKED, True, True, "panjereh exchanges replay {id} "),
        (State.PARKED, False, True, 'panjereh exchanges resolve {id} --as sent --evidence "statement of window/1.0" '),
        (State.READY, False, True, "panjereh exchanges withdraw {id} "),
        (State.READY, False, False, "panjereh exchanges show {id}"),
        (State.BLOCKED, False, True, "panjereh exchanges withdraw {id} "),
        (State.AWAITING, True, False, "panjereh exchanges show {id}"),
        (State.REFUSED, False, True, "panjereh exchanges show {id}"),
        (State.DONE, False, False, "panjereh exchanges show {id}"),
    ],
)
def test_the_command_that_mends_is_one_that_the_state_machine_allows(
    state: State, command: str, *, may_have_effect: bool, has_effect: bool
) -> None:
    exchange = outward(new_case(), state=state, may_have_effect=may_have_effect)

    assert mending(exchange, ledger=WINDOW, run=RUN, has_effect=has_effect).startswith(command.format(id=exchange.id))


def test_a_conflict_is_not_asked_again_but_resolved_by_a_person() -> None:
    exchange = outward(new_case(), state=State.PARKED, may_have_effect=True, code="conflict")

    assert " resolve " in mending(exchange, ledger=WINDOW, run=RUN, has_effect=True)
