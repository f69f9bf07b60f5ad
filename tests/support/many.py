"""As many services as a province has online: copies of the shipped ones under names and ids of their own."""

from __future__ import annotations

import re
import shutil
from itertools import cycle, islice
from pathlib import Path

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
