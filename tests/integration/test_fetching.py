"""Documents that an internal system names by number: fetched, sealed, bound to their case, and told with their mark."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapter.callers import HttpTarget
from adapter.channels import Fetched
from adapter.errors import GatewayUnreachable
from adapter.exchange import Exchange, Operation, Outcome, State, Verdict
from adapter.mark import Mark, mark_of
from adapter.refusals import TooLarge
from tests.integration.sandbox_client import Start, assessment, request, revenue, texts, urban
from tests.support.calling import http, read_request, server
from tests.support.documents import HeldSink, mark_of_content
from tests.support.house import TENANT, House, Town, contracts
from tests.support.lives import filed_permit, told_codes
from tests.support.records import ROOT, core_change, core_status

pytest_plugins = ["tests.support.fixtures", "tests.integration.sandbox_fixtures"]

CONTENT = b"%PDF-1.7\n" + bytes(range(256)) * 5_000
MARK = mark_of_content(CONTENT)


# Over the wire: the forms in which an answer may hold a document


async def _permit(sandbox: Any) -> str:
    (number,) = texts((await urban(sandbox, "RegisterRequest", request())).soap(), "CaseNo")
    return f"P-{number}"


async def _clearance(sandbox: Any) -> str:
    nothing_owed = {**assessment(house=100), "kind": "9"}
    answer = (await revenue(sandbox, "/v1/assessments", nothing_owed)).json()
    assert "content" not in answer["document"]
    return str(answer["document"]["document_no"])


SIDES: dict[str, tuple[str, str, Callable[[Any], Awaitable[str]]]] = {
    "mtom": ("urban_core/1.0", "soap", _permit),
    "the bytes themselves": ("revenue/1.0", "rest", _clearance),
}


@pytest.mark.parametrize("side", SIDES)
async def test_a_document_of_any_size_is_asked_for_by_its_number(side: str, start: Start) -> None:
    title, binding, make = SIDES[side]
    sandbox = await start(document_bytes=700_000)
    number = await make(sandbox)
    way = HttpTarget(contracts()[title], binding, sandbox.addresses[title.partition("/")[0]])
    sink = HeldSink()

    fetched = await way.fetch(number, sink)
    missing = await way.fetch(f"{number}9", HeldSink())
    await way.aclose()

    assert fetched == Fetched(fetched.outcome, Mark(hashlib.sha256(sink.content).digest(), 700_000))
    assert fetched.outcome.verdict is Verdict.DONE
    assert sink.content.startswith(b"%PDF-1.4")
    assert sink.largest < 500_000
    assert (missing.outcome.verdict, missing.mark) == (Verdict.PARKED, None)


async def fetched_from(answer: bytes, title: str, *, most: int | None = None) -> tuple[Fetched, HeldSink]:
    """What is fetched from a side that answers so."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        writer.close()

    contract, sink = contracts()[title], HeldSink()
    if most is not None:
        operation = replace(contract.operations["GetDocument"], document_bytes=most)
        contract = replace(contract, operations={**contract.operations, "GetDocument": operation})
    async with server(serve) as address:
        way = HttpTarget(contract, "soap" if "soap" in contract.bindings else "rest", address)
        try:
            return await way.fetch("P-1405-100001", sink), sink
        finally:
            await way.aclose()


async def test_an_answer_of_the_core_without_content_holds_no_document() -> None:
    answer = ROOT / "contracts/urban_core/1.0/examples/valid/GetDocument.answer.the_permit.soap.xml"
    body = re.sub(r"<(\w+:)?Content>[^<]*</(\w+:)?Content>", "", answer.read_text("utf-8")).encode()

    fetched, _ = await fetched_from(http(body, media_type="text/xml"), "urban_core/1.0")

    assert (fetched.outcome.verdict, fetched.mark) == (Verdict.DONE, None)


async def test_a_message_beside_a_document_is_bounded_by_itself() -> None:
    head = b"--b\r\nContent-Type: application/xop+xml\r\n\r\n<x>"
    body = head + b"a" * (2 * 1024 * 1024) + b"</x>\r\n--b--\r\n"
    media_type = 'multipart/related; boundary=b; type="application/xop+xml"'

    with pytest.raises(TooLarge, match="The message beside a document"):
        await fetched_from(http(body, media_type=media_type), "urban_core/1.0")


async def test_a_document_that_stands_in_the_message_is_taken_too() -> None:
    example = ROOT / "contracts/urban_core/1.0/examples/valid/GetDocument.answer.the_permit.soap.xml"

    fetched, sink = await fetched_from(http(example.read_bytes(), media_type="text/xml"), "urban_core/1.0")

    assert (fetched.outcome.verdict, sink.content) == (Verdict.DONE, b"%PDF-1.4\n")
    assert fetched.mark == mark_of_content(b"%PDF-1.4\n")


PAGE = b"<!doctype html><title>being maintained</title>"
HALF = http(CONTENT, media_type="application/octet-stream")[:-1000]
BROKEN = http(
    b"--b\r\nContent-Type: application/xop+xml\r\n\r\n<x/>\r\n--b--\r\n", media_type="multipart/related; boundary=b"
)


