"""The village's office: what lies in its folders it takes, and its sheets are good, or bad as people make them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from adapter.errors import GatewayUnreachable
from adapter.exchange import Change, Verdict
from connectors import file
from connectors.file import FolderSystem
from ops.sandbox import Sandbox
from ops.sandbox.faults import FaultRule, Mode
from ops.sandbox.sheets import WORDS
from tests.integration.sandbox_client import TRACKING_CODE, Start, reference
from tests.support.house import contracts

pytest_plugins = ("tests.integration.sandbox_fixtures",)

ORDINARY = ["ثبت شد", "در دست بررسی", "بازدید شد", "آماده است", "تحویل شد"]
_SOON = 5.0


class Village:
    """The office beside the connector that speaks with it."""

    def __init__(self, sandbox: Sandbox, system: FolderSystem) -> None:
        self.sandbox = sandbox
        self.system = system
        self.folder = Path(sandbox.addresses["village"])
        self.told: dict[str, Change] = {}
        self.cursor: str | None = None

    async def ask(self, operation: str = "RegisterRequest", **more: Any) -> str:
        """The reference of a message that lies there now."""
        said: dict[str, Any] = {
            "reference": reference(),
            "tracking_code": TRACKING_CODE,
            **_MESSAGES[operation],
            **more,
        }
        frozen = self.system.freeze(operation, said)
        outcome = await self.system.deliver(operation, frozen, reference=said["reference"])
        assert outcome.verdict is Verdict.DONE, outcome
        return str(said["reference"])

    async def look(self) -> None:
        """Everything that the sheets say now is told; an event that comes again is the same event."""
        more = True
        while more:
            page = await self.system.changes(self.cursor)
            self.told |= {one.event_id: one for one in page.changes}
            self.cursor, more = page.cursor, page.more

    async def words(self) -> list[str]:
        """The statuses that were told, in the letters of our tables and their order."""
        await self.look()
        return [_ours(one) for one in sorted(self.told.values(), key=lambda one: one.sequence)]

    async def has_told(self, *expected: str) -> None:
        async with asyncio.timeout(_SOON):
            while await self.words() != list(expected):
                await asyncio.sleep(0.01)

    def strikes(self, mode: Mode, **more: Any) -> None:
        self.sandbox.set_faults_of("village", [FaultRule(mode, **more)])


_MESSAGES: dict[str, dict[str, Any]] = {
    "RegisterRequest": {
        "service": "درخواست بازدید",
        "kind": "گزارش وضع موجود",
        "submitted_at": "2026-11-21T09:30:00+03:30",
        "last_name": "نمونه",
        "postal_code": "2020212345",
    },
    "CorrectRequest": {"correction_no": "C-1", "address": "روستای نمونه، پلاک ۷"},
    "CancelRequest": {"reason": "=ترمیم شد"},
}


def _ours(change: Change) -> str:
    word = str(change.record.get("status", ""))
    return change.kind if change.kind == "unreadable" else word.replace("ي", "ی").replace("ك", "ک")


@asynccontextmanager
async def village_of(start: Start) -> AsyncIterator[Village]:
    sandbox = await start(stand_ins=("village",))
    clock = lambda: datetime.now(UTC)  # noqa: E731 - a clock
    system = file.connect(contracts()["village/1.0"], sandbox.addresses["village"], clock=clock)
    yield Village(sandbox, system)


@pytest.fixture
async def village(start: Start) -> AsyncIterator[Village]:
    async with village_of(start) as opened:
        yield opened


async def test_a_request_is_taken_and_lives_until_it_is_handed_over(village: Village) -> None:
    asked = await village.ask()

    await village.has_told(*ORDINARY)
    (entry,) = village.sandbox.ledger("village").entries
    assert (entry.operation, entry.reference, entry.tracking_code) == ("RegisterRequest", asked, TRACKING_CODE)
    (taken,) = (village.folder / "taken").iterdir()
    cells = [cell.value for cell in list(load_workbook(taken).worksheets[0].iter_rows())[1]]
    assert cells[:5] == [asked, TRACKING_CODE, "درخواست بازدید", "گزارش وضع موجود", "1405/08/30 09:30"]
    assert "نمونه" not in str(entry.told())
    assert {one.reference for one in village.told.values()} == {TRACKING_CODE}


async def test_a_request_that_lacks_something_waits_for_its_correction(village: Village) -> None:
    await village.ask(postal_code="2020212020")
    await village.has_told("ثبت شد", "نقص دارد")

    await village.ask("CorrectRequest")

    await village.has_told("ثبت شد", "نقص دارد", *ORDINARY[1:])


async def test_what_is_taken_back_ends(village: Village) -> None:
    await village.ask(postal_code="2020212020")
    await village.has_told("ثبت شد", "نقص دارد")

    await village.ask("CancelRequest")

    await village.has_told("ثبت شد", "نقص دارد", "پس گرفته شد")


async def test_an_office_that_opens_again_goes_on_where_it_was(start: Start) -> None:
    async with village_of(start) as village:
        await village.ask(postal_code="2020212020")
        await village.has_told("ثبت شد", "نقص دارد")
        await village.sandbox.close()

        village.sandbox = await start(stand_ins=("village",))
        await village.ask("CorrectRequest")

        await village.has_told("ثبت شد", "نقص دارد", *ORDINARY[1:])


@pytest.mark.parametrize("mode", [Mode.HALF_FILE, Mode.SHEET_TWICE, Mode.COLUMN_RENAMED])
async def test_a_sheet_that_is_half_twice_or_misnamed_loses_and_doubles_nothing(village: Village, mode: Mode) -> None:
    village.strikes(mode, times=1)

    await village.ask()

    await village.has_told(*ORDINARY)
    refused = village.folder / "news" / "refused"
    assert refused.is_dir() is (mode is Mode.COLUMN_RENAMED)


@pytest.mark.parametrize(
    ("mode", "told"),
    [(Mode.MERGED_CELLS, "unreadable"), (Mode.FORMULA, "unreadable"), (Mode.UNKNOWN_CODE, WORDS[999])],
)
async def test_a_cell_that_nobody_understands_parks_its_row_and_stops_no_neighbour(
    village: Village, mode: Mode, told: str
) -> None:
    village.strikes(mode, times=1)

    await village.ask()

    await village.has_told(told, *ORDINARY[1:])


async def test_a_folder_is_away_for_a_while(village: Village) -> None:
    village.strikes(Mode.DOWN, seconds=0.3)
    async with asyncio.timeout(_SOON):
        while await village.system.ping():
            await asyncio.sleep(0.01)
    with pytest.raises(GatewayUnreachable):
        await village.system.changes(None)

    async with asyncio.timeout(_SOON):
        while not await village.system.ping():
            await asyncio.sleep(0.01)
    await village.ask()
    await village.has_told(*ORDINARY)
