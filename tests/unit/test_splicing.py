"""Large documents on their way out: in their marks' places, whole or not at all, never all at once in memory."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapter.callers import HttpTarget, InCallRetries
from adapter.callers.splicing import BLOCK
from adapter.contract import load_contract
from adapter.contract.agreement import agreement
from adapter.contract.documents import freeze_record
from adapter.contract.packing import Way
from adapter.contract.soap import SoapCodec
from adapter.errors import DocumentDamaged
from adapter.exchange import Outcome, Verdict
from adapter.mark import Mark, marks_in, whole_size
from adapter.refusals import SchemaViolation
from adapter.strict_json import read_json
from adapter.wsdl import read_wsdl
from ops.operators.showing import with_marks_told
from tests.support.calling import CONTRACTS, QUICK, REFERENCE, WINDOW, http, read_request, server, target
from tests.support.documents import KeptDocuments

SIZE = 2 * BLOCK + 1001
CONTENT = b"".join(hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(SIZE // 32 + 1))[:SIZE]
DOCUMENT: dict[str, Any] = {
    "reference": REFERENCE,
    "tracking_code": "4052718396",
    "event_id": "1405-100001-7",
    "service_id": "13042650101",
    "document_no": "P-1405-1",
    "kind": "permit",
    "title": "پروانه",
    "media_type": "application/pdf",
    "sha256": hashlib.sha256(CONTENT).hexdigest(),
    "issued_at": "2026-11-21T11:05:27+03:30",
}
RECEIPT = b'{"result_code":"200","result_message":"ok","received_at":"2026-11-21T08:00:00Z"}'
LIMITS = {name: one.max_bytes for name, one in WINDOW.operations.items()}


def window(way: Way) -> Any:
    """The window whose documents travel in this way; by REST as parts of a form."""
    ways = dict.fromkeys(LIMITS, way)
    codec = SoapCodec(read_wsdl(CONTRACTS / "window" / "1.0", "window.wsdl"), limits=LIMITS, path="/v1/soap", ways=ways)
    return replace(WINDOW, bindings={**WINDOW.bindings, "soap": codec})


class Listening:
    """Another side that keeps what came to it, head and body."""

    def __init__(self, answer: bytes = RECEIPT) -> None:
        self.answer = answer
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.cut = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head, body = await read_request(reader)
        except asyncio.IncompleteReadError:
            self.cut += 1
            return
        self.heads.append(head)
        self.bodies.append(body)
        writer.write(http(self.answer))


async def sent(
    kept: KeptDocuments, mark: Mark, binding: str = "rest", way: Way = Way.INLINE, **more: Any
) -> tuple[Outcome, Listening, bytes]:
    other = Listening()
    async with server(other) as address:
        its = target(address, binding, window(way), contents=kept.content, **more)
        frozen = its.freeze("PushDocument", {**DOCUMENT, "content": mark.text})
        outcome = await its.deliver("PushDocument", frozen, reference=REFERENCE)
        await its.aclose()
        while outcome.left and not other.bodies and not other.cut:
            await asyncio.sleep(0.001)
    return outcome, other, its._codec.form("PushDocument", frozen).body


@pytest.mark.parametrize("piece", [1, 7_001, BLOCK, 1024 * 1024], ids=["few", "odd", "a block", "large"])
async def test_content_takes_its_marks_place_whatever_pieces_the_store_gives(piece: int) -> None:
    content = CONTENT[:5_003] if piece == 1 else CONTENT
    kept = KeptDocuments(piece=piece)
    mark = kept.keep(content)

    outcome, other, body = await sent(kept, mark)

    assert outcome.verdict is Verdict.DONE
    assert other.bodies == [body.replace(mark.text.encode(), base64.b64encode(content))]
    assert (kept.opened, kept.closed) == (1, 1)


@pytest.mark.parametrize("way", [Way.INLINE, Way.MTOM, Way.SWA])
async def test_a_soap_message_is_what_it_had_been_with_the_content_in_memory(way: Way) -> None:
    kept = KeptDocuments()
    mark = kept.keep(CONTENT)

    _, other, body = await sent(kept, mark, "soap", way)

    placed = base64.b64encode(CONTENT) if way is Way.INLINE else CONTENT
    stood = mark.text.encode() if way is Way.INLINE else mark.raw
    assert other.bodies == [body.replace(stood, placed)]
    assert len(other.bodies[0]) == whole_size(body)
    assert b"content-length: %d\r\n" % whole_size(body) in other.heads[0].lower()
    assert b"transfer-encoding" not in other.heads[0].lower()


@pytest.mark.parametrize("way", [Way.INLINE, Way.MTOM])
def test_frozen_bytes_with_a_mark_thaw_to_the_mark(way: Way) -> None:
    mark = KeptDocuments().keep(CONTENT)
    its = target("http://127.0.0.1:9", "soap", window(way))
    frozen = its.freeze("PushDocument", {**DOCUMENT, "content": mark.text})

    assert its.thaw("PushDocument", frozen)["content"] == mark.text
    assert its.freeze("PushDocument", {**DOCUMENT, "content": mark.text}) == frozen


@pytest.mark.parametrize("way", [Way.MTOM, Way.SWA])
def test_an_attachment_with_marks_amid_it_is_not_frozen_beside_a_message(way: Way) -> None:
    """Between delimiters every one of them would stand alone, and bring a document that nobody attached."""
    amid = b"%PDF-1.7\n" + (b"\r\n\r\n" + Mark(b"\0" * 32, SIZE).raw + b"\r\n--") * 2
    its = target("http://127.0.0.1:9", "soap", window(way))

    for content in (amid, amid[13:79] + b"\n", amid[13:78] + b"?"):
        with pytest.raises(SchemaViolation, match="content without marks of documents"):
            its.freeze("PushDocument", {**DOCUMENT, "content": base64.b64encode(content).decode()})


async def test_a_missing_document_parks_the_exchange_and_sends_nothing() -> None:
    outcome, other, _ = await sent(KeptDocuments(), Mark(b"\0" * 32, SIZE))

    assert (outcome.verdict, outcome.code, outcome.left) == (Verdict.PARKED, "withheld", False)
    assert str(outcome.reason).startswith("nothing was sent: a document of it cannot be read")
    assert (other.heads, other.cut) == ([], 0)


class Damaged(KeptDocuments):
    """A store that gives what it was not given."""

    def __init__(self, given: bytes, error: Exception | None = None) -> None:
        super().__init__(piece=70_000)
        self.given, self.error = given, error

    async def content(self, reference: str, mark: Mark) -> AsyncIterator[bytes]:
        for start in range(0, len(self.given), 70_000):
            yield self.given[start : start + 70_000]
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize(
    "store",
    [
        Damaged(CONTENT[:-1] + b"?"),
        Damaged(CONTENT[:-1]),
        Damaged(CONTENT[: BLOCK + 5]),
        Damaged(CONTENT + b"?"),
        Damaged(CONTENT[:300_000], DocumentDamaged()),
        Damaged(CONTENT[:300_000], OSError("the disk")),
    ],
    ids=["changed", "one byte short", "cut", "longer", "a chunk does not open", "the disk fails"],
)
async def test_a_document_that_is_not_what_its_mark_says_never_arrives_whole(store: Damaged) -> None:
    mark = KeptDocuments().keep(CONTENT)

    outcome, other, _ = await sent(store, mark)

    assert (outcome.verdict, outcome.code, outcome.left) == (Verdict.PARKED, "broken_off", True)
    assert (other.bodies, other.cut) == ([], 1)


async def test_each_try_within_a_call_reads_the_document_anew() -> None:
    kept = KeptDocuments()
    mark = kept.keep(CONTENT)
    retries = InCallRetries(attempts=3, base=timedelta(0), cap=timedelta(0))
    its = HttpTarget(window(Way.INLINE), "rest", "http://127.0.0.1:9", retries=retries, contents=kept.content)
    frozen = its.freeze("PushDocument", {**DOCUMENT, "content": mark.text})

    outcome = await its.deliver("PushDocument", frozen, reference=REFERENCE)

    assert outcome.verdict is Verdict.RETRY
    assert (kept.opened, kept.closed) == (3, 3)


class Slow(KeptDocuments):
    """A store that takes longer than a call may last, though not longer than a document of its size may."""

    async def content(self, reference: str, mark: Mark) -> AsyncIterator[bytes]:
        async for piece in super().content(reference, mark):
            await asyncio.sleep(0.2)
            yield piece


async def test_a_call_may_last_longer_for_the_bytes_of_its_documents() -> None:
    kept = Slow()
    mark = kept.keep(CONTENT)

    outcome, _, _ = await sent(kept, mark, timeouts=replace(QUICK, total=timedelta(seconds=0.1)))

    assert outcome.verdict is Verdict.DONE


def test_a_document_larger_than_its_contract_allows_is_not_frozen() -> None:
    def freeze(size: int, **said: Any) -> bytes:
        operation = replace(WINDOW.operations["PushDocument"], **said)
        contract = replace(WINDOW, operations={**WINDOW.operations, "PushDocument": operation})
        its = target("http://127.0.0.1:9", "rest", contract)
        return its.freeze("PushDocument", {**DOCUMENT, "content": Mark(b"\0" * 32, size).text})

    assert freeze(100, document_bytes=100)
    with pytest.raises(SchemaViolation, match="at most 100 bytes, found 101"):
        freeze(101, document_bytes=100)
    with pytest.raises(SchemaViolation, match="at most 8388608 bytes"):
        freeze(8388609, document_bytes=None)


@pytest.mark.parametrize("binding", ["rest", "soap"])
def test_a_text_brings_no_document_along(binding: str) -> None:
    text, other = Mark(b"\0" * 32, 100).text, Mark(b"\1" * 32, 100).text
    its = target("http://127.0.0.1:9", binding, window(Way.MTOM))

    def freeze(title: str) -> int:
        frozen = its.freeze("PushDocument", {**DOCUMENT, "content": text, "title": title})
        return sum(1 for _ in marks_in(frozen))

    assert freeze(f"{text} {text}") == freeze(f"'{other}'") == 1
    with pytest.raises(SchemaViolation, match="each document once"):
        freeze(text)
    if binding == "soap":
        with pytest.raises(SchemaViolation, match="all that its field holds"):
            freeze(f'"{other}"')


@pytest.mark.parametrize("binding", ["sql", "file"])
def test_a_system_without_a_place_for_large_documents_refuses_them_by_name(binding: str) -> None:
    folder = CONTRACTS / "complaints" / "1.0"
    codec = load_contract(folder).bindings["sql"]
    held = read_json((folder / "examples" / "valid" / "AddDocument.a_picture.json").read_bytes())

    with pytest.raises(SchemaViolation, match=f"a {binding} field can hold"):
        freeze_record(codec, "AddDocument", {**held, "content": Mark(b"\0" * 32, SIZE).text}, binding=binding)
    assert codec.thaw("AddDocument", freeze_record(codec, "AddDocument", held, binding=binding)) == held


def test_what_they_tell_of_the_content_is_compared_with_its_mark() -> None:
    mark = KeptDocuments().keep(CONTENT)
    sent_fields = {"content": mark.text}

    def differs(told: str) -> str | None:
        return agreement([("content", "content")], sent_fields, {"content": told}).differs

    assert differs(base64.b64encode(CONTENT).decode()) is None
    assert differs(mark.text) is None
    assert differs(base64.b64encode(CONTENT[:-1]).decode()) == "content"
    assert differs("no Base64") == "content"


def test_an_operator_is_shown_size_and_digest_in_place_of_a_mark() -> None:
    mark = KeptDocuments().keep(CONTENT)

    shown = with_marks_told(b'{"content":"' + mark.text.encode() + b'","title":"x"}').decode()

    assert shown == f'{{"content":"[document of {SIZE} bytes, SHA-256 {mark.digest.hex()}]","title":"x"}}'
    assert with_marks_told(b"\xff nothing") == b"\xff nothing"
