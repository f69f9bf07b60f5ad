"""The way out over HTTP: what left and what did not, against real sockets and against a mocked wire."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs

from adapter.callers import Credentials, HttpTarget, InCallRetries, Timeouts
from adapter.channels import Sighting
from adapter.contract import load_contract
from adapter.contract.instants import read_instant
from adapter.contract.outcomes import Observation, Pause, Seen
from adapter.errors import FaultySettings, GatewayUnreachable, SchemaViolation
from adapter.exchange import Outcome, State, Verdict
from adapter.wsdl import read_wsdl
from connectors import rest, soap

CONTRACTS = Path(__file__).parents[2] / "contracts"
WINDOW = load_contract(CONTRACTS / "window" / "1.0", read_wsdl)
REVENUE = load_contract(CONTRACTS / "revenue" / "1.0")
CORE = load_contract(CONTRACTS / "urban_core" / "1.0", read_wsdl)
NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
REFERENCE = "4f6a4b8e-7a10-5c57-9d0a-1f2b3c4d5e6f"
QUICK = Timeouts(
    connect=timedelta(seconds=1),
    write=timedelta(seconds=1),
    first_byte=timedelta(seconds=0.2),
    total=timedelta(seconds=2),
)
ONCE = InCallRetries(attempts=1)

STATUS = {
    "reference": REFERENCE,
    "tracking_code": "4052718396",
    "service_id": "13042650101",
    "event_id": "1405-100001-7",
    "sequence": 7,
    "status_code": "110",
    "status_title": "بازدید انجام شد",
    "stage": "in_progress",
    "changed_at": "2026-11-21T11:05:27+03:30",
}
RECEIPT = {"result_code": "200", "result_message": "ok", "received_at": "2026-11-21T08:00:00Z"}
FAULT = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Server.Busy'
    b"</faultcode><faultstring>x</faultstring></s:Fault></s:Body></s:Envelope>"
)

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def target(address: str, binding: str = "rest", contract: Any = WINDOW, **more: Any) -> HttpTarget:
    settings: dict[str, Any] = {"timeouts": QUICK, "retries": ONCE, "clock": lambda: NOW}
    return HttpTarget(contract, binding, address, **{**settings, **more})


async def delivered(address: str, binding: str = "rest", **more: Any) -> Outcome:
    way = target(address, binding, **more)
    try:
        return await way.deliver("PushStatus", way.freeze("PushStatus", STATUS), reference=REFERENCE)
    finally:
        await way.aclose()


# Real sockets: each kind of end, and whether anything had left


@asynccontextmanager
async def server(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    writers: list[asyncio.StreamWriter] = []

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await serve(reader, writer)

    listening = await asyncio.start_server(keep, "127.0.0.1", 0, ssl=tls)
    port = listening.sockets[0].getsockname()[1]
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    finally:
        listening.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (int(one.split(b":")[1]) for one in head.lower().split(b"\r\n") if one.startswith(b"content-length")), 0
    )
    return head, await reader.readexactly(length)


def http(body: bytes, status: str = "200 OK", media_type: str = "application/json", extra: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


def reset(writer: asyncio.StreamWriter) -> None:
    plain: socket.socket = writer.get_extra_info("socket")
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def answering(*answers: bytes) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await read_request(reader)
            writer.write(answer)
            await writer.drain()

    return serve


async def reset_after_the_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    reset(writer)


async def close_after_the_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.close()


async def close_without_reading(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    reset(writer)


async def half_a_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-")
    await writer.drain()
    writer.close()


async def half_a_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(http(json.dumps(RECEIPT).encode())[:-10])
    await writer.drain()
    writer.close()


async def silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    await asyncio.sleep(30)


async def a_drop_at_a_time(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    for one in http(json.dumps(RECEIPT).encode()):
        writer.write(bytes([one]))
        await writer.drain()
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    "serve",
    [
        reset_after_the_request,
        close_after_the_request,
        close_without_reading,
        half_a_head,
        half_a_body,
        silence,
        a_drop_at_a_time,
        answering(b"this is not HTTP\r\n\r\n"),
    ],
    ids=lambda serve: serve.__name__,
)
@pytest.mark.parametrize("binding", ["rest", "soap"])
async def test_once_a_byte_may_have_left_the_outcome_is_in_doubt(serve: Serve, binding: str) -> None:
    async with server(serve) as address:
        outcome = await delivered(address, binding)
    assert (outcome.verdict, outcome.code, outcome.left) == (Verdict.IN_DOUBT, Seen.LOST, True)


async def refused_address() -> str:
    listening = await asyncio.start_server(silence, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    listening.close()
    await listening.wait_closed()
    return f"http://127.0.0.1:{port}"


async def test_a_refused_connection_never_left() -> None:
    outcome = await delivered(await refused_address())
    assert (outcome.verdict, outcome.code, outcome.left) == (Verdict.RETRY, Seen.UNSENT, False)


async def test_an_unknown_host_never_left() -> None:
    outcome = await delivered("http://nowhere.invalid")
    assert (outcome.verdict, outcome.left) == (Verdict.RETRY, False)


async def test_a_connection_that_is_not_taken_in_time_never_left() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        # A full backlog leaves the next connection unanswered, as a black hole would.
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(listening.getsockname())
        await asyncio.sleep(0.05)
        hasty = Timeouts(connect=timedelta(seconds=0.2), total=timedelta(seconds=2))
        outcome = await delivered(address, timeouts=hasty)
        for filler in fillers:
            filler.close()
    assert (outcome.verdict, outcome.left) == (Verdict.RETRY, False)


async def test_waiting_for_a_free_connection_in_vain_never_left() -> None:
    hasty = Timeouts(total=timedelta(seconds=0.1))
    async with server(silence) as address:
        way = target(address, connections=1, timeouts=hasty)
        async with way._wire._free:
            outcome = await way.deliver("PushStatus", way.freeze("PushStatus", STATUS), reference=REFERENCE)
    assert (outcome.verdict, outcome.code, outcome.left) == (Verdict.RETRY, Seen.UNSENT, False)


def certificate(name: str, path: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=30))
        .not_valid_after(today + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pem = built.public_bytes(serialization.Encoding.PEM)
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(pem + plain)
    context.load_cert_chain(path)
    return context


async def test_an_unknown_certificate_is_configuration_and_pauses_the_endpoint(tmp_path: Path) -> None:
    async with server(silence, tls=certificate("gateway.invalid", tmp_path / "server.pem")) as address:
        outcome = await delivered(address)
    assert (outcome.verdict, outcome.pause, outcome.left) == (Verdict.PARKED, Pause.CERTIFICATE, False)


async def test_a_failed_handshake_never_left() -> None:
    async with server(close_without_reading) as address:
        outcome = await delivered(address.replace("http:", "https:"))
    assert (outcome.verdict, outcome.left) == (Verdict.RETRY, False)


async def test_what_never_left_is_repeated_within_the_call_and_nothing_else_is() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    outcome = await delivered(await refused_address(), retries=InCallRetries(), sleep=sleep)
    assert outcome.verdict is Verdict.RETRY
    assert len(waits) == 2
    assert all(0 <= wait <= 5 for wait in waits)

    seen: list[bytes] = []

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await read_request(reader))[1])
        reset(writer)

    async with server(count) as address:
        await delivered(address, retries=InCallRetries(), sleep=sleep)
    assert len(seen) == 1


async def test_a_cancelled_call_takes_no_connection_with_it() -> None:
    async with server(silence) as address:
        way = target(address, connections=1)
        frozen = way.freeze("PushStatus", STATUS)
        for _ in range(20):
            call = asyncio.create_task(way.deliver("PushStatus", frozen, reference=REFERENCE))
            await asyncio.sleep(0.01)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        outcome = await asyncio.wait_for(way.deliver("PushStatus", frozen, reference=REFERENCE), 2)
        await way.aclose()
    assert outcome.verdict is Verdict.IN_DOUBT


async def test_a_connection_is_used_again_after_a_whole_answer_and_only_then() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await answering(*[http(json.dumps(RECEIPT).encode())] * 3)(reader, writer)
        await half_a_body(reader, writer)

    async with server(serve) as address:
        way = target(address)
        frozen = way.freeze("PushStatus", STATUS)
        verdicts = [(await way.deliver("PushStatus", frozen, reference=REFERENCE)).verdict for _ in range(5)]
        await way.aclose()
    assert verdicts == [Verdict.DONE] * 3 + [Verdict.IN_DOUBT, Verdict.DONE]
    assert connections == 2


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


class Reading:
    """A codec that reads each answer as it is told, or fails as nobody foresaw."""

    def __init__(self, codec: Any, read: Callable[[], Any]) -> None:
        self._codec = codec
        self._read = read

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codec, name)

    def decode_answer(self, *_: Any, **__: Any) -> Any:
        return self._read()


def reading(read: Callable[[], Any]) -> Any:
    return replace(WINDOW, bindings={"rest": Reading(WINDOW.bindings["rest"], read)})


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


async def test_every_attempt_sends_the_same_bytes_key_and_reference() -> None:
    seen: list[tuple[bytes, bytes]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, body = await read_request(reader)
        seen.append((head, body))
        writer.write(http(b"", status="503 Busy", extra="Connection: close\r\n"))
        await writer.drain()
        writer.close()

    async with server(serve) as address:
        way = target(address, credentials=Credentials("X-Api-Key", "invented-key"))
        frozen = way.freeze("PushStatus", STATUS)
        for _ in range(2):
            await way.deliver("PushStatus", frozen, reference=REFERENCE)
        await way.aclose()
    assert seen[0] == seen[1]
    head, body = seen[0]
    assert json.loads(body) == STATUS
    assert head.startswith(b"POST /v1/statuses HTTP/1.1\r\n")
    for line in (b"X-Api-Key: invented-key", f"Idempotency-Key: {REFERENCE}".encode(), b"Accept-Encoding: identity"):
        assert line.lower() in head.lower()


async def test_the_environment_chooses_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with server(answering(http(json.dumps(RECEIPT).encode()))) as address:
        assert (await delivered(address)).verdict is Verdict.DONE


async def test_a_weakened_classification_can_be_put_in_its_place() -> None:
    seen: list[Observation] = []

    def by_class_alone(_contract: Any, _operation: Any, observation: Observation) -> Outcome:
        seen.append(observation)
        return Outcome(Verdict.RETRY, left=False)

    async with server(reset_after_the_request) as address:
        outcome = await delivered(address, classify=by_class_alone)
    assert outcome == Outcome(Verdict.RETRY, left=False)
    assert [one.seen for one in seen] == [Seen.LOST]


def test_nothing_invalid_is_frozen() -> None:
    with pytest.raises(SchemaViolation):
        target("http://127.0.0.1:1").freeze("PushStatus", {**STATUS, "sequence": -1})


def test_a_credential_does_not_show_itself() -> None:
    assert "invented-key" not in repr(Credentials("X-Api-Key", "invented-key"))


# A mocked wire: what an exception's class is believed


@pytest.mark.parametrize(
    ("error", "left"),
    [
        (httpx.ConnectError("x"), False),
        (httpx.ConnectTimeout("x"), False),
        (httpx.PoolTimeout("x"), False),
        (httpx.ReadError("x"), True),
        (httpx.ReadTimeout("x"), True),
        (httpx.WriteError("x"), True),
        (httpx.WriteTimeout("x"), True),
        (httpx.CloseError("x"), True),
        (httpx.RemoteProtocolError("x"), True),
        (httpx.LocalProtocolError("x"), True),
        (httpx.ProxyError("x"), True),
        (OSError("x"), True),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_only_a_class_that_names_the_connection_may_mean_unsent(error: Exception, *, left: bool) -> None:
    with respx.mock:
        respx.post("http://gateway.invalid/v1/statuses").mock(side_effect=error)
        outcome = await delivered("http://gateway.invalid")
    assert outcome.left is left


async def test_a_chain_of_errors_that_leads_back_to_itself_ends() -> None:
    first, second = httpx.ConnectError("first"), OSError("second")
    first.__cause__, second.__cause__ = second, first
    with respx.mock:
        respx.post("http://gateway.invalid/v1/statuses").mock(side_effect=first)
        outcome = await asyncio.wait_for(delivered("http://gateway.invalid"), 2)
    assert outcome.left is False


async def test_a_class_that_names_the_connection_is_not_believed_against_the_witness() -> None:
    async def send_then_lie(request: httpx.Request) -> httpx.Response:
        await request.extensions["trace"]("http11.send_request_headers.started", {})
        raise httpx.ConnectTimeout("the effect happened")

    with respx.mock:
        respx.post("http://gateway.invalid/v1/statuses").mock(side_effect=send_then_lie)
        outcome = await delivered("http://gateway.invalid")
    assert (outcome.verdict, outcome.left) == (Verdict.IN_DOUBT, True)


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


# Connectors


async def test_a_connector_asks_for_changes_after_its_cursor() -> None:
    change = {
        "event_id": "e-1",
        "sequence": 3,
        "assessment_no": "A-1",
        "kind": "status",
        "changed_at": "2026-11-21T11:30:00+03:30",
        "status_code": 30,
    }
    with respx.mock:
        route = respx.get("http://revenue.invalid/v1/changes", params={"cursor": "c-1", "count": "100"})
        route.mock(return_value=httpx.Response(200, json={"changes": [change], "next_cursor": "c-2"}))
        system = rest.connect(REVENUE, "http://revenue.invalid", timeouts=QUICK, retries=ONCE)
        page = await system.changes("c-1")
        await system.aclose()
    assert (page.cursor, page.more) == ("c-2", False)
    (found,) = page.changes
    assert (found.event_id, found.kind, found.reference, found.sequence) == ("e-1", "status", "A-1", 3)
    assert found.changed_at == NOW
    assert found.record == change


def changed(number: int, at: str = "2026-11-21T11:30:00+03:30") -> dict[str, Any]:
    return {
        "event_id": f"e-{number}",
        "sequence": number,
        "assessment_no": "A-1",
        "kind": "status",
        "changed_at": at,
        "status_code": 30,
    }


async def test_a_change_at_the_end_of_a_day_is_taken_as_of_the_next_ones_beginning() -> None:
    folder = CONTRACTS / "urban_core" / "1.0" / "examples" / "valid"
    path = folder / "GetChanges.answer.a_status_two_bills_and_a_document.soap.xml"
    body = re.sub(rb"(<ChangedAt>)[^<]*", rb"\g<1>2026-11-21T24:00:00Z", path.read_bytes())
    with respx.mock:
        route = respx.post("http://core.invalid/CaseService.svc")
        route.mock(return_value=httpx.Response(200, content=body, headers={"Content-Type": "text/xml"}))
        system = soap.connect(CORE, "http://core.invalid", timeouts=QUICK, retries=ONCE)
        page = await system.changes(None)
        await system.aclose()
    assert {one.changed_at for one in page.changes} == {datetime(2026, 11, 22, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("at", "taken_at", "warned"),
    [
        ("2026-11-21T23:59:60Z", datetime(2026, 11, 21, 23, 59, 59, 999999, tzinfo=UTC), []),
        ("0000-01-01T00:00:00Z", NOW, [{"system": "revenue/1.0", "event_id": "e-1"}]),
    ],
)
async def test_a_change_is_taken_whatever_its_instant(at: str, taken_at: datetime, warned: list[Any]) -> None:
    answer = {"changes": [changed(1, at), changed(2)], "next_cursor": "c-2"}
    with respx.mock, capture_logs() as logs:
        respx.get("http://revenue.invalid/v1/changes").mock(return_value=httpx.Response(200, json=answer))
        system = rest.connect(REVENUE, "http://revenue.invalid", timeouts=QUICK, retries=ONCE, clock=lambda: NOW)
        page = await system.changes("c-1")
        await system.aclose()
    assert [one.changed_at for one in page.changes] == [taken_at, NOW]
    assert page.cursor == "c-2"
    told = [one for one in logs if one["event"] == "change_without_an_instant"]
    assert [{name: one[name] for name in ("system", "event_id")} for one in told] == warned
    assert "A-1" not in str(logs)


async def test_more_is_asked_for_at_once_only_when_the_cursor_moved_and_a_stuck_one_is_told_once() -> None:
    full = [changed(number) for number in range(100)]
    with respx.mock, capture_logs() as logs:
        route = respx.get("http://revenue.invalid/v1/changes")
        system = rest.connect(REVENUE, "http://revenue.invalid", timeouts=QUICK, retries=ONCE)
        more = []
        for before, after in (("a", "b"), ("b", "b"), ("b", "b"), ("b", "c"), ("c", "c")):
            route.mock(return_value=httpx.Response(200, json={"changes": full, "next_cursor": after}))
            more.append((await system.changes(before)).more)
        await system.aclose()
    assert more == [True, False, False, True, False]
    assert [(one["event"], one["cursor"]) for one in logs] == [("cursor_stuck", "b"), ("cursor_stuck", "c")]


async def test_changes_that_cannot_be_asked_for_keep_the_cursor_where_it_was() -> None:
    system = rest.connect(REVENUE, await refused_address(), timeouts=QUICK, retries=ONCE)
    with pytest.raises(GatewayUnreachable):
        await system.changes("c-1")
    await system.aclose()


async def test_a_deferred_answer_is_awaited_until_it_is_there() -> None:
    codec = CORE.bindings["soap"]
    waiting = {"ErrorResult": {}, "State": 2, "InquiryNo": "77"}
    ready = {**waiting, "State": 1, "Answer": {"Code": "1", "Title": "بلامانع"}}
    verdicts = []
    with respx.mock:
        route = respx.post("http://core.invalid/CaseService.svc")
        for answer in (waiting, ready):
            body = codec.encode_answer("GetAnswer", answer)
            route.mock(return_value=httpx.Response(200, content=body, headers={"Content-Type": "text/xml"}))
            system = soap.connect(CORE, "http://core.invalid", timeouts=QUICK, retries=ONCE)
            verdicts.append((await system.poll("AskProperty", "77")).verdict)
            await system.aclose()
        asked = codec.thaw("GetAnswer", route.calls.last.request.content)
    assert verdicts == [Verdict.AWAITING, Verdict.DONE]
    assert asked == {"InquiryNo": "77"}


def test_a_connector_of_a_binding_that_the_contract_lacks_says_so() -> None:
    with pytest.raises(FaultySettings, match="choose rest"):
        soap.connect(REVENUE, "http://revenue.invalid")


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
