"""A raw client of the sandbox, which shares no code with it or with the adapter's callers."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lxml import etree

from ops.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = ROOT / "contracts"
FOLDERS = {name: CONTRACTS / name / "1.0" for name in ("window", "urban_core", "revenue")}
URBAN = "urn:urban-core:1.0"
WINDOW = "urn:panjereh:window:1.0"
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
LONG_AGO, FAR_AHEAD = "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"
TRACKING_CODE = "4052718396"
SOAP_PLACES = {
    "urban_core": ("/CaseService.svc", FOLDERS["urban_core"] / "urban_core.xsd"),
    "gateway": ("/v1/soap", FOLDERS["window"] / "window.xsd"),
}
SCHEMAS = {place: etree.XMLSchema(etree.parse(schema)) for place, schema in SOAP_PLACES.values()}

Start = Callable[..., Awaitable[Sandbox]]


@dataclass(frozen=True)
class Seen:
    """What a caller saw of one call: whole, or how it ended."""

    status: int = 0
    headers: dict[str, str] | None = None
    body: bytes = b""
    ending: str = "answered"

    def json(self) -> Any:
        return json.loads(self.body)

    def soap(self) -> Any:
        return etree.fromstring(self.body).findall(f"{{{ENVELOPE}}}Body/*")[0]


async def call(url: str, method: str = "GET", body: bytes = b"", media_type: str = "application/json") -> Seen:
    parts = urlsplit(url)
    try:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    except ConnectionRefusedError:
        return Seen(ending="refused")
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        head = f"{method} {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: {media_type}\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return await _read(reader)
    except ConnectionResetError:
        return Seen(ending="reset")
    finally:
        writer.close()


async def _read(reader: asyncio.StreamReader) -> Seen:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    except asyncio.IncompleteReadError as error:
        return Seen(ending="half" if error.partial else "closed")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:] if line)}
    status = int(head[0].split()[1])
    try:
        body = await reader.readexactly(int(headers["content-length"]))
    except asyncio.IncompleteReadError as error:
        return Seen(status, headers, error.partial, "half")
    return Seen(status, headers, body)


def envelope(namespace: str, operation: str, fields: dict[str, Any]) -> bytes:
    content = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    message = f'<{operation} xmlns="{namespace}">{content}</{operation}>'
    return f'<s:Envelope xmlns:s="{ENVELOPE}"><s:Body>{message}</s:Body></s:Envelope>'.encode()


async def urban(sandbox: Sandbox, operation: str, fields: dict[str, Any]) -> Seen:
    url = sandbox.addresses["urban_core"] + "/CaseService.svc"
    return await call(url, "POST", envelope(URBAN, operation, fields), "text/xml; charset=utf-8")


async def revenue(sandbox: Sandbox, path: str, record: dict[str, Any]) -> Seen:
    return await call(sandbox.addresses["revenue"] + path, "POST", json.dumps(record).encode())


def reference() -> str:
    return str(uuid.uuid4())


def request(house: int = 48, block: int = 117, **more: Any) -> dict[str, Any]:
    return {
        "Reference": reference(),
        "TrackingCode": TRACKING_CODE,
        "RequestKind": 1,
        "ApplicantCapacity": 1,
        "FirstName": "شیرین",
        "LastName": "نمونه",
        "Block": block,
        "House": house,
        "ChannelCode": 1,
    } | more


def question(house: int = 48, block: int = 117) -> dict[str, Any]:
    return {
        "Reference": reference(),
        "TrackingCode": TRACKING_CODE,
        "NotaryOfficeNo": 117,
        "LetterNo": "12",
        "LetterDate": 14050830,
        "DealKind": 1,
        "Block": block,
        "House": house,
    }


def assessment(house: int = 48, block: int = 117) -> dict[str, Any]:
    return {
        "reference": reference(),
        "tracking_code": TRACKING_CODE,
        "renovation_code": f"3-2-{block}-{house}-0-0-0",
        "year_from": 1404,
        "year_to": 1405,
    }


def status_push() -> dict[str, Any]:
    return {
        "reference": reference(),
        "tracking_code": TRACKING_CODE,
        "service_id": "13042650101",
        "event_id": "1405-100001-3",
        "sequence": 3,
        "status_code": "040",
        "status_title": "بازدید انجام شد",
        "stage": "in_progress",
        "changed_at": "2026-11-21T11:05:27+03:30",
    }


async def push(sandbox: Sandbox, record: dict[str, Any] | None = None) -> Seen:
    body = json.dumps(record or status_push()).encode()
    return await call(sandbox.addresses["gateway"] + "/v1/statuses", "POST", body)


def texts(message: Any, path: str) -> list[str]:
    return [element.text for element in message.iterfind("/".join(f"{{{URBAN}}}{step}" for step in path.split("/")))]


def error_keys(message: Any) -> list[str]:
    return texts(message, "ErrorResult/BizErrors/ErrorKey")


async def changes(sandbox: Sandbox, cursor: str | None = None, count: int = 100) -> Any:
    fields = ({"Cursor": cursor} if cursor else {}) | {"Count": count}
    return (await urban(sandbox, "GetChanges", fields)).soap()


def told(message: Any) -> list[tuple[str, str | None]]:
    return [
        (change.findtext(f"{{{URBAN}}}Kind"), change.findtext(f"{{{URBAN}}}StatusCode"))
        for change in message.iterfind(f"{{{URBAN}}}Changes")
    ]


async def pay_bills(sandbox: Sandbox, page: Any, case_no: str) -> list[list[str]]:
    answers = []
    for bill in page.iter(f"{{{URBAN}}}Bills"):
        names = ("BillId", "PaymentId", "Price")
        ids = {name: bill.findtext(f"{{{URBAN}}}{name}") for name in names}
        told_payment = {"PaidAt": "2026-11-21T12:00:00+03:30", "TraceNo": "9001"}
        payment = {"Reference": reference(), "CaseNo": case_no} | ids | told_payment
        answers.append(error_keys((await urban(sandbox, "RegisterPayment", payment)).soap()))
    return answers


def payment_of(assessed: dict[str, Any], **other: Any) -> dict[str, Any]:
    bill = assessed["bills"][0]
    ids = {name: bill[name] for name in ("bill_id", "payment_id", "amount_rial")}
    how = {"paid_at": "2026-11-21T12:00:00+03:30", "pay_channel": "3", "trace_no": "9001"}
    return {"reference": reference(), "assessment_no": assessed["assessment_no"]} | ids | how | other
