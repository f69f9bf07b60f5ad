"""A service's folder, and a tenant's own folder laid over it: what the tenant writes wins, all else is shared."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from adapter.service.contents import contents_of
from adapter.tables import Document, Fault, Source, near, read_toml

TENANTS = "tenants"
"""The folder of `mappings/` that holds a folder for each tenant, with a folder for each service that it changes."""

_STANDS_ALONE, _TAKEN_OUT = "stands_alone", "taken_out"
_OVERLAY_KEYS = frozenset({_STANDS_ALONE, _TAKEN_OUT})
"""Keys of a tenant's service.toml that say how it is laid over, and are no part of the service."""


@dataclass(frozen=True, slots=True)
class File:
    """A file and its name in messages; `own` is the tenant's, to be laid over it."""

    source: Source
    label: str
    own: File | None = None

    @property
    def is_there(self) -> bool:
        """Whether there is such a file."""
        return not isinstance(self.source, Path) or self.source.is_file()


@dataclass(frozen=True, slots=True)
class Layers:
    """The folder of a service, and the tenant's own one over it; `alone` are the tenant's files that stand alone.

    `contents` are those of both folders once they are read; a folder that is not among them is looked at on disk.
    """

    shared: Path
    root: Path
    own: Path | None = None
    alone: frozenset[str] = frozenset()
    contents: Mapping[Path, Mapping[str, bytes]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The service's."""
        return self.shared.name

    @property
    def folders(self) -> tuple[Path, ...]:
        """Those there are, the tenant's last."""
        return tuple(path for path in (self.shared, self.own) if path is not None and path.is_dir())

    def label(self, *names: str) -> str:
        """Name a file of the shared layer as people know it: from the folder of all services on."""
        return self.label_of(self.shared.joinpath(*names))

    def label_of(self, path: Path) -> str:
        """Name a file of either layer so."""
        return f"{self.root.name}/{path.relative_to(self.root).as_posix()}"

    def read(self) -> Layers:
        """The same layers with what stands in their folders now: every file is read once, and all at one time."""
        return replace(self, contents={folder: contents_of(folder) for folder in self.folders})

    def file(self, *names: str) -> File:
        """The file with this name: the shared one under the tenant's, or the only one that there is."""
        name = "/".join(names)
        shared = self._file(self.shared, name)
        if self.own is None or not self.is_own(name):
            return shared
        own = self._file(self.own, name)
        if name in self.alone or not self._has(self.shared, name):
            return own
        return replace(shared, own=own)

    def is_own(self, *names: str) -> bool:
        """Whether the tenant has a file with this name."""
        return self.own is not None and self._has(self.own, "/".join(names))

    def _file(self, folder: Path, name: str) -> File:
        content = self.contents[folder].get(name) if folder in self.contents else None
        return File(folder / name if content is None else content, f"{self.label_of(folder)}/{name}")

    def _has(self, folder: Path, name: str) -> bool:
        return name in self.contents[folder] if folder in self.contents else (folder / name).is_file()

    def table(self, system: str, name: str) -> File:
        """The table towards a system; the shared service's own of this name where neither layer has one there.

        So a tenant with another system writes those that speak of it, and shares what is the same with every system.
        """
        file = self.file(system, name)
        if self.own is None or file.is_there:
            return file
        document, _ = read_toml(self._file(self.shared, "service.toml").source, self.label("service.toml"))
        shared = self.file(str(document.values.get("system", "")).partition("/")[0], name)
        return shared if shared.is_there else file

    def names(self, folder: str, suffix: str) -> list[str]:
        """The names of all files in one folder of either layer, sorted."""
        read = self if self.contents else self.read()
        places = (name.rpartition("/") for contents in read.contents.values() for name in contents)
        return sorted({name for place, _, name in places if place == folder and name.endswith(suffix)})


def layers_of(root: Path, tenant: str, service: str) -> tuple[Layers, list[Fault]]:
    """The layers of a tenant's view of a service; a folder without a shared one, or that says so, stands alone."""
    own = root / TENANTS / tenant / service
    alone = Layers(shared=own, root=root)
    if not (root / service).is_dir():
        return alone, []
    said = {}
    faults: list[Fault] = []
    if (own / "service.toml").is_file():
        document, _ = read_toml(own / "service.toml", alone.label("service.toml"))
        said = document.values.get(_STANDS_ALONE, [])
        if said is True:
            return alone, []
        faults = _alone_faults(document, own, said)
    layers = Layers(shared=root / service, root=root, own=own, alone=frozenset() if faults else frozenset(said))
    return layers, faults


def _alone_faults(document: Document, own: Path, said: Any) -> list[Fault]:
    if not isinstance(said, list) or not all(isinstance(name, str) for name in said):
        return [document.fault(_STANDS_ALONE, "the value is neither true nor a list of files")]
    files = {path.relative_to(own).as_posix() for path in own.rglob("*") if path.is_file()}
    return [
        document.fault(_STANDS_ALONE, f"'{name}' is not a file here", what_to_do=near(name, files))
        for name in said
        if name not in files
    ]


def read_document(file: File) -> tuple[Document, list[Fault]]:
    """Read a TOML file, the tenant's laid over it: its keys win, section by section; `taken_out` lists what goes."""
    document, faults = read_toml(file.source, file.label)
    if file.own is None:
        return _without_overlay_keys(document), faults
    own, own_faults = read_toml(file.own.source, file.own.label)
    taken_out = own.values.get(_TAKEN_OUT, [])
    names = {key for key in document.lines if key}
    own_faults += [
        own.fault(_TAKEN_OUT, f"'{name}' stands in no shared key", what_to_do=near(str(name), names))
        for name in taken_out
        if name not in names
    ]
    values = _merged(_without(document.values, taken_out), own.values)
    return _without_overlay_keys(Document(document.file, values, document.lines, own=own)), [*faults, *own_faults]


def _without_overlay_keys(document: Document) -> Document:
    """The service's own keys; a shared folder that stands under nobody keeps them, so that each is told as unknown."""
    if document.own is None and not is_own(document.file):
        return document
    return replace(document, values={key: one for key, one in document.values.items() if key not in _OVERLAY_KEYS})


def _merged(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(shared)
    for name, value in own.items():
        under = merged.get(name)
        merged[name] = _merged(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged


def _without(values: Mapping[str, Any], keys: Collection[str], at: str = "") -> dict[str, Any]:
    return {
        name: _without(value, keys, f"{at}{name}.") if isinstance(value, dict) else value
        for name, value in values.items()
        if f"{at}{name}" not in keys
    }


def is_own(label: str) -> bool:
    """Whether a file that is named so is a tenant's alone, with nothing shared under it."""
    return f"/{TENANTS}/" in label


def overlays(root: Path) -> Iterable[tuple[str, str]]:
    """Every (tenant, service) that has a folder of its own."""
    folder = root / TENANTS
    for tenant in sorted(folder.iterdir()) if folder.is_dir() else ():
        if tenant.is_dir():
            yield from ((tenant.name, one.name) for one in sorted(tenant.iterdir()) if one.is_dir())
