"""What only the SOAP door has: two versions, actions, and a WSDL that foreign clients read."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
import zeep
from lxml import etree

from adapter.contract.codec import Fault
from adapter.contract.envelopes import VERSIONS, read_envelope
from adapter.exchange import Operation
from adapter.refusals import AlreadyFiled, RequestRefused, TooBusy
from tests.support.door_side import (
    ACK,
    CALLER,
    EXAMPLE,
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

OLDER, NEWER = VERSIONS["1.1"], VERSIONS["1.2"]


def in_12(body: bytes) -> bytes:
    return body.replace(OLDER.namespace.encode(), NEWER.namespace.encode())


async def post_newer(door: httpx.AsyncClient, body: bytes) -> httpx.Response:
    media_type = f'{NEWER.media_type}; charset=utf-8; action="{NEWER.namespace}"'
    return await post_soap(door, body, **{"Content-Type": media_type})


async def test_a_request_in_soap_1_2_is_the_same_record_and_is_answered_in_1_2(
    door: httpx.AsyncClient, office: Office
) -> None:
    body = in_12(soap_codec().encode_request("SubmitRequest", RECORD, key="soap-key-0123456789"))
    response = await post_newer(door, body)
    assert (response.status_code, response.headers["Content-Type"]) == (200, NEWER.content_type)
    assert read_envelope(response.content).version is NEWER
    assert soap_codec().decode_answer("SubmitRequest", response.content) == ACK
    assert office.calls == [(CALLER, Operation.SUBMIT_REQUEST, RECORD, "soap-key-0123456789")]


@pytest.mark.parametrize(
    ("error", "status"), [(AlreadyFiled(tracking_code="4052718396"), 400), (TooBusy(retry_after=2), 500)]
)
async def test_a_refusal_in_soap_1_2_has_its_form_and_status(
    door: httpx.AsyncClient, office: Office, error: RequestRefused, status: int
) -> None:
    office.answer = error
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


async def test_envelope_and_media_type_must_be_of_one_version(door: httpx.AsyncClient, office: Office) -> None:
    body = soap_codec().encode_request("SubmitRequest", RECORD)
    newer_as_older, older_as_newer = await post_soap(door, in_12(body)), await post_newer(door, body)
    assert [read_envelope(one.content).version for one in (newer_as_older, older_as_newer)] == [NEWER, OLDER]
    for response in (newer_as_older, older_as_newer):
        found = soap_codec().decode_answer("SubmitRequest", response.content)
        assert isinstance(found, Fault)
        assert (found.code, found.sender) == ("unreadable", True)
    assert office.calls == []


async def test_soap_has_its_own_codes_for_version_and_headers(door: httpx.AsyncClient) -> None:
    body = soap_codec().encode_request("SubmitRequest", RECORD)
    response = await post_soap(door, body.replace(OLDER.namespace.encode(), b"urn:soap:2.0"))
    root = etree.fromstring(response.content)
    assert root.findtext(".//faultcode") == "soap:VersionMismatch"
    assert len(root.findall(f".//{NEWER.tag('SupportedEnvelope')}")) == 2
    newer = await post_newer(door, body.replace(OLDER.namespace.encode(), b"urn:soap:2.0"))
    assert etree.fromstring(newer.content).findtext(f".//{NEWER.tag('Value')}") == "soap:VersionMismatch"
    assert newer.status_code == 500


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


async def test_behind_a_proxy_the_wsdl_tells_the_address_of_the_settings(office: Office) -> None:
    async with served(office, public_url="https://api.city.example/a&b/") as address, httpx.AsyncClient() as client:
        spoofed = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
        response = await client.get(f"{address}/window/v1/soap?wsdl", headers=spoofed)
    root = etree.fromstring(response.content)
    (found,) = [one.get("location") for one in root.iter("{http://schemas.xmlsoap.org/wsdl/soap/}address")]
    assert found == "https://api.city.example/a&b/window/v1/soap"
    assert "evil" not in response.text


@pytest.mark.parametrize(
    "action", [None, "", '""', '"urn:panjereh:window:1.0:SubmitRequest"', "urn:panjereh:window:1.0:SubmitRequest", "x"]
)
async def test_the_body_alone_says_what_is_called(door: httpx.AsyncClient, office: Office, action: str | None) -> None:
    headers = {} if action is None else {"SOAPAction": action}
    response = await post_soap(door, soap_codec().encode_request("SubmitRequest", RECORD), **headers)
    assert response.status_code == 200
    assert office.calls[0][1] is Operation.SUBMIT_REQUEST


@pytest.mark.parametrize("other", ["GetStatus", "PushStatus"])
async def test_an_action_of_another_operation_is_refused(door: httpx.AsyncClient, office: Office, other: str) -> None:
    body = soap_codec().encode_request("SubmitRequest", RECORD)
    told = fault(await post_soap(door, body, SOAPAction=f'"urn:panjereh:window:1.0:{other}"'))
    assert (told.code, told.sender) == ("unreadable", True)
    assert office.calls == []


async def test_the_action_of_soap_1_2_stands_in_its_media_type(door: httpx.AsyncClient, office: Office) -> None:
    body = in_12(soap_codec().encode_request("SubmitRequest", RECORD))
    for name, status in (("GetStatus", 400), ("SubmitRequest", 200)):
        headers = {"Content-Type": NEWER.typed(f"urn:panjereh:window:1.0:{name}")}
        assert (await door.post("/window/v1/soap", content=body, headers=headers)).status_code == status
    assert [one[1] for one in office.calls] == [Operation.SUBMIT_REQUEST]


@pytest.mark.parametrize("port", ["WindowInwardPort", "WindowInwardPort12"])
async def test_a_foreign_client_reads_the_wsdl_and_submits(office: Office, port: str) -> None:
    async with served(office) as address:
        answer = await asyncio.to_thread(submit_by_zeep, f"{address}/window/v1/soap?wsdl", port)
    assert answer == ("4052718396", "accepted")
    (caller, operation, record, key) = office.calls[0]
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
