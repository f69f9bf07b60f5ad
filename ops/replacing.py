"""A file replaced in one step: whoever reads it meanwhile sees the old one or the new one, whole."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def replace_text(path: Path, text: str, *, room: Path) -> None:
    """Afterwards the file holds the text, on disk, and may be read and changed by whom it might before.

    It is made in `room`, a folder of the same disk that nobody reads. A new file, and each folder made for it, is
    given to whom the folder above it belongs.
    """
    missing = [folder for folder in path.parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir()
        share(folder, folder.parent)
    fresh = room / f".{path.name}.new"
    with fresh.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    share(fresh, path if path.exists() else path.parent)
    fresh.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Afterwards a file's content, or the names in a folder, survive a power failure."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def share(one: Path, model: Path) -> None:
    """Afterwards it has the model's group and rights: a process's umask would lock the clerks out of their tables."""
    its = model.stat()
    executable = 0o777 if one.is_dir() else 0o666
    one.chmod(its.st_mode & executable)
    with suppress(PermissionError):
        os.chown(one, -1, its.st_gid)
