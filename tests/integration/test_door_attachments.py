"""Attachments over real HTTP: every binding makes one record, limits hold while the body comes, no file stays."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapter.contract.codec import Fault
from adapter.contract.envelopes import VERSIONS, read_envelope
from adapter.contract.packing import Way
from adapter.contract.soap import SoapCodec
from adapter.doors import Limits
from adapter.exchange import Operation
from adapter.wsdl import read_wsdl
from tests.support.documents import attaching
from tests.support.door_side import ACK, CALLER, FOLDER, IDEMPOTENCY_KEY, KEY, WINDOW, Office, served, soap_codec
from tests.support.peers import NODE_FOLDER, node_soap

CONTENT = bytes(range(256)) * 8192
RECORD = attaching(CONTENT)
LIMITS = {name: one.max_bytes for name, one in WINDOW.operations.items()}


def codec(way: Way, version: str) -> SoapCodec:
    ways = dict.fromkeys(WINDOW.operations, way)
    return SoapCodec(read_wsdl(FOLDER, "window.wsdl"), limits=LIMITS, path="/v1/soap", speaks=version, ways=ways)


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
async def door(office: Office, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        served(office, Limits(spool=tmp_path)) as address,
        httpx.AsyncClient(base_url=address, headers={"X-Api-Key": KEY, "Idempotency-Key": IDEMPOTENCY_KEY}) as client,
    ):
        yield client


def open_in(folder: Path) -> list[str]:
    """The files of the folder that this process holds open, with or without a name."""
    return [one for one in map(_target, Path("/proc/self/fd").iterdir()) if one.startswith(str(folder))]


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("way", [Way.MTOM, Way.SWA, Way.INLINE])
async def test_soap_with_attachments_becomes_the_same_record(
    door: httpx.AsyncClient, office: Office, tmp_path: Path, way: Way, version: str
) -> None:
    spoken = codec(way, version)
    form = spoken.form("AttachDocument", spoken.encode_request("AttachDocument", RECORD))
    headers = {**form.headers, "Content-Type": str(form.media_type)}
    response = await door.post("/window/v1/soap", content=form.body, headers=headers)
    assert response.status_code == 200, response.text
    assert read_envelope(response.content).version is VERSIONS[version]
    assert spoken.decode_answer("AttachDocument", response.content) == ACK
    assert office.calls == [(CALLER, Operation.ATTACH_DOCUMENT, RECORD, IDEMPOTENCY_KEY)]
    assert list(tmp_path.iterdir()) == []
    assert open_in(tmp_path) == []


async def test_a_form_with_a_file_becomes_the_same_record(door: httpx.AsyncClient, office: Office) -> None:
    fields = {name: value for name, value in RECORD.items() if name not in {"tracking_code", "content"}}
    files: dict[str, Any] = {
        "message": (None, httpx.Request("POST", "http://x", json=fields).content, "application/json"),
        "content": ("../../سند.pdf", CONTENT, "application/pdf"),
    }
    response = await door.post("/window/v1/requests/4052718396/documents", files=files)
    assert (response.status_code, response.json()) == (202, ACK)
    assert office.calls == [(CALLER, Operation.ATTACH_DOCUMENT, RECORD, IDEMPOTENCY_KEY)]


async def test_a_form_is_taken_only_where_the_contract_has_one(door: httpx.AsyncClient, office: Office) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    response = await door.post("/window/v1/requests", content=b"--b--", headers=headers)
    assert response.status_code == 415
    assert office.calls == []


MTOM = codec(Way.MTOM, "1.2")
FORM = MTOM.form("AttachDocument", MTOM.encode_request("AttachDocument", RECORD))
TYPE = {"Content-Type": str(FORM.media_type)}


async def test_a_package_may_come_in_pieces_of_any_size(door: httpx.AsyncClient, office: Office) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(FORM.body), 4093):
            yield FORM.body[start : start + 4093]

    assert (await door.post("/window/v1/soap", content=pieces(), headers=TYPE)).status_code == 200
    assert office.calls[0][2] == RECORD


BROKEN = {
    "no closing boundary": (FORM.body[:-30], TYPE),
    "another boundary": (FORM.body, {"Content-Type": TYPE["Content-Type"].replace("panjereh-", "panjereh_")}),
    "no boundary": (FORM.body, {"Content-Type": 'multipart/related; type="application/xop+xml"'}),
    "something after its end": (FORM.body + b"x", TYPE),
    "a media type that is none": (FORM.body, {"Content-Type": "multipart/related; ;; boundary"}),
}


@pytest.mark.parametrize(("body", "headers"), BROKEN.values(), ids=BROKEN)
async def test_a_broken_package_is_the_callers_fault_and_leaves_no_file(
    door: httpx.AsyncClient, office: Office, tmp_path: Path, body: bytes, headers: dict[str, str]
) -> None:
    response = await door.post("/window/v1/soap", content=body, headers=headers)
    found = soap_codec().decode_answer("AttachDocument", response.content)
    assert isinstance(found, Fault)
    assert (found.code, found.sender) == ("unreadable", True)
    assert office.calls == []
    assert open_in(tmp_path) == []


async def test_too_much_is_refused_while_it_comes_by_the_limit_of_its_operation(
    door: httpx.AsyncClient, office: Office, tmp_path: Path
) -> None:
    """CheckHealth may have 16 KiB; what follows its envelope is not waited for."""
    small = MTOM.form("CheckHealth", MTOM.encode_request("CheckHealth", {}))
    boundary = small.body.partition(b"\r\n")[0]
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield small.body.removesuffix(b"--\r\n") + b"\r\nContent-ID: <a>\r\n\r\n"
        while sent < 7_000_000:
            sent += 65_536
            yield b"x" * 65_536
        yield b"\r\n" + boundary + b"--\r\n"

    try:
        response = await door.post(
            "/window/v1/soap", content=endless(), headers={"Content-Type": str(small.media_type)}
        )
        found = soap_codec().decode_answer("AttachDocument", response.content)
        assert isinstance(found, Fault)
        assert found.code == "too-large"
    except httpx.HTTPError:
        pass  # the server may close before the client has sent all
    assert sent < 7_000_000
    assert office.calls == []
    await asyncio.sleep(0.05)
    assert open_in(tmp_path) == []


async def test_a_caller_who_leaves_in_the_middle_leaves_no_file(office: Office, tmp_path: Path) -> None:
    async with served(office, Limits(spool=tmp_path)) as address:
        host, port = address.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        head = (
            f"POST /window/v1/soap HTTP/1.1\r\nHost: x\r\nX-Api-Key: {KEY}\r\nContent-Type: {TYPE['Content-Type']}\r\n"
        )
        writer.write(f"{head}Content-Length: {len(FORM.body)}\r\n\r\n".encode() + FORM.body[: len(FORM.body) // 2])
        await writer.drain()
        for _ in range(100):
            await asyncio.sleep(0.02)
            if found := open_in(tmp_path):
                break
        assert found
        assert list(tmp_path.iterdir()) == []
        writer.close()
        for _ in range(100):
            await asyncio.sleep(0.02)
            if not open_in(tmp_path):
                break
    assert open_in(tmp_path) == []
    assert office.calls == []


@pytest.mark.parametrize("port", ["WindowInwardPort", "WindowInwardPort12"])
async def test_nodes_soap_sends_a_document_in_mtom(office: Office, tmp_path: Path, port: str) -> None:
    async with served(office, Limits(spool=tmp_path)) as address:
        script = [node_soap(), "attach.js", f"{address}/window/v1/soap?wsdl", port, KEY, IDEMPOTENCY_KEY]
        call = json.dumps({"content": RECORD, "newer": port.endswith("12")})
        told = await asyncio.to_thread(
            subprocess.run, script, input=call.encode(), cwd=NODE_FOLDER, capture_output=True, timeout=60, check=False
        )
    assert told.returncode == 0, told.stderr.decode()
    assert json.loads(told.stdout)["tracking_code"] == ACK["tracking_code"]
    assert office.calls == [(CALLER, Operation.ATTACH_DOCUMENT, RECORD, IDEMPOTENCY_KEY)]
