"""A whole installation in this process beside the sandbox: real wires, real time, waits of milliseconds."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adapter.exchange import Caller, Exchange, Operation, Record, Reply, State
from adapter.journal import Filter, reading
from ops.daemon import served
from ops.demo.installation import TENANT, install
from ops.protocol import ConnectionLimits
from ops.sandbox import Sandbox, SandboxSettings, serve
from ops.sandbox.faults import read_rules
from ops.sandbox.settings import WIRED
from ops.sandbox.telling import Listening, Teller
from ops.serving import application
from ops.settings_file import load_settings
from ops.webhooks import path_of
from ops.wiring import House, Parts, open_house
from tests.support.records import ROOT
from tests.support.shipped import read_once
from tests.support.telling import SECRET

CALLER = Caller("national_window", TENANT, "national_window")
SERVICES = ("building_permit", "notary_inquiry", "renovation_toll")
_OPEN = {State.READY, State.SENDING, State.IN_DOUBT, State.AWAITING}


@dataclass
class Sandboxed:
    """A running house and the other sides that it speaks to."""

    house: House
    sandbox: Sandbox
    keys: int = 0
    teller: Teller | None = None

    @property
    def ear(self) -> str:
        """Where the revenue system tells."""
        assert self.teller is not None
        return self.teller.listening.address

    async def receive(self, operation: Operation, record: Record, caller: Caller = CALLER) -> Reply:
        self.keys += 1
        return await self.house.intake.receive(caller, operation, record, f"key-{self.keys:016d}")

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
        return [entry.reference for name in self.sandbox.addresses for entry in self.sandbox.ledger(name).entries]


@asynccontextmanager
async def sandboxed(
    folder: Path,
    *,
    binding: str = "rest",
    faults: Sequence[dict[str, Any]] = (),
    parts: Parts | None = None,
    tells: bool = False,
    offers: Sequence[str] = SERVICES,
    mappings: Path | None = None,
    stand_ins: Sequence[str] = WIRED,
) -> AsyncIterator[Sandboxed]:
    """The services beside a sandbox with these faults, every flow at work; `tells`: revenue does so by itself.

    With `mappings` its settings name another folder than the shipped one. With the village among the stand-ins it is
    served beside the city.
    """
    ledgers = folder / "ledgers"
    ledgers.mkdir(parents=True)
    rules = read_rules(list(faults))
    settings = SandboxSettings(ROOT / "contracts", ledgers, pace_seconds=0.01, faults=rules, stand_ins=tuple(stand_ins))
    sandbox = await serve(settings)
    installation = install(
        folder / "installation",
        sandbox.addresses,
        services=offers,
        has_village="village" in stand_ins,
        scale=0.001,
        port=0,
        gateway_binding=binding,
    )
    if tells:
        let_tell(installation.settings)
    if mappings is not None:
        said = installation.settings.read_text(encoding="utf-8")
        installation.settings.write_text(f"mappings = {json.dumps(str(mappings))}\n{said}", encoding="utf-8")
    house = await open_house(load_settings(installation.settings), replace(parts or Parts(), folders=read_once))
    flows = [asyncio.create_task(flow) for flow in (house.delivery.run(), house.followup.run())]
    try:
        async with AsyncExitStack() as stack:
            teller = await _told(stack, house, sandbox) if tells else None
            yield Sandboxed(house, sandbox, teller=teller)
    finally:
        for flow in flows:
            flow.cancel()
        await asyncio.gather(*flows, return_exceptions=True)
        await house.aclose()
        await sandbox.close()


def let_tell(settings: Path, contract: str = "revenue/1.0", secret: bytes = SECRET) -> None:
    """Afterwards a system has a secret with this installation."""
    key, text = settings.with_name("webhook.key"), settings.read_text("utf-8")
    key.touch(mode=0o600)
    key.write_bytes(secret)
    place = f'[tenants.{TENANT}.endpoints."{contract}"]\n'
    settings.write_text(text.replace(place, f'{place}webhook_key_file = "{key.name}"\n'), "utf-8")


async def _told(stack: AsyncExitStack, house: House, sandbox: Sandbox) -> Teller:
    """The house's doors stand open, and the revenue system tells there."""
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    await stack.enter_async_context(served(application(house), listener, ConnectionLimits()))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}{path_of((TENANT, 'revenue/1.0'))}"
    return sandbox.tell("revenue", Listening(address, SECRET))
