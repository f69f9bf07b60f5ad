"""The processes of the demo: started here, known by their pid, and ended here."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import subprocess  # the demo's point is that these are processes of their own
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ops.demo.effects import STAND_INS
from ops.demo.wire import NoAnswerError, call

COMMAND = (sys.executable, "-c", "from ops.cli.main import main; main()")
"""`panjereh` by our own interpreter, wherever its script was put."""
_LOOK_SECONDS = 0.05
_START_SECONDS = 20.0
_STOP_SECONDS = 5.0
_OK = 200
_WORDS = 3
_PORTS = range(20_000, 32_000)
"""Below those that Linux (32768) and others (49152, RFC 6335) give to whoever asks for any."""


class NotStartedError(Exception):
    """A process ended, or did not answer in time; the text has the end of what it said."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """Where the adapter finds it, and where its page, its ledger and its faults are."""

    address: str
    page: str


@dataclass(slots=True)
class Running:
    """One process and the file it writes to."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def kill(self) -> None:
        """SIGKILL: it is told nothing and can save nothing. It is gone when this returns."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL if it does not end by itself. It is gone when this returns."""
        self.process.terminate()
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def said(self) -> str:
        """The last lines it wrote."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:])


@dataclass(slots=True)
class Processes:
    """All that runs; `stop` ends what is left of it."""

    folder: Path
    running: list[Running] = field(default_factory=list)

    @property
    def pids(self) -> list[int]:
        """Of those that still run."""
        return [running.pid for running in self.running if running.process.poll() is None]

    async def sandbox(self, contracts: Path, ledgers: Path, *, pace_seconds: float) -> dict[str, StandIn]:
        """Start the stand-ins, by name."""
        arguments = ["--ledger", str(ledgers), "--contracts", str(contracts), "--pace", str(pace_seconds)]
        sandbox = self._start("sandbox", [sys.executable, "-m", "ops.sandbox", *arguments])
        async with _in_time(sandbox):
            while len(stand_ins := _stand_ins(sandbox.log)) < len(STAND_INS):
                await _look_again(sandbox)
        return stand_ins

    async def daemon(self, settings: Path, address: str) -> Running:
        """Start the daemon; it is ready when this returns."""
        daemon = self._start("daemon", [*COMMAND, "run", "--config", str(settings)])
        async with _in_time(daemon):
            while not await _is_ready(address):
                await _look_again(daemon)
        return daemon

    def stop(self) -> None:
        """Afterwards nothing runs that was started here."""
        while self.running:
            running = self.running.pop()
            if running.process.poll() is None:
                running.stop()

    def _start(self, name: str, arguments: Sequence[str]) -> Running:
        log = self.folder / f"{name}.log"
        with log.open("ab") as file:
            process = subprocess.Popen(  # noqa: S603 - our own modules, by our own interpreter
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=own_environment(),
            )
        self.running.append(Running(name, process, log))
        return self.running[-1]


def own_environment() -> dict[str, str]:
    """Our environment without settings of another installation."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PANJEREH_")}
    return {**kept, "PYTHONUNBUFFERED": "1"}


def free_port() -> int:
    """A port of loopback that nobody listens on now, and that no system gives away by itself.

    A killed daemon's port stays free until its restart only if no other process can come by it.
    """
    while True:
        port = _PORTS.start + secrets.randbelow(len(_PORTS))
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@asynccontextmanager
async def _in_time(running: Running) -> AsyncIterator[None]:
    """Lateness becomes NotStartedError with what the process said."""
    try:
        async with asyncio.timeout(_START_SECONDS):
            yield
    except TimeoutError as late:
        raise NotStartedError(f"{running.name} was not ready within {_START_SECONDS:.0f} s; {running.said()}") from late


async def _look_again(running: Running) -> None:
    if running.process.poll() is not None:
        raise NotStartedError(f"{running.name} ended with {running.process.returncode}: {running.said()}")
    await asyncio.sleep(_LOOK_SECONDS)


async def _is_ready(address: str) -> bool:
    try:
        return (await call(address, "GET", "/readyz", headers={}, within_seconds=2.0)).status == _OK
    except NoAnswerError:
        return False


def _stand_ins(log: Path) -> dict[str, StandIn]:
    """The whole lines `name address page` that the sandbox has written."""
    lines = [line.split() for line in log.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
    return {words[0]: StandIn(*words[1:]) for words in lines if len(words) == _WORDS and words[0] in STAND_INS}
