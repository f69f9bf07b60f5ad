"""A code that is missing at night: proposed by one operator, signed by a second one, live at once and nothing else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from adapter.errors import NotFound, Refused
from adapter.exchange import State
from ops.cli.exits import Exit
from ops.cli.main import run_command
from ops.demo.installation import TENANT
from ops.proposals import SIGNED_WITHIN
from tests.support.installed import install_alone
from tests.support.own_mappings import OPERATOR, Owned, owned
from tests.support.records import permit

pytest_plugins = ["tests.support.fixtures"]

Captured = pytest.CaptureFixture[str]

SECOND = "uid:1002"
SERVICE, TABLE = "building_permit", "request_kind"
KINDS = f"{SERVICE}/codes/{TABLE}.csv"
LINE = 9


@pytest.fixture
async def town(tmp_path: Path, logs: object) -> AsyncIterator[Owned]:
    async with owned(tmp_path, services=[SERVICE]) as town:
        yield town


async def propose(town: Owned, **changes: Any) -> dict[str, Any]:
    row = {
        "service": SERVICE,
        "table": TABLE,
        "gateway": "renewal",
        "internal": "12",
        "more": {"title": "تجدید پروانه"},
    }
    told: dict[str, Any] = await town.do("codes.add", **{**row, "reason": "it came tonight", **changes})
    return told


async def approve(town: Owned, proposal: str, actor: str = SECOND) -> dict[str, Any]:
    told: dict[str, Any] = await town.do("codes.approve", actor=actor, id=proposal, apply=True, reason="it is known")
    return told


def lines(town: Owned, file: str = KINDS) -> list[str]:
    return (town.mappings / file).read_text(encoding="utf-8").splitlines()


async def kinds_sent(town: Owned) -> list[str]:
    await town.deliver_due()
    core = town.sides["urban_core/1.0"]
    return [str(sent.says(core)["RequestKind"]) for sent in core.sent_as("RegisterRequest")]


async def waiting(town: Owned) -> list[tuple[str, str]]:
    return [(one["id"], one["standing"]) for one in (await town.do("codes.pending"))["proposals"]]


async def test_a_row_waits_for_another_operator_and_is_live_once_he_signs_it(town: Owned, capsys: Captured) -> None:
    """One night by the command line: nothing changes by a proposal, all is told, what was parked gets its command."""
    add = ("codes", "add", SERVICE, TABLE, "renewal", "12", "--title", "تجدید پروانه", "--reason", "it came tonight")
    sign = ("--apply", "--reason", "the core has it")
    await town.submit(permit(request_kind="renewal"))
    await town.deliver_due()
    (parked,) = await town.exchanges(state=State.PARKED)
    (town.mappings / KINDS).chmod(0o664)
    before, live = lines(town), town.house.tables.now

    proposed = await town.command(*add, "--json")
    proposal = json.loads(capsys.readouterr().out)
    unchanged = (lines(town), town.house.tables.now)
    listed = await town.command("codes", "pending")
    shown = capsys.readouterr()
    same = await town.command("codes", "approve", proposal["id"], *sign)
    refused = capsys.readouterr().err
    dry = await town.command("codes", "approve", proposal["id"], actor=SECOND)
    trial = capsys.readouterr()
    signed = await town.command("codes", "approve", proposal["id"], *sign, actor=SECOND)
    told = capsys.readouterr()
    await town.do("exchanges.replay", ids=[parked.id], apply=True, reason="the code is there")

    assert (proposed, listed, same, dry, signed) == (Exit.OK, Exit.OK, Exit.USAGE, Exit.OK, Exit.OK)
    assert unchanged == (before, live)
    assert (proposal["file"], proposal["line"], proposal["is_proposed"]) == (f"mappings/{KINDS}", LINE, True)
    assert f"{proposal['id']}  pending" in shown.out
    assert "waiting for a signature: 1" in shown.err
    assert "a second operator, another uid, has to sign it" in refused
    assert f"mappings/{KINDS}:{LINE}" in trial.out
    assert "nothing was changed; add --apply --reason …" in trial.err
    assert f"now translatable: 1; replay them with: panjereh exchanges replay --config {town.folder}" in told.err
    assert f"mappings/{KINDS}:{LINE} is live; write a case for it" in told.err
    assert lines(town) == [*before, "renewal,12,تجدید پروانه,,,"]
    assert (town.mappings / KINDS).stat().st_mode & 0o777 == 0o664
    assert await kinds_sent(town) == ["12"]

    (first,) = await town.audit("code_proposed")
    (second,) = await town.audit("code_approved")
    (reload,) = await town.audit("tables_reloaded")
    asked, given = json.loads(first["detail"]), json.loads(second["detail"])
    assert (first["actor"], asked["why"]) == (OPERATOR, "it came tonight")
    assert json.loads(asked["what"])["cells"] == {"gateway": "renewal", "internal": "12", "title": "تجدید پروانه"}
    assert (second["actor"], given["why"]) == (SECOND, "the core has it")
    assert json.loads(given["what"]) == {"id": proposal["id"], "place": f"mappings/{KINDS}:{LINE}"}
    assert (reload["actor"], json.loads(reload["detail"])["what"]) == (SECOND, town.house.tables.now.sha256)
    with pytest.raises(Refused, match="is approved and waits for nobody"):
        await approve(town, proposal["id"])


async def test_a_row_that_is_or_became_a_fault_is_neither_kept_nor_written(town: Owned, capsys: Captured) -> None:
    clash = await town.command("codes", "add", SERVICE, TABLE, "extension", "8", "--reason", "another number")
    fault = capsys.readouterr()
    doubtful = await propose(town, table="channel", gateway="kiosk", internal="9", more={})
    sound = (await propose(town))["id"]
    town.edit(KINDS, "repair,4,", "renewal,11,تمدید,,,\nrepair,4,")

    with pytest.raises(Refused, match=f"^{SERVICE}: what lies on disk is not what is live"):
        await approve(town, sound)
    await town.do("tables.reload", apply=True, reason="a clerk was faster")
    before = lines(town)
    late = await approve(town, sound)

    assert clash == Exit.FINDINGS
    assert f"mappings/{KINDS}:9: gateway: 'extension' has two meanings, see line 6, end one" in fault.out
    assert "with this row there would be 1 faults; nothing was proposed" in fault.err
    assert "'kiosk' never comes" in doubtful["faults"][0]
    assert doubtful["is_proposed"] is False
    assert late["is_changed"] is False
    assert "'renewal' has two meanings" in late["faults"][0]
    assert lines(town) == before
    assert await waiting(town) == [(sound, "pending")]
    assert await town.audit("code_approved") == []


async def test_a_tenants_row_stands_in_its_own_file_unless_that_cannot_be_written(town: Owned) -> None:
    """A full disk, here a folder in the file's way, leaves all as it was and ends the proposal."""
    live, in_the_way = town.house.tables.now, town.mappings / f".{TABLE}.csv.new"
    in_the_way.mkdir()
    unlucky = (await propose(town, tenant=TENANT, gateway="new_building", internal="21"))["id"]
    with pytest.raises(Refused, match=f"{KINDS}: cannot be written by uid [0-9]+: Is a directory"):
        await approve(town, unlucky)
    assert town.house.tables.now is live
    assert [row["actor"] for row in await town.audit("code_withdrawn")] == [SECOND]
    assert await waiting(town) == []
    in_the_way.rmdir()
    town.clock.advance(60)

    proposal = await propose(town, tenant=TENANT, gateway="new_building", internal="21")
    told = await approve(town, proposal["id"])
    await town.submit(permit())

    own = f"tenants/{TENANT}/{KINDS}"
    assert (told["file"], told["line"]) == (f"mappings/{own}", 2)
    assert lines(town, own) == [lines(town)[0], "new_building,21,تجدید پروانه,,,"]
    assert await kinds_sent(town) == ["21"]


