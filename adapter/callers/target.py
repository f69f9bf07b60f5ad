"""A way to one contract over HTTP: freeze, deliver, find, ask, ping, statement."""

from __future__ import annotations

import asyncio
import ssl
import traceback
from base64 import b64decode
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any

import structlog

from adapter.callers.arriving import Arrival
from adapter.callers.asking import find_by_reference, ledger_of
from adapter.callers.credentials import Opener
from adapter.callers.links import below
from adapter.callers.rows import rows_of, told_rows
from adapter.callers.splicing import Contents, no_contents
from adapter.callers.wire import InCallRetries, Sleep, Timeouts, Wire, WireAnswer, WireFailure
from adapter.channels import Clock, DocumentSink, Fetched, Sight
from adapter.contract.attaching import RELATED
from adapter.contract.codec import Codec, Fault, HttpForm
from adapter.contract.documents import check_documents
from adapter.contract.model import Contract
from adapter.contract.openapi import JSON
from adapter.contract.outcomes import Classify, Observation, Seen, classify, retry_after
from adapter.contract.paths import put, value_at
from adapter.errors import GatewayUnreachable
from adapter.exchange import Effect, LedgerEntry, Outcome, Payload, Verdict
from adapter.mark import Mark
from adapter.refusals import RequestRefused, SchemaViolation, Unreadable
from adapter.strict_json import safe_name

_log = structlog.get_logger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


