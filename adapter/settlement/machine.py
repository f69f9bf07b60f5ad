"""The state machine of an exchange: one table, one function."""

from __future__ import annotations

from adapter.errors import IllegalTransition
from adapter.exchange import Event, State

_S, _E = State, Event

TRANSITIONS: dict[tuple[State, Event], State] = {
    # ready: due at a time; claimed means that the INTENT row is committed and bytes may leave
    (_S.READY, _E.CLAIMED): _S.SENDING,
    (_S.READY, _E.PARKED): _S.PARKED,
    (_S.READY, _E.LEASE_LOST): _S.READY,
    (_S.READY, _E.DEADLINE): _S.PARKED,
    (_S.READY, _E.AMENDED): _S.READY,
    (_S.READY, _E.WITHDRAWN): _S.WITHDRAWN,
    # sending: an attempt is open; only an outcome or a lost lease ends it
    (_S.SENDING, _E.DONE): _S.DONE,
    (_S.SENDING, _E.AWAITING): _S.AWAITING,
    (_S.SENDING, _E.REFUSED): _S.REFUSED,
    (_S.SENDING, _E.RETRY): _S.READY,
    (_S.SENDING, _E.IN_DOUBT): _S.IN_DOUBT,
    (_S.SENDING, _E.PARKED): _S.PARKED,
    (_S.SENDING, _E.DEADLINE): _S.PARKED,
    (_S.SENDING, _E.LEASE_LOST): _S.IN_DOUBT,
    # awaiting: taken by the other side, which reports later
    (_S.AWAITING, _E.DONE): _S.DONE,
    (_S.AWAITING, _E.AWAITING): _S.AWAITING,
    (_S.AWAITING, _E.REFUSED): _S.REFUSED,
    (_S.AWAITING, _E.RETRY): _S.AWAITING,
    (_S.AWAITING, _E.PARKED): _S.PARKED,
    (_S.AWAITING, _E.DEADLINE): _S.PARKED,
    (_S.AWAITING, _E.RESOLVED): _S.DONE,
    (_S.AWAITING, _E.WITHDRAWN): _S.WITHDRAWN,
    # in_doubt: the target's query operation or a person decides, never a blind resend
    (_S.IN_DOUBT, _E.FOUND): _S.DONE,
    (_S.IN_DOUBT, _E.REFUSED): _S.REFUSED,
    (_S.IN_DOUBT, _E.AWAITING): _S.AWAITING,
    (_S.IN_DOUBT, _E.NOT_FOUND): _S.READY,
    (_S.IN_DOUBT, _E.IN_DOUBT): _S.IN_DOUBT,
    (_S.IN_DOUBT, _E.PARKED): _S.PARKED,
    (_S.IN_DOUBT, _E.RESOLVED): _S.DONE,
    (_S.IN_DOUBT, _E.REPLAYED): _S.READY,
    # parked: kept until a person acts; what may have had an effect is asked for first
    (_S.PARKED, _E.REPLAYED): _S.READY,
    (_S.PARKED, _E.AMENDED): _S.READY,
    (_S.PARKED, _E.IN_DOUBT): _S.IN_DOUBT,
    (_S.PARKED, _E.RESOLVED): _S.DONE,
    (_S.PARKED, _E.WITHDRAWN): _S.WITHDRAWN,
    # blocked: waits for another exchange of its case
    (_S.BLOCKED, _E.UNBLOCKED): _S.READY,
    (_S.BLOCKED, _E.PARKED): _S.PARKED,
    (_S.BLOCKED, _E.DEADLINE): _S.PARKED,
    (_S.BLOCKED, _E.WITHDRAWN): _S.WITHDRAWN,
}


def next_state(state: State, event: Event) -> State:
    """The state after the event; raises IllegalTransition where the table has no row."""
    try:
        return TRANSITIONS[state, event]
    except KeyError as error:
        raise IllegalTransition(f"an exchange that is {state} cannot be {event}", state=state, event=event) from error
