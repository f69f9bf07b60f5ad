"""Several folders of the mappings replaced at once, through any crash: all of them, or none.

What is new is laid beside the old in `.promotion.new`; its renaming to `.promotion` is the one step that decides. From
then on whoever comes next, this process or one after a crash, moves each into its place before anybody reads.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from adapter.errors import FaultySettings
from adapter.service import TENANTS
from ops.replacing import share, sync

_DECIDED, _MADE = ".promotion", ".promotion.new"
_NEXT, _BEFORE = "next", "before"


def swap(mappings: Path, fresh: Mapping[str, Path]) -> None:
    """Afterwards each folder or file of `fresh` stands at its name below `mappings`, on disk; the old ones are gone.

    A name leads from `mappings` on. A crash leaves all as they were, or all to be finished by the next reader.
    """
    with _held(mappings):
        _finish(mappings)
        made = mappings / _MADE
        shutil.rmtree(made, ignore_errors=True)
        for name, source in fresh.items():
            target = made / _NEXT / name
            target.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)
        for path in (made, *made.rglob("*")):
            share(path, mappings)
            sync(path)
        made.rename(mappings / _DECIDED)
        sync(mappings)
        _finish(mappings)


@contextmanager
def settled(mappings: Path) -> Iterator[None]:
    """While inside nothing is swapped; what a crash left in the middle was finished before.

    Raises FaultySettings where this user may not finish it.
    """
    with _held(mappings):
        try:
            _finish(mappings)
        except PermissionError as error:
            told = f"mappings: a promotion was interrupted and uid {os.getuid()} cannot finish it: {error.strerror}"
            raise FaultySettings([f"{told}; run panjereh tables promote as one who may write there"]) from error
        yield


def _finish(mappings: Path) -> None:
    decided = mappings / _DECIDED
    if not decided.is_dir():
        return
    for fresh in sorted(_moved(decided / _NEXT)):
        name = fresh.relative_to(decided / _NEXT)
        target, old = mappings / name, decided / _BEFORE / name
        if target.exists():
            old.parent.mkdir(parents=True, exist_ok=True)
            target.rename(old)
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh.rename(target)
        sync(target.parent)
    sync(mappings)
    decided.rename(mappings / _MADE)
    shutil.rmtree(mappings / _MADE)


def _moved(folder: Path) -> Iterator[Path]:
    """What is moved as a whole: files at the top, folders of services, and those of a tenant's own two levels below."""
    for one in folder.iterdir() if folder.is_dir() else ():
        yield from one.glob("*/*") if one.name == TENANTS else (one,)


@contextmanager
def _held(mappings: Path) -> Iterator[None]:
    """A lock on the folder, which ends with the process; a disk that knows none is gone without."""
    handle = os.open(mappings, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
