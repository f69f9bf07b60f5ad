"""One more service: a clerk fills the folder that was drafted, a tenant names it, and it lives; no code is touched."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from adapter.exchange import Operation, State
from ops.cli.exits import Exit
from ops.cli.main import run_command
from tests.support.records import ROOT
from tests.support.sandboxed import Sandboxed, sandboxed

NAME = "tree_pruning"
FILLED = Path(__file__).parent / NAME
"""The folder as the clerk left it: what stays of the draft, and the tables that were written beside it."""

_CODE = ("adapter", "connectors", "contracts", "ops", "mappings")
_ASKED = FILLED / "cases" / "a_plane_tree_before_a_stop_sign.in.json"


@pytest.fixture
def mappings(tmp_path: Path) -> Path:
    return shutil.copytree(ROOT / "mappings", tmp_path / "mappings")


async def test_a_new_service_is_a_folder_and_a_word_in_its_tenants_settings(mappings: Path, tmp_path: Path) -> None:
    before = _files(mappings) | _code()

    await _run(mappings, "service", "new", NAME, "--contract", "window/1.0", "--connector", "complaints/1.0")
    _fill(mappings / NAME)
    await _run(mappings, "check", NAME)
    await _run(mappings, "test", NAME)
    async with sandboxed(tmp_path, offers=[NAME], mappings=mappings, stand_ins=("gateway", "complaints")) as town:
        reply = await town.receive(Operation.SUBMIT_REQUEST, json.loads(_ASKED.read_bytes())["record"])
        told = await _until_ended(town, reply.body["tracking_code"])

    assert (told["stage"], told["status_title"]) == ("ended", "بسته شد")
    (effect,) = town.sandbox.ledger("complaints").entries
    assert (effect.operation, effect.detail["subject"]) == ("RegisterReport", "701")
    pushed = [(one.operation, one.detail) for one in town.sandbox.ledger("gateway").entries]
    stages = [detail["stage"] for operation, detail in pushed if operation == "PushStatus"]
    assert stages == ["received", "in_progress", "in_progress", "approved", "ended"]
    assert [detail["kind"] for operation, detail in pushed if operation == "PushDocument"] == ["official_reply"]
    after = _files(mappings) | _code()
    changed = {path for path in {**before, **after} if before.get(path) != after.get(path)}
    assert {path.relative_to(mappings / NAME).as_posix() for path in changed} == set(_names(FILLED))
    assert {path.suffix for path in changed} == {".toml", ".csv", ".json"}


async def _run(mappings: Path, *tokens: str) -> None:
    """A command as the clerk gives it; beside the loop, because some begin a loop of their own."""
    assert await asyncio.to_thread(run_command, [*tokens, "--mappings", str(mappings)]) == Exit.OK


def _fill(folder: Path) -> None:
    """Every file that was drafted is filled in or taken out, and the clerk's own stand beside them."""
    drafted = set(_names(folder))
    kept = drafted & set(_names(FILLED))
    assert {"service.toml", "card.toml", "complaints/submit.csv", "complaints/status.csv", "codes/subject.csv"} <= kept
    for name in drafted - kept:
        (folder / name).unlink()
    shutil.copytree(FILLED, folder, dirs_exist_ok=True)


async def _until_ended(town: Sandboxed, tracking_code: str) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while True:
            body = (await town.receive(Operation.GET_STATUS, {"tracking_code": tracking_code})).body
            if body["stage"] == "ended" and all(one.state is State.DONE for one in await town.exchanges()):
                return body
            await asyncio.sleep(0.02)


def _names(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


def _files(folder: Path) -> dict[Path, tuple[int, int]]:
    """Size and time of change of every file below that somebody wrote."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in found}


def _code() -> dict[Path, tuple[int, int]]:
    return {path: seen for name in _CODE for path, seen in _files(ROOT / name).items()}
