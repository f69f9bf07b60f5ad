"""A partner's document with every file that it needs, from its own folder only; nothing outside is ever opened."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from lxml import etree

from adapter.errors import FaultyTables
from adapter.refusals import RequestRefused
from adapter.strict_json import read_json

_REFERRING = re.compile(r"\}(import|include|redefine|override)$")
_REFERENCES = ("schemaLocation", "location")
_STEP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_NETWORK = re.compile(r"(?i)[a-z][a-z0-9+.-]*:")
_VERSIONS = ("3.0", "3.1")
_OWN = "save that file beside this one and write its name there"


def binding_of(path: Path) -> str:
    """`soap` for a WSDL, `rest` for an OpenAPI document in JSON; raises FaultyTables for anything else."""
    try:
        start = path.read_bytes()[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    except OSError as error:
        raise FaultyTables([f"{path}: cannot be read: {error.strerror}"]) from error
    if start.startswith(b"<"):
        return "soap"
    if start.startswith(b"{"):
        return "rest"
    raise FaultyTables([f"{path}: is neither XML nor JSON; name a WSDL, or an OpenAPI document saved as JSON"])


def documents_of(path: Path) -> dict[str, bytes]:
    """The document, then every file it needs, by the path from there; raises FaultyTables with all that is wrong."""
    faults: list[str] = []
    collect = {"soap": _xml_documents, "rest": _json_document}[binding_of(path)]
    found = dict(collect(path, faults))
    if faults:
        raise FaultyTables(faults)
    return found


def _json_document(path: Path, faults: list[str]) -> Iterator[tuple[str, bytes]]:
    content = path.read_bytes()
    try:
        document = read_json(content)
    except RequestRefused as error:
        faults.append(f"{path}: {error.detail}")
        return
    version = str(document.get("openapi", "nothing"))
    if not version.startswith(_VERSIONS):
        faults.append(f"{path}: openapi: is {version}; only {' and '.join(_VERSIONS)} are read; convert the document")
    outside = {where for where in _json_references(document) if not where.startswith("#/")}
    faults.extend(f"{path}: $ref: '{where}' leads out of the document; bundle it into one" for where in sorted(outside))
    yield path.name, content


def _json_references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for inner in node.values():
            yield from _json_references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _json_references(inner)


def _xml_documents(path: Path, faults: list[str]) -> Iterator[tuple[str, bytes]]:
    waiting, seen = [path.name], {path.name}
    while waiting:
        name = waiting.pop(0)
        try:
            content = (path.parent / name).read_bytes()
            parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
            root = etree.fromstring(content, parser)
        except OSError as error:
            faults.append(f"{path.parent / name}: cannot be read: {error.strerror}; save it beside {path.name}")
            continue
        except etree.XMLSyntaxError as error:
            faults.append(f"{path.parent / name}: cannot be read as XML: {error}")
            continue
        for line, where in _xml_references(root):
            place = str(PurePosixPath(name).parent / where)
            if why := _outside(path.parent, where, place):
                faults.append(f"{path.parent / name}:{line}: '{where}' {why}; {_OWN}")
            elif place not in seen:
                seen.add(place)
                waiting.append(place)
        yield name, content


def _outside(folder: Path, where: str, place: str) -> str | None:
    """Why a reference is not followed; None for a file of the folder or below it. `place` is where it leads to."""
    if _NETWORK.match(where) or where.startswith("//"):
        return "is on the network, which is never asked"
    steps = place.split("/")
    if where.startswith("/") or not all(map(_STEP.fullmatch, steps)):
        return "leads out of the folder"
    parts = (folder.joinpath(*steps[:depth]) for depth in range(1, len(steps) + 1))
    return "is a link" if any(part.is_symlink() for part in parts) else None


def _xml_references(root: etree._Element) -> Iterator[tuple[int | None, str]]:
    for one in root.iter("*"):
        if _REFERRING.search(str(one.tag)):
            line: Any = one.sourceline
            yield from ((line, str(one.get(name))) for name in _REFERENCES if one.get(name))
