"""Both doors of the window over HTTP: one record from either, and one refusal in the words of each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from lxml import etree
from structlog.testing import capture_logs

from adapter.contract.json_schema import Validator
from adapter.doors import Limits
from adapter.exchange import Operation, Reply
from adapter.refusals import AlreadyFiled, KeyMissing, KeyRetired, RequestRefused, StillInFlight, TooBusy
from adapter.strict_json import read_json
from tests.support.door_side import (
    ACK,
    CALLER,
    FOLDER,
    IDEMPOTENCY_KEY,
    KEY,
    RECORD,
    Office,
    fault,
    post_soap,
    served,
    soap_codec,
)

pytest_plugins = ["tests.support.door_fixtures"]

DOCUMENT = read_json((FOLDER / "openapi.json").read_bytes())
PROBLEM = Validator({"$ref": "#/components/schemas/Problem"}, DOCUMENT)


def problem(response: httpx.Response) -> dict[str, Any]:
    assert response.headers["Content-Type"] == "application/problem+json"
    found: dict[str, Any] = response.json()
    PROBLEM.check(found)
    assert found["status"] == response.status_code
    return found


async def test_a_request_over_rest_becomes_a_record_and_is_acknowledged(
    door: httpx.AsyncClient, office: Office
) -> None:
    response = await door.post("/window/v1/requests", json=RECORD)
    assert (response.status_code, response.json()) == (202, ACK)
    assert response.headers["Location"] == "/window/v1/requests/4052718396"
    assert "Idempotency-Replayed" not in response.headers
    assert office.calls == [(CALLER, Operation.SUBMIT_REQUEST, RECORD, IDEMPOTENCY_KEY)]


async def test_the_same_request_over_soap_becomes_the_same_record(door: httpx.AsyncClient, office: Office) -> None:
    response = await post_soap(door, soap_codec().encode_request("SubmitRequest", RECORD, key="soap-key-0123456789"))
    assert response.status_code == 200
    assert soap_codec().decode_answer("SubmitRequest", response.content) == ACK
    assert office.calls == [(CALLER, Operation.SUBMIT_REQUEST, RECORD, "soap-key-0123456789")]


REFERRED = read_json((FOLDER / "examples/valid/SubmitRequest.answer.referred_to_its_office.json").read_bytes())


async def test_a_referral_is_an_answer_and_no_error_in_both_bindings(door: httpx.AsyncClient, office: Office) -> None:
    office.answer = Reply(200, REFERRED)
    by_rest = await door.post("/window/v1/requests", json=RECORD)
    assert (by_rest.status_code, by_rest.json()) == (200, REFERRED)
    assert "Location" not in by_rest.headers
    by_soap = await post_soap(door, soap_codec().encode_request("SubmitRequest", RECORD, key="soap-key-0123456789"))
    assert by_soap.status_code == 200
    assert soap_codec().decode_answer("SubmitRequest", by_soap.content) == REFERRED


async def test_a_key_may_be_a_quoted_string_or_bare(door: httpx.AsyncClient, office: Office) -> None:
    for value in (IDEMPOTENCY_KEY, f'"{IDEMPOTENCY_KEY}"'):
        await door.post("/window/v1/requests", json=RECORD, headers={"Idempotency-Key": value})
    assert [key for *_, key in office.calls] == [IDEMPOTENCY_KEY] * 2


async def test_the_address_becomes_fields_of_the_record(door: httpx.AsyncClient, office: Office) -> None:
    body = {"channel": {"code": "counter"}, "reason": "انصراف"}
    assert (await door.post("/window/v1/requests/4052718396/withdrawal", json=body)).status_code == 202
    assert office.calls[0][2] == {**body, "tracking_code": "4052718396"}


async def test_a_question_needs_no_idempotency_key(office: Office) -> None:
    shown = {
        "tracking_code": "4052718396",
        "service_id": "13042650101",
        "stage": "received",
        "changed_at": "2026-11-21T11:05:27+03:30",
        "held": False,
    }
    office.answer = Reply(200, shown)
    async with served(office) as address, httpx.AsyncClient(base_url=address, headers={"X-Api-Key": KEY}) as client:
        response = await client.get("/window/v1/requests/4052718396")
    assert (response.status_code, response.json()) == (200, shown)
    assert office.calls == [(CALLER, Operation.GET_STATUS, {"tracking_code": "4052718396"}, None)]


async def test_a_repeated_answer_says_that_it_is_one(door: httpx.AsyncClient, office: Office) -> None:
    office.answer = Reply(202, ACK, replayed=True)
    assert (await door.post("/window/v1/requests", json=RECORD)).headers["Idempotency-Replayed"] == "true"
    replayed = await post_soap(door, soap_codec().encode_request("SubmitRequest", RECORD))
    assert replayed.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("keys", [[], ["wrong"], [KEY, KEY], [""], [KEY + " x"]])
async def test_a_wrong_api_key_opens_nothing(office: Office, keys: list[str]) -> None:
    headers = [("X-Api-Key", key) for key in keys]
    async with served(office) as address, httpx.AsyncClient(base_url=address) as client:
        over_rest = await client.post("/window/v1/requests", json=RECORD, headers=headers)
        over_soap = await client.post("/window/v1/soap", content=b"<", headers=[*headers, ("Content-Type", "text/xml")])
        question = await client.get("/window/v1/requests/4052718396", headers=headers)
    assert (over_rest.status_code, problem(over_rest)["code"]) == (401, "unauthenticated")
    assert (question.status_code, problem(question)["code"]) == (401, "unauthenticated")
    assert fault(over_soap).code == "unauthenticated"
    assert office.calls == []


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
    door: httpx.AsyncClient, office: Office, error: RequestRefused, status: int, kind: str
) -> None:
    office.answer = error
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


async def test_a_schema_violation_names_path_and_expectation_and_no_value(
    door: httpx.AsyncClient, office: Office
) -> None:
    canary = "0012345679-canary"
    record = {**RECORD, "service_id": canary, "colour": canary}
    response = await door.post("/window/v1/requests", json=record)
    shown = problem(response)
    assert response.status_code == 400
    assert {one["path"] for one in shown["violations"]} == {"service_id", "colour"}
    assert "canary" not in response.text
    assert office.calls == []


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
    door: httpx.AsyncClient, office: Office, content: bytes, headers: dict[str, str], status: int
) -> None:
    found = {"Content-Type": "application/json", **headers}
    response = await door.post("/window/v1/requests", content=content, headers=found)
    assert (response.status_code, problem(response)["status"]) == (status, status)
    assert office.calls == []


async def test_a_body_without_length_is_counted_while_it_streams(door: httpx.AsyncClient, office: Office) -> None:
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
    assert office.calls == []


async def test_a_body_that_does_not_arrive_in_time_is_given_up(office: Office) -> None:
    async with served(office, Limits(body_time=timedelta(seconds=0.2))) as address:
        host, port = address.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"POST /window/v1/requests HTTP/1.1\r\nHost: x\r\nX-Api-Key: {KEY}\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        answer = await asyncio.wait_for(reader.readline(), 3)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408")
    assert office.calls == []


async def test_an_unexpected_error_is_logged_once_and_told_without_internals(
    door: httpx.AsyncClient, office: Office
) -> None:
    office.answer = ZeroDivisionError("secret internals")
    with capture_logs() as logs:
        over_rest = await door.post("/window/v1/requests", json=RECORD)
        over_soap = await post_soap(door, soap_codec().encode_request("SubmitRequest", RECORD))
    assert (over_rest.status_code, problem(over_rest)["code"]) == (500, "failed")
    assert fault(over_soap).sender is False
    assert "secret" not in over_rest.text + over_soap.text
    assert [one["event"] for one in logs] == ["request_failed"] * 2


async def test_an_answer_that_breaks_our_own_contract_is_our_failure(door: httpx.AsyncClient, office: Office) -> None:
    office.answer = Reply(202, {"tracking_code": "x"})
    with capture_logs() as logs:
        response = await door.post("/window/v1/requests", json=RECORD)
    assert response.status_code == 500
    assert logs[0]["event"] == "request_failed"


async def test_an_outward_operation_is_not_served(door: httpx.AsyncClient, office: Office) -> None:
    example = FOLDER / "examples/valid/PushStatus.the_visit_was_made.soap.xml"
    assert fault(await post_soap(door, example.read_bytes())).code == "unreadable"
    assert (await door.post("/window/v1/statuses", json={})).status_code == 404
    assert office.calls == []


async def test_a_question_in_a_query_must_not_stand_twice(door: httpx.AsyncClient) -> None:
    assert problem(await door.get("/window/v1/health?a=1&a=2"))["code"] == "unreadable"
    assert problem(await door.get("/window/v1/health?a=1"))["violations"][0]["path"] == "a"
