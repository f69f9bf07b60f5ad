"""Promotion: tables tried in one installation become another's, all or nothing, if the result is sound."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from adapter.tables import read_toml
from ops.cli.exits import Exit
from ops.cli.main import run_command
from ops.demo.installation import TENANT
from ops.swapping import settled, swap
from tests.support.editing import edit
from tests.support.few import mappings_with
from tests.support.own_mappings import OPERATOR, owned
from tests.support.records import ROOT, permit

pytest_plugins = ["tests.support.fixtures"]

Captured = pytest.CaptureFixture[str]

TOLL, PERMIT = "renovation_toll", "building_permit"
KINDS = f"{PERMIT}/codes/request_kind.csv"
CASE = "every_kind_channel_capacity_and_structure_has_its_number"


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    """A folder for tests and one of production, alike but for what a test changes."""
    return mappings_with(tmp_path / "test", TOLL), mappings_with(tmp_path / "production", TOLL)


def promote(sides: tuple[Path, Path], *more: str) -> int:
    return run_command(["tables", "promote", "--from", str(sides[0]), "--to", str(sides[1]), *more])


def test_the_difference_is_told_carried_over_whole_and_recorded(sides: tuple[Path, Path], capsys: Captured) -> None:
    test, production = sides
    title = read_toml(test / TOLL / "service.toml", "")[0].values["title"]
    edit(test / TOLL / "service.toml", f'title = "{title}"', f'title = "{title} (تازه)"')
    with (test / TOLL / "card.toml").open("a", encoding="utf-8") as card:
        card.write("# a word for colleagues\n")
    shutil.copytree(ROOT / "mappings" / "calendars", test / "calendars")
    case = next((test / TOLL / "cases").glob("*.in.json"))
    case.write_text(case.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    before = everything(production)

    assert promote(sides, TOLL, "calendars") == Exit.OK
    dry = capsys.readouterr()
    untouched = everything(production)
    assert promote(sides, TOLL, "calendars", "--apply") == Exit.USAGE
    assert "every change needs a reason" in capsys.readouterr().err
    assert promote(sides, TOLL, "calendars", "--apply", "--reason", "tried for a week", "--json") == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert promote(sides) == Exit.OK
    again = capsys.readouterr()

    assert f"{TOLL} service.toml title: changed: value: {title} → {title} (تازه)" in dry.out
    assert f"{TOLL} cases/{case.name}: changed" in dry.out
    assert f"{TOLL} card.toml: changed" in dry.out
    assert "calendars: it is new there" in dry.err
    assert "nothing was changed; add --apply --reason …" in dry.err
    assert untouched == before
    log = (production / "promotions.csv").read_text(encoding="utf-8")
    now = {name: content for name, content in everything(production).items() if name != "promotions.csv"}
    assert now == everything(test)
    (row,) = csv.DictReader(log.splitlines())
    assert (row["who"], row["why"], row["parts"]) == (f"uid:{os.getuid()}", "tried for a week", f"{TOLL} calendars")
    assert (row["sha256_before"], row["sha256_after"]) == (told["sha256_before"], told["sha256_after"])
    assert told["sha256_before"] != told["sha256_after"]
    assert again.err == "nothing differs\n"


def test_any_fault_or_failing_case_in_the_result_refuses_all_of_it(sides: tuple[Path, Path], capsys: Captured) -> None:
    test, production = sides
    shutil.copytree(ROOT / "mappings" / PERMIT, test / PERMIT)
    edit(test / KINDS, "repair,4,", "repair,14,")
    header = "gateway,internal,title,note\n"
    own = production / "tenants" / TENANT / TOLL / "codes"
    own.mkdir(parents=True)
    (own / "pay_channel.csv").write_text(header + "kiosk,first,کیوسک,\n", encoding="utf-8")
    edit(test / TOLL / "service.toml", 'pattern = "bill"', 'pattern = "bil"')
    before = everything(production)

    assert promote(sides, "--apply", "--reason", "in a hurry") == Exit.FINDINGS
    told = capsys.readouterr()

    assert "mappings/renovation_toll/service.toml" in told.out
    assert "'bil' is not known, did you mean 'bill'?" in told.out
    assert f'{PERMIT}: case {CASE}: each[7]: RequestKind: "4" was expected, "14" came' in told.out
    assert f"mappings/tenants/{TENANT}/{TOLL}/codes/pay_channel.csv:2: internal: does not fit" in told.out
    assert "nothing was changed" in told.err
    assert everything(production) == before


def test_what_is_not_there_and_what_is_the_same_folder_is_told(sides: tuple[Path, Path], capsys: Captured) -> None:
    assert promote(sides, "renovation_tol") == Exit.USAGE
    assert "there is no part 'renovation_tol' to promote; did you mean 'renovation_toll'?" in capsys.readouterr().err
    assert promote((sides[0], sides[0])) == Exit.USAGE
    assert "nothing is promoted into itself" in capsys.readouterr().err
    assert promote((sides[0], sides[1] / "nowhere")) == Exit.USAGE
    assert "there is no such folder of mappings" in capsys.readouterr().err


class _Crash(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("renames", range(7))
def test_a_crash_at_any_step_leaves_all_as_it_was_or_all_to_be_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    """Each renaming is a step; the third folder is new and the last part a file."""
    names = ("a_service", f"tenants/{TENANT}/a_service", "calendars", "promotions.csv")
    for age in ("old", "new"):
        for name in names[:3]:
            (tmp_path / age / name).mkdir(parents=True)
            (tmp_path / age / name / "submit.csv").write_text(age, encoding="utf-8")
        (tmp_path / age / names[3]).write_text(age, encoding="utf-8")
    shutil.rmtree(tmp_path / "old" / "calendars")
    before, after = everything(tmp_path / "old"), everything(tmp_path / "new")
    done: list[Path] = []
    rename = Path.rename

    def crashing(path: Path, target: Any) -> Path:
        if len(done) == renames:
            raise _Crash
        done.append(path)
        return rename(path, target)

    with monkeypatch.context() as power:
        power.setattr(Path, "rename", crashing)
        with pytest.raises(_Crash):
            swap(tmp_path / "old", {name: tmp_path / "new" / name for name in names})
    with settled(tmp_path / "old"):
        shutil.rmtree(tmp_path / "old" / ".promotion.new", ignore_errors=True)
        found = everything(tmp_path / "old")

    assert found == (after if renames else before)


async def test_a_promoted_table_is_live_for_a_tenant_after_its_own_sign_off(
    tmp_path: Path, logs: object, capsys: Captured
) -> None:
    settings, top = "signs_off = true\n", 'signed = "signed"\n'
    async with owned(tmp_path / "live", services=[PERMIT], settings=settings, top=top) as town:
        shutil.copytree(town.mappings, tmp_path / "mappings")
        edit(tmp_path / "mappings" / KINDS, "repair,4,", "repair,14,")
        edit(tmp_path / "mappings" / PERMIT / "cases" / f"{CASE}.out.json", '"RequestKind": "4"', '"RequestKind": "14"')
        signed = await town.command("tables", "signoff", TENANT, "--apply", "--reason", "ours")
        first = capsys.readouterr().err

        line = ("tables", "promote", "--from", str(tmp_path / "mappings"), "--to", town.settings)
        promoted = await town.typed(*line, "--apply", "--reason", "tried for a week")
        told = capsys.readouterr().err
        reloaded = await town.command("tables", "reload", "--apply", "--reason", "promoted")
        awaited = capsys.readouterr().err
        await town.submit(permit(request_kind="repair"))
        await town.deliver_due()
        dry = await town.command("tables", "signoff", TENANT)
        asked = capsys.readouterr()
        await town.command("tables", "signoff", TENANT, "--apply", "--reason", "we have looked at it")
        await town.submit(permit(49, request_kind="repair"))
        await town.deliver_due()

        assert (signed, promoted, reloaded, dry) == (Exit.OK,) * 4
        assert f"{TENANT} has signed" in first
        assert f"promoted; make it live with: panjereh tables reload --config {town.settings}" in told
        assert f"{TENANT} is served by what it signed before" in awaited
        assert f"{PERMIT}  changed" in asked.out
        assert "nothing was changed; add --apply --reason …" in asked.err
        core = town.sides["urban_core/1.0"]
        assert [str(one.says(core)["RequestKind"]) for one in core.sent_as("RegisterRequest")] == ["4", "14"]
        (row,) = await town.audit("tables_promoted")
        detail = json.loads(row["detail"])
        assert (row["actor"], detail["why"]) == (OPERATOR, "tried for a week")
        assert json.loads(detail["what"])["parts"] == [PERMIT]
