"""A large document through a whole house: held to its service at the door, kept in its case, and nothing for others."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from adapter.exchange import Operation
from adapter.journal import reading
from adapter.mark import Mark
from ops.daemon import served
from ops.protocol import ConnectionLimits
from ops.serving import application
from tests.integration.documents_making import chunks, rows
from tests.support.records import document, permit
from tests.support.sandboxed import CALLER, Sandboxed, sandboxed

KEY = "an-invented-key-of-the-window"
CONTENT = b"%PDF-1.7\n" + bytes(700_000)
MARK = Mark(hashlib.sha256(CONTENT).digest(), len(CONTENT))


@asynccontextmanager
async def doors_of(town: Sandboxed) -> AsyncIterator[httpx.AsyncClient]:
    """A client before the doors of a house, which knows its key."""
    town.house.callers = {hashlib.sha256(KEY.encode()).hexdigest(): CALLER}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with (
            served(application(town.house), listener, ConnectionLimits()),
            httpx.AsyncClient(base_url=address, headers={"X-Api-Key": KEY}) as client,
        ):
            yield client


async def send(client: httpx.AsyncClient, code: str, content: bytes, key: str, **more: Any) -> httpx.Response:
    """A document of the case, as a form with a file."""
    fields = {name: value for name, value in document(code, **more).items() if name not in {"tracking_code", "content"}}
    files: dict[str, Any] = {
        "message": (None, json.dumps(fields).encode(), "application/json"),
        "content": ("deed.pdf", content, "application/pdf"),
    }
    return await client.post(
        f"/window/v1/requests/{code}/documents", files=files, headers={"Idempotency-Key": f"key-{key:0>16}"}
    )


async def test_a_document_comes_to_its_case_once_and_what_is_refused_is_gone(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/installation/journal.db"
    async with sandboxed(tmp_path) as town, doors_of(town) as client:
        opening = await client.post(
            "/window/v1/requests", json=permit(), headers={"Idempotency-Key": "key-of-the-permit-1"}
        )
        code = opening.json()["tracking_code"]

        kept, again = [await send(client, code, CONTENT, "1") for _ in range(2)]
        unknown = await send(client, "000000000003", CONTENT, "2")
        wrong_type = await send(client, code, CONTENT, "3", document_no="D-9", media_type="image/gif")
        too_large = await send(client, code, CONTENT + bytes(20 * 1024 * 1024), "4", document_no="D-10")

        assert (kept.status_code, again.headers["Idempotency-Replayed"]) == (202, "true")
        assert kept.json() == again.json()
        assert [one.status_code for one in (unknown, wrong_type, too_large)] == [404, 400, 413]
        (exchange,) = [one for one in await town.exchanges() if one.operation is Operation.ATTACH_DOCUMENT]
        record = json.loads(await town.house.journal.content(exchange, "record") or b"")
        assert record["content"] == MARK.text
        store = town.house.journal.documents
        pieces = [piece async for piece in store.content(exchange.tenant, exchange.reference, MARK)]
        assert b"".join(pieces) == CONTENT
        assert await town.house.journal.read(reading.documents_taken, exchange.case_id) == 1
        assert (rows(url), chunks(url)) == (1, 1)
