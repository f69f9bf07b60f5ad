"""Follow-up: what is in doubt is asked for, what awaits is fetched, and what changed inside is taken up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import structlog

from adapter.channels import Clock, Sight, Sighting, System
from adapter.contract.model import OperationContract
from adapter.endpoints import EndpointName, Endpoints
from adapter.errors import GatewayUnreachable, JournalFailed, LeaseLost
from adapter.exchange import Case, Change, Claim, Direction, Draft, Effect, Exchange, Operation, Record, State, Verdict
from adapter.journal import Journal, Settlement, Taken, reading
from adapter.loops import Loops
from adapter.offer import Offer
from adapter.pattern import CHANGE_OPERATIONS, outward_record
from adapter.retry import Profile
from adapter.service import Service
from adapter.settlement.settling import Settling

_log = structlog.get_logger(__name__)
_AT_ONCE = 32
_ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class FollowUp:
    """The flow of everything that time or the other sides bring. `settle` commits and delivers what follows."""

    journal: Journal
    offer: Callable[[], Offer]
    endpoints: Endpoints
    settling: Settling
    profile: Profile
    clock: Clock
    settle: Callable[[Settlement, Verdict], Awaitable[None]]
    hint: Callable[[], None]
    open_here: Callable[[], Collection[str]]
    loops: Loops = field(default_factory=Loops)

    async def run(self) -> None:
        """Follow up until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._ever("heartbeat", self.beat, self.profile.heartbeat.total_seconds()))
            group.create_task(self._ever("questions", self.ask_unsettled, self.profile.idle.total_seconds()))
            for endpoint, system in self.endpoints.systems.items():
                group.create_task(self._poll_changes(endpoint, system))

    async def beat(self) -> None:
        """This node lives and knows what others paused; what was left open is in doubt, but for what it is sending."""
        await self.journal.beat()
        self.endpoints.follow(await self.journal.read(reading.paused_endpoints))
        await self.journal.fall_expired(sparing=self.open_here())

    async def ask_unsettled(self) -> int:
        """Ask for everything in doubt or awaiting whose time has come; how many were asked for."""
        claims = await self.journal.claim_unsettled(_AT_ONCE)
        await asyncio.gather(*(self._ask(claim) for claim in claims))
        return len(claims)

    async def take_changes(self, endpoint: EndpointName, system: System) -> bool:
        """Take one page of an internal system's changes; True when there is more at once."""
        await self._take_strays(*endpoint)
        cursor = await self.journal.read(reading.cursor, *endpoint)
        page = await system.changes(cursor)
        if not page.changes and page.cursor == cursor:
            return False
        await self._take(endpoint, page.changes, before=cursor, cursor=page.cursor)
        return page.more

    async def take_told(self, endpoint: EndpointName, changes: Sequence[Change]) -> None:
        """What an internal system tells by itself is kept as what it is asked for, and each event once."""
        await self._take(endpoint, changes, before=None, cursor=None)

    async def _take(
        self, endpoint: EndpointName, changes: Sequence[Change], *, before: str | None, cursor: str | None
    ) -> None:
        tenant, source = endpoint
        straying = {change.reference for change in await self.journal.strays(tenant, source)}
        cases = await self._cases_of(tenant, source, {change.reference for change in changes} - straying)
        ordered = sorted(changes, key=lambda change: (change.reference, change.sequence))
        drafts = [self._draft(cases[change.reference], change) for change in ordered if change.reference in cases]
        strays = [change for change in ordered if change.reference not in cases]
        if strays and not await self.journal.read(reading.has_open_submissions, tenant, source):
            known = await self._known(tenant, source, {change.reference for change in strays})
            strays = [change for change in strays if change.reference in known]
        answered = await self.journal.read(reading.awaiting_of_cases, [case.id for case in cases.values()])
        new = await self.journal.take(
            Taken(
                tenant,
                source,
                before=before,
                cursor=cursor,
                drafts=tuple(draft for draft in drafts if draft is not None),
                answered=tuple(answered.values()),
                strays=tuple(strays),
            )
        )
        if new or answered:
            self.hint()

    async def _take_strays(self, tenant: str, source: str) -> None:
        """Changes that had to wait, as `_cases_of` tells: taken up once they need not; strangers' are let go."""
        strays = await self.journal.strays(tenant, source)
        if not strays:
            return
        may_be_ours = await self.journal.read(reading.has_open_submissions, tenant, source)
        references = {change.reference for change in strays}
        known = await self._known(tenant, source, references)
        cases = await self._cases_of(tenant, source, references)
        gathered = [one for one in strays if one.reference in cases or not (may_be_ours or one.reference in known)]
        if not gathered:
            return
        ordered = sorted(gathered, key=lambda change: (change.reference, change.sequence))
        drafts = [self._draft(cases[change.reference], change) for change in ordered if change.reference in cases]
        cursor = await self.journal.read(reading.cursor, tenant, source)
        answered = await self.journal.read(reading.awaiting_of_cases, [case.id for case in cases.values()])
        await self.journal.take(
            Taken(
                tenant,
                source,
                before=cursor,
                cursor=cursor or "",
                drafts=tuple(draft for draft in drafts if draft is not None),
                answered=tuple(answered.values()),
                gathered=tuple(change.event_id for change in gathered),
            )
        )
        self.hint()

    async def _cases_of(self, tenant: str, source: str, references: set[str]) -> dict[str, Case]:
        """The cases by these numbers whose changes may be told now.

        A case may not know its number yet; its service may be stopped; or something sent there has an unknown
        outcome, whose consequence the change may be: what follows from its own answer (a receipt) has to reach the
        gateway first.
        """
        known = await self._known(tenant, source, references)
        lagging = await self.journal.read(reading.lagging_references, tenant, source, sorted(references))
        stopped = {reference for reference, case in known.items() if self.offer().named(tenant, case.service) is None}
        return {reference: case for reference, case in known.items() if reference not in lagging | stopped}

    async def _known(self, tenant: str, source: str, references: set[str]) -> dict[str, Case]:
        """The cases by these numbers, but for those of a service that lives in another system."""
        found = await self.journal.read(reading.cases_by_internal_reference, tenant, sorted(references))
        services = {name: self.offer().named(tenant, name) for name in {case.service for case in found.values()}}
        elsewhere = {name for name, service in services.items() if service is not None and service.system != source}
        return {reference: case for reference, case in found.items() if case.service not in elsewhere}

    def _draft(self, case: Case, change: Change) -> tuple[Exchange, Record] | None:
        """What tells the gateway of the change; a kind without a table is parked by name when it is translated.

        None for an answer: the exchange that awaits it fetches it.
        """
        service = self.offer().named(case.tenant, case.service)
        if service is None or change.kind == _ANSWER:
            return None
        operation = CHANGE_OPERATIONS.get(change.kind, Operation.PUSH_STATUS)
        record = outward_record(
            change.record,
            sequence=change.sequence,
            changed_at=change.changed_at.isoformat(timespec="milliseconds"),
        )
        draft = Draft(operation, Direction.OUTWARD, table=change.kind, record=record, event_id=change.event_id)
        return self.settling.drafting.exchange(draft, case, service, now=self.clock()), record

    async def _ask(self, claim: Claim) -> None:
        exchange = claim.exchange
        try:
            await self._ask_now(claim)
        except LeaseLost:
            _log.warning("lease_lost", exchange=exchange.id)
        except JournalFailed:
            raise
        except Exception:  # noqa: BLE001 - the edge of a worker: one that cannot be asked for must not hold up the others
            _log.exception("asking_failed", exchange=exchange.id)
            with suppress(LeaseLost):
                await self._postpone(claim)

    async def _ask_now(self, claim: Claim) -> None:
        exchange = claim.exchange
        service = self.offer().named(exchange.tenant, exchange.service)
        if service is None or (exchange.tenant, exchange.target) in self.endpoints.paused:
            await self._postpone(claim)
            return
        steps: dict[State, Callable[..., Coroutine[Any, Any, None]]] = {
            State.IN_DOUBT: self._resolve_doubt,
            State.AWAITING: self._fetch_answer,
        }
        await steps[exchange.state](claim, service, self.settling.contract_of(claim, service))

    async def _postpone(self, claim: Claim) -> None:
        await self.journal.release(claim, self.clock() + self.profile.schedule[1])

    async def _resolve_doubt(self, claim: Claim, service: Service, operation: OperationContract) -> None:
        exchange = claim.exchange
        target = self.endpoints.targets[exchange.tenant, exchange.target]
        sight = await _DOUBT[operation.effect](target, operation, claim)
        if sight is None:
            await self.journal.release(claim, self.clock() + self.profile.asks[-1])
            return
        if operation.effect is Effect.QUERYABLE:
            endpoint, has_answered = (exchange.tenant, exchange.target), sight.sighting is not Sighting.UNCLEAR
            self.endpoints.remember(endpoint, succeeded=has_answered, now=self.clock(), reason=sight.reason)
        payload = None
        if sight.sighting is Sighting.FOUND and exchange.direction is Direction.OUTWARD and claim.frozen is not None:
            payload = target.thaw(operation.name, claim.frozen)
        settlement = self.settling.by_sight(claim, sight, service, payload)
        await self.settle(settlement, _verdict(settlement))

    async def _fetch_answer(self, claim: Claim, service: Service, operation: OperationContract) -> None:
        exchange = claim.exchange
        system = self.endpoints.systems[exchange.tenant, exchange.target]
        outcome = await system.poll(operation.name, claim.case.internal_reference or "")
        await self.settle(self.settling.by_outcome(claim, outcome, service, None), outcome.verdict)

    async def _poll_changes(self, endpoint: EndpointName, system: System) -> None:
        is_lost = False
        while True:
            more = False
            try:
                if endpoint not in self.endpoints.paused:
                    more = await self.take_changes(endpoint, system)
                self.endpoints.regain_changes(endpoint)
                if is_lost:
                    _log.info("endpoint_regained", tenant=endpoint[0], endpoint=endpoint[1])
                is_lost = False
            except GatewayUnreachable as error:
                self.endpoints.lose_changes(endpoint, f"changes cannot be asked for: {error.detail}", self.clock())
                if not is_lost:
                    _log.warning("endpoint_lost", tenant=endpoint[0], endpoint=endpoint[1], reason=error.detail)
                is_lost = True
            except LeaseLost:
                _log.info("cursor_moved_elsewhere", tenant=endpoint[0], endpoint=endpoint[1])
            except JournalFailed:
                raise
            except Exception as error:  # noqa: BLE001 - the edge of a worker: one bad page must not end the flow
                _log.exception("changes_failed", tenant=endpoint[0], endpoint=endpoint[1])
                told = f"changes cannot be taken up: {type(error).__name__}; the log has its place"
                self.endpoints.lose_changes(endpoint, told, self.clock())
            if not more:
                await asyncio.sleep(self.profile.change_poll.total_seconds())

    async def _ever(self, name: str, step: Callable[[], Awaitable[Any]], seconds: float) -> None:
        while True:
            with self.loops.turn(name):
                await step()
            await asyncio.sleep(seconds)


async def _find(target: Any, operation: OperationContract, claim: Claim) -> Sight | None:
    return await target.find(operation.name, claim.exchange.reference, claim.frozen)  # type: ignore[no-any-return]


async def _send_again(_target: Any, _operation: OperationContract, _claim: Claim) -> Sight | None:
    return Sight(Sighting.NOT_FOUND, reason="the operation is idempotent: sent again under the same key")


async def _leave_to_a_person(_target: Any, _operation: OperationContract, _claim: Claim) -> Sight | None:
    return None


_DOUBT: dict[Effect, Callable[[Any, OperationContract, Claim], Awaitable[Sight | None]]] = {
    Effect.QUERYABLE: _find,
    Effect.IDEMPOTENT: _send_again,
    Effect.READ: _send_again,
    Effect.NEITHER: _leave_to_a_person,
}


def _verdict(settlement: Settlement) -> Verdict:
    return {
        State.DONE: Verdict.DONE,
        State.REFUSED: Verdict.REFUSED,
        State.AWAITING: Verdict.AWAITING,
        State.READY: Verdict.RETRY,
        State.IN_DOUBT: Verdict.IN_DOUBT,
        State.PARKED: Verdict.PARKED,
    }[settlement.state]
