"""The foreign peers that tests speak with, as `tests/peers.sh` installs them: a test without its peer is skipped."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

NODE_FOLDER = Path(__file__).resolve().parents[1] / "interop" / "node"
"""Scripts that lie here find the packages of its `package.json`."""


def php() -> str:
    """PHP's command, with its SOAP client and server."""
    command = _command("php")
    has_soap = subprocess.run([command, "-r", "exit((int) !extension_loaded('soap'));"], check=False).returncode == 0
    return command if has_soap else _skip("PHP is here without its soap extension")


def node_soap() -> str:
    """Node's command; scripts in NODE_FOLDER can require `soap`."""
    command = _command("node")
    return command if (NODE_FOLDER / "node_modules" / "soap").is_dir() else _skip("the node package soap is not here")


def chromium() -> str:
    """Chromium's command."""
    return _command("chromium", "chromium-browser", "google-chrome")


def _command(*names: str) -> str:
    found = next(filter(None, map(shutil.which, names)), None)
    return found or _skip(f"{names[0]} is not here")


def _skip(reason: str) -> NoReturn:
    pytest.skip(f"{reason}: `make peers` installs it where it can")
