"""A MariaDB server of one's own, where the machine has its program: in a folder and under a user of no rights."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_START_SECONDS = 30.0
_PROGRAMS = ("mariadb-install-db", "mariadbd")
_USER = "nobody"
_SMALL = (
    "--no-defaults",
    "--skip-networking",
    "--innodb-buffer-pool-size=16M",
    "--innodb-log-file-size=4M",
    "--innodb-flush-log-at-trx-commit=0",
)


@contextmanager
def running_server() -> Iterator[Path]:
    """The folder of a running server with its socket `mysqld.sock`; root has no password. It ends with the block."""
    paths = os.defpath + os.pathsep + os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"
    install, serve = (shutil.which(one, path=paths) for one in _PROGRAMS)
    if install is None or serve is None:
        pytest.skip("MariaDB's server is not here: the Debian package mariadb-server has it")
    with tempfile.TemporaryDirectory(prefix="desk-") as name:
        folder = Path(name)
        as_user = []
        if os.geteuid() == 0:
            shutil.chown(folder, _USER)
            as_user = [f"--user={_USER}"]
        data = f"--datadir={folder / 'data'}"
        options = ("--auth-root-authentication-method=normal", "--skip-test-db")
        subprocess.run([install, *_SMALL, data, *as_user, *options], check=True, capture_output=True)
        path = folder / "mysqld.sock"
        command = [serve, *_SMALL, data, *as_user, f"--socket={path}", f"--pid-file={folder / 'mysqld.pid'}"]
        with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
            try:
                _wait(path, server, folder / "log")
                yield folder
            finally:
                server.terminate()


def _wait(path: Path, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        with socket.socket(socket.AF_UNIX) as knocking:
            if knocking.connect_ex(str(path)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"MariaDB did not start: {log.read_text(errors='replace')}")
