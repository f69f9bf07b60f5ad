"""Preparing: a claim becomes the bytes to send, or waits, or is parked: fetched, translated, frozen, examined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import structlog

from adapter.channels import Clock, Target
from adapter.contract.model import OperationContract
from adapter.endpoints import Endpoints
from adapter.errors import DocumentDamaged, DocumentMissing, GatewayUnreachable, PanjerehError, Untranslatable
from adapter.examining import Examination
from adapter.exchange import CLOSED_STAGES, Case, Claim, Direction, Payload
from adapter.fetching import Fetching
from adapter.journal import Journal, Settlement
from adapter.refusals import DocumentNotSent, NotScanned, RequestRefused, SchemaViolation
from adapter.retry import Profile, wait_by_age
from adapter.service import Service
from adapter.settlement.rendering import parent_of, render
from adapter.settlement.settling import Settling

_log = structlog.get_logger(__name__)
_TRIED_AGAIN = (GatewayUnreachable, NotScanned, DocumentNotSent)
_CODES: Mapping[type[Exception], str] = {
    Untranslatable: "untranslatable",
    DocumentMissing: "document-missing",
    DocumentDamaged: "document-damaged",
}
"""Under which code it is parked; a refusal has a kind of its own."""
_NOT_AS_IT_IS = (Untranslatable, DocumentMissing, DocumentDamaged, RequestRefused)
_OWN_FAULTS = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
"""What a poison record may raise in code that did not think of it: parked, so that it is seen and fails only once."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A claim ready to be sent: where, as which operation, what bytes, and what they say unless they are of before."""

    claim: Claim
    target: Target
    operation: OperationContract
    frozen: bytes
    payload: Payload | None


@dataclass(frozen=True, slots=True)
class Later:
    """A claim that cannot be prepared yet, and when it is due again."""

    claim: Claim
    due_at: datetime


Preparation: TypeAlias = Prepared | Later | Settlement
"""A settlement is one that parks the claim."""


@dataclass(frozen=True, slots=True)
class Preparing:
    """What preparing needs; `documents` examines what goes to a gateway."""

    journal: Journal
    endpoints: Endpoints
    settling: Settling
    profile: Profile
    clock: Clock
    fetching: Fetching
    documents: Examination

    async def prepare(self, claim: Claim, service: Service) -> Preparation:
        """Nothing has left and nothing is announced; what was frozen before is as it was. Raises LeaseLost."""
        try:
            claim = await self.fetching.completed(claim, service.system)
            return await self._translated(claim, service)
        except _TRIED_AGAIN as error:
            return self._waiting(claim, error)
        except _NOT_AS_IT_IS as error:
            return self._parked(claim, service, error)
        except _OWN_FAULTS as error:
            return self._failed(claim, service, error)

    async def _translated(self, claim: Claim, service: Service) -> Prepared | Later:
        exchange = claim.exchange
        target = self.endpoints.targets[exchange.tenant, exchange.target]
        operation = self.settling.contract_of(claim, service)
        if claim.frozen is not None:
            return Prepared(claim, target, operation, claim.frozen, None)
        parent = await parent_of(self.journal, exchange, claim.record)
        if parent is not None and _may_get_a_number(parent):
            return Later(claim, self.clock() + self.profile.schedule[0])
        payload = render(exchange, claim.case, claim.record, service, now=self.clock(), parent=parent)
        frozen = target.freeze(operation.name, payload)
        if exchange.direction is Direction.OUTWARD:
            await self.documents.check_told(exchange, operation, service.tables[exchange.table], payload)
        return Prepared(claim, target, operation, frozen, payload)

    def _waiting(self, claim: Claim, error: PanjerehError) -> Later | Settlement:
        """Tried again more and more seldom until its deadline, and parked then."""
        exchange, now = claim.exchange, self.clock()
        if now >= exchange.deadline_at:
            return self.settling.parked(claim, f"the deadline passed: {error.detail}", code="document-not-fetched")
        _log.warning("document_not_fetched", exchange=exchange.id, reason=error.detail)
        return Later(claim, now + wait_by_age(self.profile, now - exchange.accepted_at))

    def _parked(self, claim: Claim, service: Service, error: PanjerehError) -> Settlement:
        if isinstance(error, SchemaViolation):
            where = f"mappings/{service.name}: table {claim.exchange.table}: {error.detail}"
            return self.settling.parked(claim, where, code="schema_violation")
        code = error.kind if isinstance(error, RequestRefused) else _CODES[type(error)]
        return self.settling.parked(claim, error.detail, code=code)

    def _failed(self, claim: Claim, service: Service, error: Exception) -> Settlement:
        table = claim.exchange.table
        _log.exception("preparation_failed", exchange=claim.exchange.id, table=table)
        why = f"mappings/{service.name}: table {table}: {type(error).__name__}: a fault of the adapter's own"
        return self.settling.parked(claim, f"{why}; the log has its place", code="failed")


def _may_get_a_number(case: Case) -> bool:
    """Whether the internal system has yet to give the case its number: what stands under it waits so long."""
    return case.internal_reference is None and case.stage not in CLOSED_STAGES
