"""Databases for the journal: SQLite in the test's folder, and a fresh database on the session's own PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from adapter.journal import Journal
from tests.integration.journal_making import Opening, opened, url_of
from tests.support.postgres import Server, running_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """One server for each worker of the session."""
    with running_server() as server:
        yield server


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'journal.db'}"


@pytest.fixture
def postgres_url(postgres: Server) -> Iterator[str]:
    with postgres.database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def journal_url(request: pytest.FixtureRequest) -> str:
    """An empty database: each test that asks for it runs on both kinds."""
    return url_of(request)


@pytest.fixture
def opening_journals(journal_url: str) -> Iterator[Opening]:
    """Opens journals on the test's database, as nodes would, and closes them in the end."""
    yield from _opening(journal_url)


@pytest.fixture
def journal(opening_journals: Opening) -> Journal:
    return opening_journals()


def _opening(url: str) -> Iterator[Opening]:
    with ExitStack() as closing:

        def open_one(**changes: Any) -> Journal:
            journal = opened(url, **changes)
            closing.callback(journal.close)
            return journal

        yield open_one


@pytest.fixture
def sqlite_journals(sqlite_url: str) -> Iterator[Opening]:
    yield from _opening(sqlite_url)


@pytest.fixture
def postgres_journals(postgres_url: str) -> Iterator[Opening]:
    yield from _opening(postgres_url)
