"""The command itself: what it helps with, how it may be said, and with which exit code it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from adapter.errors import (
    DaemonUnreachable,
    FaultySettings,
    FaultyTables,
    GatewayUnreachable,
    IllegalTransition,
    JournalFailed,
    JournalLocked,
    NotFound,
    PanjerehError,
    Refused,
    WrongEnvironment,
)
from adapter.journal.engines import journal_url
from adapter.journal.opening import held_lock
from ops.cli.exits import Exit, exit_of
from ops.cli.main import run_command
from ops.settings_file import load_settings
from tests.support.installed import install_alone

Captured = pytest.CaptureFixture[str]

_COMMAND = [sys.executable, "-c", "from ops.cli.main import main; main()"]

AT_ONCE = 4.0
"""Times the library for commands alone: help takes two and a half, with the engine loaded it would take ten."""


def test_help_comes_at_once_and_loads_no_part_of_the_engine() -> None:
    """What the library for commands costs alone, in the same process, is the measure: a busy machine slows both."""
    program = (
        "import sys, time; began = time.process_time(); import cyclopts; library = time.process_time() - began;"
        "from ops.cli.main import run_command; run_command(['--help']);"
        "print((time.process_time() - began) / library, [name for name in ('sqlalchemy', 'lxml', 'httpx', 'starlette',"
        " 'pydantic') if name in sys.modules], file=sys.stderr)"
    )
    runs = [subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True) for _ in "123"]

    assert min(float(run.stderr.split()[0]) for run in runs) < AT_ONCE
    assert all(run.stderr.split(maxsplit=1)[1] == "[]\n" for run in runs)
    assert all(name in runs[0].stdout for name in ("demo", "sandbox", "run", "check", "exchanges", "reconcile"))


@pytest.mark.parametrize(
    "command",
    [
        "demo",
        "run",
        "sandbox",
        "check",
        "contract",
        "service",
        "test",
        "exchanges",
        "cases",
        "endpoints",
        "reconcile",
        "journal",
        "migrate",
        "health",
        "codes",
        "tables",
        "tables promote",
        "shadow",
    ],
)
def test_every_command_tells_its_help(command: str, capsys: Captured) -> None:
    assert run_command([*command.split(), "--help"]) == Exit.OK
    assert f"Usage: panjereh {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "tokens",
    [
        ["exchanges", "lst"],
        ["exchanges", "list", "--state", "lost"],
        ["exchanges", "list", "--limit", "many"],
        ["exchanges", "resolve", "01", "--as", "sent"],
        ["cases", "show"],
    ],
)
def test_a_command_said_wrongly_ends_with_2_and_says_why_on_stderr(tokens: list[str], capsys: Captured) -> None:
    assert run_command(tokens) == Exit.USAGE

    told = capsys.readouterr()
    assert told.out == ""
    assert "Error" in told.err


def test_an_unknown_command_gets_the_near_name(capsys: Captured) -> None:
    assert run_command(["exchange"]) == Exit.USAGE
    assert capsys.readouterr().err == "panjereh: 'exchange' is not a command; did you mean 'exchanges'?\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused("x"), 2),
        (NotFound("x"), 2),
        (IllegalTransition("x"), 2),
        (FaultySettings(["x"]), 2),
        (WrongEnvironment("x"), 2),
        (DaemonUnreachable("x"), 3),
        (GatewayUnreachable("x"), 3),
        (JournalLocked("x"), 3),
        (FaultyTables(["x"]), 1),
        (JournalFailed("x"), 1),
    ],
)
def test_the_exit_code_tells_whether_to_say_it_otherwise_or_to_come_back_later(error: PanjerehError, code: int) -> None:
    assert exit_of(error) == code


def test_an_answer_that_nobody_reads_to_its_end_is_no_fault_and_persian_is_told_in_every_locale() -> None:
    closing = {**os.environ, "LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONUNBUFFERED": ""}
    with subprocess.Popen(
        [*_COMMAND, "rules", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=closing,
        pipesize=4096,
        bufsize=0,
    ) as process:
        assert process.stdout is not None
        read = b"".join(process.stdout.readline() for _ in range(20))
        process.stdout.close()
        told = process.stderr.read() if process.stderr is not None else b""

    assert "ک" in read.decode()
    assert (process.returncode, told) == (Exit.CUT_OFF, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_an_answer_that_cannot_be_written_is_told_in_a_sentence() -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run([*_COMMAND, "rules"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert (ended.returncode, ended.stderr) == (
        Exit.FINDINGS,
        "what is told cannot be written: No space left on device\n",
    )


def test_a_command_that_finds_the_journal_held_and_nobody_on_its_socket_says_what_to_do(
    capsys: Captured, tmp_path: Path
) -> None:
    settings = install_alone(tmp_path).settings
    (tmp_path / "journal.db").touch()

    with held_lock(journal_url(load_settings(settings).database), "another"):
        code = run_command(["exchanges", "list", "--config", str(settings)])

    assert code == Exit.UNREACHABLE
    assert capsys.readouterr().err == (
        f"nobody answers on {tmp_path / 'admin.sock'}, and yet a daemon or another command holds the journal:"
        " wait for it, or name with --config the settings that it was started with\n"
    )


def test_an_interrupted_command_ends_with_130_and_without_a_traceback(tmp_path: Path) -> None:
    settings = install_alone(tmp_path).settings
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "admin.sock"))
        silent.listen()
        silent.settimeout(20)
        command = [*_COMMAND, "health", "--config", str(settings)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            connection, _ = silent.accept()
            while not connection.recv(100):  # the first one only looks whether anybody listens
                connection.close()
                connection, _ = silent.accept()
            with connection:
                process.send_signal(signal.SIGINT)
                _, told = process.communicate(timeout=20)

    assert (process.returncode, told) == (Exit.INTERRUPTED, "")
