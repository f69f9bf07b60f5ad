"""The whole daemon over real HTTP, with the stand-ins in a process beside it and the callers here."""

from __future__ import annotations

import asyncio
import json
import os
import time
import urllib.request
from pathlib import Path

from ops.demo.installation import Installation, install
from ops.demo.processes import free_port
from ops.sandbox.settings import WIRED
from tests.figures import Figure
from tests.score.trial import requests
from tests.support.running import running, sandbox, until_ready

AT_ONCE = 32


def measure(folder: Path, *, calls: int) -> list[Figure]:
    """Complete exchanges a second (kept, delivered inside, told to the gateway), and the daemon's peak memory."""
    with sandbox(folder) as addresses:
        port = free_port()
        installation = install(
            folder / "daemon", addresses, services=["renovation_toll"], scale=0.05, port=port, channels=["counter"]
        )
        with running(installation) as process:
            address = f"127.0.0.1:{port}"
            until_ready(f"http://{address}/readyz")
            asyncio.run(_submit(port, installation, range(100)))
            _until_effects(addresses, 2 * 100)
            began = time.perf_counter()
            latencies = asyncio.run(_submit(port, installation, range(100, 100 + calls)))
            accepted = time.perf_counter() - began
            _until_effects(addresses, 2 * (100 + calls))
            seconds = time.perf_counter() - began
            memory = _peak_megabytes(process.pid)
    latencies.sort()
    p50, p99 = (latencies[int(len(latencies) * share)] * 1000 for share in (0.5, 0.99))
    return [
        Figure(
            "daemon, complete exchanges over HTTP",
            2 * calls / seconds,
            "exchanges/s",
            150,
            note=f"{calls / seconds:.0f} requests/s, accepted {calls / accepted:.0f}/s, p50 {p50:.0f} p99 {p99:.0f} ms",
        ),
        Figure("daemon, peak memory", memory, "MB", 200, at_most=True),
    ]


async def _submit(port: int, installation: Installation, numbers: range) -> list[float]:
    """Send one toll request for each number over a few kept connections; how long each acceptance took."""
    template = next(requests(1))
    waiting = iter(numbers)
    latencies: list[float] = []

    async def caller() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in waiting:
            template["property"]["renovation_code"] = f"1-2-{1 + number // 900}-{1000 + number % 900}-0-0-0"
            body = json.dumps(template, ensure_ascii=False).encode()
            head = (
                f"POST /window/v1/requests HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                f"X-Api-Key: {installation.keys['counter']}\r\nIdempotency-Key: bench-request-{number:08d}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            began = time.perf_counter()
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            content = await reader.readexactly(length)
            latencies.append(time.perf_counter() - began)
            if b" 202 " not in answer[:16]:
                raise AssertionError(content.decode())
        writer.close()

    await asyncio.gather(*(caller() for _ in range(AT_ONCE)))
    return latencies


def _until_effects(addresses: dict[str, str], wanted: int) -> None:
    for _ in range(2400):
        if sum(_effects(addresses[name]) for name in WIRED) >= wanted:
            return
        time.sleep(0.05)
    raise AssertionError(f"not {wanted} effects after 2 minutes")


def _effects(address: str) -> int:
    with urllib.request.urlopen(f"{address}/_sandbox/ledger?after=0&limit=1", timeout=10) as answer:
        last: int = json.load(answer)["last"]
        return last


def _peak_megabytes(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(os.strerror(3))
