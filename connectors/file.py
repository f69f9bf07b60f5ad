"""Internal systems that are a folder: what is sent lies there under our reference, what changed comes in sheets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from adapter.callers import Timeouts
from adapter.callers.asking import find_by_reference, ledger_of
from adapter.channels import ChangePage, Clock, DocumentSink, Fetched, Sight
from adapter.contract.codec import Codec
from adapter.contract.documents import freeze_record
from adapter.contract.model import Contract
from adapter.contract.outcomes import Classify, Observation, Seen, classify
from adapter.contract.sheets import Sheet, Sheets
from adapter.errors import FaultySettings, GatewayUnreachable
from adapter.exchange import Change, LedgerEntry, Outcome, Payload, Verdict
from connectors.cells import cell_of, written_csv, written_xlsx
from connectors.incoming import Incoming
from connectors.outgoing import Link, Outgoing, Sent, link

BINDING = "file"
STILL = timedelta(seconds=5)
"""A file that has not grown or changed for so long is complete; a `.done` beside it says so at once."""

_log = structlog.get_logger(__name__)
_ANSWERED = 200
_WRITERS: dict[str, Callable[..., bytes]] = {"csv": written_csv, "xlsx": written_xlsx}


def connect(
    contract: Contract,
    address: str,
    *,
    clock: Clock,
    timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
    classify: Classify = classify,
    still: timedelta = STILL,
    link: Link = link,
    **_: Any,
) -> FolderSystem:
    """A system behind this folder, an absolute path.

    Raises FaultySettings when the contract has no file binding, or the address is no absolute path.
    """
    if contract.sheets is None:
        raise FaultySettings([f"{contract.title} has no {BINDING} binding; choose {' or '.join(contract.bindings)}"])
    folder = Path(address.removeprefix("file://"))
    if not folder.is_absolute():
        raise FaultySettings([f"address: '{address}' is not an absolute path of a folder"])
    outgoing = Outgoing(folder, link)
    incoming = Incoming(folder, clock, still, contract.sheets.zone)
    return FolderSystem(contract, contract.sheets, folder, outgoing, incoming, clock, classify, timeouts.total)


@dataclass(slots=True, eq=False)
class FolderSystem:
    """A System over a folder. Disk work is done in threads, one look at what comes in at a time."""

    contract: Contract
    sheets: Sheets
    folder: Path
    outgoing: Outgoing
    incoming: Incoming
    clock: Clock
    classify: Classify
    limit: timedelta
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    @property
    def _codec(self) -> Codec:
        return self.contract.bindings[BINDING]

    def freeze(self, operation: str, payload: Payload) -> bytes:
        """The record that every attempt will write; raises SchemaViolation when the payload breaks the contract."""
        return freeze_record(self._codec, operation, payload, binding=BINDING)

    def thaw(self, operation: str, frozen: bytes) -> Payload:
        """What frozen bytes say."""
        return self._codec.thaw(operation, frozen)

    async def deliver(self, operation: str, frozen: bytes, *, reference: str) -> Outcome:
        """One attempt: the file stands there whole, or not at all. Never raises for what the disk does."""
        said, sheet = self.contract.operations[operation], self.sheets.of[operation]
        record = self.thaw(operation, frozen)
        content = _written(sheet, record, self.sheets.zone)
        sent = Sent(operation, record)
        try:
            async with asyncio.timeout(self.limit.total_seconds()):
                seen = await asyncio.to_thread(
                    self.outgoing.send, reference, f"{sheet.out}", f".{sheet.form}", content=content, sent=sent
                )
        except TimeoutError:
            seen = Seen.LOST
        if seen is None:
            return Outcome(Verdict.IN_DOUBT, code="conflict", reason="a file of this reference lies there already")
        if seen is not Seen.ANSWERED:
            return self.classify(self.contract, said, Observation(seen))
        answer = {name: record[name] for name in sheet.answer if name in record}
        return self.classify(self.contract, said, Observation(seen, _ANSWERED, answer))

    async def ask(self, operation: str, content: Payload) -> Outcome:
        """What was sent by the reference asked for; in doubt where the disk was left between two steps."""
        sheet, said = self.sheets.of[operation], self.contract.operations[operation]
        self._codec.encode_request(operation, content)
        reference = str(content[self.contract.finds[operation].reference])
        places = [(one.out, f".{one.form}") for one in self.sheets.of.values() if one.out]
        try:
            sent = await asyncio.to_thread(self.outgoing.sent, reference, places)
        except OSError:
            return self.classify(self.contract, said, Observation(Seen.UNSENT))
        if sent is None:
            return self.classify(self.contract, said, Observation(Seen.ANSWERED, _ANSWERED, {str(sheet.found): False}))
        known = {one.name for one in sheet.columns}
        told = {name: value for name, value in {**sent.record, "operation": sent.operation}.items() if name in known}
        return self.classify(
            self.contract, said, Observation(Seen.ANSWERED, _ANSWERED, {str(sheet.found): True, **told})
        )

    async def find(self, operation: str, reference: str, frozen: bytes | None) -> Sight:
        """Ask for the effect of an earlier attempt by our reference, through the contract's query operation."""
        return await find_by_reference(self, operation, reference, frozen)

    async def ping(self) -> bool:
        """Whether the folder is there."""
        return await asyncio.to_thread(self.folder.is_dir)

    def statement(self, since: datetime, until: datetime) -> AsyncIterator[LedgerEntry]:
        """A folder keeps no ledger: raises GatewayUnreachable when it is asked."""
        return ledger_of(self, since, until)

    async def changes(self, cursor: str | None) -> ChangePage:
        """The rows behind the cursor; a file whose rows were all kept lies in `done/` from then on.

        Raises GatewayUnreachable when the folder is not there.
        """
        said = self.contract.changes
        if said is None:
            return ChangePage((), cursor or "")
        async with self._looking:
            try:
                sheet, limit = self.sheets.of[said.operation], self.contract.operations[said.operation].max_bytes
                page = await asyncio.to_thread(self.incoming.page, sheet, said, cursor, most_bytes=limit)
            except OSError as error:
                where = self.folder / str(self.sheets.of[said.operation].folder)
                raise GatewayUnreachable(f"{where}: {error.strerror}", operation=said.operation) from error
        changes: list[Change] = list(page.changes)
        return ChangePage(changes, page.cursor, page.more)

    async def poll(self, operation: str, number: str) -> Outcome:
        """Raises GatewayUnreachable: a folder answers nothing by itself; what is answered comes as a change."""
        raise GatewayUnreachable(f"{self.contract.title} has no way to ask for the answer to {operation} {number}")

    async def fetch(self, number: str, sink: DocumentSink) -> Fetched:
        """Raises GatewayUnreachable: a folder is not asked for documents."""
        del number, sink
        raise GatewayUnreachable(f"{self.contract.title} has no way to ask for a document")

    async def aclose(self) -> None:
        """Afterwards nothing is open, as before."""


def _written(sheet: Sheet, record: Payload, zone: ZoneInfo) -> bytes:
    header = [one.column for one in sheet.parameters]
    return _WRITERS[sheet.form](header, [cell_of(record.get(one.name), one, zone) for one in sheet.parameters])
