"""The nouns: what a case, an exchange and an outcome are. Nothing here does anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeAlias

Record: TypeAlias = dict[str, Any]
"""What a source gave: text, integers, booleans, lists and nested records; decimals and dates are text."""

Payload: TypeAlias = dict[str, Any]
"""What a target gets, of the same shapes as a record."""


class Direction(StrEnum):
    """Which way a message goes: inward to the municipality, outward to a gateway."""

    INWARD = "inward"
    OUTWARD = "outward"


class State(StrEnum):
    """Where an exchange stands; a state is a sentence about the world."""

    READY = "ready"
    SENDING = "sending"
    DONE = "done"
    AWAITING = "awaiting"
    REFUSED = "refused"
    IN_DOUBT = "in_doubt"
    PARKED = "parked"
    BLOCKED = "blocked"
    WITHDRAWN = "withdrawn"


CLOSED_STATES = frozenset({State.DONE, State.REFUSED, State.WITHDRAWN})
LANE_HOLDING_STATES = frozenset({State.READY, State.SENDING, State.IN_DOUBT, State.PARKED, State.BLOCKED})
"""An exchange in one of these lets nothing behind it in its lane leave; `awaiting` frees the lane."""


TOLD_STATES = frozenset({State.DONE, State.AWAITING, State.REFUSED, State.WITHDRAWN})
"""What another side's ledger can say of an entry; of the first two it has an effect."""


class Verdict(StrEnum):
    """Which of six meanings an outcome has."""

    DONE = "done"
    AWAITING = "awaiting"
    REFUSED = "refused"
    RETRY = "retry"
    IN_DOUBT = "in_doubt"
    PARKED = "parked"


class Event(StrEnum):
    """What can happen to an exchange: the verdicts, and what time, leases and people bring."""

    DONE = "done"
    AWAITING = "awaiting"
    REFUSED = "refused"
    RETRY = "retry"
    IN_DOUBT = "in_doubt"
    PARKED = "parked"
    CLAIMED = "claimed"
    LEASE_LOST = "lease_lost"
    FOUND = "found"
    NOT_FOUND = "not_found"
    DEADLINE = "deadline"
    UNBLOCKED = "unblocked"
    REPLAYED = "replayed"
    AMENDED = "amended"
    RESOLVED = "resolved"
    WITHDRAWN = "withdrawn"


class Stage(StrEnum):
    """How far a case is, as the citizen is told."""

    RECEIVED = "received"
    INCOMPLETE = "incomplete"
    IN_PROGRESS = "in_progress"
    TO_PAY = "to_pay"
    APPROVED = "approved"
    REFUSED = "refused"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"


class Parallel(StrEnum):
    """What becomes of another request about a subject whose first one stands open: a service's choice."""

    REFUSE = "refuse"
    MARK = "mark"


PARALLEL_CODE = "parallel_tracking_code"
"""Where an answer tells the tracking code of the first request about the subject, if its contract has the field."""

CLOSED_STAGES = frozenset({Stage.REFUSED, Stage.ENDED, Stage.WITHDRAWN})


class Effect(StrEnum):
    """What a contract promises of one operation when the same reference arrives twice."""

    READ = "read"
    IDEMPOTENT = "idempotent"
    QUERYABLE = "queryable"
    NEITHER = "neither"


class KeySource(StrEnum):
    """Where an operation's idempotency key comes from: the call carries it, or it is minted from what the call says."""

    CARRIED = "carried"
    MINTED = "minted"


