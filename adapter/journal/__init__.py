"""The journal: what was acknowledged, what was tried, what came of it. One code base for SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from typing import Concatenate, ParamSpec, TypeVar

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from adapter.channels import Clock, Randomness
from adapter.errors import JournalFailed, LeaseLost
from adapter.exchange import Change, Claim, Exchange, Record
from adapter.journal import (
    accepting,
    attempting,
    changing,
    claiming,
    completing,
    operating,
    reading,
    recognising,
    retiring,
    settling,
)
from adapter.journal.attempting import Intent
from adapter.journal.changing import Taken
from adapter.journal.chunks import THREADS, chunks_of
from adapter.journal.claiming import Heartbeat, Wish, owner_name
from adapter.journal.completing import Completion
from adapter.journal.documents import SEALED_CHUNK_BYTES, DocumentStore, Means
from adapter.journal.engines import journal_url, make_engine
from adapter.journal.opening import (
    announce,
    batch_clock,
    has_bare_scopes,
    head_of,
    held_lock,
    place_of,
    prepare_schema,
    told_by_the_disk,
)
from adapter.journal.operating import Command, Finding, Findings, Note, Pause
from adapter.journal.reading import Filter
from adapter.journal.recognising import Acceptance, Accepted
from adapter.journal.retiring import Retention
from adapter.journal.sealing import Sealer
from adapter.journal.settling import Settled, Settlement, Told
from adapter.journal.unit import Head, Unit
from adapter.journal.writer import Writer

__all__ = [
    "Acceptance",
    "Accepted",
    "Command",
    "Filter",
    "Finding",
    "Findings",
    "Intent",
    "Journal",
    "Note",
    "Pause",
    "Retention",
    "Settled",
    "Settlement",
    "Taken",
    "Told",
    "Wish",
    "open_journal",
    "reading",
]

P = ParamSpec("P")
R = TypeVar("R")
_READERS = 2
_AGAIN_SECONDS = 0.5
_log = structlog.get_logger(__name__)


class Journal:
    """The journal as the flows see it: every writing call returns after its commit.

    `created` is where it stands when this opening has made it, empty; None for one that was there. `scoped_by` is what
    stands in every key's scope beside tenant, caller and operation: the environment that the journal is bound to,
    nothing in one that is older than environments. `documents` are the large ones, kept beside the exchanges.

    Raises JournalFailed once a commit has failed: nothing is kept any more and the daemon must stop.
    """

    def __init__(
        self,
        writer: Writer,
        readers: Engine,
        sealer: Sealer,
        *,
        scoped_by: tuple[str, ...],
        heartbeat: Heartbeat,
        silence: timedelta,
        documents: Callable[[Journal], DocumentStore],
        closing: ExitStack,
        created: str | None = None,
    ) -> None:
        self.sealer, self.scoped_by, self.created = sealer, scoped_by, created
        self._writer, self._readers, self._closing = writer, readers, closing
        self._heartbeat, self._silence = heartbeat, silence
        self._releasing: set[asyncio.Task[None]] = set()
        writer.orphaned = self._release_orphans
        self._threads = ThreadPoolExecutor(_READERS, thread_name_prefix="journal-reader")
        self.documents = documents(self)

    @property
    def backlog(self) -> int:
        """Steps that wait for a commit."""
        return self._writer.backlog

    @property
    def commits(self) -> int:
        """Commits so far."""
        return self._writer.commits

    @property
    def failure(self) -> Exception | None:
        """Why nothing can be kept any more; None while all is well."""
        return self._writer.failure

    async def accept(self, acceptance: Acceptance) -> Accepted:
        """Keep a call exactly once; raises KeyConflict, AlreadyFiled, StillInFlight or CaseClosed."""
        return await self._writer.submit(accepting.accept, acceptance)

    async def repeated(self, acceptance: Acceptance) -> Accepted | None:
        """The first answer of a call kept before under this key; None for a new one. Raises KeyConflict."""
        return await self._writer.submit(recognising.recall, acceptance)

    async def claim_ready(self, limit: int, closed_targets: frozenset[tuple[str, str]] = frozenset()) -> list[Claim]:
        """Up to `limit` due exchanges at the heads of their lanes, none for the closed (tenant, target) pairs."""
        return await self._writer.submit(claiming.claim_ready, Wish(limit, self._silence, closed_targets))

    async def claim_unsettled(self, limit: int) -> list[Claim]:
        """Up to `limit` exchanges in doubt or awaiting whose time to ask has come."""
        return await self._writer.submit(claiming.claim_unsettled, Wish(limit, self._silence))

    async def intend(self, claim: Claim, frozen: bytes, *, lease: timedelta, settle: timedelta) -> None:
        """Commit the INTENT of an attempt with the bytes it will send; raises LeaseLost.

        `settle` is how long after the loss of the attempt the other side may first be asked.
        """
        await self._writer.submit(attempting.intend, Intent(claim, frozen, lease, settle))

    async def settle(self, settlement: Settlement) -> Settled:
        """Commit an outcome and all that follows from it; raises LeaseLost."""
        return await self._writer.submit(settling.settle, settlement)

    def _release_orphans(self, kept: object) -> None:
        """What was claimed for a caller who is gone is given back, to be claimed like anything else that is due."""
        for claim in _claims_in(kept) if self.failure is None else ():
            task = asyncio.create_task(self._release_quietly(claim))
            self._releasing.add(task)
            task.add_done_callback(self._releasing.discard)

    async def _release_quietly(self, claim: Claim) -> None:
        with suppress(LeaseLost, JournalFailed):
            await self.release(claim, claim.exchange.due_at)

    async def release(self, claim: Claim, due_at: datetime) -> None:
        """Give a claim back untouched, due again at a time; raises LeaseLost.

        Tried for as long as the database is away: a claim that nobody gives back stays with its node while that lives.
        """
        while True:
            try:
                return await self._writer.submit(attempting.release, (claim, due_at))
            except DBAPIError as error:
                _log.warning("claim_not_given_back", exchange=claim.exchange.id, reason=type(error.orig).__name__)
                await asyncio.sleep(_AGAIN_SECONDS)

    async def complete(self, claim: Claim, record: Record, *, brought: Collection[str] = ()) -> Claim:
        """Keep the record, with the documents `brought` bound to the case; raises LeaseLost or DocumentNotSent."""
        return await self._writer.submit(completing.complete, Completion(claim, record, brought))

    async def take(self, page: Taken) -> int:
        """Keep a page of an internal system's changes and its cursor; how many were new. Raises LeaseLost."""
        return await self._writer.submit(changing.take, page)

    async def strays(self, tenant: str, source: str) -> list[Change]:
        """Changes of a source that still wait for their case to know its number."""
        return await self.read(changing.kept_strays, self.sealer, tenant, source)

    async def fall_expired(self, *, sparing: Collection[str] = ()) -> int:
        """Open attempts whose lease has ended become in doubt, but for those of these exchanges; how many."""
        return await self._writer.submit(claiming.fall_expired, sparing)

    async def beat(self) -> None:
        """This node lives."""
        await self._writer.submit(claiming.beat, self._heartbeat)

    async def command(self, order: Command) -> None:
        """Carry out a person's decision; raises LeaseLost when the exchange has moved on since it was seen."""
        await self._writer.submit(operating.command, order)

    async def pause(self, order: Pause) -> None:
        """Keep an endpoint paused or resumed."""
        await self._writer.submit(operating.pause, order)

    async def note(self, told: Note) -> None:
        """Tell in the audit what a person looked at, or changed outside the journal."""
        await self._writer.submit(operating.note, told)

    async def keep_findings(self, findings: Findings) -> None:
        """Keep what a reconciliation found."""
        await self._writer.submit(operating.keep_findings, findings)

    async def retire_keys(self, age: Retention) -> bool:
        """Ended cases have only tombstones for keys, old tombstones are gone, a batch of each; whether more is due."""
        return await self._writer.submit(retiring.retire, age)

    async def read(self, function: Callable[Concatenate[Connection, P], R], *arguments: P.args, **named: P.kwargs) -> R:
        """One of the functions of `reading`, on a snapshot of its own; it must return values, not cursors."""

        def call() -> R:
            with self._readers.connect() as connection:
                return function(connection, *arguments, **named)

        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def content(self, shown: Exchange, kind: str) -> bytes | None:
        """One sealed payload of an exchange, opened: `record`, `frozen` or `answer`."""
        return await self.read(reading.content, self.sealer, shown, kind)

    def close(self) -> None:
        """Commit what waits, then let go of the database."""
        self.documents.close()
        self._writer.close()
        self._threads.shutdown()
        self._closing.close()


