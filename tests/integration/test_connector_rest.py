"""The suite of connectors over REST: the revenue system of the sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.suites import ConnectorSuite, Side
from tests.support.sandbox_side import sandbox_side


@pytest.fixture
async def side(tmp_path: Path) -> AsyncIterator[Side]:
    async with sandbox_side("revenue", "RegisterObjection", tmp_path) as revenue:
        yield revenue


class TestRest(ConnectorSuite):
    """Every test of the suite."""
