"""Intake: a call is authenticated by its door, and here kept exactly once, then answered with its tracking code."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from adapter.calendar import WorkingDays, tehran_day
from adapter.channels import Clock
from adapter.exchange import (
    OPENING_OPERATIONS,
    PARALLEL_CODE,
    Caller,
    Case,
    Claim,
    Exchange,
    Operation,
    Outcome,
    Parallel,
    Payload,
    Record,
    Reply,
    Stage,
)
from adapter.idempotency import Call, Identity, identity_of, usable
from adapter.intake import answering, referring, requiring, telling
from adapter.journal import Acceptance, Accepted, Journal, reading
from adapter.mark import Brought
from adapter.offer import Offer
from adapter.refusals import OperationNotOffered, ServiceStopped, StillInFlight, TooBusy, UnknownCase, UnknownService
from adapter.service import Service, search_values
from adapter.settlement.drafting import (
    Drafting,
    inward_draft,
    new_id,
    new_tracking_code,
)
from adapter.text import canonical_digits

Ask = Callable[[Service, Case, Exchange, Record], Awaitable[tuple[Outcome, Payload | None]]]
"""Ask the internal system once, within the service's time: the outcome, and the answer as the gateway reads it."""


@dataclass(frozen=True, slots=True)
class Intake:
    """What receiving needs. `dispatch` hands a claim to delivery; `health` answers a tenant's CheckHealth.

    `working` gives a tenant's working days as its calendar has them now.
    """

    journal: Journal
    offer: Callable[[], Offer]
    drafting: Drafting
    clock: Clock
    ask: Ask
    may_leave: Callable[[str, str], bool]
    dispatch: Callable[[Claim], None]
    health: Callable[[str], Awaitable[Payload]]
    working: Callable[[str], WorkingDays]
    examine: Callable[[str, str, str | None, bytes | None], Awaitable[None]]
    most_waiting: int = 100
    in_flight: set[bytes] = field(default_factory=set)
    gateway: str | None = None

    def behind(self, gateway: str) -> Intake:
        """The same intake for calls through one contract's door: it serves what speaks that version, and no other."""
        return replace(self, gateway=gateway)

    async def receive(
        self, caller: Caller, operation: Operation, record: Record, key: str | None, brought: Sequence[Brought] = ()
    ) -> Reply:
        """Keep the call once and answer it; a repeated call gets the first answer.

        Raises the RequestRefused that names what is wrong; then nothing was kept.
        """
        reading_step = _READING.get(operation)
        if reading_step is not None:
            return await reading_step(self, caller, record)
        if self.journal.backlog > self.most_waiting:
            raise TooBusy(retry_after=2)
        key = usable(key)
        call = replace(await self._call(caller, operation, record), brought=tuple(brought))
        identity = self._identity(call, key)
        if not referring.refers(call):
            requiring.check_needed(call)
        if identity.scope in self.in_flight:
            raise StillInFlight(retry_after=1)
        self.in_flight.add(identity.scope)
        try:
            keep = Intake.refer if referring.refers(call) else _KEEPING[operation]
            accepted = await keep(self, call, identity)
        finally:
            self.in_flight.discard(identity.scope)
        if accepted.claim is not None:
            self.dispatch(accepted.claim)
        return Reply(
            status=accepted.status,
            body=accepted.body,
            location=answering.location(accepted.body) if accepted.status == answering.ACCEPTED else None,
            replayed=accepted.is_replay,
        )

    async def open_case(self, call: Call, identity: Identity) -> Accepted:
        """Keep a request that begins a case."""
        return await self._keep(call, self._opening(call, identity))

    async def refer(self, call: Call, identity: Identity) -> Accepted:
        """Keep a request that stays in its office, and answer where to go."""
        now = self.clock()
        exchange_id = new_id(now, self.drafting.randomness)
        case, search = self._new_case(call, now), self._search(call)
        return await self.journal.accept(
            referring.referred(call, identity, case, exchange_id=exchange_id, search=search)
        )

    async def inquire(self, call: Call, identity: Identity) -> Accepted:
        """Keep a question with its answer when it comes in time; otherwise as a deferred exchange."""
        deferred = self._opening(call, identity)
        deferred = replace(deferred, body={**answering.tracking(deferred.case), "answered": False})
        repeated = await self.journal.repeated(deferred)
        if repeated is not None:
            return repeated
        outcome, answer = await self.ask(call.service, answering.case_of(deferred), deferred.exchange, call.record)
        return await self.journal.accept(answering.answered(deferred, outcome, answer, now=self.clock()))

    async def add_to_case(self, call: Call, identity: Identity) -> Accepted:
        """Keep what belongs to a case already open."""
        lasting = {"is_permanent": True, "taken_after": requiring.taken_after(call)}
        return await self._keep(
            call, self._acceptance(call, identity, answering.case_of(call), now=self.clock(), **lasting)
        )

    async def _keep(self, call: Call, acceptance: Acceptance) -> Accepted:
        required = requiring.required_of(call)
        if required is not None:
            repeated = await self.journal.repeated(acceptance)
            if repeated is not None:
                return repeated
            await required(self.journal, call)
            if call.operation is Operation.ATTACH_DOCUMENT:
                told, content = call.record.get("media_type"), str(call.record.get("content", ""))
                await self.examine(call.caller.tenant, content, told, requiring.head_of(call, content))
        return await self.journal.accept(acceptance)

    async def status(self, caller: Caller, record: Record) -> Reply:
        """What the gateway may know of a case now."""
        working, today = self.working(caller.tenant), tehran_day(self.clock())
        named = self._service_named
        body = await telling.status(self.journal, named, caller, record, working=working, today=today)
        return Reply(status=answering.OK, body=body)

    async def history(self, caller: Caller, record: Record) -> Reply:
        """Which cases a citizen has had with the caller's tenant."""
        return Reply(status=answering.OK, body=await telling.history(self.journal, self.offer(), caller, record))

    async def check_health(self, caller: Caller, _record: Record) -> Reply:
        """How the tenant's services are."""
        return Reply(status=answering.OK, body=await self.health(caller.tenant))

    async def most_document_bytes(self, caller: Caller, operation: Operation, fields: Record) -> int:
        """How large a document may be by the service of a call, of which only the plain fields are there yet.

        Raises what receiving the call would raise when its case or its service is not to be had.
        """
        if operation in OPENING_OPERATIONS:
            service = self.offer().asked_for(caller.tenant, str(fields.get("service_id")))
        else:
            case = await self._case_of(caller, {"tracking_code": "", **fields})
            service = self._service_named(caller.tenant, case.service)
        return service.documents.most_bytes

    async def _call(self, caller: Caller, operation: Operation, record: Record) -> Call:
        """The call with its service, its case and whatever its subject depends on."""
        if operation in OPENING_OPERATIONS:
            service = self._spoken(self.offer().asked_for(caller.tenant, record["service_id"]))
            call = Call(caller, operation, record, service)
            return call if referring.refers(call) else _offered(call)
        case = await self._case_of(caller, record)
        call = _offered(Call(caller, operation, record, self._service_named(caller.tenant, case.service), case))
        if operation is Operation.WITHDRAW_REQUEST:
            call = replace(call, fruitless=await self.journal.read(reading.fruitless_withdrawals, case.id))
        return call

    def _identity(self, call: Call, key: str | None) -> Identity:
        gateway = self.drafting.contracts[call.service.gateway]
        source = gateway.operations[call.operation].idempotency_key
        return identity_of(call, key, source=source, scoped_by=self.journal.scoped_by, hashed=self.journal.sealer.hash)

    def _opening(self, call: Call, identity: Identity) -> Acceptance:
        now = self.clock()
        case = self._new_case(call, now)
        gateway, service = self.drafting.contracts[call.service.gateway], call.service
        return self._acceptance(
            call,
            identity,
            case,
            now=now,
            case=case,
            search=self._search(call),
            marks_parallel=service.parallel is Parallel.MARK,
            tells_parallel=PARALLEL_CODE in gateway.answer_shapes.get(call.operation, {}),
        )

    def _new_case(self, call: Call, now: datetime) -> Case:
        return Case(
            id=new_id(now, self.drafting.randomness),
            tenant=call.caller.tenant,
            service=call.service.name,
            tracking_code=new_tracking_code(self.drafting.randomness),
            stage=Stage.RECEIVED,
            channel=call.caller.channel,
            opened_at=now,
        )

    def _search(self, call: Call) -> dict[str, bytes]:
        hashed, tenant = self.journal.sealer.hash, call.caller.tenant
        return {kind: hashed(tenant, kind, value) for kind, value in search_values(call.service, call.record).items()}

    def _acceptance(
        self, call: Call, identity: Identity, within: Case, *, now: datetime, **particulars: Any
    ) -> Acceptance:
        draft = inward_draft(call.operation, call.service.inward[call.operation].table, call.record)
        return Acceptance(
            caller=call.caller,
            scope=identity.scope,
            fingerprint=identity.fingerprint,
            exchange=self.drafting.exchange(draft, within, call.service, now=now),
            record=call.record,
            status=answering.ACCEPTED,
            body=answering.acknowledgement(within, now),
            business_key=identity.subject,
            brought=call.brought_ids,
            may_leave=self.may_leave(call.caller.tenant, call.service.system),
            **particulars,
        )

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
        return self._spoken(service)

    def _spoken(self, service: Service) -> Service:
        """The service, when it speaks the contract of the door: its tables know no other version's records."""
        if self.gateway not in {None, service.gateway}:
            raise UnknownService(f"service {service.service_id} speaks {service.gateway}, this door {self.gateway}")
        return service


_KEEPING: Mapping[Operation, Callable[[Intake, Call, Identity], Awaitable[Accepted]]] = {
    Operation.SUBMIT_REQUEST: Intake.open_case,
    Operation.INQUIRE: Intake.inquire,
    Operation.ATTACH_DOCUMENT: Intake.add_to_case,
    Operation.CORRECT_REQUEST: Intake.add_to_case,
    Operation.WITHDRAW_REQUEST: Intake.add_to_case,
    Operation.CONFIRM_PAYMENT: Intake.add_to_case,
    Operation.REVERSE_PAYMENT: Intake.add_to_case,
    Operation.FILE_OBJECTION: Intake.add_to_case,
    Operation.SUBMIT_SURVEY: Intake.add_to_case,
}
_READING: Mapping[Operation, Callable[[Intake, Caller, Record], Awaitable[Reply]]] = {
    Operation.GET_STATUS: Intake.status,
    Operation.GET_HISTORY: Intake.history,
    Operation.CHECK_HEALTH: Intake.check_health,
}


def _offered(call: Call) -> Call:
    """The call, whose service does offer the operation; raises OperationNotOffered."""
    if call.operation not in call.service.inward:
        raise OperationNotOffered(f"{call.service.name} does not offer {call.operation}")
    return call
