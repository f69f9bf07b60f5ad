"""A system that nobody here has seen before, connected by files alone: a contract, a service's tables, the settings.

What stands in Python here is that system itself and the citizen. It gives tokens by OAuth 2.0, forgets them early, and
tells its events two at a time, each page with a link to the next.
"""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapter.exchange import Caller, Exchange, Operation, Record, State
from adapter.journal import Filter, reading
from ops.cli.main import run_command
from ops.daemon import served
from ops.protocol import ConnectionLimits
from ops.sandbox import Sandbox, SandboxSettings, serve
from ops.settings_file import load_settings
from ops.wiring import House, open_house
from tests.support.records import ROOT

SERVICE, TRACKED = "tree_pruning", "my-city"
CITIZEN = Caller("counter", TRACKED, "counter")
CLIENT = base64.b64encode(b"panjereh:a+secret+of+the+trees").decode()
CALLS_PER_TOKEN = 4


@dataclass
class Trees:
    """The far end: requests by our reference, and a list of events that only grows."""

    requests: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    left: int = 0
    refused: int = 0

    async def token(self, request: Request) -> Response:
        assert request.headers["Authorization"] == f"Basic {CLIENT}"
        self.tokens.append(f"token-{len(self.tokens) + 1}")
        self.left = CALLS_PER_TOKEN
        return JSONResponse({"access_token": self.tokens[-1], "token_type": "Bearer", "expires_in": 3600})

    def is_let_in(self, request: Request) -> bool:
        """Whether the token is the last one and not yet used up."""
        self.left -= 1
        is_let_in = self.left >= 0 and request.headers.get("Authorization") == f"Bearer {self.tokens[-1]}"
        self.refused += not is_let_in
        return is_let_in

    async def register(self, request: Request) -> Response:
        if not self.is_let_in(request):
            return Response(status_code=401)
        sent = await request.json()
        if "حفاظت" in sent["text"]:
            return JSONResponse({"code": "PROTECTED"}, 201)
        number = f"T-{len(self.requests) + 1}"
        self.requests[sent["reference"]] = {**sent, "number": number}
        for state in (1, 2, 3):
            self.happen(number, state)
        return JSONResponse({"code": "OK", "number": number}, 201)

    def happen(self, number: str, state: int) -> None:
        told = {"id": f"{number}-{state}", "place_in_order": state, "number": number, "what": "state", "state": state}
        self.events.append({**told, "at": f"2026-11-21T11:3{state}:00+03:30"})

    async def tell(self, request: Request) -> Response:
        if not self.is_let_in(request):
            return Response(status_code=401)
        first = int(request.query_params.get("after", "0"))
        behind = first + 2
        link = {"Link": f'</api/events?after={behind}>; rel="next"'} if behind < len(self.events) else {}
        return JSONResponse({"events": self.events[first:behind]}, headers=link)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/login/token", self.token, methods=["POST"]),
                Route("/api/requests", self.register, methods=["POST"]),
                Route("/api/events", self.tell),
            ]
        )


SETTINGS = """
database = "sqlite:///{folder}/journal.db"
master_key_file = "master.key"
admin_socket = "admin.sock"
contracts = "contracts"
mappings = "mappings"
callers = []
[profile]
scale = 0.001
[tenants.my-city]
services = ["tree_pruning"]
[tenants.my-city.endpoints."window/1.0"]
address = "{gateway}"
binding = "rest"
[tenants.my-city.endpoints."trees/1.0"]
address = "{trees}/api"
binding = "rest"
authentication = "oauth2"
token_address = "{trees}/login/token"
user = "panjereh"
key_file = "trees.key"
"""


def installed(folder: Path, *, gateway: str, trees: str) -> Path:
    """The files that connect the system; the settings among them."""
    shutil.copytree(ROOT / "contracts" / "window", folder / "contracts" / "window")
    shutil.copytree(ROOT / "tests" / "contracts" / "trees", folder / "contracts" / "trees")
    shutil.copytree(ROOT / "tests" / "mappings" / SERVICE, folder / "mappings" / SERVICE)
    for name, secret in (("master.key", "an invented master key of 32 byte"), ("trees.key", "a secret of the trees")):
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(secret, "utf-8")
    settings = folder / "panjereh.toml"
    settings.write_text(SETTINGS.format(folder=folder, gateway=gateway, trees=trees), "utf-8")
    return settings


@asynccontextmanager
async def connected(folder: Path, trees: Trees) -> AsyncIterator[tuple[House, Sandbox]]:
    """A house at work beside that system and a gateway."""
    async with AsyncExitStack() as stack:
        sandbox = await serve(SandboxSettings(ROOT / "contracts", folder / "ledgers"))
        stack.push_async_callback(sandbox.close)
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        await stack.enter_async_context(served(trees.app(), listener, ConnectionLimits()))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings = installed(folder, gateway=sandbox.addresses["gateway"], trees=address)
        house = await open_house(load_settings(settings))
        stack.push_async_callback(house.aclose)
        flows = [asyncio.create_task(flow) for flow in (house.delivery.run(), house.followup.run())]
        try:
            yield house, sandbox
        finally:
            for flow in flows:
                flow.cancel()
            await asyncio.gather(*flows, return_exceptions=True)


def request(**report: str) -> Record:
    path = ROOT / "tests" / "mappings" / SERVICE / "cases" / "a_branch_lies_on_a_power_line.in.json"
    record: Record = json.loads(path.read_bytes())["record"]
    return {**record, "report": {**record["report"], **report}}


async def exchanges(house: House) -> list[Exchange]:
    return await house.journal.read(reading.list_exchanges, Filter())


async def test_a_new_rest_system_is_connected_by_files_alone(tmp_path: Path) -> None:
    trees = Trees()
    async with connected(tmp_path, trees) as (house, sandbox):
        for number, text in enumerate(("شاخه‌ای روی سیم برق افتاده است", "شاخهٔ چناری حفاظت‌شده راه را بسته است")):
            reply = await house.intake.receive(
                CITIZEN, Operation.SUBMIT_REQUEST, request(description=text), f"key-{number:016d}"
            )
            assert reply.status == 202
        async with asyncio.timeout(10):
            while sorted(one.state for one in (await exchanges(house))) != [*[State.DONE] * 5, State.REFUSED]:
                await asyncio.sleep(0.02)
        told = sandbox.ledger("gateway").entries
    assert sorted(str(one.status_code) for one in told) == ["10", "40", "70", "72"]
    assert [one["text"] for one in trees.requests.values()] == ["شاخه‌ای روی سیم برق افتاده است"]
    assert len(trees.tokens) > 1
    assert trees.refused >= len(trees.tokens) - 1, "a token was renewed only when it was refused"
    folders = ["--contracts", str(tmp_path / "contracts"), "--mappings", str(tmp_path / "mappings")]
    assert run_command(["check", SERVICE, *folders]) == 0
