"""Tables that were tried in one installation become another's: what differs, whether the result is sound, all at once.

Whoever promotes stands in `promotions.csv` of the mappings, which changes in the same step as the tables.
"""

from __future__ import annotations

import csv
import hashlib
import io
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from adapter.calendar import read_calendars, tehran_day
from adapter.contract.checks import door_clashes
from adapter.contract.model import Contract
from adapter.errors import FaultyTables, NotFound, Refused
from adapter.service import TENANTS, Service, is_draft, layers_of, load_services, load_views, overlays, run_cases
from adapter.service import service_folders as folders_in
from adapter.service.contents import contents_of, digest_of
from adapter.service.differing import Differs, differences
from adapter.tables import near
from adapter.workbench.sides import Fields
from ops.rehearsing import rehearsed
from ops.settings import Settings
from ops.swapping import swap
from ops.tables import CALENDARS, read_tables

LOG = "promotions.csv"
LOG_COLUMNS = ("at", "who", "why", "from", "parts", "sha256_before", "sha256_after")
"""One row for every promotion, the newest last; digests are over all parts of it."""


@dataclass(frozen=True, slots=True)
class Part:
    """One folder to promote: a service, a tenant's own of one as `tenant/service`, or the calendars; and what differs.

    `rows` are told as `service diff` tells them, `files` are those of which no row differs (cases, calendars, comments)
    with what becomes of them.
    """

    name: str
    source: Path
    target: Path
    before: str
    after: str
    rows: tuple[Differs, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    unread: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Where it stands, from the mappings on."""
        return _path(self.name)


def planned(source: Path, target: Path, names: Iterable[str]) -> list[Part]:
    """What would change in the target, part by part; of all shared services where none is named.

    Raises NotFound for a part that the source has not.
    """
    known = {one.name for one in folders_in(source)}
    if (source / CALENDARS).is_dir():
        known.add(CALENDARS)
    known |= {"/".join(at) for at in overlays(source)}
    wanted = list(dict.fromkeys(names)) or sorted(one.name for one in folders_in(source))
    for name in wanted:
        if name not in known:
            raise NotFound(f"{source}: there is no part {name!r} to promote; {near(name, known)}")
    parts = [_part(name, source / _path(name), target / _path(name)) for name in wanted]
    return [part for part in parts if part.before != part.after]


def faults_of(
    mappings: Path,
    parts: Sequence[Part],
    contracts: Mapping[str, Contract],
    *,
    fields: Mapping[str, Fields],
    settings: Settings | None = None,
) -> list[str]:
    """Every fault and every failing case that the mappings would have with the parts, and what its daemon would refuse.

    Drafts that are not promoted are nobody's matter but their clerk's.
    """
    with rehearsed(mappings, {part.path: part.source for part in parts}) as root:
        today = tehran_day(datetime.now(UTC))
        services, found = load_services(root, contracts, fields=fields, today=today)
        views, found_in_views = load_views(root, contracts, fields=fields, today=today)
        promoted = {part.name for part in parts}
        faults = [one for name, its in found.items() if name in promoted or not is_draft(root, name) for one in its]
        for at, its in found_in_views.items():
            if {"/".join(at), at[1]} & promoted or not is_draft(root, at[1], at[0]):
                faults += its
        faults += read_calendars(root / CALENDARS)[1]
        told = [text for part in parts for text in part.unread] + list(map(str, sorted(faults)))
        told += door_clashes(contracts[one.gateway] for one in (*services.values(), *views.values()))
        told += _failing(root, promoted, services, views)
        told += _refused(settings, root, contracts)
    return list(dict.fromkeys(told))


def promote(mappings: Path, parts: Sequence[Part], *, source: Path, who: str, why: str, now: datetime) -> None:
    """Afterwards every part stands in the mappings, and who did it and why in their log: all, or nothing.

    Raises Refused for a part that is not what was planned any more.
    """
    with tempfile.TemporaryDirectory() as room:
        fresh = {part.path: shutil.copytree(part.source, Path(room) / part.path) for part in parts}
        for part in parts:
            if _digest(_contents(fresh[part.path])) != part.after or _digest(_contents(part.target)) != part.before:
                raise Refused(f"{part.name} was changed meanwhile; look again")
        log = Path(room) / LOG
        cells = [now.isoformat(timespec="seconds"), who, why, str(source), " ".join(part.name for part in parts)]
        log.write_text(_log_with([*cells, *digests_of(parts)], mappings / LOG), encoding="utf-8", newline="")
        swap(mappings, {**fresh, LOG: log})


def digests_of(parts: Iterable[Part]) -> tuple[str, str]:
    """Over all parts, as they are and as they would be."""
    told = [(f"{part.name} {part.before}", f"{part.name} {part.after}") for part in parts]
    before, after = (hashlib.sha256("\n".join(lines).encode()).hexdigest() for lines in zip(*told, strict=True))
    return before, after


def _path(name: str) -> str:
    return f"{TENANTS}/{name}" if "/" in name else name


def _part(name: str, source: Path, target: Path) -> Part:
    one, other = (_contents(folder) for folder in (target, source))
    if one == other or not one:
        return Part(name, source, target, _digest(one), _digest(other))
    rows, unread = ([], []) if name == CALENDARS else differences(target, source)
    files = {file: _change(one.get(file), other.get(file)) for file in sorted(one.keys() | other.keys())}
    by_row = {row.file for row in rows}
    untold = {file: change for file, change in files.items() if change and _as_told(file) not in by_row}
    return Part(name, source, target, _digest(one), _digest(other), tuple(rows), untold, tuple(map(str, unread)))


def _contents(folder: Path) -> Mapping[str, bytes]:
    return contents_of(folder) if folder.is_dir() else {}


def _digest(contents: Mapping[str, bytes]) -> str:
    return digest_of(contents) if contents else ""


def _change(before: bytes | None, after: bytes | None) -> str:
    if before == after:
        return ""
    return "added" if before is None else "removed" if after is None else "changed"


def _as_told(file: str) -> str:
    """The file as differences name it: a table without the folder that is called as the internal contract."""
    return file if file.startswith("codes/") else file.rpartition("/")[2]


def _failing(
    root: Path,
    promoted: set[str],
    services: Mapping[str, Service],
    views: Mapping[tuple[str, str], Service],
) -> Iterator[str]:
    """Cases that would say otherwise, of what is promoted and of every tenant's own over it."""
    found = [(name, run_cases(root / name, services[name])) for name in sorted(promoted & services.keys())]
    for at, view in sorted(views.items(), key=lambda one: one[0]):
        if {"/".join(at), at[1]} & promoted:
            layers, _ = layers_of(root, *at)
            found.append(("/".join(at), run_cases(layers.shared, view, own=layers.own)))
    for name, results in found:
        for case in results:
            yield from (f"{name}: case {case.name}: {one}" for one in case.differences)


def _refused(settings: Settings | None, root: Path, contracts: Mapping[str, Contract]) -> list[str]:
    """What the settings of an installation would not have: a service without its endpoint, for example."""
    if settings is None:
        return []
    try:
        read_tables(settings.model_copy(update={"mappings": root}), contracts, now=datetime.now(UTC))
    except FaultyTables as error:
        return error.faults
    return []


def _log_with(cells: Sequence[str], path: Path) -> str:
    text = path.read_text(encoding="utf-8") if path.is_file() else ",".join(LOG_COLUMNS) + "\n"
    row = io.StringIO()
    csv.writer(row, lineterminator="\n").writerow(cells)
    return text + row.getvalue()
