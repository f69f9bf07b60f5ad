"""Publishing: a service's card becomes a message to the gateway's catalogue, unless that is what it was given last.

A publication is a case of its own, of no citizen; all of one service go in one lane, so that the last is the last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from adapter.channels import Clock
from adapter.errors import Refused
from adapter.exchange import Caller, Case, Claim, Direction, Draft, Exchange, Operation, Record, Stage, State
from adapter.journal import Acceptance, Journal, inspecting
from adapter.pattern import outward_record
from adapter.refusals import StillInFlight
from adapter.service import PUBLICATION, Service, publication_of
from adapter.settlement.drafting import Drafting, new_id, new_tracking_code

CHANNEL = "operator"
_ACCEPTED = 202
_CAME_TO_NOTHING = frozenset({State.REFUSED, State.WITHDRAWN})


@dataclass(frozen=True, slots=True)
class Publishing:
    """What publishing needs. `dispatch` hands a claim to delivery at once."""

    journal: Journal
    drafting: Drafting
    clock: Clock
    dispatch: Callable[[Claim], None]

    async def standing(self, tenant: str, service: Service) -> tuple[Record, Exchange | None, bool]:
        """What would be published, the last publication, and whether that was the same card.

        Raises Refused for a service that has no table for it. A publication that was refused or withdrawn is as none;
        a card that comes back after another was published is a publication anew.
        """
        if PUBLICATION not in service.tables:
            what = f"add {PUBLICATION}.csv and name it in [outward]"
            raise Refused(f"{service.name} has no table {PUBLICATION!r}, so nothing can be published; {what}")
        content = publication_of(service)
        last = await self.journal.read(inspecting.last_publication, tenant, service.name)
        is_same = last is not None and last.event_id == _event(content) and last.state not in _CAME_TO_NOTHING
        return content, last, is_same

    async def publish(self, tenant: str, service: Service, *, actor: str, why: str) -> tuple[Exchange, bool]:
        """Keep the card for the tenant's gateway; the exchange that carries it, and whether it is new."""
        content, last, is_same = await self.standing(tenant, service)
        if last is not None and is_same:
            return last, False
        acceptance = self._acceptance(Caller(actor, tenant, CHANNEL), service, content, last, why=why)
        if await self._keep(acceptance):
            return acceptance.exchange, True
        first = await self.journal.read(inspecting.last_publication, tenant, service.name)
        return first or acceptance.exchange, False

    async def _keep(self, acceptance: Acceptance) -> bool:
        """Whether it was kept; not when another operator at the same moment was first."""
        try:
            accepted = await self.journal.accept(acceptance)
        except StillInFlight:
            return False
        if accepted.claim is not None:
            self.dispatch(accepted.claim)
        return not accepted.is_replay

    def _acceptance(
        self, operator: Caller, service: Service, content: Record, last: Exchange | None, *, why: str
    ) -> Acceptance:
        now, hashed = self.clock(), self.journal.sealer.hash
        case = self._case(operator, service, now)
        record = outward_record(content, sequence=0)
        draft = Draft(
            Operation.PUBLISH_SERVICE, Direction.OUTWARD, table=PUBLICATION, record=record, event_id=_event(content)
        )
        exchange = self.drafting.exchange(draft, case, service, now=now)
        before = "" if last is None else last.id
        return Acceptance(
            caller=operator,
            scope=hashed("publication", operator.tenant, service.name, content["revision"], before),
            fingerprint=hashed("fingerprint", content["revision"]),
            exchange=replace(exchange, lane=f"card:{operator.tenant}:{service.service_id}:{exchange.target}"),
            record=record,
            status=_ACCEPTED,
            body={"tracking_code": case.tracking_code},
            case=case,
            why=why,
        )

    def _case(self, operator: Caller, service: Service, now: datetime) -> Case:
        """A publication is about no citizen's request: it is a case of its own, which seals what is sent."""
        return Case(
            id=new_id(now, self.drafting.randomness),
            tenant=operator.tenant,
            service=service.name,
            tracking_code=new_tracking_code(self.drafting.randomness),
            stage=Stage.IN_PROGRESS,
            channel=operator.channel,
            opened_at=now,
        )


def _event(content: Record) -> str:
    return f"card:{content['revision']}"
