"""Mappings as they would be: a folder in which some parts stand in place of those there are, for a trial."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def rehearsed(mappings: Path, parts: Mapping[str, Path]) -> Iterator[Path]:
    """Give a folder of the name of `mappings` that holds the same, with each of the parts in place of its own.

    A part is named from `mappings` on: `building_permit`, `tenants/my-city/building_permit`, `calendars`.
    """
    with tempfile.TemporaryDirectory() as room:
        root = Path(room) / mappings.name
        _lay_out(mappings, root, parts)
        yield root


def _lay_out(standing: Path, root: Path, parts: Mapping[str, Path]) -> None:
    root.mkdir()
    opened = {name.partition("/")[0] for name in parts}
    for one in standing.iterdir() if standing.is_dir() else ():
        if one.name not in opened and not one.name.startswith("."):
            (root / one.name).symlink_to(one.resolve())
    for name in opened:
        if name in parts:
            (root / name).symlink_to(parts[name].resolve(), target_is_directory=True)
        else:
            inner = {key.partition("/")[2]: part for key, part in parts.items() if key.startswith(f"{name}/")}
            _lay_out(standing / name, root / name, inner)
