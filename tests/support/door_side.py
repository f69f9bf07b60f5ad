"""A served door over an office that answers as a test wants, and the wire's parts."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from lxml import etree
from starlette.applications import Starlette

from adapter.contract import load_contract
from adapter.contract.codec import Fault
from adapter.contract.model import Contract
from adapter.contract.soap import SoapCodec
from adapter.doors import LargeDocuments, Limits, routes
from adapter.exchange import Caller, Operation, Record, Reply
from adapter.mark import Brought
from adapter.strict_json import read_json
from adapter.wsdl import read_wsdl

FOLDER = Path(__file__).parents[2] / "contracts" / "window" / "1.0"
WINDOW = load_contract(FOLDER, read_wsdl)
KEY = "invented-api-key-0001"
CALLER = Caller("counter-72", "tehran", "counter")
CALLERS = {hashlib.sha256(KEY.encode()).hexdigest(): CALLER}
ACK = {"tracking_code": "4052718396", "state": "accepted", "accepted_at": "2026-11-21T11:05:27+03:30"}
IDEMPOTENCY_KEY = "key-0123456789abcdef"
EXAMPLE = FOLDER / "examples/valid/SubmitRequest.a_new_building_of_two_owners_and_three_floors.json"
RECORD = read_json(EXAMPLE.read_bytes())


@dataclass
class Office:
    """What stands behind the door: it keeps what came and answers as it was told."""

    answer: Reply | Exception = field(default_factory=lambda: Reply(202, ACK, "/window/v1/requests/4052718396"))
    calls: list[tuple[Caller, Operation, Record, str | None]] = field(default_factory=list)

    async def receive(
        self, caller: Caller, operation: Operation, record: Record, key: str | None, brought: Sequence[Brought] = ()
    ) -> Reply:
        self.calls.append((caller, operation, record, key))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@asynccontextmanager
async def served(
    office: Office,
    limits: Limits | None = None,
    public_url: str | None = None,
    window: Contract = WINDOW,
    *,
    large: LargeDocuments | None = None,
) -> AsyncIterator[str]:
    """The address at which the window's doors stand."""
    doors = routes(window, CALLERS, office.receive, limits=limits or Limits(), large=large, public_url=public_url)
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


async def post_soap(door: httpx.AsyncClient, body: bytes, **headers: str) -> httpx.Response:
    found = {"Content-Type": "text/xml; charset=utf-8", **headers}
    return await door.post("/window/v1/soap", content=body, headers=found)


def soap_codec() -> SoapCodec:
    codec = WINDOW.bindings["soap"]
    assert isinstance(codec, SoapCodec)
    return codec


def fault(response: httpx.Response) -> Fault:
    assert response.status_code == 500
    assert response.headers["Content-Type"].startswith("text/xml")
    shown: Any = etree.fromstring(response.content).find(".//{urn:panjereh:window:1.0}Problem")
    assert soap_codec()._wsdl.schema.validate(shown), soap_codec()._wsdl.schema.error_log
    found = soap_codec().decode_answer("SubmitRequest", response.content)
    assert isinstance(found, Fault)
    return found