async def test_what_is_not_there_is_told_and_an_ended_proposal_cannot_be_signed(town: Owned) -> None:
    with pytest.raises(NotFound, match="did you mean 'building_permit'"):
        await propose(town, service="building_permits")
    with pytest.raises(NotFound, match="no codes file 'request_kinds'; did you mean 'request_kind'"):
        await propose(town, table="request_kinds")
    with pytest.raises(Refused, match="the file has no column 'stage'"):
        await propose(town, more={"stage": "approved"})
    with pytest.raises(Refused, match="every change needs a reason"):
        await propose(town, reason=" ")
    with pytest.raises(NotFound, match="there is no proposal 'abcd'"):
        await approve(town, "abcd")
    first = (await propose(town))["id"]
    with pytest.raises(Refused, match=f"has proposed this row already: {first}"):
        await propose(town)
    await town.do("codes.withdraw", id=first, reason="not tonight")
    town.clock.advance(60)
    second = (await propose(town))["id"]
    town.clock.advance(SIGNED_WITHIN.total_seconds())

    for proposal, standing in ((first, "withdrawn"), (second, "expired")):
        with pytest.raises(Refused, match=f"is {standing} and waits for nobody"):
            await approve(town, proposal)
    assert await waiting(town) == [(second, "expired")]


def test_without_a_daemon_the_command_says_so_with_3(tmp_path: Path, capsys: Captured) -> None:
    settings = install_alone(tmp_path, [SERVICE]).settings

    assert run_command(["codes", "pending", "--config", str(settings)]) == Exit.UNREACHABLE
    assert "no daemon answers on" in capsys.readouterr().err
