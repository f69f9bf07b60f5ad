"""A town and its house, for tests that name this module in `pytest_plugins`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.support.house import House, Logs, Town, found_town


@pytest.fixture
def logs() -> Iterator[Logs]:
    """What was logged, as events; nothing is printed."""
    with capture_logs() as events:
        yield events


@pytest.fixture
def town(tmp_path: Path, logs: Logs) -> Iterator[Town]:
    founded = found_town(tmp_path)
    yield founded
    founded.close()


@pytest.fixture
def house(town: Town) -> House:
    return town.open()
