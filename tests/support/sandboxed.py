"""A whole installation in this process beside the sandbox: real wires, real time, waits of milliseconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapter.exchange import Caller, Exchange, Operation, Record, Reply, State
from adapter.journal import Filter, reading
from ops.demo.installation import TENANT, install
from ops.sandbox import Sandbox, SandboxSettings, serve
from ops.sandbox.faults import read_rules
from ops.settings import load_settings
from ops.wiring import House, Parts, open_house
from tests.support.house import services
from tests.support.records import ROOT

CALLER = Caller("national_window", TENANT, "national_window")
SYSTEMS = ("gateway", "urban_core", "revenue")
_OPEN = {State.READY, State.SENDING, State.IN_DOUBT, State.AWAITING}


@dataclass
class Sandboxed:
    """A running house and the other sides that it speaks to."""

    house: House
    sandbox: Sandbox
    keys: int = 0

    async def receive(self, operation: Operation, record: Record) -> Reply:
        self.keys += 1
        return await self.house.intake.receive(CALLER, operation, record, f"key-{self.keys:016d}")

    async def exchanges(self) -> list[Exchange]:
        found = await self.house.journal.read(reading.list_exchanges, Filter(limit=10_000))
        return list(reversed(found))

    async def until_settled(self, *, at_least: int, seconds: float = 10) -> list[Exchange]:
        """Every exchange, once there are so many and none is left that time could settle."""
        async with asyncio.timeout(seconds):
            while True:
                found = await self.exchanges()
                if len(found) >= at_least and not any(one.state in _OPEN for one in found):
                    return found
                await asyncio.sleep(0.01)

    def effects(self) -> list[str]:
        """The reference of every effect that any side has really applied, as often as it was."""
        return [entry.reference for name in SYSTEMS for entry in self.sandbox.ledger(name).entries]


@asynccontextmanager
async def sandboxed(
    folder: Path, *, binding: str = "rest", faults: Sequence[dict[str, Any]] = (), parts: Parts | None = None
) -> AsyncIterator[Sandboxed]:
    """The three services beside a sandbox with these faults, every flow at work."""
    ledgers = folder / "ledgers"
    ledgers.mkdir(parents=True)
    rules = read_rules(list(faults))
    sandbox = await serve(SandboxSettings(ROOT / "contracts", ledgers, pace_seconds=0.01, faults=rules))
    installation = install(
        folder / "installation",
        sandbox.addresses,
        services=sorted(services()),
        scale=0.001,
        port=0,
        gateway_binding=binding,
    )
    house = await open_house(load_settings(installation.settings), parts)
    flows = [asyncio.create_task(flow) for flow in (house.delivery.run(), house.followup.run())]
    try:
        yield Sandboxed(house, sandbox)
    finally:
        for flow in flows:
            flow.cancel()
        await asyncio.gather(*flows, return_exceptions=True)
        await house.aclose()
        await sandbox.close()
