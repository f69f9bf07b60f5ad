"""A whole house over mappings of its own, which a test edits while the house lives; its other sides are scripted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from adapter.channels import Target
from adapter.exchange import Caller, Exchange, Operation, Payload, Record
from adapter.journal import Filter, reading
from ops import admin
from ops.cli.main import run_command
from ops.demo.installation import TENANT
from ops.operators import Desk, perform
from ops.settings_file import load_settings
from ops.wiring import House, Parts, open_house
from tests.support.clock import StandingClock
from tests.support.editing import edit
from tests.support.few import mappings_with
from tests.support.house import USUAL, contracts
from tests.support.installed import install_alone
from tests.support.scripted import ScriptedSystem
from tests.support.shipped import FIELDS, read_once

COUNTER = Caller("counter", TENANT, "counter")
PORTAL = Caller("national_window", TENANT, "national_window")
OPERATOR = "uid:1001"
SERVICES = ("building_permit", "renovation_toll", "notary_inquiry")
_BINDINGS = {"window/1.0": "soap", "urban_core/1.0": "soap", "revenue/1.0": "rest"}


@dataclass
class Owned:
    """The house, its folder of mappings, and the other sides by contract."""

    folder: Path
    house: House
    sides: dict[str, ScriptedSystem]
    clock: StandingClock
    keys: int = 0

    @property
    def mappings(self) -> Path:
        return self.folder / "mappings"

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a piece of text in one file of the mappings."""
        edit(self.mappings / file, old, new)

    def write(self, file: str, text: str) -> None:
        """Make one file of the mappings."""
        path = self.mappings / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    async def submit(
        self, record: Record, operation: Operation = Operation.SUBMIT_REQUEST, caller: Caller = COUNTER
    ) -> Payload:
        self.keys += 1
        return (await self.house.intake.receive(caller, operation, record, f"key-{self.keys:016d}")).body

    async def deliver_due(self) -> None:
        delivery = self.house.delivery
        while True:
            claims = []
            while not delivery._queue.empty():
                claims.append(delivery._queue.get_nowait())
            claims += await self.house.journal.claim_ready(64, frozenset())
            if not claims:
                return
            for claim in claims:
                await delivery.deliver(claim)

    async def exchanges(self, **wanted: Any) -> list[Exchange]:
        """The exchanges that fit, in the order of their coming."""
        return list(reversed(await self.house.journal.read(reading.list_exchanges, Filter(**wanted))))

    async def do(self, action: str, actor: str = OPERATOR, **arguments: Any) -> Any:
        """One operator's action."""
        return await perform(Desk(self.house, actor), action, arguments)

    @property
    def settings(self) -> str:
        return str(self.folder / "panjereh.toml")

    async def command(self, *tokens: str, actor: str = OPERATOR) -> int:
        """The exit code of an operator's command with the settings of the house."""
        return await self.typed(*tokens, "--config", self.settings, actor=actor)

    async def typed(self, *tokens: str, actor: str = OPERATOR) -> int:
        """The exit code of a command, which reaches the house through its admin socket, as this operator's."""

        async def carry_out(command: str, arguments: Any, _: str, progress: admin.Progress) -> Payload:
            return await perform(Desk(self.house, actor, progress), command, arguments)

        async with admin.serving(self.house.settings.admin_socket, carry_out):
            return await asyncio.to_thread(run_command, tokens)

    async def audit(self, event: str) -> list[dict[str, Any]]:
        """What the audit tells of one kind of event."""

        def find(connection: Any) -> list[dict[str, Any]]:
            from adapter.journal.schema import audit  # noqa: PLC0415 - the tests' own look into the table

            rows = connection.execute(audit.select().where(audit.c.event == event).order_by(audit.c.at))
            return [dict(row) for row in rows.mappings()]

        return await self.house.journal.read(find)


@asynccontextmanager
async def owned(
    folder: Path, *, services: Sequence[str] = SERVICES, settings: str = "", top: str = ""
) -> AsyncIterator[Owned]:
    """A house over copies of these services; `settings` are more lines of its tenant, `top` of the file."""
    mappings_with(folder, *services)
    path = install_alone(folder, services).settings
    text = path.read_text(encoding="utf-8")
    section = f"[tenants.{TENANT}]\n"
    text = 'mappings = "mappings"\n' + top + text.replace(section, section + settings)
    path.write_text(text, encoding="utf-8")
    sides = {title: ScriptedSystem(contracts()[title], _BINDINGS[title], USUAL[title]) for title in _BINDINGS}

    def scripted(target: Target) -> Any:
        real: Any = getattr(target, "target", target)
        return sides[real.contract.title]

    clock = StandingClock()
    parts = Parts(folders=read_once, clock=clock, fraction=lambda: 0.5, target=scripted, system=cast("Any", scripted))
    town = Owned(folder, await open_house(load_settings(path), parts), sides, clock)
    town.house.tables.fields = FIELDS
    try:
        yield town
    finally:
        await town.house.aclose()
