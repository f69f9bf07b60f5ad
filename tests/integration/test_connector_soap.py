"""The suite of connectors over SOAP: the urban-planning core of the sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.suites import ConnectorSuite, Side
from tests.support.sandbox_side import sandbox_side


@pytest.fixture
async def side(tmp_path: Path) -> AsyncIterator[Side]:
    async with sandbox_side("urban_core", "RegisterRequest", tmp_path) as urban_core:
        yield urban_core


class TestSoap(ConnectorSuite):
    """Every test of the suite."""
