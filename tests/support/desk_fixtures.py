"""An operator's desk over a real house, for tests that name this module in `pytest_plugins`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ops.operators import Desk
from ops.settings_file import load_settings
from ops.wiring import Parts, open_house
from tests.support.desk import ME
from tests.support.installed import install_alone
from tests.support.shipped import read_once


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """The desk of a house in which nothing runs by itself, and whose other sides nobody answers for."""
    services = ["building_permit", "renovation_toll", "notary_inquiry"]
    installation = install_alone(tmp_path, services)
    house = await open_house(load_settings(installation.settings), Parts(folders=read_once))
    yield Desk(house, ME)
    await house.aclose()
