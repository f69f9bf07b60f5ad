"""A town as people run it: a real sandbox, an installation beside it, the daemon and commands as processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from adapter.exchange import Record
from ops.demo.installation import Installation, install
from ops.sandbox import Sandbox, SandboxSettings, serve
from ops.sandbox.faults import read_rules
from ops.sandbox.settings import WIRED
from tests.support.records import ROOT

COMMAND = (sys.executable, "-c", "from ops.cli.main import main; main()")
SERVICES = ["building_permit", "renovation_toll", "notary_inquiry"]
ME = f"uid:{os.getuid()}"
NAME = "شیرین"


@dataclass(frozen=True)
class Ran:
    """What one command said."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Seen:
    """What one HTTP call was answered."""

    status: int
    media_type: str
    body: bytes


def _call(netloc: str, path: str, body: bytes | None, headers: dict[str, str]) -> Seen:
    connection = HTTPConnection(netloc, timeout=20)
    try:
        media_type = {"Content-Type": "application/json"} if body is not None else {}
        connection.request("GET" if body is None else "POST", path, body, {**media_type, **headers})
        answer = connection.getresponse()
        return Seen(answer.status, answer.headers["Content-Type"], answer.read())
    finally:
        connection.close()


@dataclass
class Town:
    """A sandbox and an installation beside it."""

    sandbox: Sandbox
    installation: Installation
    log: list[dict[str, Any]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    daemon: asyncio.subprocess.Process | None = None
    _listening: asyncio.Task[None] | None = None
    _keys: int = 0

    async def start(self) -> dict[str, Any]:
        """The daemon runs; what it said of itself."""
        self.daemon = await asyncio.create_subprocess_exec(
            *COMMAND, "run", cwd=ROOT, env=self._environment, stderr=asyncio.subprocess.PIPE
        )
        self._listening = asyncio.create_task(self._listen(self.daemon))
        return await self.event("daemon_started")

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.daemon is not None
        assert self._listening is not None
        if self.daemon.returncode is None:
            self.daemon.send_signal(how)
        code = await asyncio.wait_for(self.daemon.wait(), 20)
        await self._listening
        return code

    async def run(self, *tokens: str) -> Ran:
        """One `panjereh` command."""
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            *tokens,
            cwd=ROOT,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), 30)
        return Ran(process.returncode or 0, out.decode(), err.decode())

    async def submit(self, record: Record) -> str:
        """A request at the door; its tracking code."""
        self._keys += 1
        headers = {"X-Api-Key": self.installation.keys["counter"], "Idempotency-Key": f"key-{self._keys:016d}"}
        seen = await self.call("/window/v1/requests", json.dumps(record).encode(), headers)
        assert seen.status == 202, seen.body
        code: str = json.loads(seen.body)["tracking_code"]
        return code

    async def call(self, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Seen:
        """One HTTP call to the daemon: a POST when there is a body."""
        address = (await self.event("daemon_started"))["address"]
        return await asyncio.to_thread(_call, urlsplit(address).netloc, path, body, headers or {})

    async def event(self, name: str, **wanted: Any) -> dict[str, Any]:
        """The newest event of this name, once it has come."""
        async with asyncio.timeout(20):
            while True:
                for told in reversed(self.log):
                    if told.get("event") == name and wanted.items() <= told.items():
                        return dict(told)
                assert self.daemon is not None
                assert self.daemon.returncode is None, self.said
                await asyncio.sleep(0.02)

    async def _listen(self, daemon: asyncio.subprocess.Process) -> None:
        assert daemon.stderr is not None
        async for line in daemon.stderr:
            self.said.append(line.decode())
            if line.startswith(b"{"):
                self.log.append(json.loads(line))

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PANJEREH_CONFIG": str(self.installation.settings)}


@asynccontextmanager
async def operated(folder: Path) -> AsyncIterator[Town]:
    """A sandbox and an installation beside it in this folder; a daemon that still runs in the end is killed."""
    settings = SandboxSettings(
        contracts_folder=ROOT / "contracts",
        ledger_folder=folder / "ledgers",
        pace_seconds=0.02,
        stand_ins=(*WIRED, "complaints"),
    )
    sandbox = await serve(settings)
    town = Town(sandbox, install(folder, sandbox.addresses, services=SERVICES, scale=0.01, port=0))
    yield town
    if town.daemon is not None:
        await town.stop(signal.SIGKILL)
    await sandbox.close()


def script(town: Town, stand_in: str, *rules: dict[str, Any]) -> None:
    """Put a fault script in force at one stand-in."""
    town.sandbox.set_faults_of(stand_in, read_rules(list(rules)))
