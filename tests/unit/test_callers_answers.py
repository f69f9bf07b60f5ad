"""What our callers make of whole answers, of effects that are asked for, and of statements."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
import respx
from structlog.testing import capture_logs

from adapter.channels import Sighting
from adapter.contract.instants import read_instant
from adapter.contract.outcomes import Seen
from adapter.errors import GatewayUnreachable
from adapter.exchange import State, Verdict
from tests.support.calling import (
    NOW,
    RECEIPT,
    REFERENCE,
    REVENUE,
    STATUS,
    WINDOW,
    answering,
    delivered,
    http,
    reading,
    refused_address,
    server,
    target,
)

FAULT = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Server.Busy'
    b"</faultcode><faultstring>x</faultstring></s:Fault></s:Body></s:Envelope>"
)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (http(json.dumps(RECEIPT).encode()), Verdict.DONE),
        (http(json.dumps(RECEIPT).encode(), extra="Content-Encoding: gzip\r\n"), Verdict.IN_DOUBT),
        (http(b"<html>Welcome</html>", media_type="text/html"), Verdict.IN_DOUBT),
        (http(json.dumps(RECEIPT).encode(), media_type="text/plain"), Verdict.IN_DOUBT),
        (http(b""), Verdict.IN_DOUBT),
        (http(b"{"), Verdict.IN_DOUBT),
        (http(b'{"result_code": "200"}'), Verdict.IN_DOUBT),
        (http(b"", status="204 No Content"), Verdict.IN_DOUBT),
        (http(json.dumps(RECEIPT).encode() + b" " * 17_000_000), Verdict.IN_DOUBT),
        (http(b"<html>Bad gateway</html>", status="502 Bad Gateway", media_type="text/html"), Verdict.IN_DOUBT),
        (http(b"<html>Busy</html>", status="503 Busy", media_type="text/html"), Verdict.RETRY),
        (http(b"", status="401 Unauthorized"), Verdict.RETRY),
        (http(b"", status="302 Found", extra="Location: http://127.0.0.1:1/\r\n"), Verdict.PARKED),
        (http(b'{"code": "Busy"}', status="503 Busy", media_type="application/problem+json"), Verdict.RETRY),
    ],
)
async def test_each_whole_answer_has_its_verdict(answer: bytes, verdict: Verdict) -> None:
    async with server(answering(answer)) as address:
        assert (await delivered(address)).verdict is verdict


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (http(WINDOW.bindings["soap"].encode_answer("PushStatus", RECEIPT), media_type="text/xml"), Verdict.DONE),
        (http(FAULT, status="500 Fault", media_type="text/xml; charset=utf-8"), Verdict.RETRY),
        (http(FAULT, media_type="text/xml"), Verdict.RETRY),
        (http(FAULT.replace(b"Server.Busy", b"Client"), status="500 Fault", media_type="text/xml"), Verdict.PARKED),
        (http(b"<html>Bad gateway</html>", status="502 Bad Gateway", media_type="text/html"), Verdict.IN_DOUBT),
        (http(b"<html/>", media_type="text/xml"), Verdict.IN_DOUBT),
        (http(b""), Verdict.IN_DOUBT),
    ],
)
async def test_each_whole_soap_answer_has_its_verdict(answer: bytes, verdict: Verdict) -> None:
    async with server(answering(answer)) as address:
        assert (await delivered(address, "soap")).verdict is verdict


async def test_retry_after_is_honoured() -> None:
    answer = http(b"", status="503 Busy", extra="Retry-After: 7\r\n")
    async with server(answering(answer)) as address:
        assert (await delivered(address)).retry_after == timedelta(seconds=7)


async def test_a_retry_after_that_no_calendar_has_is_not_believed() -> None:
    header = "Retry-After: Mon, 01 Jan 2020 00:00:00 +99999999999999999999\r\n"
    async with server(answering(http(json.dumps(RECEIPT).encode(), extra=header))) as address:
        assert (await delivered(address)).verdict is Verdict.DONE


async def test_an_answer_on_which_reading_fails_as_nobody_foresaw_is_in_doubt_and_logged() -> None:
    contract = reading(lambda: int("0012345679 of theirs"))
    with capture_logs() as logs:
        async with server(answering(http(json.dumps(RECEIPT).encode()))) as address:
            outcome = await delivered(address, contract=contract)
    assert (outcome.verdict, outcome.code, outcome.left) == (Verdict.IN_DOUBT, Seen.UNREADABLE, True)
    (line,) = [one for one in logs if one["event"] == "answer_failed"]
    assert (line["contract"], line["operation"], line["error"]) == ("window/1.0", "PushStatus", "ValueError")
    assert "0012345679" not in str(logs)


async def test_a_call_that_ends_as_nobody_foresaw_is_in_doubt_and_logged() -> None:
    with respx.mock, capture_logs() as logs:
        respx.post("http://gateway.invalid/v1/statuses").mock(side_effect=KeyError("0012345679"))
        outcome = await delivered("http://gateway.invalid")
    assert (outcome.verdict, outcome.code, outcome.left) == (Verdict.IN_DOUBT, Seen.LOST, True)
    assert [one["event"] for one in logs] == ["answer_failed"]


# Asking


async def test_an_effect_is_found_by_our_reference_and_compared() -> None:
    told = {name: STATUS[name] for name in ("reference", "tracking_code", "event_id", "status_code")}
    found = {**told, "found": True, "operation": "PushStatus"}
    sights = []
    with respx.mock:
        route = respx.get(f"http://gateway.invalid/v1/exchanges/{REFERENCE}")
        for answer in (
            httpx.Response(200, json=found),
            httpx.Response(200, json={"reference": REFERENCE, "found": False}),
            httpx.Response(200, json={**found, "tracking_code": "1111111111"}),
            httpx.Response(503),
            httpx.Response(404, json={"code": "UnknownOperation"}),
        ):
            route.mock(return_value=answer)
            way = target("http://gateway.invalid")
            sights.append((await way.find("PushStatus", REFERENCE, way.freeze("PushStatus", STATUS))).sighting)
            await way.aclose()
    assert sights == [
        Sighting.FOUND,
        Sighting.NOT_FOUND,
        Sighting.DIFFERENT,
        Sighting.UNCLEAR,
        Sighting.UNCLEAR,
    ]


async def test_an_operation_without_a_query_stays_unclear() -> None:
    assert (await target("http://127.0.0.1:1").find("SubmitRequest", REFERENCE, None)).sighting is Sighting.UNCLEAR


ENTRY = {"operation": "PushStatus", "tracking_code": "4052718396", "state": "taken"}


async def test_a_statement_is_read_to_its_last_page() -> None:
    entry = {**ENTRY, "received_at": "2026-11-21T08:00:00Z"}

    def page(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params["page"])
        reference = f"4f6a4b8e-7a10-5c57-9d0a-00000000000{number}"
        return httpx.Response(200, json={"page": number, "pages": 3, "entries": [{**entry, "reference": reference}]})

    with respx.mock:
        respx.get("http://gateway.invalid/v1/statement").mock(side_effect=page)
        way = target("http://gateway.invalid")
        entries = [one async for one in way.statement(NOW - timedelta(days=1), NOW)]
        await way.aclose()
    assert [one.reference[-1] for one in entries] == ["1", "2", "3"]
    assert entries[0].at == NOW
    assert entries[0].operation == "PushStatus"


async def test_a_statement_with_an_unreadable_page_is_not_taken_for_a_short_one() -> None:
    with respx.mock:
        respx.get("http://gateway.invalid/v1/statement").mock(return_value=httpx.Response(502))
        way = target("http://gateway.invalid")
        with pytest.raises(GatewayUnreachable):
            _ = [one async for one in way.statement(NOW, NOW)]
        await way.aclose()


def statement_page(
    number: int, pages: int, *references: str, at: str = "2026-11-21T08:00:00Z", **told: Any
) -> httpx.Response:
    entries = [{**ENTRY, "received_at": at, **told, "reference": reference} for reference in references]
    return httpx.Response(200, json={"page": number, "pages": pages, "entries": entries})


async def test_a_statement_that_promises_ever_more_pages_ends_with_an_empty_one() -> None:
    pages = [statement_page(1, 2, REFERENCE), statement_page(2, 3), statement_page(3, 4)]
    with respx.mock, capture_logs() as logs:
        route = respx.get("http://gateway.invalid/v1/statement").mock(side_effect=pages)
        way = target("http://gateway.invalid")
        entries = [one async for one in way.statement(NOW, NOW)]
        await way.aclose()
    assert (len(entries), route.call_count) == (1, 2)
    assert [one["event"] for one in logs] == ["statement_ended_early"]


async def test_a_statement_of_more_pages_than_anyone_has_is_refused() -> None:
    page = statement_page(1, 100_001, REFERENCE)
    with respx.mock:
        respx.get("http://gateway.invalid/v1/statement").mock(return_value=page)
        way = target("http://gateway.invalid", contract=reading(page.json))
        with pytest.raises(GatewayUnreachable, match="100000 pages"):
            _ = [one async for one in way.statement(NOW, NOW)]
        await way.aclose()


async def test_an_entry_whose_instant_no_calendar_has_is_told_without_one() -> None:
    with respx.mock:
        page = statement_page(1, 1, REFERENCE, at="0000-01-01T00:00:00Z")
        respx.get("http://gateway.invalid/v1/statement").mock(return_value=page)
        way = target("http://gateway.invalid")
        (entry,) = [one async for one in way.statement(NOW, NOW)]
        await way.aclose()
    assert (entry.reference, entry.at) == (REFERENCE, None)


@pytest.mark.parametrize(
    ("text", "spelt"),
    [
        ("2026-11-21T08:00:00Z", "2026-11-21T08:00:00+00:00"),
        ("2026-11-21t08:00:00z", "2026-11-21T08:00:00+00:00"),
        ("2026-11-21T11:30:00.25+03:30", "2026-11-21T11:30:00.250000+03:30"),
        ("2026-11-21T24:00:00Z", "2026-11-22T00:00:00+00:00"),
        ("2026-12-31T24:00:00.000+03:30", "2027-01-01T00:00:00+03:30"),
        ("2026-12-31T23:59:60Z", "2026-12-31T23:59:59.999999+00:00"),
        ("2027-01-01T03:29:60.5+03:30", "2027-01-01T03:29:59.999999+03:30"),
        ("2026-11-21T12:60:00Z", None),
        ("2026-11-21T24:00:01Z", None),
        ("2026-02-30T08:00:00Z", None),
        ("0000-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+03:30", None),
        ("9999-12-31T24:00:00Z", None),
        ("9999-12-31T23:59:59-03:30", None),
        ("2026-11-21T08:00:00+99:99", None),
        ("2026-11-21T08:00:00", None),
        ("soon", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_an_instant_is_read_wherever_a_calendar_has_it(text: object, spelt: str | None) -> None:
    found = read_instant(text)
    assert (found.isoformat() if found else None) == spelt


async def test_a_ping_asks_the_health_operation_or_takes_any_answer_where_there_is_none() -> None:
    with respx.mock:
        respx.get("http://revenue.invalid/v1/ping").mock(return_value=httpx.Response(200, json={"code": "OK"}))
        respx.get("http://gateway.invalid/").mock(return_value=httpx.Response(404))
        assert await target("http://revenue.invalid", contract=REVENUE).ping()
        assert await target("http://gateway.invalid").ping()
    assert not await target(await refused_address()).ping()


@pytest.mark.parametrize(
    ("word", "state"),
    [("taken", State.DONE), ("refused", State.REFUSED), ("cancelled", State.WITHDRAWN), ("reversed", None)],
)
async def test_an_entry_says_by_the_contracts_table_what_became_of_it(word: str, state: State | None) -> None:
    page = statement_page(1, 1, REFERENCE, state=word, amount_rial=190312000)
    with respx.mock:
        respx.get("http://gateway.invalid/v1/statement").mock(return_value=page)
        way = target("http://gateway.invalid")
        (entry,) = [one async for one in way.statement(NOW, NOW)]
        await way.aclose()
    assert (entry.state, entry.word, entry.amount_rial) == (state, word, 190312000)