@pytest.mark.parametrize(
    ("answer", "title"),
    [
        (http(PAGE, media_type="text/html"), "revenue/1.0"),
        (http(PAGE, media_type="text/html"), "urban_core/1.0"),
        (HALF, "revenue/1.0"),
        (http(b"", "503 Service Unavailable", media_type="text/plain"), "revenue/1.0"),
        (BROKEN, "urban_core/1.0"),
        (http(CONTENT, media_type="application/octet-stream"), "urban_core/1.0"),
    ],
    ids=["a proxy's page by REST", "a proxy's page by SOAP", "half", "busy", "a package without one", "no message"],
)
async def test_what_is_no_document_is_asked_for_again(answer: bytes, title: str) -> None:
    fetched, _ = await fetched_from(answer, title)

    assert (fetched.outcome.verdict, fetched.mark) == (Verdict.RETRY, None)


async def test_a_document_larger_than_the_contract_allows_is_not_read_to_its_end() -> None:
    with pytest.raises(TooLarge, match="700000 bytes"):
        await fetched_from(http(CONTENT, media_type="application/pdf"), "revenue/1.0", most=700_000)


# In the house: before the gateway is told of a document


def permit_change(number: str, sequence: int = 2, **told: Any) -> Any:
    document = {
        "DocumentNo": f"P-{number}",
        "Kind": 204,
        "Title": "پروانهٔ ساختمانی",
        "MediaType": "application/pdf",
        "Sha256": hashlib.sha256(CONTENT).hexdigest(),
        "IssuedAt": "2026-11-21T11:05:27+03:30",
    }
    return core_change(number, sequence, "document", Document={**document, **told})


async def pushed(house: House) -> Exchange:
    return await house.only(Operation.PUSH_DOCUMENT)


async def content_of(house: House, exchange: Exchange) -> bytes:
    pieces = [piece async for piece in house.journal.documents.content(TENANT, exchange.reference, MARK)]
    return b"".join(pieces)


async def test_the_gateway_is_told_of_a_document_once_it_is_in_the_store(house: House) -> None:
    number = await filed_permit(house)
    house.core.documents.append(CONTENT)
    house.core.tell(permit_change(number))

    await house.settle_all()

    exchange = await pushed(house)
    says = house.gateway.sent[-1].says(house.gateway)
    record = json.loads(await house.journal.content(exchange, "record") or b"")
    assert (exchange.state, house.core.fetched) == (State.DONE, [f"P-{number}"])
    assert mark_of(says["content"]) == MARK
    assert record["content"]["Document"]["Content"] == MARK.text
    assert await content_of(house, exchange) == CONTENT


async def test_a_document_that_cannot_be_had_now_holds_up_its_own_case_alone(house: House) -> None:
    number, other = await filed_permit(house), await filed_permit(house, 49)
    house.core.documents.extend([GatewayUnreachable("away"), Outcome(Verdict.RETRY, reason="busy"), CONTENT])
    house.core.tell(permit_change(number), core_status(number, 3, 150), core_status(other, 1, 10))
    await house.take_changes()
    await house.deliver_due()
    assert (told_codes(house), (await pushed(house)).state) == (["010"], State.READY)

    await house.settle_all()

    assert told_codes(house) == ["010", "150"]
    assert len(house.core.fetched) == 3
    assert (await pushed(house)).state is State.DONE


async def test_a_document_that_was_fetched_by_a_life_that_ended_is_fetched_again(town: Town) -> None:
    house = town.open()
    number = await filed_permit(house)
    house.core.documents.extend([CONTENT, CONTENT])
    house.core.tell(permit_change(number))
    await house.take_changes()
    (claim,) = await house._due()
    complete = house.journal.complete

    async def killed(*_: object, **__: object) -> Any:
        raise asyncio.CancelledError

    house.journal.complete = killed  # type: ignore[method-assign] # the process ends between the store and the commit
    with pytest.raises(asyncio.CancelledError):
        await house.delivery.deliver(claim)
    house.journal.complete = complete  # type: ignore[method-assign] # as above

    house = town.open()
    await house.settle_all()

    exchange = await pushed(house)
    assert (exchange.state, exchange.attempts, len(house.core.fetched)) == (State.DONE, 1, 2)
    assert await content_of(house, exchange) == CONTENT


@pytest.mark.parametrize(
    ("given", "told", "code"),
    [
        (CONTENT[:-1] + b"?", {}, "document-differs"),
        (b"<!DOCTYPE html>" + CONTENT, {}, "document-type-differs"),
        (Outcome(Verdict.PARKED, code="E390", reason="there is none"), {}, "document-missing"),
        (Outcome(Verdict.DONE), {}, "document-missing"),
        (TooLarge("A document may have 5 bytes"), {}, "too-large"),
        (b"", {"Content": "PCFET0NUWVBFIGh0bWw+"}, "document-type-differs"),
    ],
    ids=["another digest", "another type", "none there", "an answer without one", "too large", "another type inline"],
)
async def test_a_document_that_cannot_be_taken_parks_with_its_reason(
    given: Any, told: dict[str, Any], code: str, house: House
) -> None:
    number = await filed_permit(house)
    house.core.documents.append(given)
    house.core.tell(permit_change(number, **told))

    await house.settle_all(rounds=3)

    exchange = await pushed(house)
    assert (exchange.state, exchange.code, exchange.attempts) == (State.PARKED, code, 0)
    assert exchange.reason


async def test_a_document_that_is_never_had_parks_when_its_time_has_passed(house: House) -> None:
    number = await filed_permit(house)
    house.core.tell(permit_change(number))
    await house.settle_all(rounds=20, step=timedelta(hours=12))

    exchange = await pushed(house)
    assert (exchange.state, exchange.code) == (State.PARKED, "document-not-fetched")
    assert len(house.core.fetched) > 5
