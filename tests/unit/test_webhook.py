"""What an internal system tells by itself: who is believed, what is read of it, and that it is taken once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
import tomllib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from adapter.contract import load_contract
from adapter.contract.model import Contract
from adapter.contract.records import object_of
from adapter.doors import Limits, webhook_route
from adapter.errors import FaultySettings, FaultyTables
from adapter.exchange import Payload
from adapter.service import load_services
from adapter.workbench.sides import fields_of
from connectors.webhook import MOST_SIGNATURES, secrets_of
from tests.support.house import contracts
from tests.support.records import ROOT
from tests.support.telling import SECRET, Ear, Told, change, message
from tests.webhook_suite import OTHER, WebhookSuite

REVENUE = contracts()["revenue/1.0"]
PETITIONS = ROOT / "tests" / "contracts" / "petitions" / "1.0"


@pytest.fixture
def ear() -> Ear:
    return Ear(REVENUE)


class TestWebhook(WebhookSuite):
    """Every test of the suite."""


class TestWebhookOfADatabase(WebhookSuite):
    """Every test of the suite, for a system whose only door is a database, and who tells by itself as well."""

    @pytest.fixture
    def ear(self, tmp_path: Path) -> Ear:
        shutil.copytree(PETITIONS, tmp_path, dirs_exist_ok=True)
        toml = tmp_path / "contract.toml"
        said = '\n[webhook]\noperation = "Tell"\nopenapi = "webhooks.json"\nitems = "changes"\n'
        toml.write_text(toml.read_text("utf-8") + said, "utf-8")
        columns = tomllib.loads((PETITIONS / "statements.toml").read_text("utf-8"))["GetChanges"]["columns"]
        rows = {"type": "array", "items": object_of(columns)}
        body = {
            "type": "object",
            "properties": {"changes": rows},
            "required": ["changes"],
            "additionalProperties": False,
        }
        told = {"operationId": "Tell", "requestBody": {"content": {"application/json": {"schema": body}}}}
        document = {"openapi": "3.1.0", "webhooks": {"told": {"post": told}}}
        (tmp_path / "webhooks.json").write_text(json.dumps(document), "utf-8")
        return Ear(load_contract(tmp_path), beside={"change_no": 1, "status_code": 10}, reference="P-1")


# At the door


@asynccontextmanager
async def door(ear: Ear) -> AsyncIterator[httpx.AsyncClient]:
    async def hear(headers: Mapping[str, str], body: bytes) -> Payload:
        return await ear.webhook.receive(headers, body, ear.take)

    route = webhook_route("/told", hear, operation="TellChanges", most=1024, limits=Limits())
    transport = httpx.ASGITransport(app=Starlette(routes=[route]))
    async with httpx.AsyncClient(transport=transport) as client:
        yield client


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({"webhook-signature": "v1,AAAA"}, None, 401, "not-signed"),
        ({"webhook-timestamp": ""}, None, 401, "not-signed"),
        ({"Content-Type": "text/plain"}, None, 415, "unreadable"),
        ({}, b" " * 1025, 413, "too-large"),
        ({}, b"[]", 422, "unreadable"),
        ({}, b'{"changes": 7}', 422, "unreadable"),
    ],
)
async def test_what_is_refused_is_told_as_a_problem(
    ear: Ear, headers: dict[str, str], body: bytes | None, status: int, code: str
) -> None:
    told = message([change(1)], at=ear.clock(), body=body)
    async with door(ear) as client:
        answer = await client.post("http://house/told", content=told.body, headers={**JSON, **told.headers, **headers})
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["status"], answer.json()["code"]) == (status, status, code)
    assert not ear.taken


async def test_of_many_signatures_only_the_first_few_are_looked_at(ear: Ear) -> None:
    told = message([change(1)], at=ear.clock())
    theirs = told.headers["webhook-signature"]
    async with door(ear) as client:
        answers = [
            await client.post(
                "http://house/told",
                content=told.body,
                headers={**JSON, **told.headers, "webhook-signature": " ".join([*["v1,AAAA"] * others, theirs])},
            )
            for others in (MOST_SIGNATURES, MOST_SIGNATURES - 1)
        ]
    assert [answer.status_code for answer in answers] == [401, 200]


async def test_an_id_used_twice_is_a_conflict_and_a_header_that_stands_twice_is_none(ear: Ear) -> None:
    first, other = message([change(1)], at=ear.clock()), message([change(2)], at=ear.clock())
    twice = httpx.Headers([*JSON.items(), *first.headers.items(), ("webhook-id", "msg-2")])
    async with door(ear) as client:
        tries = [(first, {**JSON, **first.headers}), (other, {**JSON, **other.headers}), (first, twice)]
        answers = [await client.post("http://house/told", content=one.body, headers=sent) for one, sent in tries]
    assert [one.status_code for one in answers] == [200, 409, 401]


# As its contract says


def contract(folder: Path, **said: str) -> Contract:
    """The revenue contract in a folder of its own, its [webhook] with these keys besides."""
    shutil.copytree(ROOT / "contracts" / "revenue" / "1.0", folder, dirs_exist_ok=True)
    path = folder / "contract.toml"
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in said.items())
    path.write_text(path.read_text("utf-8").replace("[webhook]\n", f"[webhook]\n{lines}"), "utf-8")
    return load_contract(folder)


async def test_headers_form_and_what_is_signed_are_the_contracts(tmp_path: Path) -> None:
    said = {"id": "X-Event", "timestamp": "X-Time", "signature": "X-Hub-Signature-256", "form": "sha256={hex}"}
    ear = Ear(contract(tmp_path, **said, signed="{timestamp}:{body}"))
    body, at = message([change(1)], at=ear.clock()).body, str(int(ear.clock().timestamp()))
    digest = hmac.new(SECRET, f"{at}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {"x-event": "e-1", "x-time": at, "x-hub-signature-256": f"sha256={digest}"}
    await ear.hear(Told(headers, body))
    assert len(ear.taken) == 1


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("signed", "{body}", "webhook.signed: has {timestamp} and {body} once"),
        ("form", "sha1", "webhook.form: has either {hex} or {base64}"),
        ("signature", "webhook-id", "webhook.signature: id, timestamp and signature are three headers"),
        ("timestamp", "a time", "webhook.timestamp: 'a time' is not the name of a header"),
        ("event", "id", "webhook.event: 'id' is not a field there"),
        ("openapi", "other.json", "other.json: is missing"),
    ],
)
def test_a_section_that_cannot_be_meant_is_a_fault(tmp_path: Path, key: str, value: str, told: str) -> None:
    with pytest.raises(FaultyTables) as faulty:
        contract(tmp_path, **{key: value})
    assert told in str(faulty.value)


def test_a_message_whose_changes_are_others_than_those_asked_for_is_a_fault(tmp_path: Path) -> None:
    contract(tmp_path)
    path = tmp_path / "openapi.json"
    document: dict[str, Any] = json.loads(path.read_bytes())
    rows = {"type": "array", "items": {"$ref": "#/components/schemas/Entry"}}
    document["components"]["schemas"]["TellChanges"]["properties"]["changes"] = rows
    path.write_text(json.dumps(document), "utf-8")
    with pytest.raises(FaultyTables, match="webhook: its changes and those of GetChanges differ at"):
        load_contract(tmp_path)


def told_alone(folder: Path) -> Contract:
    """The revenue contract without [changes]: what it tells by itself is all that it tells."""
    shutil.copytree(ROOT / "contracts" / "revenue" / "1.0", folder, dirs_exist_ok=True)
    path = folder / "contract.toml"
    before, _, rest = path.read_text("utf-8").partition("[changes]\n")
    kinds = ", ".join(f'{kind} = "{kind}"' for kind in ("status", "bill", "bill_cancelled", "document"))
    fields = 'event = "event_id"\nkind = "kind"\nreference = "assessment_no"\nsequence = "sequence"\n'
    fields += f'changed_at = "changed_at"\nkinds = {{ {kinds} }}\n'
    path.write_text(f"{before}[webhook]\n{fields}{rest.partition('[webhook]')[2]}", "utf-8")
    return load_contract(folder)


def test_a_system_may_tell_its_changes_and_never_be_asked(tmp_path: Path) -> None:
    revenue = told_alone(tmp_path)
    known = {**contracts(), revenue.title: revenue}
    fields = {title: fields_of(ROOT / "contracts" / title, one) for title, one in known.items()}
    loaded, faults = load_services(ROOT / "mappings", known, only={"vehicle_toll"}, fields=fields)
    assert (revenue.changes, list(loaded), faults) == (None, ["vehicle_toll"], {})


def test_one_that_says_nothing_of_its_rows_lacks_them(tmp_path: Path) -> None:
    told_alone(tmp_path)
    path = tmp_path / "contract.toml"
    path.write_text(path.read_text("utf-8").replace('event = "event_id"\n', ""), "utf-8")
    with pytest.raises(FaultyTables, match=r"webhook.event: is missing; \[changes\] does not say it either"):
        load_contract(tmp_path)


async def test_a_message_may_be_one_change(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "contracts" / "revenue" / "1.0", tmp_path, dirs_exist_ok=True)
    toml, openapi = tmp_path / "contract.toml", tmp_path / "openapi.json"
    said = 'operation = "TellChanges"\nitems = "changes"\n'
    toml.write_text(toml.read_text("utf-8").replace(said, 'operation = "TellChanges"\n'), "utf-8")
    document: dict[str, Any] = json.loads(openapi.read_bytes())
    document["components"]["schemas"]["TellChanges"] = document["components"]["schemas"]["Change"]
    openapi.write_text(json.dumps(document), "utf-8")
    ear = Ear(load_contract(tmp_path))
    for number, row in enumerate((change(1), change(2, sequence="two"))):
        told = message([], at=ear.clock(), name=f"msg-{number}", body=json.dumps(row).encode())
        assert await ear.hear(told) == {"told": 1, "taken": 1}
    assert [one.kind for (one,) in ear.taken] == ["status", "unreadable"]


# The secrets


def test_a_key_file_holds_one_secret_or_two() -> None:
    standard = base64.b64encode(SECRET).decode()
    assert secrets_of(f"whsec_{standard}\n".encode() + OTHER + b"\n") == (SECRET, OTHER)


@pytest.mark.parametrize(
    "content", [b"", b"short", b"whsec_!", b"\xffshort", b"\n".join([b"a secret of so many bytes"] * 3)]
)
def test_a_key_file_that_holds_none_is_told_without_what_it_holds(content: bytes) -> None:
    with pytest.raises(FaultySettings) as faulty:
        secrets_of(content)
    assert str(faulty.value).startswith("webhook_key_file: ")
    assert not content or repr(content)[2:-1] not in str(faulty.value)
