"""What stands in a service's folder, each file read once, and the digest over it: any change is another version."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path


def contents_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder: its name from the folder on → what stands in it; sorted by the parts of the names."""
    return dict(sorted(_files(str(folder)), key=_by_parts))


def digest_of(*contents: Mapping[str, bytes]) -> str:
    """SHA-256 over the names and contents of all files of some folders, in hexadecimal digits."""
    digest = hashlib.sha256()
    for name, content in (file for files in contents for file in files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _by_parts(file: tuple[str, bytes]) -> list[str]:
    return file[0].split("/")


def _files(folder: str, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = f"{prefix}{entry.name}"
            if entry.is_dir():
                yield from _files(entry.path, f"{name}/")
            elif entry.is_file():
                with open(entry.path, "rb", buffering=0) as file:  # noqa: PTH123 - 26 000 files of 300 services
                    yield name, file.read()
