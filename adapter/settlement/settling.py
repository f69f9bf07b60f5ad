"""What an outcome changes: the exchange's state and due time, its case, and the exchanges that follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from adapter.channels import Clock, Sight
from adapter.contract.model import OperationContract
from adapter.contract.outcomes import meaning_of_answer
from adapter.contract.paths import value_at
from adapter.exchange import (
    OPENING_OPERATIONS,
    PAYMENT_OPERATIONS,
    SHADOW,
    Claim,
    Direction,
    Effect,
    Event,
    Exchange,
    Outcome,
    Payload,
    Record,
    State,
    Verdict,
)
from adapter.journal import Settlement, Told
from adapter.pattern import following, stage_after
from adapter.retry import Fraction, Profile, ask_at, poll_at, retry_at
from adapter.service import Service
from adapter.settlement.drafting import Drafting, operation_name
from adapter.settlement.machine import next_state

_FOUND = Outcome(Verdict.DONE, code="found", reason="found on the other side by our reference")
_WITH_CONSEQUENCES = frozenset({State.DONE, State.REFUSED, State.AWAITING})


@dataclass(frozen=True, slots=True)
class Settling:
    """What settling needs besides the claim: the rules of time, and how drafts become exchanges."""

    drafting: Drafting
    profile: Profile
    clock: Clock
    fraction: Fraction

    def contract_of(self, claim: Claim, service: Service) -> OperationContract:
        """What the target's contract says of the claim's operation."""
        exchange = claim.exchange
        name = operation_name(service, exchange.operation, exchange.direction)
        return self.drafting.contracts[exchange.target].operations[name]

    def number_of(self, operation: OperationContract, outcome: Outcome) -> str | None:
        """The other side's own number, where its answer carries one."""
        if operation.answer_reference is None or outcome.answer is None:
            return None
        number = value_at(outcome.answer, operation.answer_reference)
        return None if number is None else str(number)

    def settle_after(self, operation: OperationContract) -> timedelta:
        """How long the other side may need until its query tells the truth."""
        declared = operation.settle_after
        return self.profile.settle_after if declared is None else declared * self.profile.contract_scale

    def by_outcome(self, claim: Claim, outcome: Outcome, service: Service, payload: Payload | None) -> Settlement:
        """The settlement of one attempt or poll; `payload` is what the gateway was told, for outward exchanges."""
        exchange, now = claim.exchange, self.clock()
        event = Event(outcome.verdict.value)
        # The deadline is the transport's: how long the municipality works on its own answer is the service's promise.
        if event is Event.RETRY and exchange.state is State.SENDING and now >= exchange.deadline_at:
            event = Event.DEADLINE
        state = next_state(exchange.state, event)
        settlement = Settlement(
            claim,
            event=event.value,
            state=state,
            due_at=self._due_at(claim, state, outcome, service),
            code=outcome.code,
            reason=_deadline_reason(outcome) if event is Event.DEADLINE else outcome.reason,
            asked=exchange.asked + 1 if exchange.state is State.AWAITING else 0,
            may_have_effect=self._may_have_effect(claim, state, outcome, service),
        )
        if state in _WITH_CONSEQUENCES:
            return self._with_consequences(settlement, outcome, service, payload)
        return settlement

    def by_sight(self, claim: Claim, sight: Sight, service: Service, payload: Payload | None) -> Settlement:
        """The settlement of a question about an exchange in doubt."""
        settle = _BY_SIGHT[sight.sighting.value]
        return settle(self, claim, sight, service, payload)

    def parked(self, claim: Claim, reason: str, *, code: str) -> Settlement:
        """Kept until a person acts; nothing leaves now."""
        exchange = claim.exchange
        return Settlement(
            claim,
            event=Event.PARKED.value,
            state=next_state(exchange.state, Event.PARKED),
            due_at=exchange.due_at,
            code=code,
            reason=reason,
            may_have_effect=exchange.may_have_effect,
        )

    def shadowed(self, claim: Claim) -> Settlement:
        """Translated and fit to be sent, and not sent: its service is in shadow, the old way carries it."""
        return Settlement(
            claim,
            event=Event.WITHDRAWN.value,
            state=next_state(claim.exchange.state, Event.WITHDRAWN),
            due_at=claim.exchange.due_at,
            code=SHADOW,
            reason="translated and not sent: the service is in shadow; compare with: panjereh shadow compare",
        )

    def found(self, claim: Claim, sight: Sight, service: Service, payload: Payload | None) -> Settlement:
        """The effect is there: adopted as if the lost answer had come, whatever that answer says."""
        outcome = self._lost_answer(claim, sight, service)
        if outcome.verdict in {Verdict.RETRY, Verdict.IN_DOUBT}:
            return self.unclear(claim, replace(sight, reason=outcome.reason), service, payload)
        event = Event.FOUND if outcome.verdict is Verdict.DONE else Event(outcome.verdict.value)
        state = next_state(claim.exchange.state, event)
        settlement = Settlement(
            claim,
            event=event.value,
            state=state,
            due_at=self._due_at(claim, state, outcome, service),
            code=outcome.code,
            reason=outcome.reason,
            may_have_effect=self._may_have_effect(claim, state, outcome, service),
        )
        if state in _WITH_CONSEQUENCES:
            return self._with_consequences(settlement, outcome, service, payload)
        return settlement

    def _lost_answer(self, claim: Claim, sight: Sight, service: Service) -> Outcome:
        if sight.answer is None:
            return _FOUND
        contract = self.drafting.contracts[claim.exchange.target]
        outcome = meaning_of_answer(contract, self.contract_of(claim, service), sight.answer)
        return replace(_FOUND, answer=sight.answer) if outcome.verdict is Verdict.DONE else outcome

    def not_found(self, claim: Claim, sight: Sight, service: Service, _payload: Payload | None) -> Settlement:
        """Asked twice running and not there, far enough apart: proven to have had no effect, sent again as it was.

        What is idempotent needs no proof and is sent again by the schedule, as it may be lost each time. An attempt
        that began after the deadline was the last.
        """
        exchange, now = claim.exchange, self.clock()
        operation = self.contract_of(claim, service)
        is_harmless = operation.effect in {Effect.IDEMPOTENT, Effect.READ}
        is_proven = is_harmless or exchange.code == Event.NOT_FOUND.value
        if is_proven and exchange.attempted_at is not None and exchange.attempted_at >= exchange.deadline_at:
            why = "the transport deadline passed; the last attempt is not found on the other side by our reference"
            return replace(self.parked(claim, why, code=Event.NOT_FOUND.value), may_have_effect=False)
        event = Event.NOT_FOUND if is_proven else Event.IN_DOUBT
        wait = timedelta(0) if is_proven else self._absence(exchange, operation)
        scheduled = retry_at(self.profile, exchange.attempts, now=now, fraction=self.fraction, retry_after=None)
        return Settlement(
            claim,
            event=event.value,
            state=next_state(exchange.state, event),
            due_at=scheduled if is_harmless else now + wait,
            code=Event.NOT_FOUND.value,
            reason=sight.reason or "not found on the other side by our reference",
            asked=0 if is_proven else exchange.asked + 1,
            may_have_effect=not is_proven,
        )

    def _absence(self, exchange: Exchange, operation: OperationContract) -> timedelta:
        """How far apart two findings of nothing must be: 2 × settle, and longer for a payment."""
        least = self.profile.payment_absence if exchange.operation in PAYMENT_OPERATIONS else timedelta(0)
        return max(2 * self.settle_after(operation), least)

    def different(self, claim: Claim, sight: Sight, _service: Service, _payload: Payload | None) -> Settlement:
        """Our reference stands there with other content: a person must look."""
        return replace(self.parked(claim, sight.reason or "", code="conflict"), may_have_effect=True)

    def unclear(self, claim: Claim, sight: Sight, service: Service, _payload: Payload | None) -> Settlement:
        """It could not be asked: still in doubt, asked again by the long schedule."""
        now, asked = self.clock(), claim.exchange.asked
        return Settlement(
            claim,
            event=Event.IN_DOUBT.value,
            state=next_state(claim.exchange.state, Event.IN_DOUBT),
            due_at=ask_at(
                self.profile, asked + 1, now=now, settle_after=self.settle_after(self.contract_of(claim, service))
            ),
            code="unclear",
            reason=sight.reason,
            asked=asked + 1,
            may_have_effect=True,
        )

    def _due_at(self, claim: Claim, state: State, outcome: Outcome, service: Service) -> datetime:
        exchange, now = claim.exchange, self.clock()
        if state is State.READY:
            return retry_at(
                self.profile, exchange.attempts, now=now, fraction=self.fraction, retry_after=outcome.retry_after
            )
        if state is State.AWAITING:
            return poll_at(self.profile, exchange.asked, now=now)
        if state is State.IN_DOUBT:
            return self.doubt_due_at(claim, service, now=now)
        return exchange.due_at

    def doubt_due_at(self, claim: Claim, service: Service, *, now: datetime) -> datetime:
        """When an exchange in doubt may first be asked for."""
        operation = self.contract_of(claim, service)
        return ask_at(self.profile, 0, now=now, settle_after=self.settle_after(operation))

    def _may_have_effect(self, claim: Claim, state: State, outcome: Outcome, service: Service) -> bool:
        if self.contract_of(claim, service).effect is Effect.READ or state in {State.DONE, State.READY}:
            return False
        return outcome.left

    def _with_consequences(
        self, settlement: Settlement, outcome: Outcome, service: Service, payload: Payload | None
    ) -> Settlement:
        claim = settlement.claim
        number = self.number_of(self.contract_of(claim, service), outcome)
        case = replace(claim.case, internal_reference=number) if number else claim.case
        return replace(
            settlement,
            answer=outcome.answer,
            internal_reference=number if claim.exchange.operation in OPENING_OPERATIONS else None,
            told=self._told(claim, service, payload) if settlement.state is State.DONE else None,
            following=self.following(replace(claim, case=case), outcome, service),
        )

    def following(self, claim: Claim, outcome: Outcome, service: Service) -> tuple[tuple[Exchange, Record], ...]:
        """What the pattern wants next, as exchanges with their records."""
        now = self.clock()
        drafts = following(
            service.pattern,
            claim.exchange,
            outcome,
            tables=service.tables,
            sequence=max(claim.case.status_sequence, 0),
        )
        return tuple((self.drafting.exchange(draft, claim.case, service, now=now), draft.record) for draft in drafts)

    def _told(self, claim: Claim, service: Service, payload: Payload | None) -> Told | None:
        if payload is None or claim.exchange.direction is not Direction.OUTWARD:
            return None
        stage = stage_after(service.pattern, claim.exchange.operation, payload)
        if stage is None:
            return None
        return Told(
            sequence=int(claim.record.get("sequence") or 0),
            stage=stage,
            status_code=payload.get("status_code"),
            status_title=payload.get("status_title"),
            awaited_party=payload.get("awaited_party"),
            changed_at=self.clock(),
        )


_BY_SIGHT: Mapping[str, Callable[[Settling, Claim, Sight, Service, Payload | None], Settlement]] = {
    "found": Settling.found,
    "not_found": Settling.not_found,
    "different": Settling.different,
    "unclear": Settling.unclear,
}


def _deadline_reason(outcome: Outcome) -> str:
    return f"the transport deadline passed; the last try said: {outcome.reason or outcome.code or 'nothing'}"
