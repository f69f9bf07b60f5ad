"""A proxy before a server's Unix socket, which can lose the answer to a commit, and be gone."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from pathlib import Path


class UnixProxy:
    """Forwards bytes until it falls. While `loses_commits`, a `commit` reaches the server and its answer nobody."""

    def __init__(self, path: Path, upstream: Path, commit: bytes = b"COMMIT") -> None:
        self._path, self._upstream, self._commit = path, upstream, commit
        self._open: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self.loses_commits = False
        self.rise()

    def rise(self) -> None:
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def fall(self) -> None:
        if self._listener is not None:
            self._path.unlink(missing_ok=True)
            _end(self._listener)
            self._listener = None
        while self._open:
            _end(self._open.pop())

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(str(self._upstream))
                self._open += [near, far]
                losing = threading.Event()
                threading.Thread(target=self._ask, args=(near, far, losing), daemon=True).start()
                threading.Thread(target=self._answer, args=(far, near, losing), daemon=True).start()

    def _ask(self, near: socket.socket, far: socket.socket, losing: threading.Event) -> None:
        with suppress(OSError):
            while chunk := near.recv(65536):
                if self.loses_commits and self._commit in chunk:
                    losing.set()
                far.sendall(chunk)
        _end(far)

    def _answer(self, far: socket.socket, near: socket.socket, losing: threading.Event) -> None:
        with suppress(OSError):
            while (chunk := far.recv(65536)) and not losing.is_set():
                near.sendall(chunk)
        _end(near)
        _end(far)


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
