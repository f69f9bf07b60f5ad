"""What a service's folder would become: tried in a room of its own, among the other services and its tenants."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adapter.contract.model import Contract
from adapter.service import load_services, load_views
from adapter.service.differing import Differs, differences
from adapter.tables import Fault
from adapter.workbench.sides import Fields
from ops.rehearsing import rehearsed


@dataclass(frozen=True, slots=True)
class Tried:
    """Every fault that the folder would have, and every row and key that would not be what it is."""

    faults: list[Fault]
    differences: list[Differs]


def try_changes(
    changes: Mapping[str, str],
    folder: Path,
    contracts: Mapping[str, Contract],
    *,
    fields: Mapping[str, Fields] | None = None,
) -> Tried:
    """Check what would become of the folder, which stays as it is; with `fields` as `panjereh check` does."""
    with tempfile.TemporaryDirectory() as room:
        fresh = Path(room) / folder.name
        if folder.is_dir():
            shutil.copytree(folder, fresh)
        apply(changes, fresh)
        with rehearsed(folder.parent, {folder.name: fresh}) as mappings:
            _, faulty = load_services(mappings, contracts, only={folder.name}, fields=fields)
            _, faulty_views = load_views(mappings, contracts, only={folder.name}, fields=fields)
        found = [*faulty.values(), *faulty_views.values()]
        faults = list(dict.fromkeys(fault for one in found for fault in one))
        return Tried(faults, differences(folder, fresh)[0])


def apply(changes: Mapping[str, str], folder: Path) -> None:
    """Write every file beside its old self, then put each in its place."""
    fresh = {folder / file: folder / f"{file}.new" for file in changes}
    for path, new in fresh.items():
        new.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(changes[path.relative_to(folder).as_posix()], encoding="utf-8", newline="")
    for path, new in fresh.items():
        os.replace(new, path)  # noqa: PTH105 - as above, one step
