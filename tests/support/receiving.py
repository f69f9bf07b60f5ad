"""A door that takes one request and says what it cost: run as a process of its own, whose memory is its own."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import re
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from adapter.contract import load_contract
from adapter.contract.model import Contract
from adapter.contract.packing import Way
from adapter.contract.soap import SoapCodec
from adapter.doors import Limits
from adapter.wsdl import read_wsdl
from tests.support.door_side import FOLDER, IDEMPOTENCY_KEY, KEY, Office, served

MIB = 1024 * 1024


def roomy(folder: Path) -> Contract:
    """The window, but a message may have 24 MiB, and with it a document that is not kept apart."""
    for path in FOLDER.iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes())
    path = folder / "contract.toml"
    told = path.read_text(encoding="utf-8").replace("max_bytes = 8388608", f"max_bytes = {24 * MIB}")
    path.write_text(told, encoding="utf-8")
    return load_contract(folder, read_wsdl)


def package(contract: Contract, content: bytes) -> tuple[str, bytes]:
    """Content-Type and body of a document in MTOM, written without holding its Base64."""
    limits = {name: one.max_bytes for name, one in contract.operations.items()}
    wsdl = read_wsdl(FOLDER, "window.wsdl")
    codec = SoapCodec(wsdl, limits=limits, path="/v1/soap", ways=dict.fromkeys(limits, Way.MTOM))
    record: dict[str, Any] = {
        "tracking_code": "4052718396",
        "channel": {"code": "counter"},
        "document_no": "D-1",
        "kind": "deed",
        "title": "x",
        "media_type": "application/pdf",
        "content": base64.b64encode(b"PLACEHOLDER").decode(),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    frozen = codec.encode_request("AttachDocument", record)
    form = codec.form("AttachDocument", frozen)
    return str(form.media_type), frozen.replace(b"PLACEHOLDER", content)


def resident() -> int:
    """The resident memory of this process now, in bytes."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(found[1]) * 1024 if found else 0


async def main(size: int) -> None:
    """Print the resident memory before, its peak, and the seconds of one request of that size."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as place:
        contract = roomy(Path(place))
        content_type, body = package(contract, os.urandom(size))
        (Path(place) / "body").write_bytes(body)
        del body
        office = Office()
        headers = {
            "X-Api-Key": KEY,
            "Idempotency-Key": IDEMPOTENCY_KEY,
            "Content-Type": content_type,
        }
        async with served(office, Limits(spool=Path(place)), window=contract) as address:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
            before, began = resident(), time.perf_counter()
            response = await asyncio.to_thread(_post, f"{address}/window/v1/soap", Path(place) / "body", headers)
            seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        high = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
        peak = int(high[1]) * 1024 if high else peak
        assert response == 200, response
        assert len(office.calls[0][2]["content"]) == (size + 2) // 3 * 4
    print(before, peak, f"{seconds:.3f}")


def _post(url: str, path: Path, headers: dict[str, str]) -> int:
    with path.open("rb") as file:
        return httpx.post(url, content=iter(lambda: file.read(65_536), b""), headers=headers, timeout=60).status_code


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
