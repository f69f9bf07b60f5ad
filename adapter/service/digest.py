"""The digest of a service's folder, or of a tenant's folder over it: any change is another version."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path


def digest_of(*folders: Path) -> str:
    """SHA-256 over the names and contents of all files, in hexadecimal digits."""
    digest = hashlib.sha256()
    for name, path in (file for folder in folders for file in sorted(_files(str(folder)), key=_by_parts)):
        with open(path, "rb") as file:  # noqa: PTH123 - 22 000 files of 300 services: a Path for each takes 0.3 s
            content = file.read()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _by_parts(file: tuple[str, str]) -> list[str]:
    return file[0].split("/")


def _files(folder: str, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Give (name from the service's folder on, path) of every file below."""
    with os.scandir(folder) as entries:
        for entry in entries:
            name = f"{prefix}{entry.name}"
            if entry.is_dir():
                yield from _files(entry.path, f"{name}/")
            elif entry.is_file():
                yield name, entry.path
