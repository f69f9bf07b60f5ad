"""Acceptance alone: SOAP over real HTTP to a daemon on one core, the callers on the others; nothing is delivered."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvloop
from pysqlite3 import dbapi2 as sqlite

from adapter.contract import load_contract
from adapter.contract.model import Contract
from adapter.journal import Pause, open_journal
from adapter.wsdl import read_wsdl
from ops.demo.installation import TENANT, Installation, install
from ops.demo.processes import free_port
from ops.randomness import buffered
from tests.figures import HOUSE, Figure
from tests.score.trial import requests
from tests.support.running import running, until_ready

CONNECTIONS = 64
WARM_UP = 500
ROUNDS = 3
"""The one in the middle counts: a machine that others share is slow for seconds at a time."""

_INTERNAL = ("urban_core/1.0", "revenue/1.0")
_CODE, _KEY = "1-2-1-10-1-0-0", "bench-key-00000000"


def measure(folder: Path, *, calls: int) -> list[Figure]:
    """SubmitRequests accepted a second; every acceptance is counted again in the journal afterwards."""
    port = free_port()
    nowhere = dict.fromkeys(("gateway", "urban_core", "revenue"), "http://127.0.0.1:9")
    services = ["building_permit", "renovation_toll"]
    installation = install(
        folder / "inward", nowhere, services=services, scale=1.0, port=port, channels=["national_window"]
    )
    _pause_internal_systems(installation)
    contract = load_contract(HOUSE / "contracts/window/1.0", read_wsdl)
    messages = list(_rendered(contract, WARM_UP + calls, api_key=installation.keys["national_window"]))
    server_core, *our_cores = sorted(os.sched_getaffinity(0))
    with running(installation) as process:
        _confine(process, server_core)
        until_ready(f"http://127.0.0.1:{port}/readyz")
        if our_cores:
            os.sched_setaffinity(0, our_cores)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_send(port, messages[:WARM_UP]))
            rounds = []
            for number in range(ROUNDS):
                began, used = time.perf_counter(), _cpu_seconds(process.pid)
                latencies = sorted(runner.run(_send(port, messages[WARM_UP + number :: ROUNDS])))
                rounds.append((time.perf_counter() - began, _cpu_seconds(process.pid) - used, latencies))
        os.sched_setaffinity(0, {server_core, *our_cores})
    kept = _kept(installation)
    assert kept == dict.fromkeys(kept, len(messages)), f"{len(messages)} were acknowledged, the journal has {kept}"
    seconds, used, latencies = sorted(rounds)[ROUNDS // 2]
    calls = len(latencies)
    p50, p99 = (latencies[int(len(latencies) * share)] * 1000 for share in (0.5, 0.99))
    return [
        Figure(
            "inward SOAP on one core, deliveries paused",
            calls / seconds,
            "requests/s",
            1200,
            note=f"durable, sealed, audited; {used / calls * 1e6:.0f} µs CPU each, p50 {p50:.0f} p99 {p99:.0f} ms",
        )
    ]


def _pause_internal_systems(installation: Installation) -> None:
    """In the journal, as an operator finds it after a failure: what is accepted waits there."""
    journal = open_journal(
        f"sqlite:///{installation.folder / 'journal.db'}",
        master_key=(installation.folder / "master.key").read_bytes(),
        node="demo",
        clock=lambda: datetime.now(UTC),
        randomness=buffered(),
        silence=timedelta(seconds=60),
        environment="demo",
    )

    async def pause() -> None:
        for name in _INTERNAL:
            await journal.pause(Pause(TENANT, name, reason="a measurement of acceptance alone"))

    asyncio.run(pause())
    journal.close()


def _rendered(contract: Contract, count: int, *, api_key: str) -> Iterator[bytes]:
    """Whole HTTP requests of two services by turns, each with a key and about a property of its own."""
    codec = contract.bindings["soap"]
    frozen = [codec.encode_request("SubmitRequest", record, key=_KEY) for record in requests(2)]
    codes = [record["property"]["renovation_code"].encode() for record in requests(2)]
    form = codec.form("SubmitRequest", frozen[0])
    for number in range(count):
        own_code = f"1-2-{1 + number // 9000}-{1000 + number % 9000}-1-0-0".encode()
        body = frozen[number % 2].replace(codes[number % 2], own_code)
        body = body.replace(_KEY.encode(), b"bench-key-%08d" % number)
        lines = (
            f"POST /{contract.name}{form.path} HTTP/1.1",
            "Host: localhost",
            f"X-Api-Key: {api_key}",
            f"Content-Type: {form.media_type}",
            *(f"{name}: {value}" for name, value in form.headers.items()),
            f"Content-Length: {len(body)}",
        )
        yield "\r\n".join((*lines, "", "")).encode() + body


async def _send(port: int, messages: list[bytes]) -> list[float]:
    """Each message once over kept connections, the next after the answer; seconds to each acceptance."""
    waiting = iter(messages)
    latencies: list[float] = []

    async def caller() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for message in waiting:
            began = time.perf_counter()
            writer.write(message)
            head = await reader.readuntil(b"\r\n\r\n")
            content = await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
            latencies.append(time.perf_counter() - began)
            assert head.startswith(b"HTTP/1.1 200 "), content.decode()
            assert b"replayed" not in head.lower(), content.decode()
        writer.close()

    await asyncio.gather(*(caller() for _ in range(CONNECTIONS)))
    return latencies


def _confine(process: subprocess.Popen[bytes], core: int) -> None:
    """Every thread of the process, those to come included, on one core."""
    for task in Path(f"/proc/{process.pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {core})


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


_COUNTED = {
    "exchanges": "SELECT count(*) FROM exchanges WHERE state = 'ready'",
    "sealed records": "SELECT count(DISTINCT exchange_id) FROM payloads WHERE kind = 'record'",
    "keys": "SELECT count(*) FROM idempotency_keys",
    "audited acceptances": "SELECT count(DISTINCT exchange_id) FROM audit WHERE event = 'accepted'",
}


def _kept(installation: Installation) -> dict[str, int]:
    """What the journal's file holds, read without the adapter."""
    with closing(sqlite.connect(f"file:{installation.folder / 'journal.db'}?mode=ro", uri=True)) as connection:
        return {name: connection.execute(query).fetchone()[0] for name, query in _COUNTED.items()}
