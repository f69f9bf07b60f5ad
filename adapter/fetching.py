"""Documents that an internal system names by their numbers: in the store before the gateway is told of them.

The change itself is kept as soon as it is read, so that the cursor moves and no neighbour waits; its exchange waits for
the document in its own lane, visible as `ready`, and is parked with the reason when there is none to be had.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

from adapter.channels import Clock, DocumentSink, Fetched
from adapter.contract.model import Contract, DocumentsContract
from adapter.contract.paths import put, value_at
from adapter.endpoints import Endpoints
from adapter.errors import DocumentMissing, GatewayUnreachable
from adapter.examining import Examination
from adapter.exchange import Claim, Direction, Payload, Verdict
from adapter.journal import Journal
from adapter.mark import Brought, Mark
from adapter.refusals import DocumentDiffers

_LATER = frozenset({Verdict.RETRY, Verdict.IN_DOUBT, Verdict.AWAITING})


@dataclass(frozen=True, slots=True)
class Fetching:
    """`documents` is the store, past the examination of whatever comes."""

    journal: Journal
    endpoints: Endpoints
    contracts: Mapping[str, Contract]
    clock: Clock
    documents: Examination

    async def completed(self, claim: Claim, system: str) -> Claim:
        """The claim with the content of its document, fetched from the system and kept if the record only names it.

        Raises GatewayUnreachable or NotScanned when it cannot be had now, LeaseLost; DocumentMissing or RequestRefused
        when it cannot be taken as it is.
        """
        contract = self.contracts.get(system)
        said = contract.documents if contract else None
        if contract is None or said is None or claim.exchange.direction is Direction.INWARD or claim.frozen is not None:
            return claim
        change: Payload = claim.record.get("content") or {}
        number = value_at(change, said.number)
        if number is None or value_at(change, said.content) is not None:
            return claim
        brought = await self._fetched(claim, contract, said, number=str(number))
        record = copy.deepcopy(claim.record)
        put(record["content"], said.content, brought.mark.text)
        return await self.journal.complete(claim, record, brought=[brought.id])

    async def _fetched(self, claim: Claim, contract: Contract, said: DocumentsContract, *, number: str) -> Brought:
        """The document is in the store, and is the one that was told of."""
        change, tenant = claim.record["content"], claim.exchange.tenant
        told = value_at(change, said.sha256) if said.sha256 else None
        sink = self.documents.begin(tenant)
        try:
            fetched = await self._ask(tenant, contract, said, number=number, sink=sink)
            if fetched.mark is not None:
                await self.documents.check(tenant, fetched.mark.text, _declared(said, change), bytes(sink.head))
            mark = _as_told(contract, fetched, None if told is None else str(told))
            return Brought(sink.id, mark, bytes(sink.head))
        except BaseException:
            await sink.discard()
            raise

    async def _ask(
        self, tenant: str, contract: Contract, said: DocumentsContract, *, number: str, sink: DocumentSink
    ) -> Fetched:
        endpoint, group = (tenant, contract.title), contract.operations[said.operation].group
        with self.endpoints.call(endpoint, group, self.clock) as end:
            if end is None:
                raise GatewayUnreachable(f"{contract.title} is not asked now: it is paused, or failed too often")
            fetched = await self.endpoints.systems[endpoint].fetch(number, sink)
            end(fetched.outcome.verdict not in _LATER)
        return fetched


def _declared(said: DocumentsContract, change: Payload) -> str | None:
    told = value_at(change, said.media_type) if said.media_type else None
    return None if told is None else str(told)


def _as_told(contract: Contract, fetched: Fetched, digest: str | None) -> Mark:
    """The document's mark; raises for one that was not given, or is another than was told of."""
    outcome, mark = fetched.outcome, fetched.mark
    if mark is None:
        why = f"{contract.title} does not give the document: {outcome.reason or outcome.code or 'its answer has none'}"
        raise GatewayUnreachable(why) if outcome.verdict in _LATER else DocumentMissing(why)
    if digest is not None and digest.lower() != mark.digest.hex():
        raise DocumentDiffers(f"{contract.title} gave a document of another digest than it had told")
    return mark
