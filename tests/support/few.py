"""Mappings of only the services that a test is about: what is read in every test is quick to read."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.records import ROOT


def mappings_with(folder: Path, *services: str) -> Path:
    """Copies of these shipped services in `mappings` of the folder, for a test to change."""
    mappings = folder / "mappings"
    for name in services:
        shutil.copytree(ROOT / "mappings" / name, mappings / name)
    return mappings
