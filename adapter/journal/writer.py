"""The one writer: a thread that turns many steps into one commit (group commit).

Each step is a handler with an argument. All steps waiting at the same moment share a transaction; a handler sees
all of its arguments at once and answers each with a result or an error. When a batch fails as a whole, its steps
are taken again one by one, so that only the guilty one fails.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from adapter.errors import JournalFailed, PanjerehError
from adapter.journal.prepared import Statements
from adapter.journal.sealing import Sealer
from adapter.journal.unit import Head, Unit

A = TypeVar("A")
R = TypeVar("R")
Handler: TypeAlias = Callable[[Unit, Sequence[A]], Sequence[R | Exception]]
_BATCH = 256
_TRIES = 3
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Step:
    handler: Handler[Any, Any]
    argument: Any
    future: asyncio.Future[Any]
    answer: Any = None


class Writer:
    """Owns the only writing connection of this node, and the head of its audit chain."""

    def __init__(
        self,
        engine: Engine,
        sealer: Sealer,
        *,
        owner: str,
        head: Head,
        now: Callable[[Connection], int],
    ) -> None:
        self._engine, self._sealer, self._owner, self._head, self._now = engine, sealer, owner, head, now
        self.orphaned: Callable[[Any], None] = _let_go
        self._steps: queue.SimpleQueue[_Step | None] = queue.SimpleQueue()
        self._gathered: dict[asyncio.AbstractEventLoop, list[_Step]] = {}
        self._statements = Statements()
        self._failure: Exception | None = None
        self._is_closed = False
        self._thread = threading.Thread(target=self._work, args=[engine.connect()], name="journal-writer", daemon=True)
        self.commits = 0
        self._thread.start()

    @property
    def backlog(self) -> int:
        """Steps that wait for a commit."""
        return self._steps.qsize() + sum(map(len, self._gathered.values()))

    @property
    def failure(self) -> Exception | None:
        """Why the writer stopped; None while it works."""
        return self._failure

    async def submit(self, handler: Handler[A, R], argument: A) -> R:
        """The handler's result, after its commit; raises the handler's error, or JournalFailed when nothing holds.

        The commit happens even when the caller is cancelled meanwhile; then `orphaned` is given the result.
        """
        if self._failure is not None:
            raise JournalFailed(str(self._failure)) from self._failure
        if self._is_closed:
            raise JournalFailed("the journal is closed")
        loop = asyncio.get_running_loop()
        step = _Step(handler, argument, loop.create_future())
        if not self._gathered.setdefault(loop, []):
            loop.call_soon(self._hand_over, loop)
        self._gathered[loop].append(step)
        try:
            result: R = await step.future
        except asyncio.CancelledError:
            self._take_back(step)
            raise
        return result

    def _take_back(self, step: _Step) -> None:
        """A caller may be cancelled when it has its answer already, and never see it: that is an orphan, too."""
        answered = step.future
        if answered.done() and not answered.cancelled() and answered.exception() is None:
            self.orphaned(step.answer)

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wake the thread once for all that a turn of the loop has brought; woken for each it would commit each."""
        for step in self._gathered.pop(loop, ()):
            self._steps.put(step)

    def close(self) -> None:
        """Finish what waits and stop."""
        self._is_closed = True
        for loop in list(self._gathered):
            self._hand_over(loop)
        self._steps.put(None)
        self._thread.join()

    def _work(self, connection: Connection) -> None:
        with connection:
            while (batch := self._next_batch()) is not None:
                self._commit_batch(connection, batch)
                self._answer(batch)

    def _next_batch(self) -> list[_Step] | None:
        """What waits, at most a batch of it; None once closed."""
        batch: list[_Step] = []
        step = self._steps.get()
        while step is not None:
            batch.append(step)
            if len(batch) >= _BATCH or self._steps.empty():
                return batch
            step = self._steps.get()
        self._steps.put(None)
        return batch or None

    def _commit_batch(self, connection: Connection, batch: list[_Step]) -> None:
        try:
            if self._failure is None and self._commit(connection, batch) and _may_hold_alone(batch):
                for step in batch:
                    self._commit_alone(connection, step)
        except Exception as error:  # noqa: BLE001 - the edge of the thread: who waits for one that died waits for ever
            _log.exception("journal_writer_failed", steps=len(batch))
            self._failure = error
        if self._failure is not None:
            for step in batch:
                step.answer = JournalFailed(str(self._failure))

    def _commit_alone(self, connection: Connection, step: _Step) -> None:
        """Commit one step, a few times while the database says no: other nodes' commits may be in its way."""
        for _ in range(_TRIES):
            if self._failure is not None or not self._commit(connection, [step]):
                return
            if not isinstance(step.answer, DBAPIError):
                return

    def _commit(self, connection: Connection, batch: list[_Step]) -> bool:
        """Commit the batch; True when it was rolled back and its steps carry the error."""
        try:
            unit = Unit(connection, self._sealer, self._now(connection), self._owner, self._head, self._statements)
            for handler, steps in _by_handler(batch).items():
                for step, answer in zip(steps, handler(unit, [step.argument for step in steps]), strict=True):
                    step.answer = answer
            unit.flush()
        except Exception as error:  # noqa: BLE001 - the edge of the writer thread: one bad step must not end it
            connection.rollback()
            if not isinstance(error, PanjerehError | DBAPIError):
                _log.exception("journal_step_failed", steps=len(batch))
            _fail(batch, error)
            return True
        try:
            connection.commit()
        except DBAPIError as error:
            self._failure = error
            return True
        self._head = unit.head
        self.commits += 1
        return False

    def _answer(self, batch: list[_Step]) -> None:
        for loop in {step.future.get_loop() for step in batch}:
            its = [step for step in batch if step.future.get_loop() is loop]
            with suppress(RuntimeError):  # the loop is closed: nobody waits there any more
                loop.call_soon_threadsafe(self._resolve, its)

    def _resolve(self, batch: list[_Step]) -> None:
        """In the callers' loop: give each its answer; the answer of one who is gone is an orphan."""
        for step in batch:
            if isinstance(step.answer, Exception):
                if not step.future.done():
                    step.future.set_exception(step.answer)
            elif step.future.done():
                self.orphaned(step.answer)
            else:
                step.future.set_result(step.answer)


def _let_go(_kept: object) -> None:
    """Nobody asked for results whose caller is gone."""


def _by_handler(batch: list[_Step]) -> dict[Handler[Any, Any], list[_Step]]:
    groups: dict[Handler[Any, Any], list[_Step]] = {}
    for step in batch:
        groups.setdefault(step.handler, []).append(step)
    return groups


def _may_hold_alone(batch: list[_Step]) -> bool:
    """Whether another try may succeed: without the guilty step, or after another node's commit was in the way."""
    return len(batch) > 1 or isinstance(batch[0].answer, DBAPIError)


def _fail(batch: list[_Step], error: Exception) -> None:
    for step in batch:
        step.answer = error
