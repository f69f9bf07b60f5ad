"""SOAP messages of the shipped contracts, and how the codecs read and refuse them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapter.contract import load_contract
from adapter.contract.soap import ENVELOPE, SoapCodec
from adapter.refusals import RequestRefused
from adapter.wsdl import read_wsdl
from tests.support.records import ROOT

CONTRACTS = ROOT / "contracts"
WINDOW = CONTRACTS / "window" / "1.0"
CORE = CONTRACTS / "urban_core" / "1.0"
SOAP_FOLDERS = [CORE, WINDOW]
VALID = [path for folder in SOAP_FOLDERS for path in sorted(folder.glob("examples/valid/*.xml"))]
INVALID = [path for folder in SOAP_FOLDERS for path in sorted(folder.glob("examples/invalid/*.xml"))]
TWINS = [path for path in VALID if path.with_suffix("").with_suffix(".json").exists()]
LOADED = {folder: load_contract(folder, read_wsdl) for folder in SOAP_FOLDERS}
NS = "urn:panjereh:window:1.0"

WITHDRAWAL = {
    "tracking_code": "4052718396",
    "channel": {"code": "counter", "card_seen": True},
    "reason": "از ساخت منصرف شدم",
}


def of(path: Path) -> tuple[Any, str, bool]:
    operation, kind, *_ = path.name.split(".")
    return LOADED[path.parents[2]].bindings["soap"], operation, kind == "answer"


def read(path: Path) -> Any:
    codec, operation, is_answer = of(path)
    if is_answer:
        return codec.decode_answer(operation, path.read_bytes())
    return codec.decode_request(path.read_bytes()).content


def envelope(body: str, header: str = "", declaration: str = "") -> bytes:
    head = f"<soap:Header>{header}</soap:Header>" if header else ""
    whole = f'<soap:Envelope xmlns:soap="{ENVELOPE}">{head}<soap:Body>{body}</soap:Body></soap:Envelope>'
    return f"{declaration}{whole}".encode()


def health(inside: str = "", attributes: str = "") -> str:
    return f'<CheckHealth xmlns="{NS}"{attributes}>{inside}</CheckHealth>'


def refusal(codec: SoapCodec, body: bytes) -> RequestRefused:
    with pytest.raises(RequestRefused) as caught:
        codec.decode_request(body)
    return caught.value


def kept() -> dict[str, Any]:
    return {"tracking_code": "4052718396", "state": "accepted", "accepted_at": "2026-11-21T11:05:27+03:30"}
