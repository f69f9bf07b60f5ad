"""The daemon and the stand-ins as processes of their own, as people start them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.demo.installation import Installation
from ops.sandbox.settings import STAND_INS
from tests.support.records import ROOT


@contextmanager
def sandbox(folder: Path) -> Iterator[dict[str, str]]:
    command = [sys.executable, "-m", "ops.sandbox", "--ledger", str(folder / "ledgers"), "--pace", "3600"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield dict(process.stdout.readline().split()[:2] for _ in STAND_INS)
        finally:
            process.send_signal(signal.SIGTERM)


@contextmanager
def running(installation: Installation) -> Iterator[subprocess.Popen[bytes]]:
    command = [str(Path(sys.executable).with_name("panjereh")), "run", "--config", str(installation.settings)]
    with (
        (installation.folder / "daemon.log").open("wb") as log,
        subprocess.Popen(command, cwd=ROOT, stderr=log) as process,
    ):
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(15)


def until_ready(url: str) -> None:
    for _ in range(200):
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"{url}: not ready after 10 s")
