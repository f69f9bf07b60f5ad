"""A real Chromium for tests, at the other end of a pipe that speaks the DevTools protocol."""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

_FLAGS = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-pipe")
_ON_THE_PIPE = 'exec "$0" "$@" 3<&0 4>&1 0</dev/null 1>&2'
"""Chromium reads commands from 3 and answers on 4; each message ends with NUL."""
_LONGEST_ANSWER = 2**24


class Tab:
    """One open page. `events` are those of the protocol since it was opened, complaints of the console among them."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._session: dict[str, str] = {}
        self._sent = 0
        self.events: list[dict[str, Any]] = []

    async def attach(self) -> None:
        """Let commands go to a fresh page from now on."""
        target = await self.call("Target.createTarget", url="about:blank")
        attached = await self.call("Target.attachToTarget", flatten=True, **target)
        self._session = {"sessionId": attached["sessionId"]}
        for domain in ("Page", "Runtime", "Log"):
            await self.call(f"{domain}.enable")

    async def show(self, url: str, *, width: int = 1280, scheme: str = "light") -> None:
        """The page is loaded in a window of this width, for an eye that likes this colour scheme."""
        device = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        await self.call("Emulation.setDeviceMetricsOverride", **device)
        await self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        await self.call("Page.navigate", url=url)
        await self.event("Page.loadEventFired")

    async def evaluate(self, expression: str) -> Any:
        """What JavaScript makes of the expression, as JSON; the page's own policy does not bind it."""
        told = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    @property
    def complaints(self) -> list[str]:
        """What the console says: messages, refused resources, uncaught errors."""
        names = {"Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"}
        return [json.dumps(event["params"]) for event in self.events if event["method"] in names]

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of a command of the protocol."""
        self._sent += 1
        command = {"id": self._sent, "method": method, "params": params, **self._session}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\0")
        while (told := await self._read()).get("id") != self._sent:
            self.events.append(told)
        result: dict[str, Any] = told["result"]
        return result

    async def event(self, method: str) -> None:
        """The event came, after the last command."""
        while (told := await self._read())["method"] != method:
            self.events.append(told)

    async def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        message = await asyncio.wait_for(self._process.stdout.readuntil(b"\0"), timeout=30)
        told: dict[str, Any] = json.loads(message[:-1])
        return told


@asynccontextmanager
async def open_tab(chromium: str, profile: Path) -> AsyncIterator[Tab]:
    """A tab of a browser that keeps its things in `profile` and ends with the block."""
    command = ("sh", "-c", _ON_THE_PIPE, chromium, *_FLAGS, f"--user-data-dir={profile}")
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, limit=_LONGEST_ANSWER
    )
    try:
        tab = Tab(process)
        await tab.attach()
        yield tab
        await tab.call("Browser.close")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
