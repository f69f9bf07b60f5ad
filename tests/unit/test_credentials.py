"""How we open the doors of other sides: by header, by user and password, by a token that is kept and renewed."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
import respx
from structlog.testing import capture_logs

from adapter.callers import Client, HttpTarget, InCallRetries, Timeouts, Tokens, Wire
from adapter.contract.outcomes import Pause
from adapter.errors import FaultySettings
from adapter.exchange import Outcome, Verdict
from ops.demo.installation import install
from ops.openers import opener_of
from ops.settings import EndpointSettings
from ops.settings_file import load_settings
from tests.support.clock import StandingClock
from tests.support.house import contracts

ONCE = InCallRetries(attempts=1)
REFERENCE = "4f6a4b8e-7a10-5c57-9d0a-1f2b3c4d5e6f"
MESSAGE = {
    "reference": REFERENCE,
    "tracking_code": "4052718396",
    "assessment_no": "N-1405-100001",
    "score": 4,
}


@dataclass
class FarEnd:
    """A revenue system that wants a token, and the house that gives it: `tokens` are given one after another."""

    clock: StandingClock = field(default_factory=StandingClock)
    tokens: list[httpx.Response] = field(default_factory=list)
    valid: set[str] = field(default_factory=set)
    asked: list[httpx.Request] = field(default_factory=list)
    called: list[str] = field(default_factory=list)
    in_body: bool = False

    def __post_init__(self) -> None:
        client = Client("our:id", "a secret / of ours", "revenue.write", in_body=self.in_body)
        wire = Wire("http://tokens.invalid", Timeouts(), ONCE)
        opener = Tokens(client, wire, "/oauth2/token", self.clock)
        self.target = HttpTarget(
            contracts()["revenue/1.0"],
            "rest",
            "http://revenue.invalid",
            credentials=opener,
            retries=ONCE,
            clock=self.clock,
        )

    def give(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.tokens.pop(0)

    def call(self, request: httpx.Request) -> httpx.Response:
        self.called.append(request.headers.get("Authorization", ""))
        if self.called[-1].removeprefix("Bearer ") not in self.valid:
            return httpx.Response(401)
        return httpx.Response(201, json={"code": "OK"})

    def promise(self, *tokens: str, **more: Any) -> None:
        """These tokens are given next, each for an hour, and let in."""
        self.valid |= set(tokens)
        self.tokens += [token(one, **more) for one in tokens]

    async def deliver(self) -> Outcome:
        frozen = self.target.freeze("RegisterSurvey", MESSAGE)
        return await self.target.deliver("RegisterSurvey", frozen, reference=REFERENCE)


def token(value: str, **more: Any) -> httpx.Response:
    return httpx.Response(200, json={"access_token": value, "token_type": "Bearer", "expires_in": 3600, **more})


@pytest.fixture
async def far_end() -> AsyncIterator[FarEnd]:
    end = FarEnd()
    with respx.mock(assert_all_called=False) as wire:
        wire.post("http://tokens.invalid/oauth2/token").mock(side_effect=end.give)
        wire.post("http://revenue.invalid/v1/surveys").mock(side_effect=end.call)
        yield end
    await end.target.aclose()


# A token


async def test_a_token_is_fetched_once_and_kept_for_all_calls(far_end: FarEnd) -> None:
    far_end.promise("t-1")
    outcomes = await asyncio.gather(*(far_end.deliver() for _ in range(3)))
    assert {one.verdict for one in outcomes} == {Verdict.DONE}
    assert far_end.called == ["Bearer t-1"] * 3
    (asked,) = far_end.asked
    assert parse_qs(asked.content.decode()) == {"grant_type": ["client_credentials"], "scope": ["revenue.write"]}
    told = base64.b64decode(asked.headers["Authorization"].removeprefix("Basic ")).decode()
    assert told == "our%3Aid:a+secret+%2F+of+ours", "RFC 6749, 2.3.1: both are form-encoded first"


async def test_a_client_may_tell_itself_in_the_body() -> None:
    end = FarEnd(in_body=True)
    end.promise("t-1")
    with respx.mock as wire:
        wire.post("http://tokens.invalid/oauth2/token").mock(side_effect=end.give)
        wire.post("http://revenue.invalid/v1/surveys").mock(side_effect=end.call)
        await end.deliver()
    await end.target.aclose()
    told = parse_qs(end.asked[0].content.decode())
    assert (told["client_id"], told["client_secret"]) == (["our:id"], ["a secret / of ours"])
    assert "Authorization" not in end.asked[0].headers


@pytest.mark.parametrize(("life", "kept"), [(3600, 3569), (20, 17), (None, 269)])
async def test_a_token_is_renewed_a_little_before_its_end(far_end: FarEnd, life: int | None, kept: int) -> None:
    far_end.promise("t-1", "t-2", expires_in=life)
    await far_end.deliver()
    far_end.clock.advance(timedelta(seconds=kept))
    await far_end.deliver()
    far_end.clock.advance(timedelta(seconds=1))
    await far_end.deliver()
    assert far_end.called == ["Bearer t-1", "Bearer t-1", "Bearer t-2"]


async def test_a_token_that_is_refused_is_renewed_once_and_the_call_repeated(far_end: FarEnd) -> None:
    far_end.promise("t-1", "t-2")
    far_end.valid.remove("t-1")
    assert (await far_end.deliver()).verdict is Verdict.DONE
    assert far_end.called == ["Bearer t-1", "Bearer t-2"]


async def test_who_is_refused_with_a_new_token_too_has_the_wrong_credentials(far_end: FarEnd) -> None:
    far_end.promise("t-1", "t-2", "t-3")
    far_end.valid.clear()
    outcome = await far_end.deliver()
    assert (outcome.verdict, outcome.pause) == (Verdict.RETRY, Pause.CREDENTIALS)
    assert far_end.called == ["Bearer t-1", "Bearer t-2"]


NO_TOKEN = {
    "it refuses us": (httpx.Response(401, json={"error": "invalid_client"}), Pause.CREDENTIALS),
    "it knows no such scope": (httpx.Response(400, json={"error": "invalid_scope"}), Pause.CREDENTIALS),
    "it is away": (httpx.Response(503), None),
    "it says nothing": (httpx.Response(200), None),
    "it gives something else": (token("t-1", token_type="mac"), None),
    "it gives what no header can hold": (token("t-1\r\nX-Evil: 1"), None),
}


@pytest.mark.parametrize("why", list(NO_TOKEN))
async def test_without_a_token_nothing_leaves_and_the_message_waits(far_end: FarEnd, why: str) -> None:
    answer, pause = NO_TOKEN[why]
    far_end.tokens.append(answer)
    with capture_logs() as logs:
        outcome = await far_end.deliver()
    assert (outcome.verdict, outcome.left, outcome.pause) == (Verdict.RETRY, False, pause)
    assert "no token: " in (outcome.reason or "")
    assert (far_end.called, logs) == ([], [])


async def test_no_secret_and_no_token_is_ever_told(far_end: FarEnd) -> None:
    far_end.promise("t-0123456789")
    await far_end.deliver()
    opener = far_end.target._credentials
    assert "t-0123456789" not in repr(opener)
    assert "a secret" not in repr(opener)


# As the settings say


def endpoint(folder: Path, **said: Any) -> EndpointSettings:
    key = folder / "key"
    key.touch(mode=0o600)
    key.write_text("a key of ours")
    return EndpointSettings(address="http://revenue.invalid", binding="rest", key_file=key, **said)


@pytest.mark.parametrize(
    ("said", "headers"),
    [
        ({}, {"X-Api-Key": "a key of ours"}),
        ({"key_header": "X-Own-Key"}, {"X-Own-Key": "a key of ours"}),
        ({"authentication": "bearer"}, {"Authorization": "Bearer a key of ours"}),
        ({"authentication": "basic", "user": "شهر"}, {"Authorization": "Basic 2LTZh9ixOmEga2V5IG9mIG91cnM="}),
    ],
)
async def test_a_door_is_opened_as_its_settings_say(
    tmp_path: Path, said: dict[str, str], headers: dict[str, str]
) -> None:
    opener = opener_of(endpoint(tmp_path, **said), Timeouts(), ONCE, StandingClock())
    assert opener is not None
    assert await opener.headers() == headers


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ('authentication = "basic"', "user: is missing; authentication = basic needs it"),
        ('authentication = "bearer"', "key_file: is missing; authentication = bearer needs it"),
        ('authentication = "oauth2"\nuser = "us"', "token_address: is missing; authentication = oauth2 needs it"),
        ('user = "us"', "user: is only for authentication = basic or oauth2, which is api_key here"),
        ('authentication = "bearer"\nkey_header = "X-Key"', "key_header: is only for authentication = api_key"),
        ('authentication = "oauth2"\ntoken_address = "tokens.invalid"', "token_address: "),
        ('authentication = "basic"\nuser = "a:b"', "user: has a colon"),
    ],
)
def test_a_way_that_cannot_be_gone_names_its_setting_at_the_start(tmp_path: Path, lines: str, told: str) -> None:
    addresses = {"gateway": "http://127.0.0.1:9", "revenue": "http://127.0.0.1:9"}
    settings = install(tmp_path, addresses, services=["renovation_toll"], scale=0.001, port=0).settings
    place = '[tenants.sample-city.endpoints."revenue/1.0"]\n'
    settings.write_text(settings.read_text("utf-8").replace(place, f"{place}{lines}\n"), "utf-8")
    with pytest.raises(FaultySettings) as faulty:
        load_settings(settings)
    assert "tenants.sample-city.endpoints.revenue/1.0" in str(faulty.value)
    assert told in str(faulty.value)
