"""Reloading: new tables are live all or nothing, and nothing that was ever sent is translated anew."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapter.calendar import jalali_day
from adapter.errors import Refused
from adapter.exchange import State
from ops.demo.installation import TENANT
from ops.health import whole_health
from ops.reloading import keep_reloading
from tests.support.lives import LOST
from tests.support.own_mappings import OPERATOR, Owned, owned
from tests.support.records import permit

pytest_plugins = ["tests.support.fixtures"]

KINDS = "building_permit/codes/request_kind.csv"
CHANNELS = "building_permit/codes/channel.csv"
OLD_ROW, NEW_ROW = "new_building,1,", "new_building,3,"
CALENDAR = "date,tenant,kind,opens,closes,title,note\n"


@pytest.fixture
async def town(tmp_path: Path, logs: object) -> AsyncIterator[Owned]:
    async with owned(tmp_path, services=["building_permit"]) as town:
        yield town


def kind_sent(town: Owned, number: int) -> str:
    core = town.sides["urban_core/1.0"]
    return str(core.sent_as("RegisterRequest")[number].says(core)["RequestKind"])


def change_a_code(town: Owned) -> None:
    town.edit(KINDS, "add_storey,3,", "add_storey,1,")
    town.edit(KINDS, OLD_ROW, NEW_ROW)


async def test_what_was_never_sent_goes_out_by_the_new_tables(town: Owned) -> None:
    await town.submit(permit())
    (ready,) = await town.exchanges()
    change_a_code(town)

    told = await town.do("tables.reload", apply=True, reason="the core renumbered its kinds")
    await town.deliver_due()

    assert ready.state is State.READY
    assert (told["is_changed"], told["faults"]) == (True, [])
    assert told["services"] == [{"service": "building_permit", "change": "changed"}]
    assert kind_sent(town, 0) == "3"


async def test_what_was_sent_once_keeps_its_bytes_through_a_reload(town: Owned) -> None:
    core = town.sides["urban_core/1.0"]
    core.say(LOST)
    await town.submit(permit())
    await town.deliver_due()
    (doubtful,) = await town.exchanges()
    assert doubtful.state is State.IN_DOUBT

    change_a_code(town)
    await town.do("tables.reload", apply=True, reason="the core renumbered its kinds")
    for _ in range(3):
        town.clock.advance(600)
        await town.house.followup.ask_unsettled()
        await town.deliver_due()

    first, again = core.sent_as("RegisterRequest")
    assert first.frozen == again.frozen
    assert kind_sent(town, 1) == "1"


async def test_without_apply_nothing_changes_and_what_would_is_told(town: Owned) -> None:
    before = town.house.tables.now
    change_a_code(town)

    told = await town.do("tables.reload")

    assert (told["applied"], told["is_changed"], told["was_live"]) == (False, False, False)
    assert told["services"] == [{"service": "building_permit", "change": "changed"}]
    assert told["sha256"] != before.sha256
    assert town.house.tables.now is before
    assert town.house.tables.last is None


async def test_a_reload_needs_a_reason(town: Owned) -> None:
    with pytest.raises(Refused, match="every change needs a reason"):
        await town.do("tables.reload", apply=True)


async def test_with_any_fault_the_tables_before_go_on_and_the_faults_are_told_everywhere(town: Owned) -> None:
    before = town.house.tables.now
    town.edit(KINDS, "extension,6,", "extension,sixth_of_them,")
    town.edit("building_permit/urban_core/submit.csv", ",national_id,", ",national_ed,")

    told = await town.do("tables.reload", apply=True, reason="two mistakes")
    health = await whole_health(town.house)
    await town.submit(permit())
    await town.deliver_due()

    assert told["is_changed"] is False
    assert any(fault.startswith(f"mappings/{KINDS}:6: internal: ") for fault in told["faults"])
    assert any("'national_ed' is not a rule, did you mean 'national_id'?" in fault for fault in told["faults"])
    assert town.house.tables.now is before
    (check,) = health["checks"]["tables"]
    assert check["status"] == "warn"
    assert f"{len(told['faults'])} faults in what {OPERATOR} had read at 1405/08/30" in check["output"]
    assert health["tables"]["sha256"] == before.sha256
    assert health["tables"]["last_reading"]["faults"] == len(told["faults"])
    assert kind_sent(town, 0) == "1"
    assert await town.audit("tables_reloaded") == []


async def test_a_mended_reload_clears_what_health_told(town: Owned) -> None:
    town.edit(KINDS, OLD_ROW, "new_building,first,")
    await town.do("tables.reload", apply=True, reason="a mistake")
    town.edit(KINDS, "new_building,first,", OLD_ROW)

    told = await town.do("tables.reload", apply=True, reason="mended")
    health = await whole_health(town.house)

    assert told["is_changed"]
    assert health["checks"]["tables"] == [{"status": "pass"}]


async def test_a_clean_reading_clears_what_health_told_though_nothing_has_to_be_taken_up(town: Owned) -> None:
    town.edit(KINDS, OLD_ROW, "new_building,first,")
    await town.do("tables.reload", apply=True, reason="a mistake")
    assert (await whole_health(town.house))["checks"]["tables"][0]["status"] == "warn"
    town.edit(KINDS, "new_building,first,", OLD_ROW)

    await town.do("tables.reload")

    assert (await whole_health(town.house))["checks"]["tables"] == [{"status": "pass"}]


async def test_a_parked_exchange_that_the_live_tables_do_not_translate_is_not_replayed(town: Owned) -> None:
    await town.submit(permit(request_kind="a_kind_of_tomorrow"))
    await town.deliver_due()
    (parked,) = await town.exchanges(state=State.PARKED)

    with pytest.raises(Refused, match="not translatable by the live tables: mappings/building_permit/urban_core/"):
        await town.do("exchanges.replay", ids=[parked.id], apply=True, reason="hope")


async def test_a_reload_is_told_in_the_audit_with_who_why_and_which(town: Owned) -> None:
    change_a_code(town)

    told = await town.do("tables.reload", apply=True, reason="the core renumbered its kinds")

    (row,) = await town.audit("tables_reloaded")
    detail = json.loads(row["detail"])
    assert (row["actor"], detail["why"], detail["what"]) == (
        OPERATOR,
        "the core renumbered its kinds",
        told["sha256"],
    )
    assert (await town.do("journal.verify"))["is_whole"]


async def test_the_parked_exchanges_that_a_reload_mended_are_named_with_their_command(town: Owned) -> None:
    town.edit(KINDS, "duplicate,9,صدور المثنی,,,assumption\n", "")
    await town.do("tables.reload", apply=True, reason="a code is taken out, for the test")
    await town.submit(permit(request_kind="duplicate"))
    await town.submit(permit(49, request_kind="a_kind_of_tomorrow"))
    await town.deliver_due()
    mended, _ = await town.exchanges(state=State.PARKED)
    town.edit(KINDS, "extension,6,", "duplicate,9,صدور المثنی,,,\nextension,6,")

    dry = await town.do("tables.reload")
    told = await town.do("tables.reload", apply=True, reason="the code is there")

    assert [one["id"] for one in dry["translatable"]] == [mended.id]
    assert [one["id"] for one in told["translatable"]] == [mended.id]
    assert told["replay_with"] == f"panjereh exchanges replay {mended.id} --apply --reason …"


async def test_a_service_that_its_tenant_offers_and_that_is_gone_keeps_the_tables_before(town: Owned) -> None:
    (town.mappings / "building_permit").rename(town.mappings / "_building_permit")

    told = await town.do("tables.reload", apply=True, reason="a folder was moved")

    assert not told["is_changed"]
    assert any("there is no folder 'building_permit'" in fault for fault in told["faults"])
    assert town.house.offer.by_name


async def test_a_signal_reloads_and_a_second_one_does_too(town: Owned) -> None:
    asked = asyncio.Event()
    keeping = asyncio.create_task(keep_reloading(town.house, asked))
    change_a_code(town)
    asked.set()
    async with asyncio.timeout(10):
        while town.house.tables.last is None:
            await asyncio.sleep(0.01)
    town.edit(KINDS, NEW_ROW, "new_building,first,")
    asked.set()
    async with asyncio.timeout(10):
        while not town.house.tables.last.faults:
            await asyncio.sleep(0.01)
    keeping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await keeping

    (row,) = await town.audit("tables_reloaded")
    assert (row["actor"], json.loads(row["detail"])["why"]) == ("signal", "SIGHUP")


async def test_a_signal_that_fails_as_nobody_foresaw_is_told_and_the_next_one_reloads(
    town: Owned, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon that cannot read its tables anew goes on with those that it has."""
    asked = asyncio.Event()
    keeping = asyncio.create_task(keep_reloading(town.house, asked))
    change_a_code(town)
    with monkeypatch.context() as patched:
        patched.setattr(town.house.journal, "note", broken)
        asked.set()
        async with asyncio.timeout(10):
            while not town.house.loops.failing:
                await asyncio.sleep(0.01)
    assert town.house.loops.failing == {"reloading": "LookupError"}
    asked.set()
    async with asyncio.timeout(10):
        while town.house.loops.failing:
            await asyncio.sleep(0.01)
    keeping.cancel()
    await asyncio.wait([keeping])
    assert len(await town.audit("tables_reloaded")) == 1


