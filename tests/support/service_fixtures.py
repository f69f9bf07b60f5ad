"""A written folder of a service, for tests that name this module in `pytest_plugins`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.service_folder import FILES, Write


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes the sound folder with these files changed, or without those that are None."""

    def written(changes: Mapping[str, str | None] | None = None, *, name: str = "sample") -> Path:
        folder = tmp_path / "mappings" / name
        for file, content in {**FILES, **(changes or {})}.items():
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is not None:
                path.write_text(content, encoding="utf-8")
        return folder

    return written
