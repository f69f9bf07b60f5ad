"""Intake: a call is authenticated by its door, and here kept exactly once, then answered with its tracking code."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from adapter.channels import Clock
from adapter.errors import (
    KeyMissing,
    KeyUnusable,
    OperationNotOffered,
    ServiceStopped,
    StillInFlight,
    TooBusy,
    UnknownCase,
)
from adapter.exchange import (
    Caller,
    Case,
    Claim,
    Exchange,
    Operation,
    Outcome,
    Payload,
    Record,
    Reply,
    Stage,
    State,
    Verdict,
)
from adapter.journal import Acceptance, Accepted, Journal, reading
from adapter.offer import Offer
from adapter.service import Service, business_key_of, search_values
from adapter.settlement.drafting import (
    Drafting,
    inward_draft,
    is_tracking_code,
    new_id,
    new_tracking_code,
)
from adapter.text import canonical_digits

Ask = Callable[[Service, Case, Exchange, Record], Awaitable[tuple[Outcome, Payload | None]]]
"""Ask the internal system once, within the service's time: the outcome, and the answer as the gateway reads it."""

_KEY = re.compile(r"[A-Za-z0-9._:-]{16,255}")
_ACCEPTED, _OK = 202, 200
_TIMESTAMPS = frozenset({"submitted_at"})
_CANONICAL_JSON = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Intake:
    """What receiving needs. `may_leave` is asked by tenant and target, `dispatch` hands a claim to delivery at once,
    `health` answers a tenant's CheckHealth.
    """

    journal: Journal
    offer: Callable[[], Offer]
    drafting: Drafting
    clock: Clock
    ask: Ask
    may_leave: Callable[[str, str], bool]
    dispatch: Callable[[Claim], None]
    health: Callable[[str], Awaitable[Payload]]
    most_waiting: int = 100
    in_flight: set[bytes] = field(default_factory=set)

    async def receive(self, caller: Caller, operation: Operation, record: Record, key: str | None) -> Reply:
        """Keep the call once and answer it; a repeated call gets the first answer.

        Raises the RequestRefused that names what is wrong; then nothing was kept.
        """
        reading_step = _READING.get(operation)
        if reading_step is not None:
            return await reading_step(self, caller, record)
        if self.journal.backlog > self.most_waiting:
            raise TooBusy(retry_after=2)
        scope = self.journal.sealer.hash(caller.tenant, caller.name, operation, _usable(key))
        if scope in self.in_flight:
            raise StillInFlight(retry_after=1)
        self.in_flight.add(scope)
        try:
            accepted = await _KEEPING[operation](self, caller, operation, record, scope)
        finally:
            self.in_flight.discard(scope)
        if accepted.claim is not None:
            self.dispatch(accepted.claim)
        return Reply(
            status=accepted.status,
            body=accepted.body,
            location=_location(accepted.body) if accepted.status == _ACCEPTED else None,
            replayed=accepted.is_replay,
        )

    async def open_case(self, caller: Caller, operation: Operation, record: Record, scope: bytes) -> Accepted:
        """Keep a request that begins a case."""
        service = self.offer().asked_for(caller.tenant, record["service_id"])
        return await self.journal.accept(self._opening(caller, operation, record, scope, service))

    async def inquire(self, caller: Caller, operation: Operation, record: Record, scope: bytes) -> Accepted:
        """Keep a question with its answer when it comes in time; otherwise as a deferred exchange."""
        service = self.offer().asked_for(caller.tenant, record["service_id"])
        deferred = self._opening(caller, operation, record, scope, service)
        deferred = replace(deferred, body={**_tracking(deferred.case), "answered": False})
        repeated = await self.journal.repeated(deferred)
        if repeated is not None:
            return repeated
        outcome, answer = await self.ask(service, _case(deferred), deferred.exchange, record)
        return await self.journal.accept(_answered(deferred, outcome, answer, now=self.clock()))

    async def add_to_case(self, caller: Caller, operation: Operation, record: Record, scope: bytes) -> Accepted:
        """Keep what belongs to a case already open."""
        case = await self._case_of(caller, record)
        service = self._service_named(caller.tenant, case.service)
        now = self.clock()
        return await self.journal.accept(
            Acceptance(
                caller=caller,
                scope=scope,
                fingerprint=self._fingerprint(record),
                exchange=self._exchange(service, operation, record, case, now=now),
                record=record,
                status=_ACCEPTED,
                body=_acknowledgement(case, now),
                business_key=self._business_key(caller, service, operation, record, _subject_scope(operation, case)),
                is_permanent=True,
                may_leave=self.may_leave(caller.tenant, service.system),
            )
        )

    async def status(self, caller: Caller, record: Record) -> Reply:
        """What the gateway may know of a case now."""
        code = canonical_digits(str(record["tracking_code"]))
        row = await self.journal.read(reading.status, caller.tenant, code) if is_tracking_code(code) else None
        if row is None:
            raise UnknownCase(f"no case with tracking code {code} is known to this tenant")
        body = {
            "tracking_code": row["tracking_code"],
            "service_id": self._service_named(caller.tenant, row["service"]).service_id,
            "stage": row["stage"],
            "status_code": row["status_code"],
            "status_title": row["status_title"],
            "awaited_party": row["awaited_party"],
            "changed_at": row["changed_at"].isoformat(timespec="milliseconds"),
            "held": row["held"] is not None,
            "held_reason": row["held"],
        }
        return Reply(status=_OK, body={name: value for name, value in body.items() if value is not None})

    async def check_health(self, caller: Caller, _record: Record) -> Reply:
        """How the tenant's services are."""
        return Reply(status=_OK, body=await self.health(caller.tenant))

    def _opening(
        self, caller: Caller, operation: Operation, record: Record, scope: bytes, service: Service
    ) -> Acceptance:
        now = self.clock()
        case = Case(
            id=new_id(now, self.drafting.randomness),
            tenant=caller.tenant,
            service=service.name,
            tracking_code=new_tracking_code(self.drafting.randomness),
            stage=Stage.RECEIVED,
            channel=caller.channel,
            opened_at=now,
        )
        sealer = self.journal.sealer
        return Acceptance(
            caller=caller,
            scope=scope,
            fingerprint=self._fingerprint(record),
            exchange=self._exchange(service, operation, record, case, now=now),
            record=record,
            status=_ACCEPTED,
            body=_acknowledgement(case, now),
            case=case,
            business_key=self._business_key(caller, service, operation, record, ""),
            search={
                kind: sealer.hash(caller.tenant, kind, value) for kind, value in search_values(service, record).items()
            },
            may_leave=self.may_leave(caller.tenant, service.system),
        )

    def _exchange(
        self, service: Service, operation: Operation, record: Record, case: Case, *, now: datetime
    ) -> Exchange:
        route = service.inward.get(operation)
        if route is None:
            raise OperationNotOffered(f"{service.name} does not offer {operation}")
        return self.drafting.exchange(inward_draft(operation, route.table, record), case, service, now=now)

    def _fingerprint(self, record: Record) -> bytes:
        return self.journal.sealer.hash("fingerprint", canonical(record))

    def _business_key(
        self, caller: Caller, service: Service, operation: Operation, record: Record, scope: str
    ) -> bytes | None:
        key = business_key_of(service, operation, record)
        if key is None:
            return None
        return self.journal.sealer.hash("business", caller.tenant, service.name, operation, scope, key)

    async def _case_of(self, caller: Caller, record: Record) -> Case:
        code = canonical_digits(str(record["tracking_code"]))
        case = await self.journal.read(reading.case_by_tracking_code, caller.tenant, code)
        if case is None:
            raise UnknownCase(f"no case with tracking code {code} is known to this tenant")
        return case

    def _service_named(self, tenant: str, name: str) -> Service:
        service = self.offer().named(tenant, name)
        if service is None:
            raise ServiceStopped(retry_after=300)
        return service


