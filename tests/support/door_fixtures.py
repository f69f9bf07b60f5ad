"""A door on loopback and the office behind it, for tests that name this module in `pytest_plugins`."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.door_side import IDEMPOTENCY_KEY, KEY, Office, served


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
async def door(office: Office) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        served(office) as address,
        httpx.AsyncClient(base_url=address, headers={"X-Api-Key": KEY, "Idempotency-Key": IDEMPOTENCY_KEY}) as client,
    ):
        yield client
