"""The way in over real HTTP: both bindings to one record, limits, refusals in both spellings, and a foreign client."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
import zeep
from lxml import etree
from starlette.applications import Starlette
from structlog.testing import capture_logs

from adapter.contract import load_contract
from adapter.contract.envelopes import VERSIONS, read_envelope
from adapter.contract.json_schema import Validator
from adapter.contract.model import Fault
from adapter.contract.soap import SoapCodec
from adapter.doors import Limits, routes
from adapter.errors import AlreadyFiled, KeyMissing, KeyRetired, RequestRefused, StillInFlight, TooBusy
from adapter.exchange import Caller, Operation, Record, Reply
from adapter.strict_json import read_json
from adapter.wsdl import read_wsdl

FOLDER = Path(__file__).parents[2] / "contracts" / "window" / "1.0"
WINDOW = load_contract(FOLDER, read_wsdl)
DOCUMENT = read_json((FOLDER / "openapi.json").read_bytes())
PROBLEM = Validator({"$ref": "#/components/schemas/Problem"}, DOCUMENT)
KEY = "invented-api-key-0001"
CALLER = Caller("counter-72", "tehran", "counter")
CALLERS = {hashlib.sha256(KEY.encode()).hexdigest(): CALLER}
ACK = {"tracking_code": "4052718396", "state": "accepted", "accepted_at": "2026-11-21T11:05:27+03:30"}
IDEMPOTENCY_KEY = "key-0123456789abcdef"
EXAMPLE = FOLDER / "examples/valid/SubmitRequest.a_new_building_of_two_owners_and_three_floors.json"
RECORD = read_json(EXAMPLE.read_bytes())


@dataclass
class Desk:
    """What stands behind the door: it keeps what came and answers as it was told."""

    answer: Reply | Exception = field(default_factory=lambda: Reply(202, ACK, "/window/v1/requests/4052718396"))
    calls: list[tuple[Caller, Operation, Record, str | None]] = field(default_factory=list)

    async def receive(self, caller: Caller, operation: Operation, record: Record, key: str | None) -> Reply:
        self.calls.append((caller, operation, record, key))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@asynccontextmanager
async def served(desk: Desk, limits: Limits | None = None, public_url: str | None = None) -> AsyncIterator[str]:
    doors = routes(WINDOW, CALLERS, desk.receive, limits=limits or Limits(), public_url=public_url)
    app = Starlette(routes=doors)
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        running = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await running


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def door(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        served(desk) as address,
        httpx.AsyncClient(base_url=address, headers={"X-Api-Key": KEY, "Idempotency-Key": IDEMPOTENCY_KEY}) as client,
    ):
        yield client


async def post_soap(door: httpx.AsyncClient, body: bytes, **headers: str) -> httpx.Response:
    found = {"Content-Type": "text/xml; charset=utf-8", **headers}
    return await door.post("/window/v1/soap", content=body, headers=found)


def soap_codec() -> SoapCodec:
    codec = WINDOW.bindings["soap"]
    assert isinstance(codec, SoapCodec)
    return codec


def problem(response: httpx.Response) -> dict[str, Any]:
    assert response.headers["Content-Type"] == "application/problem+json"
    found: dict[str, Any] = response.json()
    PROBLEM.check(found)
    assert found["status"] == response.status_code
    return found


def fault(response: httpx.Response) -> Fault:
    assert response.status_code == 500
    assert response.headers["Content-Type"].startswith("text/xml")
    shown: Any = etree.fromstring(response.content).find(".//{urn:panjereh:window:1.0}Problem")
    assert soap_codec()._wsdl.schema.validate(shown), soap_codec()._wsdl.schema.error_log
    found = soap_codec().decode_answer("SubmitRequest", response.content)
    assert isinstance(found, Fault)
    return found


async def test_a_request_over_rest_becomes_a_record_and_is_acknowledged(door: httpx.AsyncClient, desk: Desk) -> None:
    response = await door.post("/window/v1/requests", json=RECORD)
    assert (response.status_code, response.json()) == (202, ACK)
    assert response.headers["Location"] == "/window/v1/requests/4052718396"
    assert "Idempotency-Replayed" not in response.headers
    assert desk.calls == [(CALLER, Operation.SUBMIT_REQUEST, RECORD, IDEMPOTENCY_KEY)]


async def test_the_same_request_over_soap_becomes_the_same_record(door: httpx.AsyncClient, desk: Desk) -> None:
    response = await post_soap(door, soap_codec().encode_request("SubmitRequest", RECORD, key="soap-key-0123456789"))
    assert response.status_code == 200
    assert soap_codec().decode_answer("SubmitRequest", response.content) == ACK
    assert desk.calls == [(CALLER, Operation.SUBMIT_REQUEST, RECORD, "soap-key-0123456789")]


REFERRED = read_json((FOLDER / "examples/valid/SubmitRequest.answer.referred_to_its_office.json").read_bytes())


async def test_a_referral_is_an_answer_and_no_error_in_both_bindings(door: httpx.AsyncClient, desk: Desk) -> None:
    desk.answer = Reply(200, REFERRED)
    by_rest = await door.post("/window/v1/requests", json=RECORD)
    assert (by_rest.status_code, by_rest.json()) == (200, REFERRED)
    assert "Location" not in by_rest.headers
    by_soap = await post_soap(door, soap_codec().encode_request("SubmitRequest", RECORD, key="soap-key-0123456789"))
    assert by_soap.status_code == 200
    assert soap_codec().decode_answer("SubmitRequest", by_soap.content) == REFERRED


async def test_a_key_may_be_a_quoted_string_or_bare(door: httpx.AsyncClient, desk: Desk) -> None:
    for value in (IDEMPOTENCY_KEY, f'"{IDEMPOTENCY_KEY}"'):
        await door.post("/window/v1/requests", json=RECORD, headers={"Idempotency-Key": value})
    assert [key for *_, key in desk.calls] == [IDEMPOTENCY_KEY] * 2


async def test_the_address_becomes_fields_of_the_record(door: httpx.AsyncClient, desk: Desk) -> None:
    body = {"channel": {"code": "counter"}, "reason": "انصراف"}
    assert (await door.post("/window/v1/requests/4052718396/withdrawal", json=body)).status_code == 202
    assert desk.calls[0][2] == {**body, "tracking_code": "4052718396"}


async def test_a_question_needs_no_idempotency_key(desk: Desk) -> None:
    shown = {
        "tracking_code": "4052718396",
        "service_id": "13042650101",
        "stage": "received",
        "changed_at": "2026-11-21T11:05:27+03:30",
        "held": False,
    }
    desk.answer = Reply(200, shown)
    async with served(desk) as address, httpx.AsyncClient(base_url=address, headers={"X-Api-Key": KEY}) as client:
        response = await client.get("/window/v1/requests/4052718396")
    assert (response.status_code, response.json()) == (200, shown)
    assert desk.calls == [(CALLER, Operation.GET_STATUS, {"tracking_code": "4052718396"}, None)]


async def test_a_repeated_answer_says_that_it_is_one(door: httpx.AsyncClient, desk: Desk) -> None:
    desk.answer = Reply(202, ACK, replayed=True)
    assert (await door.post("/window/v1/requests", json=RECORD)).headers["Idempotency-Replayed"] == "true"
    replayed = await post_soap(door, soap_codec().encode_request("SubmitRequest", RECORD))
    assert replayed.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("keys", [[], ["wrong"], [KEY, KEY], [""], [KEY + " x"]])
async def test_a_wrong_api_key_opens_nothing(desk: Desk, keys: list[str]) -> None:
    headers = [("X-Api-Key", key) for key in keys]
    async with served(desk) as address, httpx.AsyncClient(base_url=address) as client:
        over_rest = await client.post("/window/v1/requests", json=RECORD, headers=headers)
        over_soap = await client.post("/window/v1/soap", content=b"<", headers=[*headers, ("Content-Type", "text/xml")])
        question = await client.get("/window/v1/requests/4052718396", headers=headers)
    assert (over_rest.status_code, problem(over_rest)["code"]) == (401, "unauthenticated")
    assert (question.status_code, problem(question)["code"]) == (401, "unauthenticated")
    assert fault(over_soap).code == "unauthenticated"
    assert desk.calls == []


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (KeyMissing(), 400, "idempotency-key-missing"),
        (KeyRetired(tracking_code="4052718396"), 409, "idempotency-key-retired"),
        (KeyRetired(tracking_code=None), 409, "idempotency-key-retired"),
        (AlreadyFiled(tracking_code="4052718396"), 409, "already-filed"),
        (StillInFlight(retry_after=1), 409, "in-flight"),
        (TooBusy(retry_after=timedelta(seconds=2)), 503, "too-busy"),
    ],
    ids=lambda value: value.kind if isinstance(value, RequestRefused) else "",
)
async def test_a_refusal_has_the_same_code_and_titles_in_both_bindings(
    door: httpx.AsyncClient, desk: Desk, error: RequestRefused, status: int, kind: str
) -> None:
    desk.answer = error
    response = await door.post("/window/v1/requests", json=RECORD)
    shown = problem(response)
    assert (response.status_code, shown["code"], shown["type"]) == (status, kind, f"urn:panjereh:problem:{kind}")
    assert (shown["title"], shown["title_fa"]) == (error.title_en, error.title_fa)
    assert shown.get("tracking_code") == error.context.get("tracking_code")
    over_soap = await post_soap(door, soap_codec().encode_request("SubmitRequest", RECORD))
    told = fault(over_soap)
    assert (told.code, told.text, told.sender) == (kind, error.title_en, status < 500)
    assert etree.fromstring(over_soap.content).findtext(".//{*}Problem/{*}tracking_code") == shown.get("tracking_code")
    assert response.headers.get("Retry-After") == over_soap.headers.get("Retry-After")
    assert ("Retry-After" in response.headers) is ("retry_after" in error.context)


async def test_a_schema_violation_names_path_and_expectation_and_no_value(door: httpx.AsyncClient, desk: Desk) -> None:
    canary = "0012345679-canary"
    record = {**RECORD, "service_id": canary, "colour": canary}
    response = await door.post("/window/v1/requests", json=record)
    shown = problem(response)
    assert response.status_code == 400
    assert {one["path"] for one in shown["violations"]} == {"service_id", "colour"}
    assert "canary" not in response.text
    assert desk.calls == []


async def test_a_schema_violation_over_soap_names_the_same_place(door: httpx.AsyncClient) -> None:
    body = soap_codec().encode_request("SubmitRequest", RECORD).replace(b"13042650101", b"canary")
    response = await post_soap(door, body)
    assert fault(response).code == "schema-violation"
    assert "service_id" in response.text
    assert "canary" not in response.text


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{", {}, 400),
        (b'{"a": 1, "a": 2}', {}, 400),
        (b"<a/>", {"Content-Type": "text/xml"}, 415),
        (b"{}", {"Content-Type": "application/json; charset=windows-1256"}, 415),
        (b"{}", {"Content-Encoding": "gzip"}, 415),
        (b" " * 1_048_577, {}, 413),
        (b"{}", {f"X-{one}": "1" for one in range(101)}, 431),
        (b"{}", {"X-Large": "1" * 17_000}, 431),
    ],
    ids=["half", "twice", "xml", "charset", "gzip", "too large", "too many headers", "too large headers"],
)
async def test_what_cannot_be_read_is_refused_by_its_reason(
    door: httpx.AsyncClient, desk: Desk, content: bytes, headers: dict[str, str], status: int
) -> None:
    found = {"Content-Type": "application/json", **headers}
    response = await door.post("/window/v1/requests", content=content, headers=found)
    assert (response.status_code, problem(response)["status"]) == (status, status)
    assert desk.calls == []


async def test_a_body_without_length_is_counted_while_it_streams(door: httpx.AsyncClient, desk: Desk) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 50_000_000:
            sent += 65_536
            yield b" " * 65_536

    try:
        headers = {"Content-Type": "application/json"}
        response = await door.post("/window/v1/requests", content=endless(), headers=headers)
        assert response.status_code == 413
    except httpx.HTTPError:
        pass  # the server may close before the client has sent all
    assert sent < 50_000_000
    assert desk.calls == []


async def test_a_body_that_does_not_arrive_in_time_is_given_up(desk: Desk) -> None:
    async with served(desk, Limits(body_time=timedelta(seconds=0.2))) as address:
        host, port = address.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"POST /window/v1/requests HTTP/1.1\r\nHost: x\r\nX-Api-Key: {KEY}\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        answer = await asyncio.wait_for(reader.readline(), 3)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408")
    assert desk.calls == []


async def test_an_unexpected_error_is_logged_once_and_told_without_internals(
    door: httpx.AsyncClient, desk: Desk
) -> None:
    desk.answer = ZeroDivisionError("secret internals")
    with capture_logs() as logs:
        over_rest = await door.post("/window/v1/requests", json=RECORD)
        over_soap = await post_soap(door, soap_codec().encode_request("SubmitRequest", RECORD))
    assert (over_rest.status_code, problem(over_rest)["code"]) == (500, "failed")
    assert fault(over_soap).sender is False
    assert "secret" not in over_rest.text + over_soap.text
    assert [one["event"] for one in logs] == ["request_failed"] * 2


async def test_an_answer_that_breaks_our_own_contract_is_our_failure(door: httpx.AsyncClient, desk: Desk) -> None:
    desk.answer = Reply(202, {"tracking_code": "x"})
    with capture_logs() as logs:
        response = await door.post("/window/v1/requests", json=RECORD)
    assert response.status_code == 500
    assert logs[0]["event"] == "request_failed"


async def test_an_outward_operation_is_not_served(door: httpx.AsyncClient, desk: Desk) -> None:
    example = FOLDER / "examples/valid/PushStatus.the_visit_was_made.soap.xml"
    assert fault(await post_soap(door, example.read_bytes())).code == "unreadable"
    assert (await door.post("/window/v1/statuses", json={})).status_code == 404
    assert desk.calls == []


OLDER, NEWER = VERSIONS["1.1"], VERSIONS["1.2"]


def in_12(body: bytes) -> bytes:
    return body.replace(OLDER.namespace.encode(), NEWER.namespace.encode())


async def post_newer(door: httpx.AsyncClient, body: bytes) -> httpx.Response:
    media_type = f'{NEWER.media_type}; charset=utf-8; action="{NEWER.namespace}"'
    return await post_soap(door, body, **{"Content-Type": media_type})


async def test_a_request_in_soap_1_2_is_the_same_record_and_is_answered_in_1_2(
    door: httpx.AsyncClient, desk: Desk
) -> None:
    body = in_12(soap_codec().encode_request("SubmitRequest", RECORD, key="soap-key-0123456789"))
    response = await post_newer(door, body)
    assert (response.status_code, response.headers["Content-Type"]) == (200, NEWER.content_type)
    assert read_envelope(response.content).version is NEWER
    assert soap_codec().decode_answer("SubmitRequest", response.content) == ACK
    assert desk.calls == [(CALLER, Operation.SUBMIT_REQUEST, RECORD, "soap-key-0123456789")]


@pytest.mark.parametrize(
    ("error", "status"), [(AlreadyFiled(tracking_code="4052718396"), 400), (TooBusy(retry_after=2), 500)]
)
async def test_a_refusal_in_soap_1_2_has_its_form_and_status(
    door: httpx.AsyncClient, desk: Desk, error: RequestRefused, status: int
) -> None:
    desk.answer = error
    response = await post_newer(door, in_12(soap_codec().encode_request("SubmitRequest", RECORD)))
    assert (response.status_code, response.headers["Content-Type"]) == (status, NEWER.content_type)
    assert read_envelope(response.content).version is NEWER
    found = soap_codec().decode_answer("SubmitRequest", response.content)
    assert found == Fault(error.kind, error.title_en, sender=status == 400)
    assert ("Retry-After" in response.headers) is ("retry_after" in error.context)


@pytest.mark.parametrize("body", [b"<", b"<a/>"])
async def test_what_cannot_be_read_is_told_in_the_version_of_its_media_type(
    door: httpx.AsyncClient, body: bytes
) -> None:
    older, newer = await post_soap(door, body), await post_newer(door, body)
    assert [read_envelope(one.content).version for one in (older, newer)] == [OLDER, NEWER]
    assert [one.status_code for one in (older, newer)] == [500, 400]


async def test_envelope_and_media_type_must_be_of_one_version(door: httpx.AsyncClient, desk: Desk) -> None:
    body = soap_codec().encode_request("SubmitRequest", RECORD)
    newer_as_older, older_as_newer = await post_soap(door, in_12(body)), await post_newer(door, body)
    assert [read_envelope(one.content).version for one in (newer_as_older, older_as_newer)] == [NEWER, OLDER]
    for response in (newer_as_older, older_as_newer):
        found = soap_codec().decode_answer("SubmitRequest", response.content)
        assert isinstance(found, Fault)
        assert (found.code, found.sender) == ("unreadable", True)
    assert desk.calls == []


async def test_soap_has_its_own_codes_for_version_and_headers(door: httpx.AsyncClient) -> None:
    body = soap_codec().encode_request("SubmitRequest", RECORD)
    response = await post_soap(door, body.replace(OLDER.namespace.encode(), b"urn:soap:2.0"))
    root = etree.fromstring(response.content)
    assert root.findtext(".//faultcode") == "soap:VersionMismatch"
    assert len(root.findall(f".//{NEWER.tag('SupportedEnvelope')}")) == 2
    newer = await post_newer(door, body.replace(OLDER.namespace.encode(), b"urn:soap:2.0"))
    assert etree.fromstring(newer.content).findtext(f".//{NEWER.tag('Value')}") == "soap:VersionMismatch"
    assert newer.status_code == 500


async def test_a_question_in_a_query_must_not_stand_twice(door: httpx.AsyncClient) -> None:
    assert problem(await door.get("/window/v1/health?a=1&a=2"))["code"] == "unreadable"
    assert problem(await door.get("/window/v1/health?a=1"))["violations"][0]["path"] == "a"


async def test_the_wsdl_is_published_at_our_own_address_with_all_that_it_names(door: httpx.AsyncClient) -> None:
    own = f"{door.base_url}/window/v1/soap".replace("//window", "/window")
    root = etree.fromstring((await door.get("/window/v1/soap?wsdl")).content)
    assert [one.get("location") for one in root.iter("{*}address")] == [own, own]
    (schema,) = [one.get("schemaLocation") for one in root.iter("{http://www.w3.org/2001/XMLSchema}import")]
    assert schema == f"{own}?xsd=window.xsd"
    published = etree.fromstring((await door.get(str(schema))).content)
    assert etree.tostring(published, method="c14n") == etree.tostring(etree.parse(FOLDER / "window.xsd"), method="c14n")
    assert (await door.get("/window/v1/soap")).status_code == 400


@pytest.mark.parametrize("asked", ["xsd=contract.toml", "xsd=../../revenue/1.0/openapi.json", "xsd=", "wsdl=x", "x=1"])
async def test_no_other_file_is_published(door: httpx.AsyncClient, asked: str) -> None:
    assert (await door.get(f"/window/v1/soap?{asked}")).status_code == 400


@pytest.mark.parametrize("host", ['a" onload="', "a/b", "a@b", "", "a b", "x" * 300, "<x>", "a:port"])
async def test_a_host_that_cannot_be_one_is_not_repeated(door: httpx.AsyncClient, host: str) -> None:
    response = await door.get("/window/v1/soap?wsdl", headers={"Host": host})
    assert response.status_code == 400
    assert not host or host not in response.text


async def test_behind_a_proxy_the_wsdl_tells_the_address_of_the_settings(desk: Desk) -> None:
    async with served(desk, public_url="https://api.city.example/a&b/") as address, httpx.AsyncClient() as client:
        spoofed = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
        response = await client.get(f"{address}/window/v1/soap?wsdl", headers=spoofed)
    root = etree.fromstring(response.content)
    (found,) = [one.get("location") for one in root.iter("{http://schemas.xmlsoap.org/wsdl/soap/}address")]
    assert found == "https://api.city.example/a&b/window/v1/soap"
    assert "evil" not in response.text


@pytest.mark.parametrize(
    "action", [None, "", '""', '"urn:panjereh:window:1.0:SubmitRequest"', "urn:panjereh:window:1.0:SubmitRequest", "x"]
)
async def test_the_body_alone_says_what_is_called(door: httpx.AsyncClient, desk: Desk, action: str | None) -> None:
    headers = {} if action is None else {"SOAPAction": action}
    response = await post_soap(door, soap_codec().encode_request("SubmitRequest", RECORD), **headers)
    assert response.status_code == 200
    assert desk.calls[0][1] is Operation.SUBMIT_REQUEST


@pytest.mark.parametrize("other", ["GetStatus", "PushStatus"])
async def test_an_action_of_another_operation_is_refused(door: httpx.AsyncClient, desk: Desk, other: str) -> None:
    body = soap_codec().encode_request("SubmitRequest", RECORD)
    told = fault(await post_soap(door, body, SOAPAction=f'"urn:panjereh:window:1.0:{other}"'))
    assert (told.code, told.sender) == ("unreadable", True)
    assert desk.calls == []


async def test_the_action_of_soap_1_2_stands_in_its_media_type(door: httpx.AsyncClient, desk: Desk) -> None:
    body = in_12(soap_codec().encode_request("SubmitRequest", RECORD))
    for name, status in (("GetStatus", 400), ("SubmitRequest", 200)):
        headers = {"Content-Type": NEWER.typed(f"urn:panjereh:window:1.0:{name}")}
        assert (await door.post("/window/v1/soap", content=body, headers=headers)).status_code == status
    assert [one[1] for one in desk.calls] == [Operation.SUBMIT_REQUEST]


@pytest.mark.parametrize("port", ["WindowInwardPort", "WindowInwardPort12"])
async def test_a_foreign_client_reads_the_wsdl_and_submits(desk: Desk, port: str) -> None:
    async with served(desk) as address:
        answer = await asyncio.to_thread(submit_by_zeep, f"{address}/window/v1/soap?wsdl", port)
    assert answer == ("4052718396", "accepted")
    (caller, operation, record, key) = desk.calls[0]
    assert (caller, operation, key) == (CALLER, Operation.SUBMIT_REQUEST, IDEMPOTENCY_KEY)
    assert record["owners"] == RECORD["owners"]
    assert record["floors"] == RECORD["floors"]


def submit_by_zeep(wsdl: str, port_name: str) -> tuple[str, str]:
    client: Any = zeep.Client
    foreign = client(wsdl)
    with foreign:
        foreign.transport.session.headers["X-Api-Key"] = KEY
        record = json.loads(EXAMPLE.read_text(encoding="utf-8"))
        port = foreign.bind("WindowInwardService", port_name)
        answer = port.SubmitRequest(**record, _soapheaders={"key": IDEMPOTENCY_KEY})
        foreign.transport.session.close()
    return answer.tracking_code, answer.state
