"""A core and a gateway that take and give documents of any size without holding them: what came is known by digest."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import queue
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

from tests.support.records import ROOT

PIECE = 256 * 1024
_EXAMPLES = ROOT / "contracts/urban_core/1.0/examples/valid"
_RECEIPT = b'{"result_code":"200","result_message":"taken","received_at":"2026-11-21T09:30:00+03:30"}'
_ENVELOPE = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{}</s:Body></s:Envelope>'
_CHANGE = """<GetChangesResponse xmlns="urn:urban-core:1.0"><ErrorResult/><Changes><EventId>{case}-9</EventId>
<Sequence>9</Sequence><CaseNo>{case}</CaseNo><Kind>document</Kind><ChangedAt>2026-11-21T11:05:27+03:30</ChangedAt>
<Document><DocumentNo>P-{case}</DocumentNo><Kind>204</Kind><Title>پروانه</Title><MediaType>application/pdf</MediaType>
<Sha256>{sha256}</Sha256><IssuedAt>2026-11-21T11:05:27+03:30</IssuedAt></Document></Changes>
<NextCursor>1</NextCursor></GetChangesResponse>"""
_ROOT_PART = '<GetDocumentResponse xmlns="urn:urban-core:1.0"><ErrorResult/><Content>{}</Content></GetDocumentResponse>'
_INCLUDE = '<x:Include xmlns:x="http://www.w3.org/2004/08/xop/include" href="cid:paper"/>'
_PACKAGE = 'multipart/related; type="application/xop+xml"; start="<root>"; start-info="text/xml"; boundary=far'


def pieces_of(size: int) -> Iterator[bytes]:
    """A document of so many bytes, the same each time."""
    block = b"%PDF-1.7\n" + hashlib.shake_256(b"a plan").digest(PIECE - 9)
    for start in range(0, size, PIECE):
        yield block[: size - start]


@cache
def digest_of(size: int) -> str:
    digest = hashlib.sha256()
    for piece in pieces_of(size):
        digest.update(piece)
    return digest.hexdigest()


@dataclass
class FarSide:
    """`tells` of a document of so many bytes once it is set; `came` is what came, by operation: size and last bytes."""

    tells: int = 0
    digest: str = ""
    came: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await self._serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        action = re.search(r"(?i)soapaction: \"?[^\r]*/(\w+)\"?\r", head)
        operation = action[1] if action else head.split()[1].rpartition("/")[2]
        said = re.search(r"(?i)content-length: (\d+)", head)
        left, taken = int(said[1]) if said else 0, Taken()
        size = left
        while left:
            piece = await reader.read(min(left, PIECE))
            if not piece:
                raise ConnectionResetError
            taken.feed(piece)
            left -= len(piece)
        self.came.setdefault(operation, []).append((size, taken.digest()))
        if operation == "GetDocument":
            await self._give(writer)
            return
        body, media_type = self._answer(operation)
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        writer.write(body)
        await writer.drain()

    def _answer(self, operation: str) -> tuple[bytes, str]:
        soap = {
            "GetChanges": "GetChanges.answer.nothing_new",
            "RegisterRequest": "RegisterRequest.answer.registered",
            "AddDocument": "AddDocument.answer.taken",
        }
        if operation == "GetChanges" and self.tells:
            change = _CHANGE.format(case=_case_no(), sha256=self.digest)
            return _ENVELOPE.format(change).encode(), "text/xml; charset=utf-8"
        if operation in soap:
            return (_EXAMPLES / f"{soap[operation]}.soap.xml").read_bytes(), "text/xml; charset=utf-8"
        return _RECEIPT, "application/json"

    async def _give(self, writer: asyncio.StreamWriter) -> None:
        root = _ENVELOPE.format(_ROOT_PART.format(_INCLUDE))
        start = f'--far\r\nContent-Type: application/xop+xml; type="text/xml"\r\nContent-ID: <root>\r\n\r\n{root}\r\n'
        start += "--far\r\nContent-Type: application/pdf\r\nContent-ID: <paper>\r\n\r\n"
        end = "\r\n--far--\r\n"
        length = len(start) + self.tells + len(end)
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {_PACKAGE}\r\nContent-Length: {length}\r\n\r\n{start}".encode())
        for piece in pieces_of(self.tells):
            writer.write(piece)
            await writer.drain()
        writer.write(end.encode())
        await writer.drain()


class Taken:
    """The digest of the document within a body: the PDF up to a boundary, or the Base64 of one up to a quote."""

    def __init__(self) -> None:
        self._digest, self._held, self._how = hashlib.sha256(), b"", ""

    def feed(self, piece: bytes) -> None:
        """The next bytes of the body."""
        if self._how == "ended":
            return
        self._held += piece
        if not self._how:
            self._begin()
        if self._how:
            self._take()

    def digest(self) -> str:
        """Of the document; of nothing where there was none."""
        return self._digest.hexdigest()

    def _begin(self) -> None:
        for how, sign in (("raw", b"%PDF-1.7"), ("text", base64.b64encode(b"%PDF-1."))):
            place = self._held.find(sign[:8])
            if place >= 0:
                self._held, self._how = self._held[place:], how
                return

    def _take(self) -> None:
        ends = {"raw": (b"\r\n--",), "text": (b'"', b"<")}[self._how]
        place = min((found for end in ends if (found := self._held.find(end)) >= 0), default=-1)
        usable = place if place >= 0 else max(len(self._held) - 8, 0)
        usable -= usable % 4 if self._how == "text" and place < 0 else 0
        content, self._held = self._held[:usable], self._held[usable:]
        self._digest.update(base64.b64decode(content) if self._how == "text" else content)
        if place >= 0:
            self._how = "ended"


def _case_no() -> str:
    text = (_EXAMPLES / "RegisterRequest.answer.registered.soap.xml").read_text(encoding="utf-8")
    found = re.search(r"<CaseNo>(.*)</CaseNo>", text)
    assert found is not None
    return found[1]


@contextmanager
def far_side() -> Iterator[tuple[FarSide, str]]:
    """It and its address, in a thread of its own."""
    side, told = FarSide(), queue.SimpleQueue[tuple[str, Callable[[], object]]]()

    async def serve() -> None:
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        writers: set[asyncio.StreamWriter] = set()

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.add(writer)
            await side(reader, writer)

        listening = await asyncio.start_server(take, "127.0.0.1", 0, limit=PIECE)
        address = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        told.put((address, partial(loop.call_soon_threadsafe, over.set)))
        await over.wait()
        listening.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0.05)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    address, end = told.get(timeout=10)
    try:
        yield side, address
    finally:
        end()
        thread.join(10)


def record_of(code: str, number: str, size: int) -> bytes:
    """The fields of an attachment, without its content."""
    told = {"channel": {"code": "counter"}, "document_no": number, "kind": "architectural_drawing"}
    told |= {"title": "نقشه", "media_type": "application/pdf", "sha256": digest_of(size), "tracking_code": code}
    return json.dumps(told, ensure_ascii=False).encode()


def roomy_mappings(folder: Path, most_bytes: int) -> Path:
    """The building permit alone, which takes documents of so many bytes."""
    shutil.copytree(ROOT / "mappings" / "calendars", folder / "calendars")
    shutil.copytree(ROOT / "mappings" / "building_permit", folder / "building_permit")
    path = folder / "building_permit" / "service.toml"
    text = path.read_text(encoding="utf-8").replace("[documents]\n", f"[documents]\nmost_bytes = {most_bytes}\n")
    path.write_text(text, encoding="utf-8")
    return folder
