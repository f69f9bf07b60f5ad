"""Large documents at the door: into the store while they come, however they come; nothing is left of a refusal."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from adapter.contract.packing import Way
from adapter.doors import LargeDocuments, Limits
from adapter.doors.arriving import INLINE_BYTES, bringing_for
from adapter.doors.reading import take_body
from adapter.exchange import Operation
from adapter.journal import Journal
from adapter.mark import Mark, mark_of
from adapter.refusals import CaseClosed, TooBusy, UnknownCase, Unreadable
from tests.integration.documents_making import chunks, fetched, rows
from tests.integration.journal_making import Opening
from tests.integration.test_door_attachments import RECORD, TYPE, codec
from tests.support.door_side import CALLER, IDEMPOTENCY_KEY, KEY, served
from tests.support.keeping import Keeping

CONTENT = secrets.token_bytes(INLINE_BYTES * 5)
MARK = Mark(hashlib.sha256(CONTENT).digest(), len(CONTENT))
SOAP = "/window/v1/soap"
REST = "/window/v1/requests/4052718396/documents"


@pytest.fixture
def journal(sqlite_journals: Opening) -> Journal:
    return sqlite_journals()


@pytest.fixture
def office(journal: Journal) -> Keeping:
    return Keeping(journal=journal)


LIMITS = Limits()


@pytest.fixture
async def opened_door(office: Keeping, journal: Journal) -> AsyncIterator[Callable[..., Any]]:
    async with AsyncExitStack() as closing:

        async def open_door(limits: Limits = LIMITS) -> httpx.AsyncClient:
            large = LargeDocuments(journal.documents, office.most_for)
            address = await closing.enter_async_context(served(office, limits, large=large))
            headers = {"X-Api-Key": KEY, "Idempotency-Key": IDEMPOTENCY_KEY}
            return await closing.enter_async_context(httpx.AsyncClient(base_url=address, headers=headers))

        yield open_door


@pytest.fixture
async def door(opened_door: Callable[..., Any]) -> httpx.AsyncClient:
    client: httpx.AsyncClient = await opened_door()
    return client


def package(way: Way, version: str, content: bytes = CONTENT) -> tuple[dict[str, str], bytes]:
    """Headers and body of a document beside its SOAP message."""
    spoken = codec(way, version)
    record = {**RECORD, "content": base64.b64encode(b"PLACEHOLDER").decode()}
    form = spoken.form("AttachDocument", spoken.encode_request("AttachDocument", record))
    return {**form.headers, "Content-Type": str(form.media_type)}, form.body.replace(b"PLACEHOLDER", content)


def form_of(content: bytes, *, file_first: bool = False) -> list[tuple[str, Any]]:
    fields = {name: value for name, value in RECORD.items() if name not in {"tracking_code", "content"}}
    message = ("message", (None, json.dumps(fields).encode(), "application/json"))
    file = ("content", ("../../../etc/سند.pdf", content, "application/pdf"))
    return [file, message] if file_first else [message, file]


async def posted(door: httpx.AsyncClient, how: str, content: bytes = CONTENT) -> httpx.Response:
    if how.startswith("form"):
        return await door.post(REST, files=form_of(content, file_first=how.endswith("file first")))
    way, _, version = how.partition(" ")
    headers, body = package(Way(way), version, content)
    return await door.post(SOAP, content=body, headers=headers)


@pytest.mark.parametrize("how", ["mtom 1.1", "mtom 1.2", "swa 1.1", "swa 1.2", "form", "form, file first"])
async def test_a_large_document_is_in_the_store_and_its_mark_in_the_record(
    door: httpx.AsyncClient, office: Keeping, journal: Journal, how: str
):
    response = await posted(door, how)

    assert response.status_code in {200, 202}, response.text
    ((caller, operation, record, key),) = office.calls
    assert (operation, key) == (Operation.ATTACH_DOCUMENT, IDEMPOTENCY_KEY)
    assert record == {**RECORD, "content": MARK.text}
    assert await fetched(journal, office.exchange, MARK, caller.tenant) == CONTENT


async def test_a_small_one_stays_in_the_message(door: httpx.AsyncClient, office: Keeping, sqlite_url: str):
    largest = secrets.token_bytes(INLINE_BYTES)

    assert (await posted(door, "mtom 1.2", largest)).status_code == 200

    assert base64.b64decode(office.calls[0][2]["content"]) == largest
    assert (rows(sqlite_url), chunks(sqlite_url)) == (0, 0)


async def test_the_message_may_stand_after_its_document(door: httpx.AsyncClient, office: Keeping, journal: Journal):
    """The document is stored before anybody knows what for."""
    headers, body = package(Way.MTOM, "1.1")
    boundary = body.partition(b"\r\n")[0]
    root, document = body.removesuffix(boundary + b"--\r\n").split(boundary + b"\r\n")[1:]
    turned = boundary + b"\r\n" + document + boundary + b"\r\n" + root + boundary + b"--\r\n"

    assert (await door.post(SOAP, content=turned, headers=headers)).status_code == 200

    caller, _, record, _ = office.calls[0]
    assert mark_of(record["content"]) == MARK
    assert await fetched(journal, office.exchange, MARK, caller.tenant) == CONTENT


async def test_the_same_call_again_leaves_no_second_document(
    door: httpx.AsyncClient, office: Keeping, sqlite_url: str, journal: Journal
):
    """The office of this test refuses the second, as intake answers a repeated key without keeping it."""
    await posted(door, "mtom 1.1")
    office.answer = CaseClosed()

    await posted(door, "mtom 1.1")

    assert (rows(sqlite_url), chunks(sqlite_url)) == (1, 1)


@pytest.mark.parametrize("how", ["mtom 1.1", "form"])
async def test_nothing_is_left_of_what_is_refused(door: httpx.AsyncClient, office: Keeping, sqlite_url: str, how: str):
    office.answer = UnknownCase()

    response = await posted(door, how)

    assert response.status_code in {404, 500}
    assert (rows(sqlite_url), chunks(sqlite_url)) == (0, 0)


@pytest.mark.parametrize("cut", [30, 700_000])
async def test_nothing_is_left_of_what_is_broken(door: httpx.AsyncClient, sqlite_url: str, cut: int):
    headers, body = package(Way.MTOM, "1.1")

    response = await door.post(SOAP, content=body[:-cut], headers=headers)

    assert b"unreadable" in response.content
    assert (rows(sqlite_url), chunks(sqlite_url)) == (0, 0)


async def test_nothing_is_left_of_a_caller_who_leaves(door: httpx.AsyncClient, office: Keeping, sqlite_url: str):
    headers, body = package(Way.MTOM, "1.1", secrets.token_bytes(3_000_000))
    _, writer = await asyncio.open_connection(door.base_url.host, door.base_url.port)
    head = f"POST {SOAP} HTTP/1.1\r\nHost: x\r\nX-Api-Key: {KEY}\r\nContent-Type: {headers['Content-Type']}\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:2_500_000])
    await writer.drain()
    await _until(lambda: chunks(sqlite_url) > 0)

    writer.close()

    await _until(lambda: (rows(sqlite_url), chunks(sqlite_url)) == (0, 0))
    assert office.calls == []


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("how", ["mtom 1.2", "form"])
async def test_what_is_more_than_the_service_takes_is_refused_while_it_comes(
    door: httpx.AsyncClient, office: Keeping, sqlite_url: str, how: str
):
    """A hundred million bytes are announced; of them a few are taken."""
    office.document_bytes = 1_000_000
    body = httpx.Request("POST", "http://x", files=form_of(b"PLACEHOLDER"))
    headers = {"Content-Type": body.headers["Content-Type"]} if how == "form" else {}
    whole = body.read()
    if how != "form":
        headers, whole = package(Way.MTOM, "1.2", b"PLACEHOLDER")
    before, after = whole.split(b"PLACEHOLDER")
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield before
        while sent < 100_000_000:
            sent += 65_536
            yield b"x" * 65_536
        yield after

    try:
        response = await door.post(REST if how == "form" else SOAP, content=endless(), headers=headers)
        assert b"1000000 bytes" in response.content
        assert how != "form" or response.status_code == 413
    except httpx.HTTPError:
        pass  # the server may close before the client has sent all
    assert sent < 20_000_000
    assert office.calls == []
    await _until(lambda: (rows(sqlite_url), chunks(sqlite_url)) == (0, 0))


async def test_a_document_that_nothing_refers_to_is_refused_with_its_message(door: httpx.AsyncClient, sqlite_url: str):
    headers, body = package(Way.MTOM, "1.1")
    boundary = body.partition(b"\r\n")[0]
    more = boundary + b"\r\nContent-ID: <another@x>\r\n\r\n" + CONTENT + b"\r\n"
    response = await door.post(
        SOAP, content=body.removesuffix(boundary + b"--\r\n") + more + boundary + b"--\r\n", headers=headers
    )

    assert b"does not refer to" in response.content
    assert (rows(sqlite_url), chunks(sqlite_url)) == (0, 0)


async def test_a_message_of_its_own_does_not_grow_with_what_documents_may_have(door: httpx.AsyncClient):
    """Inline content is limited as ever: 8 MiB, though the documents beside a message may have 200."""
    spoken = codec(Way.MTOM, "1.1")
    form = spoken.form("AttachDocument", spoken.encode_request("AttachDocument", {**RECORD, "content": "QUJD"}))
    bloated = form.body.replace(b"<title>", b" " * 9_000_000 + b"<title>")

    response = await door.post(SOAP, content=bloated, headers={"Content-Type": str(form.media_type)})

    assert b"too-large" in response.content
    assert b"8388608 bytes" in response.content


async def test_a_large_body_may_take_longer_as_long_as_it_comes(opened_door: Callable[..., Any], office: Keeping):
    """The time for a body is 0.2 s here; one that brings a million bytes a second may take as long as it needs."""
    brisk = Limits(body_time=timedelta(seconds=0.2), least_rate=1_000_000)
    headers, body = package(Way.MTOM, "1.1")

    async def pieces(wait: float) -> AsyncIterator[bytes]:
        for start in range(0, len(body), 131_072):
            yield body[start : start + 131_072]
            await asyncio.sleep(wait)

    door = await opened_door(brisk)
    steady = await door.post(SOAP, content=pieces(0.03), headers=headers)
    assert steady.status_code == 200

    with suppress(httpx.HTTPError):  # the server may close before the client has sent all
        slow = await door.post(SOAP, content=pieces(0.25), headers=headers)
        assert b"did not arrive in time" in slow.content
    assert len(office.calls) == 1


@pytest.mark.parametrize("is_refused", [False, True], ids=["taken", "refused"])
async def test_who_sent_much_at_once_may_not_be_silent_for_long(*, is_refused: bool):
    """By its size the body may take ten minutes here; a silence is waited for 0.05 s."""
    coming = iter([{"type": "http.request", "body": bytes(600_000), "more_body": True}])

    async def receive() -> Any:
        return next(coming, None) or await asyncio.Event().wait()

    async def take(_: bytes) -> None:
        if is_refused:
            raise TooBusy(retry_after=1)

    silent = Request({"type": "http", "headers": []}, receive)
    limits = Limits(body_time=timedelta(seconds=0.05), least_rate=1000)
    with pytest.raises(Unreadable, match="did not arrive in time"):
        await asyncio.wait_for(take_body(silent, take, most=1_000_000, limits=limits), 3)


async def test_a_caller_sends_few_messages_with_documents_at_once(office: Keeping, journal: Journal):
    large = LargeDocuments(journal.documents, office.most_for)
    caller, other = CALLER, replace(CALLER, name="another")

    async with AsyncExitStack() as opened:
        messages = [await opened.enter_async_context(bringing_for(large, caller)) for _ in range(large.at_once)]
        for message in messages * 2:
            message.begin()
        async with bringing_for(large, caller) as one_more, bringing_for(large, other) as of_another:
            with pytest.raises(TooBusy):
                one_more.begin()
            of_another.begin()
    async with bringing_for(large, caller) as later:
        later.begin()


async def test_a_door_asks_for_the_service_once_and_only_for_what_consists_of_parts(
    door: httpx.AsyncClient, office: Keeping
):
    await posted(door, "mtom 1.1")
    assert office.asked == 1

    response = await door.post(SOAP, content=b"", headers={"Content-Type": TYPE["Content-Type"]})

    assert b"unreadable" in response.content
    assert office.asked == 1
