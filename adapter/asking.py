"""Asking: an inquiry is asked once while its caller waits, without a lease, because it changes nothing."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace

import structlog

from adapter.channels import Clock
from adapter.endpoints import TECHNICAL, Endpoints, heed
from adapter.errors import DocumentDamaged, DocumentMissing, Untranslatable
from adapter.examining import Examination
from adapter.exchange import Case, Claim, Exchange, Outcome, Payload, Record, State, Verdict
from adapter.journal import Journal
from adapter.refusals import Infected, NotScanned, SchemaViolation, TypeDiffers
from adapter.service import Service, ServiceStage
from adapter.settlement.rendering import render
from adapter.settlement.settling import Settling

_log = structlog.get_logger(__name__)
_WITHHELD = (Infected, TypeDiffers, NotScanned, DocumentMissing, DocumentDamaged)


@dataclass(frozen=True, slots=True)
class Asking:
    """What asking needs."""

    journal: Journal
    endpoints: Endpoints
    settling: Settling
    clock: Clock
    documents: Examination

    async def ask(
        self, service: Service, case: Case, exchange: Exchange, record: Record
    ) -> tuple[Outcome, Payload | None]:
        """Ask an inquiry once, within the service's time, without a lease: it changes nothing.

        The second value is the answer as the gateway reads it; None when it is to come later.
        """
        late = Outcome(Verdict.RETRY, code="late", reason="no answer within the service's time")
        if service.stage is ServiceStage.SHADOW:
            return late, None
        operation = self.settling.contract_of(Claim(exchange, case, fence=0, record=record), service)
        endpoint = exchange.tenant, exchange.target
        target, within = self.endpoints.targets[endpoint], service.answer_within or self.endpoints.profile.idle
        try:
            frozen = target.freeze(operation.name, render(exchange, case, record, service, now=self.clock()))
            with self.endpoints.call(endpoint, operation.group, self.clock) as end:
                if end is None:
                    return late, None
                async with asyncio.timeout(within.total_seconds()) as limit:
                    outcome = await target.deliver(operation.name, frozen, reference=exchange.reference)
                end(outcome.verdict not in TECHNICAL)
        except (TimeoutError, Untranslatable, SchemaViolation):
            return late, None
        await heed(self.endpoints, self.journal, exchange, outcome)
        outcome = replace(outcome, number=self.settling.number_of(operation, outcome))
        with suppress(TimeoutError):
            async with asyncio.timeout_at(limit.when()):
                return outcome, await self._answer(service, case, exchange, outcome)
        return outcome, None

    async def _answer(self, service: Service, case: Case, exchange: Exchange, outcome: Outcome) -> Payload | None:
        following = self.settling.following(
            Claim(replace(exchange, state=State.SENDING), case, fence=0, record={}), outcome, service
        )
        for answering, record in following:
            try:
                payload = render(answering, case, record, service, now=self.clock())
                operation = self.settling.contract_of(Claim(answering, case, fence=0, record=record), service)
                await self.documents.check_told(answering, operation, service.tables[answering.table], payload)
            except Untranslatable:
                return None
            except _WITHHELD as error:
                told = {"tenant": case.tenant, "service": service.name, "exchange": exchange.id}
                _log.warning("answer_withheld", **told, reason=error.detail)
                return None
            answer: Payload | None = payload.get("answer")
            return answer
        return None
