"""A proposed row tried on a copy of the mappings, with every check there is, and then written where it belongs."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adapter.errors import FaultyTables, NotFound, Refused, Unfit
from adapter.service import TENANTS, layers_of
from adapter.service.layers import Layers
from adapter.tables import near
from adapter.translator.adding import header_of, with_row
from ops.proposals import Proposal
from ops.rehearsing import rehearsed
from ops.reloading import read_anew
from ops.replacing import replace_text
from ops.tables import Tables, changed_on_disk

if TYPE_CHECKING:
    from ops.wiring import House


@dataclass(frozen=True, slots=True)
class Place:
    """The codes file that a row is for: the folder it is part of, its text as it is and with the row.

    `missing` are the folders that are made for it, the inmost first.
    """

    part: str
    path: Path
    label: str
    before: str | None
    after: str
    missing: tuple[Path, ...] = ()

    @property
    def line(self) -> int:
        """Where the row stands."""
        return self.after.count("\n")


@dataclass(frozen=True, slots=True)
class Trial:
    """What would be with the row: the tables, unless there is a fault that is not there without it."""

    place: Place
    tables: Tables | None
    faults: tuple[str, ...] = ()


async def tried(house: House, proposal: Proposal) -> Trial:
    """Read all mappings as they would be with the row; nothing is changed.

    Raises Refused when something else lies on disk than is live: with the row nothing else shall go live.
    """
    if changed := changed_on_disk(house.settings, house.tables.now):
        told = f"{', '.join(changed)}: what lies on disk is not what is live, and would go live with the code"
        raise Refused(f"{told}; see panjereh tables reload, and take it up or put it back first")
    place = place_of(house.settings.mappings, proposal)
    with _with_row(house.settings.mappings, place) as mappings:
        try:
            tables = await read_anew(house, mappings)
        except FaultyTables as error:
            return Trial(place, None, tuple(error.faults))
    known = (await read_anew(house)).doubts if tables.doubts else ()
    doubts = tuple(doubt for doubt in tables.doubts if doubt not in known)
    return Trial(place, None if doubts else tables, doubts)


def place_of(mappings: Path, proposal: Proposal) -> Place:
    """Where the row belongs; raises NotFound for a codes file that is not there, Refused for a row it cannot hold."""
    name = f"{proposal.table}.csv"
    layers, part = Layers(mappings / proposal.service, mappings), proposal.service
    if proposal.tenant is not None:
        layers, _ = layers_of(mappings, proposal.tenant, proposal.service)
        part = f"{TENANTS}/{proposal.tenant}/{proposal.service}"
    known = [one.removesuffix(".csv") for one in layers.read().names("codes", ".csv")]
    if proposal.table not in known:
        raise NotFound(f"{proposal.service} has no codes file {proposal.table!r}; {near(proposal.table, known)}")
    path = mappings / part / "codes" / name
    before = path.read_text(encoding="utf-8") if path.is_file() else None
    shared = layers.shared / "codes" / name
    begun = header_of(shared.read_text(encoding="utf-8")) if before is None else before
    label = f"{mappings.name}/{part}/codes/{name}"
    try:
        missing = tuple(folder for folder in path.parents if not folder.exists())
        return Place(part, path, label, before, with_row(begun, proposal.cells), missing)
    except Unfit as unfit:
        raise Refused(f"{label}: {unfit.detail}") from unfit


def write_row(mappings: Path, place: Place) -> None:
    """Afterwards the file holds the row, on disk; raises Refused, and it is as it was, where that cannot be done."""
    try:
        replace_text(place.path, place.after, room=mappings)
    except OSError as error:
        take_back(mappings, place)
        raise Refused(f"{place.label}: cannot be written by uid {os.getuid()}: {error.strerror}") from error


def take_back(mappings: Path, place: Place) -> None:
    """Afterwards the file is what it was, and no folder is there that was made for it, as far as the disk allows."""
    with suppress(OSError):
        if place.before is None:
            place.path.unlink(missing_ok=True)
        elif place.path.read_text(encoding="utf-8") != place.before:
            replace_text(place.path, place.before, room=mappings)
        for folder in place.missing:
            folder.rmdir()


@contextmanager
def _with_row(mappings: Path, place: Place) -> Iterator[Path]:
    """The mappings with the row, as a copy of the one folder among all others."""
    with tempfile.TemporaryDirectory() as room:
        copy = Path(room) / "part"
        if (mappings / place.part).is_dir():
            shutil.copytree(mappings / place.part, copy)
        (copy / "codes").mkdir(parents=True, exist_ok=True)
        (copy / "codes" / place.path.name).write_text(place.after, encoding="utf-8", newline="")
        with rehearsed(mappings, {place.part: copy}) as root:
            yield root