async def broken(_note: object) -> None:
    raise LookupError("what nobody foresaw")


async def test_figures_tell_which_tables_are_live_and_how_many_faults_were_found(town: Owned) -> None:
    from ops.health_pages import _count  # noqa: PLC0415 - the page itself needs a door

    town.edit(KINDS, OLD_ROW, "new_building,first,")
    told = await town.do("tables.reload", apply=True, reason="a mistake")
    _count(town.house, {}, {})

    page = town.house.metrics.page().decode()
    assert f"panjereh_tables_faults {float(len(told['faults']))}" in page
    assert f'panjereh_tables_read_timestamp_seconds{{sha256="{town.house.tables.now.sha256}"}}' in page


async def test_a_tenants_own_rows_are_live_after_a_reload_for_it(town: Owned) -> None:
    town.write(
        f"tenants/{TENANT}/{KINDS}", "gateway,internal,title,valid_from,valid_to,note\nnew_building,3,نوساز,,,\n"
    )

    told = await town.do("tables.reload", apply=True, reason="our core counts otherwise")
    await town.submit(permit())
    await town.deliver_due()

    assert told["services"] == [{"service": f"{TENANT}/building_permit", "change": "new"}]
    assert kind_sent(town, 0) == "3"


async def test_a_fault_of_one_tenants_own_rows_keeps_all_tables_before_and_names_its_file(town: Owned) -> None:
    town.write(f"tenants/{TENANT}/building_permit/service.toml", 'pattern = "referal"\n')

    told = await town.do("tables.reload", apply=True, reason="a mistake")

    assert not told["is_changed"]
    place = f"mappings/tenants/{TENANT}/building_permit/service.toml:1: pattern: 'referal'"
    assert any(fault.startswith(place) for fault in told["faults"])


