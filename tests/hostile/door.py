"""A door to attack: the daemon's own routes and limits on a loopback port, the real engine behind them."""

from __future__ import annotations

import asyncio
import csv
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvloop
from starlette.applications import Starlette
from structlog.testing import capture_logs

from adapter.doors import routes
from adapter.exchange import Caller, Operation, Record, Reply
from adapter.mark import Brought
from ops.callers import key_digest
from ops.daemon import served
from ops.protocol import ConnectionLimits
from tests.support.house import COUNTER, WINDOW, Town, contracts, found_town

KEY = "invented-api-key-0001"
SOAP, REST = "/window/v1/soap", "/window/v1/requests"
MOST_CPU_SECONDS, LONGEST_SECONDS = 1.0, 5.0
"""What one answer may cost, and how long it may take while the machine has other things to do."""

HEALTH = {"state": "up", "since": "2026-11-21T09:30:00+03:30"}


@dataclass(frozen=True)
class Answer:
    """What a case must get; `told` stands in the detail, and is empty where nothing more is promised."""

    case: str
    status: int
    code: str
    told: str = ""
    faultcode: str = ""


def answers(folder: Path) -> list[Answer]:
    """The table of a corpus, one row for each of its files."""
    with (folder / "answers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [Answer(row["case"], int(row["status"]), row["code"], row["told"], row["faultcode"]) for row in rows]


@dataclass
class Door:
    """A client of the standing door, in one process with it; each call has a key of its own, the dearest is told."""

    address: str
    town: Town
    dearest: float = 0.0
    slowest: float = 0.0
    calls: int = 0
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30))

    def post(self, path: str, body: bytes, **headers: str) -> httpx.Response:
        self.calls += 1
        sent = {"X-Api-Key": KEY, "Idempotency-Key": f"hostile-case-{self.calls:06d}", **headers}
        began, spent = time.perf_counter(), time.process_time()
        answer = self.client.post(f"{self.address}{path}", content=body, headers=sent)
        self.slowest = max(self.slowest, time.perf_counter() - began)
        self.dearest = max(self.dearest, time.process_time() - spent)
        return answer

    def raw(self, text: bytes) -> bytes:
        """What the door answers to these bytes, until it closes or has nothing more to say."""
        host, port = self.address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=3) as connection:
            connection.sendall(text)
            answer = b""
            while chunk := _received(connection):
                answer += chunk
        return answer


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65_536)
    except (TimeoutError, ConnectionResetError):
        return b""


@contextmanager
def standing_door(folder: Path) -> Iterator[Door]:
    """A house with its door open, in a thread with a loop of its own; afterwards both are closed."""
    opened: threading.Event = threading.Event()
    found: dict[str, Any] = {}

    def live() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # the daemon's own
            runner.run(_keep_open(folder, found, opened))

    thread = threading.Thread(target=live)
    thread.start()
    assert opened.wait(30)
    door = Door(found["address"], found["town"])
    try:
        with capture_logs():
            yield door
    finally:
        door.client.close()
        found["loop"].call_soon_threadsafe(found["closing"].set)
        thread.join(30)


async def _keep_open(folder: Path, found: dict[str, Any], opened: threading.Event) -> None:
    town = found_town(folder)
    house = town.open()

    async def receive(
        caller: Caller, operation: Operation, record: Record, key: str | None, brought: Sequence[Brought] = ()
    ) -> Reply:
        if operation is Operation.CHECK_HEALTH:
            return Reply(200, dict(HEALTH))
        return await house.intake.receive(caller, operation, record, key)

    app = Starlette(routes=routes(contracts()[WINDOW[1]], {key_digest(KEY): COUNTER}, receive))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with served(app, listener, ConnectionLimits()):
            address = f"http://127.0.0.1:{listener.getsockname()[1]}"
            found |= {"town": town, "loop": asyncio.get_running_loop(), "closing": asyncio.Event(), "address": address}
            opened.set()
            await found["closing"].wait()
    town.close()


def peak_of_memory() -> int:
    """The most memory that this process has used since `forget_peak`, in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def forget_peak() -> None:
    """Afterwards the peak is what is used now."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
