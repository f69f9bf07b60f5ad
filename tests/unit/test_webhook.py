"""What an internal system tells by itself: who is believed, what is read of it, and that it is taken once."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from structlog.testing import capture_logs

from adapter.contract import load_contract
from adapter.contract.model import Contract
from adapter.doors import Limits, webhook_route
from adapter.errors import (
    FaultySettings,
    FaultyTables,
    MessageReused,
    NotSigned,
    OutOfTime,
    RequestRefused,
    StillInFlight,
)
from adapter.exchange import Change, Payload
from adapter.service import load_services
from adapter.workbench.sides import fields_of
from connectors.webhook import Webhook, secrets_of
from tests.support.clock import StandingClock
from tests.support.house import contracts
from tests.support.records import ROOT
from tests.support.telling import SECRET, Told, change, message

REVENUE = contracts()["revenue/1.0"]
OTHER = b"another invented secret, rotated"


@dataclass
class Ear:
    """A webhook and what was taken by it."""

    contract: Contract = REVENUE
    secrets: Sequence[bytes] = (SECRET,)
    clock: StandingClock = field(default_factory=StandingClock)
    taken: list[list[Change]] = field(default_factory=list)
    fails: Exception | None = None

    def __post_init__(self) -> None:
        assert self.contract.webhook is not None
        self.webhook = Webhook(self.contract, self.contract.webhook, self.secrets, self.clock)

    async def hear(self, told: Told) -> Payload:
        return await self.webhook.receive(told.headers, told.body, self.take)

    async def take(self, changes: Sequence[Change]) -> None:
        if self.fails is not None:
            raise self.fails
        self.taken.append(list(changes))


@pytest.fixture
def ear() -> Ear:
    return Ear()


async def refusal(ear: Ear, told: Told) -> RequestRefused:
    with pytest.raises(RequestRefused) as refused:
        await ear.hear(told)
    assert not ear.taken
    return refused.value


# Who is believed


async def test_a_signed_message_is_taken_and_told_how_much_of_it(ear: Ear) -> None:
    assert await ear.hear(message([change(1), change(2)], at=ear.clock())) == {"told": 2, "taken": 2}
    ((first, second),) = ear.taken
    assert (first.event_id, first.kind, first.reference, first.sequence) == (
        "N-1405-100001-1",
        "status",
        "N-1405-100001",
        1,
    )
    assert second.changed_at == datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


async def test_while_a_secret_is_rotated_both_are_believed() -> None:
    ear = Ear(secrets=(SECRET, OTHER))
    for name, secret in (("msg-1", SECRET), ("msg-2", OTHER)):
        await ear.hear(message([change(1)], at=ear.clock(), name=name, secret=secret))
    assert len(ear.taken) == 2


@pytest.mark.parametrize("forged", ["secret", "body", "id", "timestamp", "signature", "nothing"])
async def test_what_was_not_signed_with_our_secret_is_refused(ear: Ear, forged: str) -> None:
    told = message([change(1)], at=ear.clock(), secret=OTHER if forged == "secret" else SECRET)
    headers = dict(told.headers)
    if forged in {"id", "timestamp", "signature"}:
        headers[f"webhook-{forged}"] = {"id": "msg-2", "timestamp": "1", "signature": "v1,AAAA"}[forged]
    told = Told({} if forged == "nothing" else headers, told.body + (b" " if forged == "body" else b""))
    assert isinstance(await refusal(ear, told), NotSigned)


async def test_one_of_several_signatures_is_enough(ear: Ear) -> None:
    told = message([change(1)], at=ear.clock())
    several = f"v1,AAAA v2,{told.headers['webhook-signature'][3:]} {told.headers['webhook-signature']}"
    await ear.hear(replace(told, headers={**told.headers, "webhook-signature": several}))
    assert ear.taken


@pytest.mark.parametrize("seconds", [300, -60])
async def test_a_message_is_believed_for_five_minutes_and_from_a_minute_ahead(ear: Ear, seconds: int) -> None:
    await ear.hear(message([change(1)], at=ear.clock(), ago=timedelta(seconds=seconds)))
    assert ear.taken


@pytest.mark.parametrize("seconds", [301, -61])
async def test_before_and_after_that_it_is_not(ear: Ear, seconds: int) -> None:
    told = message([change(1)], at=ear.clock(), ago=timedelta(seconds=seconds))
    assert isinstance(await refusal(ear, told), OutOfTime)


# and once


async def test_the_same_message_again_gets_the_same_answer_and_is_not_taken_again(ear: Ear) -> None:
    first = await ear.hear(message([change(1)], at=ear.clock()))
    ear.clock.advance(10)
    again = await ear.hear(message([change(1)], at=ear.clock()))
    assert (again, len(ear.taken)) == (first, 1)


async def test_an_id_that_was_used_for_something_else_is_refused_until_the_window_is_over(ear: Ear) -> None:
    await ear.hear(message([change(1)], at=ear.clock()))
    ear.taken.clear()
    assert isinstance(await refusal(ear, message([change(2)], at=ear.clock())), MessageReused)
    ear.clock.advance(361)
    await ear.hear(message([change(2)], at=ear.clock()))
    assert len(ear.taken) == 1


async def test_a_message_that_could_not_be_kept_may_come_again(ear: Ear) -> None:
    ear.fails = RuntimeError("the disk is full")
    with pytest.raises(RuntimeError):
        await ear.hear(message([change(1)], at=ear.clock()))
    ear.fails = None
    await ear.hear(message([change(1)], at=ear.clock()))
    assert len(ear.taken) == 1


async def test_the_same_message_twice_at_once_is_taken_once(ear: Ear) -> None:
    told, release = message([change(1)], at=ear.clock()), asyncio.Event()

    async def slowly(changes: Sequence[Change]) -> None:
        await release.wait()
        ear.taken.append(list(changes))

    first = asyncio.create_task(ear.webhook.receive(told.headers, told.body, slowly))
    await asyncio.sleep(0)
    with pytest.raises(StillInFlight):
        await ear.hear(told)
    release.set()
    assert await first == {"told": 1, "taken": 1}
    assert len(ear.taken) == 1


# What is read of it


async def test_a_row_that_cannot_be_read_parks_alone_and_is_named(ear: Ear) -> None:
    rows = [change(1), change(2, sequence="two"), change(3, event_id=None), change(4)]
    with capture_logs() as logs:
        assert await ear.hear(message(rows, at=ear.clock())) == {"told": 4, "taken": 3}
    assert [one.kind for one in ear.taken[0]] == ["status", "unreadable", "status"]
    named = [(one["row"], one["places"][0].partition(":")[0]) for one in logs if one["event"] == "row_unreadable"]
    assert named == [("N-1405-100001-2", "changes[1].sequence"), ("None", "changes[2].event_id")]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"changes": {}}', b"{}", b'{"changes": [], "more": 1.5}'])
async def test_a_message_that_is_none_of_the_contract_is_refused_as_such(ear: Ear, body: bytes) -> None:
    refused = await refusal(ear, message([], at=ear.clock(), body=body))
    assert refused.context["status"] == 422


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
    assert secrets_of(f"whsec_{standard}\n{OTHER.decode()}\n") == (SECRET, OTHER)


@pytest.mark.parametrize("content", ["", "short", "whsec_!", "\n".join(["a secret of so many bytes"] * 3)])
def test_a_key_file_that_holds_none_is_told_without_what_it_holds(content: str) -> None:
    with pytest.raises(FaultySettings) as faulty:
        secrets_of(content)
    assert str(faulty.value).startswith("webhook_key_file: ")
    assert not content or content not in str(faulty.value)
