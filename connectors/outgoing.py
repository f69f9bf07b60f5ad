"""Files that go out: each once, by our reference, whole or not at all, with a note of ours that it went."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from adapter.contract.outcomes import Seen
from adapter.exchange import Payload

Link = Callable[[Path, Path], None]
"""Afterwards the second path is the first's file too; raises FileExistsError when something stands there."""

NOTES = ".sent"
"""Our own folder: a note for each reference, so that one whose file was taken away is known."""

_REFERENCE = re.compile(r"[A-Za-z0-9-]{1,64}")


def link(source: Path, target: Path) -> None:
    """The file has a second name."""
    os.link(source, target)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a reference was."""

    operation: str
    record: Payload


@dataclass(frozen=True, slots=True)
class Outgoing:
    """`folder` is the system's. A note is begun before the file appears and finished behind it."""

    folder: Path
    link: Link

    def send(self, reference: str, out: str, suffix: str, *, content: bytes, sent: Sent) -> Seen | None:
        """How it ended; None when the reference is known already. Nothing is seen there but the whole file."""
        begun, finished, new = self._notes(reference)
        target = self.folder / out / f"{reference}{suffix}"
        try:
            begun.parent.mkdir(exist_ok=True)
            if finished.exists() or target.exists() or begun.exists():
                return None
            _write(new, content)
            note = json.dumps({"operation": sent.operation, "record": sent.record}, ensure_ascii=False)
            target.parent.mkdir(exist_ok=True)
            _write(begun, note.encode())
            _settle(begun.parent)
        except OSError:
            begun.unlink(missing_ok=True)
            return Seen.UNSENT
        try:
            self.link(new, target)
            _settle(target.parent)
            begun.rename(finished)
            _settle(finished.parent)
            new.unlink()
        except FileExistsError:
            return None
        except OSError:
            return Seen.LOST
        return Seen.ANSWERED

    def sent(self, reference: str, places: Iterable[tuple[str, str]]) -> Sent | None:
        """What went under this reference; None when nothing did.

        Raises OSError when that is not certain: a note was begun, and no file is there or it was taken away already.
        """
        begun, finished, _ = self._notes(reference)
        if not self.folder.is_dir():
            raise FileNotFoundError(self.folder)
        if finished.exists():
            return _read(finished)
        if not begun.exists():
            return None
        if any((self.folder / out / f"{reference}{suffix}").exists() for out, suffix in places):
            return _read(begun)
        raise FileNotFoundError(begun)

    def _notes(self, reference: str) -> tuple[Path, Path, Path]:
        if not _REFERENCE.fullmatch(reference):
            raise ValueError("a reference is letters, digits and hyphens")
        notes = self.folder / NOTES
        return notes / f"{reference}.begun", notes / f"{reference}.json", notes / f"{reference}.new"


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _settle(folder: Path) -> None:
    """Afterwards what was linked or renamed there survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(note: Path) -> Sent:
    content = json.loads(note.read_text(encoding="utf-8"))
    return Sent(content["operation"], content["record"])
