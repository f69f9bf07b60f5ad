"""Every endpoint of the settings with what speaks to it: its contract, its binding, its address and its key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Any, Protocol

from adapter.callers import HttpTarget, InCallRetries, Timeouts
from adapter.callers.splicing import no_contents
from adapter.channels import Clock, System
from adapter.contract.model import Contract
from adapter.contract.outcomes import Classify
from adapter.endpoints import EndpointName
from adapter.errors import FaultySettings
from adapter.exchange import Direction
from adapter.mark import Mark
from adapter.retry import Profile
from adapter.tables import near
from connectors import file, rest, soap, sql
from ops.openers import opener_of
from ops.settings import EndpointSettings, Settings


class Closable(Protocol):
    """What holds connections."""

    async def aclose(self) -> None:
        """Afterwards no connection is open."""
        ...


class ConnectedSystem(System, Closable, Protocol):
    """An internal system as a connector makes it."""


_CONNECT: Mapping[str, Callable[..., ConnectedSystem]] = {
    "rest": rest.connect,
    "soap": soap.connect,
    "sql": sql.connect,
    "file": file.connect,
}


Content = Callable[[str, str, Mark], AsyncIterator[bytes]]
"""A tenant's document, in the case of the exchange with a reference: its content, piece by piece."""


def _no_content(_tenant: str, reference: str, mark: Mark) -> AsyncIterator[bytes]:
    return no_contents(reference, mark)


def connect_endpoints(
    settings: Settings,
    contracts: Mapping[str, Contract],
    profile: Profile,
    *,
    classify: Classify,
    clock: Clock,
    content: Content = _no_content,
) -> dict[EndpointName, HttpTarget | ConnectedSystem]:
    """By tenant and contract a gateway's target or an internal system; no connection is open yet.

    Without `content` none of them can send a large document. Raises FaultySettings with every endpoint whose contract
    has not its binding, or whose address or key file cannot be one. What is of no contract is left out: `read_tables`
    refuses it.
    """
    connected: dict[EndpointName, HttpTarget | ConnectedSystem] = {}
    faults: list[str] = []
    for tenant, its in settings.tenants.items():
        for title in its.endpoints.keys() & contracts.keys():
            endpoint = its.endpoints[title]
            try:
                wire = {**_wire(endpoint, profile, classify, clock), "contents": partial(content, tenant)}
                connected[tenant, title] = _connected(contracts[title], endpoint, wire)
            except FaultySettings as error:
                faults += [f"tenants.{tenant}.endpoints.{title}.{fault}" for fault in error.faults]
    if faults:
        raise FaultySettings(sorted(faults))
    return connected


def _connected(contract: Contract, endpoint: EndpointSettings, wire: Mapping[str, Any]) -> HttpTarget | ConnectedSystem:
    binding = endpoint.binding
    if binding not in contract.bindings:
        raise FaultySettings([f"binding: {contract.title} has no {binding}; {near(binding, contract.bindings)}"])
    if any(operation.direction is Direction.OUTWARD for operation in contract.operations.values()):
        return HttpTarget(contract, binding, endpoint.address, **wire)
    return _CONNECT[binding](contract, endpoint.address, **wire)


def _wire(endpoint: EndpointSettings, profile: Profile, classify: Classify, clock: Clock) -> dict[str, Any]:
    timeouts = Timeouts(
        connect=profile.connect, write=profile.write, first_byte=profile.first_byte, total=profile.total
    )
    retries = InCallRetries(base=profile.in_call_base, cap=profile.in_call_cap, total=profile.in_call_total)
    return {
        "credentials": opener_of(endpoint, timeouts, retries, clock),
        "timeouts": timeouts,
        "retries": retries,
        "classify": classify,
        "clock": clock,
        "connections": endpoint.connections,
    }
