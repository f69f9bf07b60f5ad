"""`panjereh contract` over the contracts of a test, for tests that name this module in `pytest_plugins`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ops.cli.main import run_command

Run = Callable[..., tuple[int, str, str]]
"""Runs a command with these words: its exit code, and what it said on stdout and stderr."""


@pytest.fixture
def run(contracts: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*tokens: str) -> tuple[int, str, str]:
        code = run_command(["contract", *tokens, "--contracts", str(contracts)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return command
