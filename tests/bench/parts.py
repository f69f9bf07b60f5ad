"""What `make bench` measures: each part by name, given a folder of its own and how many times as much as usual."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.bench import changes, codec, daemon, documents, inward, journal, loading, translating
from tests.figures import Figure


def _codec(_folder: Path, _times: int) -> list[Figure]:
    return codec.measure()


def _translating(_folder: Path, _times: int) -> list[Figure]:
    return translating.measure()


def _inward(folder: Path, times: int) -> list[Figure]:
    return inward.measure(folder, calls=12000 * times)


def _daemon(folder: Path, times: int) -> list[Figure]:
    return daemon.measure(folder, calls=1500 * times)


def _journal(folder: Path, times: int) -> list[Figure]:
    return journal.measure(folder, exchanges=5000 * times)


def _loading(folder: Path, _times: int) -> list[Figure]:
    return loading.measure(folder)


def _changes(folder: Path, times: int) -> list[Figure]:
    return changes.measure(folder, rows=10_000 * times)


def _documents(folder: Path, times: int) -> list[Figure]:
    return documents.measure(folder, size=(200 if times > 1 else 40) * documents.MIB)


PARTS: Mapping[str, Callable[[Path, int], list[Figure]]] = {
    "journal": _journal,
    "changes": _changes,
    "codec": _codec,
    "loading": _loading,
    "translating": _translating,
    "inward": _inward,
    "daemon": _daemon,
    "documents": _documents,
}
"""In this order: what the daemons have written is still on its way to the disk when they are done."""
