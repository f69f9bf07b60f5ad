"""Internal systems that speak SOAP: a contract, an address and a credential are all that differs between them."""

from __future__ import annotations

from typing import Any

from adapter.callers import HttpTarget
from adapter.contract.model import Contract
from adapter.errors import FaultySettings
from connectors.polled import PolledSystem

BINDING = "soap"


def connect(contract: Contract, address: str, **wire: Any) -> PolledSystem:
    """A system behind this address; `wire` is what HttpTarget takes: credentials, timeouts, clock, tls and more.

    Raises FaultySettings when the contract has no SOAP binding.
    """
    if BINDING not in contract.bindings:
        raise FaultySettings([f"{contract.title} has no {BINDING} binding; choose {' or '.join(contract.bindings)}"])
    return PolledSystem(HttpTarget(contract, BINDING, address, **wire))