class Operation(StrEnum):
    """The operations of a gateway as this adapter speaks of them; a contract's own names are in its folder."""

    SUBMIT_REQUEST = "SubmitRequest"
    ATTACH_DOCUMENT = "AttachDocument"
    CORRECT_REQUEST = "CorrectRequest"
    WITHDRAW_REQUEST = "WithdrawRequest"
    CONFIRM_PAYMENT = "ConfirmPayment"
    INQUIRE = "Inquire"
    FILE_OBJECTION = "FileObjection"
    REVERSE_PAYMENT = "ReversePayment"
    SUBMIT_SURVEY = "SubmitSurvey"
    GET_STATUS = "GetStatus"
    GET_HISTORY = "GetHistory"
    CHECK_HEALTH = "CheckHealth"
    PUSH_STATUS = "PushStatus"
    ISSUE_BILL = "IssueBill"
    PUSH_DOCUMENT = "PushDocument"
    ANSWER_INQUIRY = "AnswerInquiry"
    CANCEL_BILL = "CancelBill"
    PROPOSE_VISIT = "ProposeVisit"
    PUBLISH_SERVICE = "PublishService"
    QUERY_EXCHANGE = "QueryExchange"
    GET_STATEMENT = "GetStatement"


OPENING_OPERATIONS = frozenset({Operation.SUBMIT_REQUEST, Operation.INQUIRE})
"""They open a case: without them it has nothing to be about."""

SHADOW = "shadow"
"""The code of an exchange that was translated and not sent, for its service is in shadow."""

PARENT_CASE = "parent_case"
"""Where a request tells the tracking code of the case under which it stands."""

PAYMENT_OPERATIONS = frozenset({Operation.CONFIRM_PAYMENT, Operation.REVERSE_PAYMENT})
"""They move money: nothing of them is ever done twice, whichever case it is told of."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who knocked: a channel of one tenant, known by its API key."""

    name: str
    tenant: str
    channel: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What a caller is answered: `status` and `location` are HTTP's; `replayed` when the key had this answer before."""

    status: int
    body: Payload
    location: str | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """The life of one citizen's request.

    `internal_reference` is the internal system's own number, once known; `data_key` the key that seals the case's
    payloads, itself wrapped by the master key.
    """

    id: str
    tenant: str
    service: str
    tracking_code: str
    stage: Stage
    channel: str
    opened_at: datetime
    internal_reference: str | None = None
    status_sequence: int = -1
    data_key: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One message that must have one effect on the other side.

    `table` names the mapping table that translates its record; `target` the contract it goes to;
    `reference` is sent with every attempt and never changes within a revision.
    """

    id: str
    tenant: str
    service: str
    case_id: str
    operation: Operation
    direction: Direction
    table: str
    target: str
    lane: str
    state: State
    reference: str
    accepted_at: datetime
    due_at: datetime
    deadline_at: datetime
    revision: int = 1
    attempts: int = 0
    asked: int = 0
    may_have_effect: bool = False
    code: str | None = None
    reason: str | None = None
    event_id: str | None = None
    attempted_at: datetime | None = None
    settled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """An exchange that a pattern wants next. `event_id` makes it unique within its case and direction."""

    operation: Operation
    direction: Direction
    table: str
    record: Record = field(repr=False)
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on one exchange until its lease ends; every update carries the fence."""

    exchange: Exchange
    case: Case
    fence: int
    record: Record = field(repr=False)
    frozen: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one try means.

    `left` tells whether a byte of the request may have left us, `pause` why the endpoint should rest, `number` the
    other side's own number where its answer carries one, `link` where a list goes on.
    """

    verdict: Verdict
    code: str | None = None
    reason: str | None = None
    answer: Payload | None = field(default=None, repr=False)
    left: bool = True
    retry_after: timedelta | None = None
    pause: str | None = None
    number: str | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One event in an internal system: `kind` names the table that carries it to the gateway."""

    event_id: str
    kind: str
    reference: str
    sequence: int
    changed_at: datetime
    record: Record = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One entry of another side's ledger: `state` is one of TOLD_STATES, None for a `word` that no table knows."""

    reference: str
    operation: str
    tracking_code: str | None = None
    at: datetime | None = None
    state: State | None = State.DONE
    word: str = ""
    amount_rial: int | None = None
