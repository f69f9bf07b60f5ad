"""Copies of only the services and contracts that a test is about: what every test reads is quick to read."""

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


def copied_contract(folder: Path, contract: Path) -> Path:
    """A copy of this folder of a contract under its own name and version, for a test to change."""
    copy: Path = shutil.copytree(contract, folder / contract.parent.name / contract.name)
    return copy
