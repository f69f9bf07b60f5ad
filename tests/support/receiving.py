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
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from adapter.contract import load_contract
from adapter.contract.model import Contract
from adapter.contract.packing import Way
from adapter.contract.soap import SoapCodec
from adapter.doors import LargeDocuments, Limits
from adapter.mark import mark_of
from adapter.wsdl import read_wsdl
from tests.integration.journal_making import Clock, opened
from tests.support.door_side import FOLDER, IDEMPOTENCY_KEY, KEY, Office, served
from tests.support.keeping import Keeping

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


def written(contract: Contract, size: int, path: Path) -> tuple[bytes, str]:
    """A document of that size in MTOM, in a file; its digest, and the message's Content-Type. Little of it is held."""
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
        "sha256": "0" * 64,
    }
    form = codec.form("AttachDocument", codec.encode_request("AttachDocument", record))
    before, after = form.body.split(b"PLACEHOLDER")
    digest, block = hashlib.sha256(), os.urandom(MIB)
    with path.open("wb") as file:
        file.write(before)
        for start in range(0, size, MIB):
            piece = (start.to_bytes(8, "big") + block)[: min(MIB, size - start)]
            digest.update(piece)
            file.write(piece)
        file.write(after)
    return digest.digest(), str(form.media_type)


def resident() -> int:
    """The resident memory of this process now, in bytes."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(found[1]) * 1024 if found else 0


async def main(size: int, url: str | None) -> None:
    """Print the resident memory before, its peak, and the seconds of one request of that size.

    With a journal's URL the document goes into its store, and is read from there once more before the peak is told.
    """
    with tempfile.TemporaryDirectory(dir="/var/tmp") as place, ExitStack() as closing:
        contract = roomy(Path(place))
        headers = {"X-Api-Key": KEY, "Idempotency-Key": IDEMPOTENCY_KEY}
        digest, headers["Content-Type"] = written(contract, size, Path(place) / "body")
        journal = opened(url, clock=Clock()) if url else None
        office: Office = Office()
        large = None
        if journal is not None:
            closing.callback(journal.close)
            office = keeping = Keeping(journal=journal, document_bytes=size)
            large = LargeDocuments(journal.documents, keeping.most_for)
        async with served(office, Limits(spool=Path(place)), window=contract, large=large) as address:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
            before, began = resident(), time.perf_counter()
            response = await asyncio.to_thread(_post, f"{address}/window/v1/soap", Path(place) / "body", headers)
            seconds = time.perf_counter() - began
        assert response == 200, response
        content = office.calls[0][2]["content"]
        if journal is None:
            assert len(content) == (size + 2) // 3 * 4
        else:
            assert await _digest_of(keeping) == digest
        high = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
        peak = int(high[1]) * 1024 if high else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(before, peak, f"{seconds:.3f}")


async def _digest_of(office: Keeping) -> bytes:
    """The digest of the document that the office has kept, read from the store."""
    ((caller, _, record, _),) = office.calls
    mark, found = mark_of(record["content"]), hashlib.sha256()
    assert mark is not None
    async for piece in office.journal.documents.content(caller.tenant, office.exchange.reference, mark):
        found.update(piece)
    return found.digest()


def _post(url: str, path: Path, headers: dict[str, str]) -> int:
    with path.open("rb") as file:
        return httpx.post(url, content=iter(lambda: file.read(65_536), b""), headers=headers, timeout=60).status_code


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
