"""Sign-off: a tenant that asks for it is served by the tables it has signed, whatever becomes of those on disk."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapter.errors import FaultySettings, FaultyTables, NotFound, Refused
from adapter.refusals import ServiceStopped
from ops.demo.installation import TENANT
from ops.settings_file import load_settings
from ops.signing import keep_signed
from ops.wiring import open_house
from tests.support.own_mappings import OPERATOR, Owned, owned
from tests.support.records import permit

pytest_plugins = ["tests.support.fixtures"]

KINDS = "building_permit/codes/request_kind.csv"


@pytest.fixture
async def town(tmp_path: Path, logs: object) -> AsyncIterator[Owned]:
    async with owned(
        tmp_path, services=["building_permit"], settings="signs_off = true\n", top='signed = "signed"\n'
    ) as town:
        yield town


async def sign(town: Owned, why: str = "we have looked at it") -> dict[str, object]:
    told: dict[str, object] = await town.do("tables.signoff", tenant=TENANT, apply=True, reason=why)
    return told


def renumber(town: Owned) -> None:
    town.edit(KINDS, "add_storey,3,", "add_storey,1,")
    town.edit(KINDS, "new_building,1,", "new_building,3,")


async def kinds_sent(town: Owned) -> list[str]:
    await town.deliver_due()
    core = town.sides["urban_core/1.0"]
    return [str(sent.says(core)["RequestKind"]) for sent in core.sent_as("RegisterRequest")]


async def test_before_a_tenant_has_signed_anything_its_services_take_nothing(town: Owned) -> None:
    with pytest.raises(ServiceStopped):
        await town.submit(permit())

    told = await sign(town)

    assert told["is_changed"]
    await town.submit(permit())
    assert await kinds_sent(town) == ["1"]


async def test_new_tables_are_live_for_the_tenant_only_after_its_sign_off(town: Owned) -> None:
    await sign(town)
    renumber(town)

    reloaded = await town.do("tables.reload", apply=True, reason="the core renumbered its kinds")
    await town.submit(permit())
    before = await kinds_sent(town)
    dry = await town.do("tables.signoff", tenant=TENANT)
    await sign(town, "the new kinds are ours")
    await town.submit(permit(49))

    assert reloaded["awaiting_signoff"] == [TENANT]
    assert before == ["1"]
    assert dry["services"] == [{"service": "building_permit", "change": "changed"}]
    assert dry["is_changed"] is False
    assert await kinds_sent(town) == ["1", "3"]
    assert (await town.do("tables.reload"))["awaiting_signoff"] == []


async def test_what_was_signed_is_still_served_after_a_restart(town: Owned) -> None:
    await sign(town)
    signed = town.house.offer.by_name[TENANT, "building_permit"].sha256
    renumber(town)
    await town.house.aclose()

    town.house = await open_house(load_settings(town.folder / "panjereh.toml"))

    assert town.house.offer.by_name[TENANT, "building_permit"].sha256 == signed
    assert town.house.tables.now.on_disk.by_name[TENANT, "building_permit"].sha256 != signed


async def test_a_sign_off_is_told_in_the_audit_with_who_why_and_which(town: Owned) -> None:
    told = await sign(town)
    again = await sign(town, "once more")

    (row,) = await town.audit("tables_signed_off")
    detail = json.loads(row["detail"])
    assert (row["actor"], row["tenant"]) == (OPERATOR, TENANT)
    assert (detail["why"], detail["what"]) == ("we have looked at it", told["sha256"])
    assert again["is_changed"] is False


async def test_what_changed_between_looking_and_signing_is_not_kept(town: Owned) -> None:
    looked_at = town.house.tables.now.on_disk
    renumber(town)

    with pytest.raises(Refused, match="building_permit was changed meanwhile; look again"):
        keep_signed(town.house.settings, TENANT, looked_at)


async def test_faulty_tables_are_not_signed(town: Owned) -> None:
    town.edit(KINDS, "extension,6,", "extension,sixth_of_them,")

    with pytest.raises(FaultyTables, match=f"mappings/{KINDS}:6"):
        await sign(town)

    assert await town.audit("tables_signed_off") == []


async def test_a_sign_off_needs_a_reason_and_a_tenant_that_there_is(town: Owned) -> None:
    with pytest.raises(Refused, match="every change needs a reason"):
        await town.do("tables.signoff", tenant=TENANT, apply=True)
    with pytest.raises(NotFound, match=f"did you mean '{TENANT}'"):
        await town.do("tables.signoff", tenant="sample-cty")


async def test_a_tenant_that_does_not_sign_off_is_told_so(tmp_path: Path, logs: object) -> None:
    async with owned(tmp_path, services=["building_permit"]) as town:
        with pytest.raises(Refused, match="does not sign off"):
            await sign(town)


async def test_a_tenant_that_signs_off_needs_a_folder_for_it(tmp_path: Path) -> None:
    with pytest.raises(FaultySettings, match="name the folder of what is signed"):
        async with owned(tmp_path, services=["building_permit"], settings="signs_off = true\n"):
            pass
