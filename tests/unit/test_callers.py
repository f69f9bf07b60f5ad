"""The way out over HTTP: what left and what did not, against real sockets and against a mocked wire."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
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

from adapter.callers import Credentials, InCallRetries, Timeouts
from adapter.contract.outcomes import Observation, Pause, Seen
from adapter.exchange import Outcome, Verdict
from adapter.refusals import SchemaViolation
from tests.support.calling import (
    RECEIPT,
    REFERENCE,
    STATUS,
    Serve,
    answering,
    close_after_the_request,
    close_without_reading,
    delivered,
    half_a_body,
    http,
    read_request,
    refused_address,
    reset,
    reset_after_the_request,
    server,
    silence,
    target,
)


async def half_a_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-")
    await writer.drain()
    writer.close()


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


async def test_a_refused_connection_never_left_and_is_told_in_the_system_s_words() -> None:
    outcome = await delivered(await refused_address())
    assert (outcome.verdict, outcome.code, outcome.left) == (Verdict.RETRY, Seen.UNSENT, False)
    assert outcome.reason == "the request never left (ConnectError: Connection refused)"


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
