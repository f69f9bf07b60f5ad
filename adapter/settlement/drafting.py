"""From a draft to an exchange: its id, its lane, its outward reference, its deadline."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapter.channels import Randomness
from adapter.contract.model import Contract
from adapter.exchange import Case, Direction, Draft, Exchange, Operation, Record, State
from adapter.journal.rows import micros
from adapter.retry import Profile
from adapter.service import Service

_NAMESPACE = uuid.UUID("6f1c9a52-6a0e-5a3b-9d0f-3a1f0f2b7c11")
_DIGITS = 11


@dataclass(frozen=True, slots=True)
class Drafting:
    """What making an exchange needs besides the draft."""

    contracts: Mapping[str, Contract]
    profile: Profile
    randomness: Randomness

    def exchange(self, draft: Draft, case: Case, service: Service, *, now: datetime) -> Exchange:
        """The exchange that carries the draft: ready now, in the lane of its case and target."""
        target = service.gateway if draft.direction is Direction.OUTWARD else service.system
        exchange_id = new_id(now, self.randomness)
        return Exchange(
            id=exchange_id,
            tenant=case.tenant,
            service=service.name,
            case_id=case.id,
            operation=draft.operation,
            direction=draft.direction,
            table=draft.table,
            target=target,
            lane=f"{case.id}:{target}",
            state=State.READY,
            reference=reference_of(exchange_id, draft.operation, revision=1),
            accepted_at=now,
            due_at=now,
            deadline_at=now + self._deadline(draft, service, target),
            event_id=draft.event_id,
        )

    def _deadline(self, draft: Draft, service: Service, target: str) -> timedelta:
        contract = self.contracts[target].operations.get(operation_name(service, draft.operation, draft.direction))
        declared = contract.deadline if contract else None
        return self.profile.deadline if declared is None else declared


def operation_name(service: Service, operation: Operation, direction: Direction) -> str:
    """The target contract's own name of the operation; gateways speak as we do, internal systems by the service."""
    if direction is Direction.OUTWARD:
        return str(operation)
    return service.inward[operation].operation


def reference_of(exchange_id: str, operation: Operation, *, revision: int) -> str:
    """The outward reference: the same in every attempt, another for a corrected revision."""
    return str(uuid.uuid5(_NAMESPACE, f"{exchange_id}:{operation.value}:{revision}"))


def new_id(now: datetime, randomness: Randomness) -> str:
    """A UUID of version 7 as 32 hex digits: sorted by time, so that indexes grow at their end."""
    milliseconds = micros(now) // 1000
    raw = bytearray(milliseconds.to_bytes(6, "big") + randomness(10))
    raw[6] = raw[6] & 0x0F | 0x70
    raw[8] = raw[8] & 0x3F | 0x80
    return raw.hex()


def new_tracking_code(randomness: Randomness) -> str:
    """Eleven random digits and a check digit by ISO 7064 MOD 11,10, readable over the telephone."""
    digits = str(int.from_bytes(randomness(8), "big") % 10**_DIGITS).zfill(_DIGITS)
    return digits + check_digit(digits)


def check_digit(digits: str) -> str:
    """The ISO 7064 MOD 11,10 check digit: finds every single wrong digit and nearly every transposition."""
    product = 10
    for digit in digits:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return str((11 - product) % 10)


def is_tracking_code(text: str) -> bool:
    """Whether the text has the form of a tracking code, check digit included."""
    return len(text) == _DIGITS + 1 and text.isascii() and text.isdigit() and check_digit(text[:-1]) == text[-1]


def inward_draft(operation: Operation, table: str, record: Record) -> Draft:
    """The draft of what a caller asked of us, towards the internal system."""
    return Draft(operation=operation, direction=Direction.INWARD, table=table, record=record)
