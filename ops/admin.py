"""The admin socket: operators' actions through a Unix socket, while the daemon holds the journal.

A line of JSON asks (`{"command": …, "arguments": {…}}`); lines answer: any number of `{"progress": …}`, then
`{"result": …}` or `{"error": {"kind": …, "sentence": …}}`. Who asks is the peer's uid, as the kernel tells it.
A uid without an account is refused: in a user namespace an operator has thousands, and may be his own second one.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import structlog
from pydantic_core import from_json, to_json

from adapter import errors
from adapter.errors import AnotherDaemon, DaemonUnreachable, FaultySettings, PanjerehError, Refused
from adapter.exchange import Payload

SOCKET_MODE = 0o660
"""The daemon's user and group: give it a group of its own, whose members are the operators."""

_LONGEST_QUESTION = 1024 * 1024
_LONGEST_ANSWER = 256 * 1024 * 1024
_PEER = struct.Struct("3i")
_log = structlog.get_logger(__name__)

Progress = Callable[[Payload], None]
Perform = Callable[[str, Mapping[str, Any], str, Progress], Awaitable[Payload]]
"""Command, arguments, actor, progress → the answer; raises PanjerehError with a sentence."""
Account = Callable[[int], object]
"""The account of a uid; raises KeyError when it has none."""


@asynccontextmanager
async def serving(path: Path, perform: Perform, *, account: Account = pwd.getpwuid) -> AsyncIterator[None]:
    """Answer on the socket while inside. Raises FaultySettings when the path cannot be used, AnotherDaemon."""
    listener = _bind(path)
    talks: set[asyncio.Task[Any]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            talks.add(task)
            task.add_done_callback(talks.discard)
        await _talk(reader, writer, perform, account)

    server = await asyncio.start_unix_server(talk, sock=listener, limit=_LONGEST_QUESTION)
    inode = _inode(path)
    try:
        yield
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        _remove(path, inode)


def _inode(path: Path) -> int:
    return path.stat().st_ino


def _remove(path: Path, inode: int) -> None:
    """Remove our own socket, not one that another daemon has put there since."""
    with suppress(FileNotFoundError):
        if _inode(path) == inode:
            path.unlink()


def _bind(path: Path) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True)
    clear(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o777 & ~SOCKET_MODE)
    try:
        listener.bind(str(path))
        listener.listen()
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise FaultySettings([f"admin_socket: {path} cannot be used: {error.strerror or error}"]) from error
    finally:
        os.umask(mask)
    return listener


def clear(path: Path) -> None:
    """Remove a socket that nobody answers any more; raises AnotherDaemon for one that is answered, never takes it."""
    if not path.exists():
        return
    if not path.is_socket():
        raise FaultySettings([f"admin_socket: {path} is there and is no socket; name another path"])
    if answers(path):
        raise AnotherDaemon(f"admin_socket: another daemon answers on {path}; stop it first, or name another path")
    path.unlink()


def answers(path: Path) -> bool:
    """Whether someone holds the socket, even one who does not let us in."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError:
            return path.is_socket()
    return True


async def _talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, perform: Perform, account: Account) -> None:
    uid = _uid(writer)
    actor = f"uid:{uid}"
    try:
        if not _is_known(uid, account):
            _log.warning("operator_refused", actor=actor)
            await reader.readline()
            writer.write(_line(_told(Refused(f"uid {uid} has no account here: nobody can tell who asks"))))
            await writer.drain()
            return
        while line := await reader.readline():
            await _answer(line, writer, perform, actor)
            await writer.drain()
    except (ConnectionError, ValueError) as error:  # ValueError: a line longer than any question
        _log.info("operator_left", actor=actor, reason=type(error).__name__)
    finally:
        writer.close()


def _uid(writer: asyncio.StreamWriter) -> int:
    peer = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    _, uid, _ = _PEER.unpack(peer)
    return int(uid)


def _is_known(uid: int, account: Account) -> bool:
    """Whether the uid is somebody's: in a container the daemon's own may be without an account."""
    if uid == os.getuid():
        return True
    try:
        account(uid)
    except KeyError:
        return False
    return True


async def _answer(line: bytes, writer: asyncio.StreamWriter, perform: Perform, actor: str) -> None:
    def progress(told: Payload) -> None:
        writer.write(_line({"progress": told}))

    command = "unreadable"
    try:
        command, arguments = _question(line)
        told = {"result": await perform(command, arguments, actor, progress)}
    except PanjerehError as error:
        told = _told(error)
    except Exception:  # noqa: BLE001 - the edge of the operators' door: logged once, the daemon goes on
        _log.exception("action_failed", command=command, actor=actor)
        told = {"error": {"kind": "PanjerehError", "sentence": f"{command} failed inside; the daemon's log tells why"}}
    writer.write(_line(told))


def _told(error: PanjerehError) -> Payload:
    return {"error": {"kind": type(error).__name__, "sentence": error.detail}}


def _question(line: bytes) -> tuple[str, Mapping[str, Any]]:
    try:
        asked = from_json(line)
    except ValueError as error:
        raise Refused("a question is one line of JSON") from error
    match asked:
        case {"command": str(command), "arguments": dict(arguments), **rest} if not rest:
            return command, arguments
    raise Refused('a question is {"command": "…", "arguments": {…}}')


def _line(told: Payload) -> bytes:
    return to_json(told) + b"\n"


async def call(
    path: Path, command: str, arguments: Mapping[str, Any], *, progress: Progress = lambda _told: None
) -> Payload:
    """Ask the daemon; raises DaemonUnreachable when none answers there, else the error that the action raised."""
    try:
        reader, writer = await asyncio.open_unix_connection(str(path), limit=_LONGEST_ANSWER)
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise DaemonUnreachable(f"no daemon answers on {path}") from error
    except OSError as error:
        raise DaemonUnreachable(f"{path}: {error.strerror or error}; operators need to be in its group") from error
    try:
        writer.write(_line({"command": command, "arguments": dict(arguments)}))
        async for line in reader:
            told = from_json(line)
            if "progress" not in told:
                return _result(told)
            progress(told["progress"])
    except (ConnectionError, ValueError) as error:
        raise DaemonUnreachable(f"the daemon on {path} went away before it answered") from error
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
    raise DaemonUnreachable(f"the daemon on {path} went away before it answered")


def _result(told: Payload) -> Payload:
    if "error" in told:
        raise _RAISED.get(told["error"]["kind"], PanjerehError)(told["error"]["sentence"])
    result: Payload = told["result"]
    return result


_RAISED: Mapping[str, type[PanjerehError]] = {
    kind.__name__: kind
    for kind in (
        errors.GatewayUnreachable,
        errors.IllegalTransition,
        errors.JournalFailed,
        errors.LeaseLost,
        errors.NotFound,
        errors.Refused,
        errors.Unfit,
    )
}
