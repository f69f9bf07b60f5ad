"""The shipped folders of contracts as they lie on disk, read by hand, as a second opinion on what the product reads."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lxml import etree

from tests.support.records import ROOT

CONTRACTS = ROOT / "contracts"
FOLDERS = sorted(path.parent for path in CONTRACTS.glob("*/*/contract.toml"))
SOAP_FOLDERS = [folder for folder in FOLDERS if list(folder.glob("*.wsdl"))]
REST_FOLDERS = [folder for folder in FOLDERS if (folder / "openapi.json").exists()]
RECORD_FOLDERS = [folder for folder in FOLDERS if folder not in {*SOAP_FOLDERS, *REST_FOLDERS}]
"""Those over a database or a folder: nothing of them is seen by a caller of ours."""
EXAMPLES = sorted(path for folder in FOLDERS for path in folder.glob("examples/*/*.*"))

WINDOW = CONTRACTS / "window" / "1.0"

XS = "{http://www.w3.org/2001/XMLSchema}"


def name_of(folder: Path) -> str:
    return folder.parent.name


def document_of(folder: Path) -> Any:
    return json.loads((folder / "openapi.json").read_text(encoding="utf-8"))


def contract_of(folder: Path) -> Mapping[str, Any]:
    return tomllib.loads((folder / "contract.toml").read_text(encoding="utf-8"))


def schema_of(folder: Path) -> etree._Element:
    return etree.parse(folder / f"{name_of(folder)}.xsd").getroot()


def resolved(document: Any, schema: Any) -> Any:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].removeprefix("#/components/schemas/")]
    return schema


def every_object(node: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, dict):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from every_object(inner)
