"""An installation whose other sides are nobody's: settings to look at, or a house to open that reaches no one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ops.demo.installation import Installation, install
from tests.support.scripted import NOBODY

NOBODYS = dict.fromkeys(("gateway", "urban_core", "revenue"), NOBODY)
"""The addresses of the city's other sides."""


def install_alone(folder: Path, services: Sequence[str] = ("renovation_toll",), *, scale: float = 0.01) -> Installation:
    """The folder of an installation that offers these services."""
    return install(folder, NOBODYS, services=services, scale=scale, port=0)


def settings_with(folder: Path, *lines: str) -> Path:
    """The settings file of an installation that nobody runs, with these lines before all others."""
    path = install_alone(folder).settings
    path.write_text("\n".join([*lines, path.read_text(encoding="utf-8")]), encoding="utf-8")
    return path
