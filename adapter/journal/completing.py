"""Records that learn something before they are told: a document that was fetched stands in them, in one commit."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from pydantic_core import to_json
from sqlalchemy import func, select

from adapter.exchange import Claim, Record
from adapter.journal import binding, payloads
from adapter.journal.attempting import FENCED, fence_of, fenced, tell
from adapter.journal.schema import exchanges
from adapter.journal.schema import payloads as kept
from adapter.journal.unit import Unit
from adapter.refusals import DocumentNotSent

_STILL_OURS = FENCED.values(owner=exchanges.c.owner)


@dataclass(frozen=True, slots=True)
class Completion:
    """A claim whose exchange never left, and its record with the marks of its documents; `brought` are their ids."""

    claim: Claim
    record: Record
    brought: Collection[str] = ()


def complete(unit: Unit, completions: Sequence[Completion]) -> list[Claim | Exception]:
    """Keep the records and bind their documents; the record as it came stays beside. Raises LeaseLost.

    DocumentNotSent where a document is gone: it waited longer than an hour.
    """
    fenced(unit, _STILL_OURS, [fence_of(unit, one.claim) for one in completions])
    return [_complete(unit, one) for one in completions]


def _complete(unit: Unit, completion: Completion) -> Claim | Exception:
    exchange, case = completion.claim.exchange, completion.claim.case
    content = to_json(completion.record)
    named = binding.named_in(unit, content, tenant=exchange.tenant, case_id=case.id, brought=completion.brought)
    if named.missing:
        return DocumentNotSent("the document waited too long")
    seal = unit.sealer.seal_of(case.id, case.data_key)
    binding.bind(unit, seal, named, case_id=case.id)
    here = (kept.c.exchange_id == exchange.id) & (kept.c.kind == payloads.RECORD)
    last = unit.connection.execute(select(func.max(kept.c.revision)).where(here)).scalar_one()
    told = {"exchange_id": exchange.id, "case_id": case.id, "kind": payloads.RECORD}
    payloads.keep(unit, seal, content, **told, revision=last + 1)
    tell(unit, exchange, "document_fetched")
    return replace(completion.claim, record=completion.record)