def _claims_in(result: object) -> list[Claim]:
    if isinstance(result, Accepted):
        return [result.claim] if result.claim is not None else []
    if isinstance(result, Settled):
        return list(result.claims)
    return [one for one in result if isinstance(one, Claim)] if isinstance(result, list) else []


def open_journal(
    url: str,
    *,
    master_key: bytes,
    node: str,
    environment: str,
    clock: Clock,
    randomness: Randomness,
    silence: timedelta,
) -> Journal:
    """Open the journal for this node; what its earlier lives held has fallen: claims are free, attempts in doubt.

    `silence` is how long a node may go without a heartbeat before others take its claims. Raises JournalLocked,
    JournalUnusable, which WrongEnvironment is, too, and JournalFailed for a disk that is full or a damaged file.
    """
    database, sealer = journal_url(url), Sealer(master_key, randomness)
    with told_by_the_disk(database), ExitStack() as opening:
        opening.enter_context(held_lock(database, node))
        engine = make_engine(database, writes=True, connections=1)
        opening.callback(engine.dispose)
        is_new = prepare_schema(engine, sealer, environment)
        readers = make_engine(database, writes=False, connections=_READERS)
        opening.callback(readers.dispose)
        incarnation, now = randomness(8).hex(), batch_clock(database, clock)
        owner = owner_name(node, incarnation)
        with engine.connect() as connection:
            announced_at = now(connection)
            scoped_by = () if has_bare_scopes(connection) else (environment,)
        announce(engine, node, incarnation, now=announced_at)
        writer = Writer(engine, sealer, owner=owner, head=_recover(engine, sealer, node, owner, now), now=now)
        chunks = chunks_of(database, SEALED_CHUNK_BYTES)

        def documents(journal: Journal) -> DocumentStore:
            threads = ThreadPoolExecutor(THREADS, thread_name_prefix="journal-documents")
            means = Means(writer.submit, journal.read, sealer, chunks, threads, now)
            return DocumentStore(means, lambda: randomness(16).hex())

        return Journal(
            writer,
            readers,
            sealer,
            scoped_by=scoped_by,
            heartbeat=Heartbeat(node, incarnation),
            silence=silence,
            created=place_of(database) if is_new else None,
            documents=documents,
            closing=opening.pop_all(),
        )


def _recover(engine: Engine, sealer: Sealer, node: str, owner: str, now: Callable[[Connection], int]) -> Head:
    with engine.begin() as connection:
        unit = Unit(connection, sealer, now(connection), owner, head_of(connection, node))
        claiming.fall_dead(unit, node=node)
        unit.flush()
        return unit.head