class HttpTarget:
    """One tenant's way to one contract in one binding, `soap` or `rest`. Nothing here is retried once it may have left.

    `classify` decides what an observation means; the tables' own function unless a test weakens it. `contents` gives
    the documents whose marks stand in what is delivered.
    """

    def __init__(
        self,
        contract: Contract,
        binding: str,
        address: str,
        *,
        credentials: Opener | None = None,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
        retries: InCallRetries = InCallRetries(),  # noqa: B008 - frozen
        classify: Classify = classify,
        clock: Clock = _now,
        contents: Contents = no_contents,
        tls: ssl.SSLContext | None = None,
        connections: int = 16,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.contract = contract
        self._codec: Codec = contract.bindings[binding]
        self._address = address
        self._wire = Wire(address, timeouts, retries, tls=tls, connections=connections, sleep=sleep)
        self._credentials = credentials
        self._classify = classify
        self._contents = contents
        self.clock = clock

    def freeze(self, operation: str, payload: Payload) -> bytes:
        """The bytes that every attempt will send; raises SchemaViolation when the payload breaks the contract."""
        path = self.contract.operations[operation].reference_path
        key = value_at(payload, path) if path else None
        frozen = self._codec.encode_request(operation, payload, key=key if isinstance(key, str) else None)
        check_documents(self.contract.operations[operation], payload, frozen)
        return frozen

    def thaw(self, operation: str, frozen: bytes) -> Payload:
        """What frozen bytes say."""
        return self._codec.thaw(operation, frozen)

    async def deliver(self, operation: str, frozen: bytes, *, reference: str) -> Outcome:
        """One attempt. Never raises for what the network or the other side does: that is the outcome."""
        form = self._codec.form(operation, frozen)
        observation = await self._observe(operation, form, reference=reference)
        return self._classify(self.contract, self.contract.operations[operation], observation)

    async def ask(self, operation: str, content: Payload) -> Outcome:
        """A reading operation, answered; raises SchemaViolation when the question breaks the contract."""
        return await self._asked(operation, self._codec.form(operation, self._codec.encode_request(operation, content)))

    async def follow(self, operation: str, place: str) -> Outcome:
        """A reading operation, answered by a further page of it at a place below the address."""
        return await self._asked(operation, HttpForm("GET", place, None, {"Accept": JSON}, b""))

    def place_of(self, link: str) -> str:
        """Where a link leads below the address; raises GatewayUnreachable for one that leads elsewhere."""
        return below(self._address, link)

    async def fetch(self, number: str, sink: DocumentSink) -> Fetched:
        """Ask for a document by its number, as the contract says; its content is in the sink, and not in memory.

        Raises TooLarge, and whatever the sink refuses.
        """
        said = self.contract.documents
        if said is None:
            raise GatewayUnreachable(f"{self.contract.title} has no way to ask for a document")
        operation = self.contract.operations[said.operation]
        question: Payload = {}
        put(question, said.asks, number)
        form = self._codec.form(operation.name, self._codec.encode_request(operation.name, question))
        form = replace(form, headers={**form.headers, "Accept": f"{form.headers['Accept']}, {RELATED}, */*;q=0.5"})
        messages = self._codec.answer_media_types
        arrival = Arrival(sink, operation.most_document_bytes, messages, is_bare=said.answer is None)
        observation, mark = await self._arrived(operation.name, form, arrival)
        outcome = self._classify(self.contract, operation, observation)
        if outcome.verdict is Verdict.DONE and mark is None and outcome.answer is not None and said.answer:
            content = value_at(outcome.answer, said.answer)
            mark = await _inline(content, sink) if content else None
        return Fetched(outcome, mark)

    async def _arrived(self, operation: str, form: HttpForm, arrival: Arrival) -> tuple[Observation, Mark | None]:
        """What was seen of the answer, and the mark of a document that came beside the message or alone."""
        content: Payload | Fault = {}
        try:
            seen = await self._call(form, {}, taker=arrival)
            if isinstance(seen, WireFailure):
                return Observation(seen.seen, detail=seen.detail), None
            if not arrival.has_begun or arrival.media_type is None:
                return self._read(operation, seen), None
            mark = await arrival.end()
            if arrival.package is not None:
                content = self._codec.decode_parts(operation, arrival.media_type, arrival.package, status=seen.status)
        except (Unreadable, SchemaViolation) as error:
            return Observation(Seen.UNREADABLE, detail=error.detail), None
        return Observation(Seen.ANSWERED, seen.status, content), mark

    async def find(self, operation: str, reference: str, frozen: bytes | None) -> Sight:
        """Ask for the effect of an earlier attempt by our reference, through the contract's query operation."""
        return await find_by_reference(self, operation, reference, frozen)

    async def ping(self) -> bool:
        """Whether the other side answers at all: its health operation, else any answer of its address."""
        if self.contract.health is None:
            form = HttpForm("GET", "/", None, {}, b"")
            return isinstance(await self._wire.call(form, {}), WireAnswer)
        return (await self.ask(self.contract.health, {})).verdict is Verdict.DONE

    def statement(self, since: datetime, until: datetime) -> AsyncIterator[LedgerEntry]:
        """The other side's ledger for a period; raises GatewayUnreachable when a page cannot be read."""
        return ledger_of(self, since, until)

    async def aclose(self) -> None:
        """Afterwards no connection is open."""
        await self._wire.aclose()
        if self._credentials is not None:
            await self._credentials.aclose()

    async def _asked(self, operation: str, form: HttpForm) -> Outcome:
        observation = await self._observe(operation, form, reference=None)
        outcome = self._classify(self.contract, self.contract.operations[operation], observation)
        return outcome if observation.link is None else replace(outcome, link=observation.link)

    async def _observe(self, operation: str, form: HttpForm, *, reference: str | None) -> Observation:
        headers = {}
        if reference is not None and self.contract.operations[operation].effect is not Effect.READ:
            headers["Idempotency-Key"] = reference
        seen = None
        try:
            seen = await self._call(form, headers, contents=partial(self._contents, reference or operation))
            if isinstance(seen, WireFailure):
                return Observation(seen.seen, detail=seen.detail)
            return self._read(operation, seen)
        except Exception as error:  # noqa: BLE001 - bytes may have left: what nobody foresaw is in doubt, not raised
            # The error's own text may repeat content: its class and place are told without it.
            name, place = type(error).__name__, traceback.extract_tb(error.__traceback__)[-1]
            where = f"{place.filename}:{place.lineno}"
            _log.error("answer_failed", contract=self.contract.title, operation=operation, error=name, place=where)
            if isinstance(seen, WireAnswer):
                return Observation(Seen.UNREADABLE, seen.status, detail=name)
            return Observation(Seen.LOST, detail=name)

    async def _call(self, form: HttpForm, headers: Mapping[str, str], **documents: Any) -> WireAnswer | WireFailure:
        """Sent by whom the other side lets in; a 401 had no effect, so it is sent once more if that can be mended.

        `documents` are what the wire takes and gives of them.
        """
        if self._credentials is None:
            return await self._wire.call(form, headers, **documents)
        for may_renew in (True, False):
            opening = await self._credentials.headers()
            if isinstance(opening, WireFailure):
                return opening
            seen = await self._wire.call(form, {**headers, **opening}, **documents)
            is_shut = isinstance(seen, WireAnswer) and seen.status == HTTPStatus.UNAUTHORIZED
            if not (may_renew and is_shut and self._credentials.refused(opening)):
                break
        return seen

    def _read(self, operation: str, answer: WireAnswer) -> Observation:
        """What a whole answer holds; one that fails without readable content is known by its status alone."""
        is_success = answer.status // 100 == _SUCCESS
        detail = None
        content: Payload | Fault | None = None
        if answer.media_type not in self._codec.answer_media_types:
            detail = f"media type {safe_name(answer.media_type.replace('/', '.'))}"
        else:
            try:
                content = self._decoded(operation, answer)
            except RequestRefused as error:
                detail = error.detail
        wait = retry_after(answer.retry_after, self.clock())
        if is_success and content is None:
            return Observation(Seen.UNREADABLE, answer.status, detail=detail, retry_after=wait)
        return Observation(Seen.ANSWERED, answer.status, content, retry_after=wait, link=answer.link)

    def _decoded(self, operation: str, answer: WireAnswer) -> Payload | Fault:
        """What a body says; where many rows are told, one that breaks the contract stops no other."""
        try:
            return self._codec.decode_answer(
                operation, answer.body, status=answer.status, content_type=answer.content_type
            )
        except SchemaViolation:
            rows = rows_of(self.contract, operation)
            if rows is None:
                raise
            whole, found = self._codec.sift_answer(
                operation, answer.body, rows=rows, status=answer.status, content_type=answer.content_type
            )
            put(whole, rows, told_rows(self.contract, operation, found))
            return whole


async def _inline(encoded: Any, sink: DocumentSink) -> Mark:
    """The document that stood in the message as Base64 is in the sink."""
    for start in range(0, len(encoded), _BASE64_BLOCK):
        await sink.write(b64decode(encoded[start : start + _BASE64_BLOCK]))
    return await sink.end()


_BASE64_BLOCK = 4 * 65_536
_SUCCESS = 2
