"""What can be told of a contract that loads: its examples, whether its outcomes are total, what falls back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from adapter.contract.codec import Codec
from adapter.contract.folder import pages_of, read_contract_file
from adapter.contract.model import Contract
from adapter.contract.openapi_30 import as_31
from adapter.contract.sheets import read_sheets
from adapter.contract.soap import SoapCodec
from adapter.contract.statement_files import read_statements
from adapter.strict_json import read_json
from adapter.tables import Fault
from adapter.workbench.examples import Example, examples_of, misjudged, missing
from adapter.workbench.fields import Messages
from adapter.workbench.json_fields import json_messages
from adapter.workbench.starting import UNWRITTEN
from adapter.workbench.totality import codes_of, unheard, untold
from adapter.workbench.wsdl_messages import wsdl_messages


@dataclass(frozen=True, slots=True)
class Review:
    """`faults` must be mended; `notes` are to be known. `fallbacks` are operations that are not all compiled."""

    faults: tuple[Fault, ...]
    notes: tuple[Fault, ...]
    examples: tuple[Example, ...]
    fallbacks: Mapping[str, str]


def review(folder: Path, contract: Contract, label: str) -> Review:
    """Look through a contract that has loaded; `label` is its folder's name in messages."""
    examples = examples_of(folder, label)
    codes = codes_of(list(messages_of(folder, contract).values()), contract.code_paths)
    outcomes = f"{label}/outcomes.csv"
    return Review(
        faults=(
            *untold(codes, contract.outcomes, outcomes),
            *missing(contract, examples, label),
            *misjudged(contract, examples),
        ),
        notes=(*unheard(codes, contract.outcomes, outcomes), *_unwritten(contract, outcomes)),
        examples=tuple(examples),
        fallbacks=_fallbacks(contract.bindings.get("soap")),
    )


def messages_of(folder: Path, contract: Contract) -> dict[str, Messages]:
    """What every message holds, by binding, as the contract's schemas say it."""
    found: dict[str, Messages] = {}
    soap = contract.bindings.get("soap")
    if isinstance(soap, SoapCodec):
        found["soap"] = wsdl_messages(soap.documents)
    file = read_contract_file(folder / "contract.toml", [])
    if file is not None and file.openapi is not None:
        found["rest"] = json_messages(as_31(read_json((folder / file.openapi).read_bytes())))
    if file is not None and file.sql is not None and (read := read_statements(folder / file.sql, file, [])):
        found["sql"] = json_messages(read[1])
    if file is not None and file.file is not None and (sheets := read_sheets(folder / file.file, pages_of(file), [])):
        found["file"] = json_messages(sheets[1])
    return found


def _fallbacks(codec: Codec | None) -> dict[str, str]:
    """By operation: each of its messages that is not compiled, with the construct that made it so."""
    found: dict[str, str] = {}
    if isinstance(codec, SoapCodec):
        for name, tags in codec.messages.items():
            told = [f"{etree.QName(tag).localname}: {codec.fallbacks[tag]}" for tag in tags if tag in codec.fallbacks]
            found |= {name: f"zeep ({'; '.join(told)})"} if told else {}
    return found


def _unwritten(contract: Contract, file: str) -> list[Fault]:
    """Rows as they were made, whose verdict nobody has decided."""
    return [
        Fault(file, line, "en", f"'{row.code}' has no sentence yet", "", "decide its verdict and write what it means")
        for line, row in enumerate(contract.outcomes.values(), start=2)
        if row.en.startswith(UNWRITTEN)
    ]
