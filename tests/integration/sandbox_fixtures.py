"""Running sandboxes for tests that name this module in `pytest_plugins`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ops.sandbox import Sandbox, SandboxSettings, serve
from ops.sandbox.settings import WIRED
from tests.integration.sandbox_client import CONTRACTS, Start


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    running: list[Sandbox] = []

    async def begin(**settings: Any) -> Sandbox:
        usual: dict[str, Any] = {
            "contracts_folder": CONTRACTS,
            "ledger_folder": tmp_path / "ledgers",
            "pace_seconds": 0.0,
            "stand_ins": WIRED,
        }
        running.append(await serve(SandboxSettings(**{**usual, **settings})))
        return running[-1]

    yield begin
    for sandbox in running:
        await sandbox.close()


@pytest.fixture
async def sandbox(start: Start) -> Sandbox:
    return await start()
