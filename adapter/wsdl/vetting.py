"""The files of a contract folder that a WSDL needs, read by us alone; whatever leads outside the folder is a fault."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from lxml import etree

_REFERENCES = ("schemaLocation", "location")
_REFERRING = re.compile(r"\}(import|include|redefine|override)$")
_STEP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def vetted(folder: Path, name: str, faults: list[str]) -> Iterator[tuple[str, bytes]]:
    """Every file that `name` needs, directly or not, with its path below the folder; anything outside is a fault."""
    waiting, seen = [name], {name}
    while waiting:
        one = waiting.pop(0)
        if not _is_inside(folder, one):
            faults.append(f"{folder}: '{one}' leads outside the folder; put the file beside contract.toml")
            continue
        path = folder / one
        try:
            content = path.read_bytes()
            root = parsed(content)
        except (OSError, etree.XMLSyntaxError) as error:
            faults.append(f"{path}: cannot be read as XML: {error}")
            continue
        info: Any = root.getroottree().docinfo
        if info.doctype:
            faults.append(f"{path}: has a document type declaration; remove it")
            continue
        needed = [beside(one, reference) for reference in _references(root)]
        waiting.extend(place for place in dict.fromkeys(needed) if place not in seen)
        seen.update(needed)
        yield one, content


def beside(name: str, reference: str) -> str:
    """The path below the folder of what a file refers to: a reference is relative to the file in which it stands."""
    return str(PurePosixPath(name).parent / reference.removeprefix("./")) if reference else ".."


def parsed(content: bytes) -> etree._Element:
    """The root of a file's XML; nothing is fetched and no entity replaced."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    return etree.fromstring(content, parser)


def _is_inside(folder: Path, name: str) -> bool:
    """Whether the name is plain steps below the folder, none of which is a symbolic link."""
    steps = name.split("/")
    if not all(_STEP.fullmatch(step) for step in steps):
        return False
    return not any((folder / "/".join(steps[: depth + 1])).is_symlink() for depth in range(len(steps)))


def _references(root: etree._Element) -> list[str]:
    referring = (one for one in root.iter("*") if _REFERRING.search(str(one.tag)))
    return [str(one.attrib[name]) for one in referring for name in _REFERENCES if name in one.attrib]