_KEEPING: Mapping[Operation, Callable[[Intake, Caller, Operation, Record, bytes], Awaitable[Accepted]]] = {
    Operation.SUBMIT_REQUEST: Intake.open_case,
    Operation.INQUIRE: Intake.inquire,
    Operation.ATTACH_DOCUMENT: Intake.add_to_case,
    Operation.CORRECT_REQUEST: Intake.add_to_case,
    Operation.WITHDRAW_REQUEST: Intake.add_to_case,
    Operation.CONFIRM_PAYMENT: Intake.add_to_case,
}
_READING: Mapping[Operation, Callable[[Intake, Caller, Record], Awaitable[Reply]]] = {
    Operation.GET_STATUS: Intake.status,
    Operation.CHECK_HEALTH: Intake.check_health,
}


def canonical(record: Record) -> str:
    """The record as text in which equal content is equal: sorted, NFC, ASCII digits, without time of sending."""
    kept = {name: value for name, value in record.items() if name not in _TIMESTAMPS}
    return canonical_digits(unicodedata.normalize("NFC", _CANONICAL_JSON.encode(kept)))


def _usable(key: str | None) -> str:
    if not key:
        raise KeyMissing
    if not _KEY.fullmatch(key):
        raise KeyUnusable
    return key


def _subject_scope(operation: Operation, case: Case) -> str:
    """A payment is one payment for the whole service; a document or a correction is one within its case."""
    return "" if operation is Operation.CONFIRM_PAYMENT else case.id


def _case(acceptance: Acceptance) -> Case:
    if acceptance.case is None:  # pragma: no cover - an opening acceptance always has one
        raise UnknownCase
    return acceptance.case


def _tracking(case: Case | None) -> Payload:
    return {"tracking_code": case.tracking_code} if case else {}


def _acknowledgement(case: Case, now: datetime) -> Payload:
    return {
        "tracking_code": case.tracking_code,
        "state": "accepted",
        "accepted_at": now.isoformat(timespec="milliseconds"),
    }


def _location(body: Payload) -> str:
    return f"requests/{body['tracking_code']}"


def _answered(deferred: Acceptance, outcome: Outcome, answer: Payload | None, *, now: datetime) -> Acceptance:
    """The acceptance with what came in time: an answer ends its case at once, a number makes it await."""
    if answer is not None:
        state = State.DONE if outcome.verdict is Verdict.DONE else State.REFUSED
        closed: dict[str, Any] = {"attempts": 1, "settled_at": now, "code": outcome.code, "reason": outcome.reason}
        return replace(
            deferred,
            case=replace(_case(deferred), stage=Stage.ENDED),
            exchange=replace(deferred.exchange, state=state, **closed),
            answer=outcome.answer or {},
            status=_OK,
            body={**_tracking(deferred.case), "answered": True, "answer": answer},
            business_key=None,
        )
    if outcome.verdict is Verdict.AWAITING:
        return replace(
            deferred,
            case=replace(_case(deferred), internal_reference=outcome.number, stage=Stage.IN_PROGRESS),
            exchange=replace(deferred.exchange, state=State.AWAITING, attempts=1),
        )
    return deferred
