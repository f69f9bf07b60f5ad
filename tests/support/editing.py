"""One piece of text in a file becomes another, as a clerk or a partner would change it."""

from __future__ import annotations

from pathlib import Path


def edit(path: Path, old: str, new: str) -> None:
    """The first `old` in the file is `new` from here on; that it stands there is part of the test."""
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path} holds no {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
