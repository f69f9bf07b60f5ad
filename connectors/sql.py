"""Internal systems whose only door is a database: a contract, a URL and a password are all that differs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Executable

from adapter.callers import Credentials, Timeouts
from adapter.callers.asking import find_by_reference, ledger_of
from adapter.channels import Clock, DocumentSink, Fetched, Sight
from adapter.contract.codec import Codec
from adapter.contract.documents import freeze_record
from adapter.contract.instants import read_instant
from adapter.contract.model import ChangesContract, Contract, StatementContract
from adapter.contract.outcomes import Classify, Observation, Seen, classify
from adapter.contract.records import Column
from adapter.contract.sifting import marked
from adapter.contract.statements import Statement, Statements
from adapter.errors import FaultySettings, GatewayUnreachable
from adapter.exchange import LedgerEntry, Outcome, Payload, Verdict
from adapter.refusals import SchemaViolation, Violation
from connectors import sql_clauses as clauses
from connectors.database import Database, Failure, Rows, Step, open_database
from connectors.polled import PolledSystem
from connectors.sql_drivers import ORACLE, POSTGRESQL, SQLITE, Session
from connectors.sql_errors import Meaning
from connectors.sql_names import lacking_names
from connectors.sql_values import Values
from connectors.windows import Mark, Window

BINDING = "sql"

_log = structlog.get_logger(__name__)
_ANSWERED = 200


def connect(
    contract: Contract,
    address: str,
    *,
    clock: Clock,
    credentials: Credentials | None = None,
    timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
    classify: Classify = classify,
    connections: int = 16,
    **_: Any,
) -> PolledSystem:
    """A system behind this database URL, whose password the credentials hold; nothing is connected yet.

    Raises FaultySettings when the contract has no SQL binding, or the address is no URL of a known database.
    """
    if contract.statements is None:
        raise FaultySettings([f"{contract.title} has no {BINDING} binding; choose {' or '.join(contract.bindings)}"])
    engine = open_database(
        address,
        credentials.value if credentials else None,
        session=Session(contract.statements.zone, clock(), timeouts.connect, timeouts.first_byte),
        connections=connections,
    )
    database = Database(engine, timeouts.first_byte, connections)
    return PolledSystem(SqlTarget(contract, contract.statements, database, clock, classify))


@dataclass(slots=True, eq=False)
class SqlTarget:
    """One tenant's way to one contract over a database. Nothing here is tried twice."""

    contract: Contract
    statements: Statements
    database: Database
    clock: Clock
    classify: Classify = classify
    _windows: dict[str, Window] = field(default_factory=dict, init=False)
    _values: Values = field(init=False)

    def __post_init__(self) -> None:
        name = self.database.engine.dialect.name
        self._values = Values(
            self.statements.zone,
            has_offsets=name == POSTGRESQL,
            has_booleans=name != ORACLE,
            as_text=name == SQLITE,
        )

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
        """One attempt. Never raises for what the network or the database does: that is the outcome."""
        statement, content = self.statements.of[operation], self.thaw(operation, frozen)
        told = await self.database.run(self._steps(statement, content), keeps=True)
        if not isinstance(told, Failure):
            return self._answered(statement, told)
        if told.meaning is Meaning.CONFLICT:
            return await self._conflict(operation, reference, told)
        return await self._failed(statement, told)

    async def ask(self, operation: str, content: Payload) -> Outcome:
        """A reading operation, answered; raises SchemaViolation when the question breaks the contract."""
        self._codec.encode_request(operation, content)
        statement = self.statements.of[operation]
        if statement.cursor is not None and self.contract.changes is not None:
            return await self._changes(statement, self.contract.changes, content)
        if statement.period is not None and self.contract.statement is not None:
            return await self._ledger(statement, self.contract.statement, content)
        told = await self.database.run(self._steps(statement, content), keeps=statement.call is not None)
        return await self._failed(statement, told) if isinstance(told, Failure) else self._answered(statement, told)

    async def fetch(self, number: str, sink: DocumentSink) -> Fetched:
        """Raises GatewayUnreachable: a database is not asked for documents."""
        del number, sink
        raise GatewayUnreachable(f"{self.contract.title} has no way to ask for a document")

    async def find(self, operation: str, reference: str, frozen: bytes | None) -> Sight:
        """Ask for the effect of an earlier attempt by our reference, through the contract's query operation."""
        return await find_by_reference(self, operation, reference, frozen)

    async def ping(self) -> bool:
        """Whether the database answers."""
        return not isinstance(await self.database.run([(clauses.alive(), {})], keeps=False), Failure)

    def statement(self, since: datetime, until: datetime) -> AsyncIterator[LedgerEntry]:
        """The database's own ledger for a period; raises GatewayUnreachable when a page cannot be read."""
        return ledger_of(self, since, until)

    async def aclose(self) -> None:
        """Afterwards no connection is open."""
        await self.database.aclose()

    def _steps(self, statement: Statement, content: Payload) -> list[tuple[Executable, Mapping[str, Any]]]:
        """What is done in one transaction: written, then read back."""
        given = {one.name: one for one in statement.parameters if content.get(one.name) is not None}
        values = {name: self._values.bound(column, content[name]) for name, column in given.items()}
        write = clauses.written(statement, frozenset(given))
        steps: list[tuple[Executable, Mapping[str, Any]]] = [] if write is None else [(write, values)]
        if statement.view is not None:
            steps.append((clauses.found(statement), {name: values[name] for name in statement.where}))
        return steps

    def _answered(self, statement: Statement, rows: Rows) -> Outcome:
        operation = self.contract.operations[statement.operation]
        records = [self._record(statement, row) for row in rows]
        try:
            for record in records:
                statement.row.check(record)
            answer = _answer(statement, records)
            self._codec.encode_answer(statement.operation, answer)
        except SchemaViolation as error:
            return self.classify(self.contract, operation, Observation(Seen.UNREADABLE, detail=error.detail))
        return self.classify(self.contract, operation, Observation(Seen.ANSWERED, _ANSWERED, answer))

    def _record(self, statement: Statement, row: Sequence[Any]) -> Payload:
        pairs = zip(statement.columns, row, strict=True)
        return {one.name: self._values.told(one, value) for one, value in pairs if value is not None}

    async def _changes(self, statement: Statement, said: ChangesContract, content: Payload) -> Outcome:
        """A page of what was not told before. A view that has nothing where a look back had something is read anew."""
        window = self._windows.setdefault(statement.operation, Window(statement))
        place = window.begin(content.get(said.cursor))
        most, last = content[said.count], place.mark
        while True:
            told = await self.database.run([(self._behind(statement, last, most), {})], keeps=False)
            if isinstance(told, Failure):
                return await self._failed(statement, told)
            if not told and place.is_set_back and last == place.mark:
                _log.warning("cursor_reset", system=self.contract.title, view=statement.view)
                last, place = None, type(place)(None, place.tag)
                continue
            records = {_mark(statement, record): record for record in (self._record(statement, row) for row in told)}
            last = next(reversed(records), last)
            fresh = window.fresh(list(records))
            if fresh or len(told) < most:
                break
        new = [mark for mark in records if mark in fresh]
        rows = [self._change(statement, said, records[mark]) for mark in new]
        cursor = window.end(place, last, new, is_end=len(told) < most)
        answer = {said.items: [row for row in rows if row is not None], said.next_cursor: cursor}
        return Outcome(Verdict.DONE, answer=answer)

    def _behind(self, statement: Statement, mark: Mark | None, most: int) -> Executable:
        if mark is None or statement.cursor is None:
            return clauses.behind(statement, None, most=most)
        return clauses.behind(statement, (self._values.bound(statement.cursor, mark[0]), mark[1]), most=most)

    def _change(self, statement: Statement, said: ChangesContract, record: Payload) -> Payload | None:
        """The row as it is; one that breaks the contract under a kind that no table has, if it can be told at all."""
        if not (wrong := statement.row.violations(record)):
            return record
        self._tell(statement, wrong, row=record.get(said.event))
        return marked(said, record, f"{statement.view}: {'; '.join(map(str, wrong))}")

    async def _ledger(self, statement: Statement, said: StatementContract, content: Payload) -> Outcome:
        since, until = (self._values.instant(_instant(content[one])) for one in (said.since, said.until))
        page = content[said.page]
        told = await self.database.run([(clauses.within(statement, since, until, page=page), {})], keeps=False)
        if isinstance(told, Failure):
            return await self._failed(statement, told)
        records = [self._record(statement, row) for row in told[: statement.page_size]]
        readable = []
        for record in records:
            if wrong := statement.row.violations(record):
                self._tell(statement, wrong, row=record.get(said.reference))
            else:
                readable.append(record)
        pages = page + (len(told) > statement.page_size)
        return Outcome(Verdict.DONE, answer={said.items: readable, said.pages: pages})

    def _tell(self, statement: Statement, wrong: Sequence[Violation], *, row: Any) -> None:
        """A row that is left out or parked is named, by its key and what is wrong, without its values."""
        places = [str(one) for one in wrong]
        _log.warning("row_unreadable", system=self.contract.title, view=statement.view, row=row, places=places)

    async def _conflict(self, operation: str, reference: str, failure: Failure) -> Outcome:
        """Our reference is there already: asked for and compared later. Any other constraint needs a person."""
        sight = await self.find(operation, reference, None)
        if sight.sighting.value == "not_found":
            left = self.statements.of[operation].call is not None
            told = f"a constraint of the table refuses the row ({failure.detail})"
            return _parked(told, code="constraint", left=left)
        return Outcome(Verdict.IN_DOUBT, code="conflict", reason="they know this reference or see a conflict")

    async def _failed(self, statement: Statement, failure: Failure) -> Outcome:
        operation = self.contract.operations[statement.operation]
        if failure.step is Step.CONNECTING:
            return self.classify(self.contract, operation, Observation(Seen.UNSENT, detail=failure.detail))
        if failure.is_rolled_back:
            if lacking := await lacking_names(self.database, statement, self._place(statement)):
                return _parked("; ".join(lacking), code="configuration")
            left = statement.call is not None
            if failure.meaning is Meaning.NAMES:
                told = f"{self._place(statement)}: the database does not take the statement ({failure.detail})"
                return _parked(told, code="configuration", left=left)
            if failure.meaning is Meaning.CONTENT:
                return _parked(f"the database does not take a value ({failure.detail})", code="content", left=left)
            if not left:
                return Outcome(Verdict.RETRY, "busy", f"nothing was kept ({failure.detail})", left=False)
        return self.classify(self.contract, operation, Observation(Seen.LOST, detail=failure.detail))

    def _place(self, statement: Statement) -> str:
        return f"contracts/{self.contract.title}/{Path(self.statements.place).name}: {statement.operation}"


def _parked(reason: str, *, code: str, left: bool = False) -> Outcome:
    """A person mends what is wrong, then it is replayed; what was only inserted was rolled back for certain."""
    return Outcome(Verdict.PARKED, code=code, reason=reason, left=left)


def _answer(statement: Statement, records: list[Payload]) -> Payload:
    if statement.rows is not None:
        return {statement.rows: records}
    first = records[0] if records else {}
    return first if statement.found is None else {statement.found: bool(records), **first}


def _mark(statement: Statement, record: Payload) -> Mark:
    return record.get(_name(statement.cursor)), record.get(_name(statement.key))


def _name(column: Column | None) -> str:
    return column.name if column else ""


def _instant(text: str) -> datetime:
    instant = read_instant(text)
    if instant is None:
        raise SchemaViolation([Violation("(period)", "an instant", "another text")])
    return instant
