"""As many services as a province has: copies of the shipped ones under names and ids of their own, and a catalogue."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

from adapter.catalogue import FILE, catalogue_text, read_catalogue
from tests.figures import HOUSE

_SHIPPED = HOUSE / "mappings"
_ID = re.compile(r'^service_id = "[0-9]+"', re.MULTILINE)
_FIRST_ID = 90_000_000_001
"""Far from those of the shipped services."""


def write_services(folder: Path, count: int, *, of: str = "*") -> None:
    """Fill the folder with so many services, each of those shipped under such names as often as the others."""
    shipped = sorted(path.parent for path in _SHIPPED.glob(f"{of}/service.toml"))
    for number, source in enumerate(islice(cycle(shipped), count)):
        target = folder / f"{source.name}_{number:03}"
        shutil.copytree(source, target)
        document = target / "service.toml"
        text, found = _ID.subn(f'service_id = "{_FIRST_ID + number}"', document.read_text(encoding="utf-8"))
        assert found == 1, f"{source.name} has no service_id of its own"
        document.write_text(text, encoding="utf-8")


def write_catalogue(folder: Path, count: int) -> None:
    """Put a catalogue of so many rows into the folder, like the shipped one."""
    entries, faults = read_catalogue(_SHIPPED / FILE, FILE)
    assert not faults, faults
    many = islice(cycle(entries), count)
    copies = [replace(one, service_id=str(_FIRST_ID + number)) for number, one in enumerate(many)]
    (folder / FILE).write_text(catalogue_text(copies), encoding="utf-8")
