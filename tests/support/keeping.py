"""An office behind a door that keeps what it receives in a journal, as intake does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from adapter.exchange import Caller, Exchange, Operation, Record, Reply
from adapter.journal import Journal
from adapter.mark import Brought
from tests.integration.journal_making import new_case, new_exchange, opening
from tests.support.door_side import ACK, Office


@dataclass
class Keeping(Office):
    """`exchange` is the last that it has kept; a document of its service may have `document_bytes`."""

    journal: Journal = field(kw_only=True)
    document_bytes: int = 20 * 1024 * 1024
    asked: int = 0
    exchange: Exchange = field(init=False)

    async def receive(
        self, caller: Caller, operation: Operation, record: Record, key: str | None, brought: Sequence[Brought] = ()
    ) -> Reply:
        reply = await super().receive(caller, operation, record, key, brought)
        case = new_case(tenant=caller.tenant)
        self.exchange = new_exchange(case)
        ids = [one.id for one in brought]
        await self.journal.accept(opening(case=case, exchange=self.exchange, caller=caller, record=record, brought=ids))
        return reply

    async def most_for(self, _caller: Caller, operation: Operation, fields: Record) -> int:
        self.asked += 1
        assert (operation, fields["tracking_code"]) == (Operation.ATTACH_DOCUMENT, ACK["tracking_code"])
        return self.document_bytes
