"""The admin socket itself: who asks is told by the kernel, and every end of a talk has its error."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import uvloop

from adapter.errors import (
    AnotherDaemon,
    DaemonUnreachable,
    FaultySettings,
    GatewayUnreachable,
    NotFound,
    PanjerehError,
    Refused,
)
from adapter.exchange import Payload
from ops import admin
from ops.admin import call, serving
from tests.support.desk import ME


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "admin.sock"


async def echo(command: str, arguments: Mapping[str, Any], actor: str, progress: admin.Progress) -> Payload:
    for number in range(arguments.get("steps", 0)):
        progress({"step": number})
    return {"command": command, "actor": actor, "given": dict(arguments)}


async def raw(path: Path, line: bytes) -> Any:
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(line)
    answer = await reader.readline()
    writer.close()
    return json.loads(answer)


async def test_the_actor_is_the_uid_that_the_kernel_tells(path: Path) -> None:
    async with serving(path, echo):
        told = await call(path, "health", {"uid": 0, "actor": "uid:12345"})

    assert told == {"command": "health", "actor": ME, "given": {"uid": 0, "actor": "uid:12345"}}


NOBODYS: dict[int, str] = {}


async def test_a_uid_without_an_account_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator has thousands of them in a user namespace, and would be a second operator beside himself."""
    asker = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: asker + 1)

    async with serving(path, echo, account=NOBODYS.__getitem__):
        with pytest.raises(Refused, match=f"uid {asker} has no account here"):
            await call(path, "health", {})
    async with serving(path, echo, account={asker: "operator"}.__getitem__):
        assert (await call(path, "health", {}))["actor"] == ME


async def test_the_daemons_own_uid_needs_no_account(path: Path) -> None:
    async with serving(path, echo, account=NOBODYS.__getitem__):
        assert (await call(path, "health", {}))["actor"] == ME


def test_the_uid_is_known_on_the_daemons_own_loop_too(path: Path) -> None:
    async def ask() -> Payload:
        async with serving(path, echo):
            return await call(path, "health", {})

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(ask())["actor"] == ME


async def test_only_the_daemons_user_and_group_may_open_it(path: Path) -> None:
    async with serving(path, echo):
        mode = stat.S_IMODE(path.stat().st_mode)

    assert mode == 0o660


async def test_progress_comes_before_the_answer(path: Path) -> None:
    seen: list[Payload] = []
    async with serving(path, echo):
        await call(path, "reconcile.run", {"steps": 3}, progress=seen.append)

    assert seen == [{"step": 0}, {"step": 1}, {"step": 2}]


async def test_many_operators_are_answered_each_with_his_own(path: Path) -> None:
    async with serving(path, echo):
        told = await asyncio.gather(*(call(path, f"action-{number}", {}) for number in range(20)))

    assert [one["command"] for one in told] == [f"action-{number}" for number in range(20)]


async def test_the_socket_is_gone_when_the_daemon_is(path: Path) -> None:
    async with serving(path, echo):
        assert path.is_socket()

    assert not path.exists()
    with pytest.raises(DaemonUnreachable, match="no daemon answers on"):
        await call(path, "health", {})


async def test_a_socket_that_a_killed_daemon_left_behind_is_replaced(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    async with serving(path, echo):
        assert (await call(path, "health", {}))["command"] == "health"


async def test_a_socket_on_which_a_daemon_answers_is_refused_and_left_alone(path: Path) -> None:
    async with serving(path, echo):
        with pytest.raises(AnotherDaemon, match="another daemon answers on"):
            async with serving(path, echo):
                pass
        assert (await call(path, "health", {}))["command"] == "health"


async def test_a_file_in_the_sockets_place_is_never_removed(path: Path) -> None:
    path.write_text("somebody's notes", encoding="utf-8")

    with pytest.raises(FaultySettings, match="is no socket"):
        async with serving(path, echo):
            pass
    assert path.read_text(encoding="utf-8") == "somebody's notes"


async def test_a_path_that_no_socket_can_have_names_its_setting(tmp_path: Path) -> None:
    with pytest.raises(FaultySettings, match=r"admin_socket: .* cannot be used"):
        async with serving(tmp_path / ("long" * 40), echo):
            pass


@pytest.mark.parametrize("line", [b"nonsense\n", b"[]\n", b'{"command": 1, "arguments": {}}\n', b'{"command": "x"}\n'])
async def test_what_is_no_question_is_refused_and_the_daemon_goes_on(path: Path, line: bytes) -> None:
    async with serving(path, echo):
        told = await raw(path, line)
        assert told["error"]["kind"] == "Refused"
        assert (await call(path, "health", {}))["command"] == "health"


async def test_an_endless_question_ends_its_own_connection_only(path: Path) -> None:
    async with serving(path, echo):
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b"x" * (2 * 1024 * 1024))
        with suppress(ConnectionError):
            await writer.drain()
            assert await reader.read() == b""
        writer.close()
        assert (await call(path, "health", {}))["command"] == "health"


@pytest.mark.parametrize("error", [Refused("not so"), NotFound("not here"), GatewayUnreachable("not now")])
async def test_an_actions_error_comes_back_as_itself(path: Path, error: PanjerehError) -> None:
    async def refuse(*_: Any) -> Payload:
        raise error

    async with serving(path, refuse):
        with pytest.raises(type(error), match=error.detail):
            await call(path, "exchanges.replay", {})


async def test_what_breaks_inside_is_told_without_its_text(path: Path) -> None:
    async def fail(*_: Any) -> Payload:
        raise KeyError("0012345678")

    async with serving(path, fail):
        with pytest.raises(PanjerehError, match=r"exchanges\.show failed inside") as caught:
            await call(path, "exchanges.show", {})

    assert "0012345678" not in str(caught.value)


async def test_a_daemon_that_goes_away_before_it_answers_is_unreachable(path: Path) -> None:
    begun_to_answer = asyncio.Event()

    async def never(*_: Any) -> Payload:
        begun_to_answer.set()
        await asyncio.sleep(60)
        return {}

    async with serving(path, never):
        asking = asyncio.create_task(call(path, "reconcile.run", {}))
        await begun_to_answer.wait()

    with pytest.raises(DaemonUnreachable, match="went away before it answered"):
        await asking
