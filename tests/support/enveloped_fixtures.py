"""The window and its SOAP codec, for tests that name this module in `pytest_plugins`."""

from __future__ import annotations

import pytest

from adapter.contract.model import Contract
from adapter.contract.soap import SoapCodec
from tests.support.enveloped import LOADED, WINDOW


@pytest.fixture(scope="module")
def window() -> Contract:
    return LOADED[WINDOW]


@pytest.fixture(scope="module")
def codec(window: Contract) -> SoapCodec:
    found = window.bindings["soap"]
    assert isinstance(found, SoapCodec)
    return found