async def test_calendars_are_read_anew_with_the_tables(town: Owned) -> None:
    town.write("calendars/ir-1405.csv", CALENDAR)
    opened = await town.do("tables.reload", apply=True, reason="a calendar")
    working = town.house.days.of(TENANT)
    town.write("calendars/ir-1405.csv", f"{CALENDAR}1405/09/22,{TENANT},closure,,,آلودگی هوا,\n")

    dry = await town.do("tables.reload")
    told = await town.do("tables.reload", apply=True, reason="smog")

    smog = jalali_day(1405, 9, 22)
    assert (opened["calendars_changed"], dry["calendars_changed"], told["calendars_changed"]) == (True, True, True)
    assert (dry["sha256"], told["services"]) == (told["sha256"], [])
    assert (working.is_working(smog), town.house.days.of(TENANT).is_working(smog)) == (True, False)
    assert (await town.do("tables.reload"))["calendars_changed"] is False


async def test_a_fault_in_a_calendar_or_in_a_table_keeps_both_before(town: Owned) -> None:
    before = town.house.tables.now
    town.write("calendars/ir-1405.csv", f"{CALENDAR}1405/09/22,{TENANT},closed,,,آلودگی هوا,\n")
    change_a_code(town)

    told = await town.do("tables.reload", apply=True, reason="a mistake in the calendar")

    assert [fault.split(", ")[0] for fault in told["faults"]] == [
        "mappings/calendars/ir-1405.csv:2: kind: 'closed' is not a kind of day"
    ]
    assert town.house.tables.now is before

    town.write("calendars/ir-1405.csv", f"{CALENDAR}1405/09/22,{TENANT},closure,,,آلودگی هوا,\n")
    town.edit(KINDS, "extension,6,", "extension,sixth_of_them,")
    assert (await town.do("tables.reload", apply=True, reason="a mistake in a table"))["faults"]
    assert town.house.days.of(TENANT).is_working(jalali_day(1405, 9, 22))


async def test_a_row_that_can_never_work_is_told_at_a_reload_and_refuses_nothing(town: Owned) -> None:
    town.edit(CHANNELS, "walk_in,7,", "walk-in,7,")
    doubt = (
        f"mappings/{CHANNELS}:9: gateway: 'walk-in' never comes, window/1.0 does not know it, did you mean 'walk_in'?"
    )

    dry = await town.do("tables.reload")
    told = await town.do("tables.reload", apply=True, reason="a word of its own")
    health = await whole_health(town.house)

    assert (dry["doubts"], told["doubts"]) == ([doubt], [doubt])
    assert told["is_changed"]
    assert health["checks"]["tables"] == [{"status": "pass"}]
    assert health["tables"]["last_reading"]["doubts"] == 1
    assert health["tables"]["last_reading"]["faults"] == 0


async def test_a_tenants_own_row_that_can_never_work_is_told_too(town: Owned) -> None:
    town.write(f"tenants/{TENANT}/{CHANNELS}", "gateway,internal,title,note\nkiosk,7,کیوسک,\n")

    told = await town.do("tables.reload", apply=True, reason="a word of our own")

    assert told["is_changed"]
    (doubt,) = told["doubts"]
    assert doubt.startswith(f"mappings/tenants/{TENANT}/{CHANNELS}:2: gateway: 'kiosk' never comes")


async def test_a_promotion_that_a_crash_interrupted_is_finished_before_the_tables_are_read(town: Owned) -> None:
    decided = town.mappings / ".promotion"
    shutil.copytree(town.mappings / "building_permit", decided / "next" / "building_permit")
    path = decided / "next" / KINDS
    path.write_text(path.read_text(encoding="utf-8").replace("repair,4,", "repair,14,"), encoding="utf-8")

    told = await town.do("tables.reload", apply=True, reason="after the power came back")

    assert told["services"] == [{"service": "building_permit", "change": "changed"}]
    assert "repair,14," in (town.mappings / KINDS).read_text(encoding="utf-8")
    assert [one.name for one in town.mappings.iterdir()] == ["building_permit"]
