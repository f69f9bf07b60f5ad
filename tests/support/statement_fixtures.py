"""A journal and another side's ledger, for tests that name this module in `pytest_plugins`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapter.journal import Journal
from tests.integration.journal_making import opened
from tests.support.statements import Statement


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = opened(f"sqlite:///{tmp_path / 'journal.db'}")
    yield journal
    journal.close()


@pytest.fixture
def gateway() -> Statement:
    return Statement()
