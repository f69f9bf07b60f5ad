"""Every fault as a raw client sees it, and the server under it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ops.sandbox import Sandbox
from ops.sandbox.faults import FaultRule, Mode
from tests.integration.sandbox_client import (
    SCHEMAS,
    URBAN,
    WINDOW,
    Start,
    assessment,
    call,
    changes,
    envelope,
    error_keys,
    push,
    reference,
    request,
    revenue,
    told,
    urban,
)

pytest_plugins = ("tests.integration.sandbox_fixtures",)


@pytest.mark.parametrize(
    ("mode", "ending", "effects"),
    [
        (Mode.ANSWER_LOST, "closed", 1),
        (Mode.CLOSE_BEFORE, "closed", 0),
        (Mode.CLOSE_AFTER, "closed", 1),
        (Mode.RESET_BEFORE, "reset", 0),
        (Mode.RESET_AFTER, "reset", 1),
        (Mode.HALF_ANSWER, "half", 1),
    ],
)
async def test_a_connection_ends_as_the_fault_says_with_or_without_the_effect(
    sandbox: Sandbox, mode: Mode, ending: str, effects: int
) -> None:
    sandbox.set_faults([FaultRule(mode, "PushStatus", times=1)])
    assert (await push(sandbox)).ending == ending
    assert len(sandbox.ledger("gateway").entries) == effects
    assert (await push(sandbox)).json()["result_code"] == "200"


async def test_a_slow_answer_comes_late_after_the_effect(sandbox: Sandbox) -> None:
    sandbox.set_faults([FaultRule(Mode.SLOW, seconds=0.2)])
    started = asyncio.get_running_loop().time()
    waiting = asyncio.create_task(push(sandbox))
    await asyncio.sleep(0.1)
    assert len(sandbox.ledger("gateway").entries) == 1
    assert (await waiting).status == 200
    assert asyncio.get_running_loop().time() - started >= 0.2


async def test_busy_says_when_to_come_again_and_does_nothing(sandbox: Sandbox) -> None:
    sandbox.set_faults([FaultRule(Mode.BUSY, retry_after_seconds=7)])
    by_rest = await push(sandbox)
    by_soap = await urban(sandbox, "RegisterRequest", request())
    for seen in (by_rest, by_soap):
        assert (seen.status, (seen.headers or {})["retry-after"]) == (503, "7")
    assert by_rest.json()["code"] == "Busy"
    assert by_soap.soap().findtext(f"detail/{{{URBAN}}}ServiceFault/{{{URBAN}}}Code") == "Busy"
    assert not sandbox.ledger("gateway").entries


@pytest.mark.parametrize("effect", [False, True])
async def test_a_soap_fault_comes_before_or_after_the_effect(sandbox: Sandbox, *, effect: bool) -> None:
    sandbox.set_faults([FaultRule(Mode.SOAP_FAULT, effect=effect, code="InternalServiceFault")])
    seen = await urban(sandbox, "RegisterRequest", request())
    assert (seen.status, seen.soap().findtext("faultcode")) == (500, "soap:Server")
    detail = seen.soap().find("detail")[0]
    SCHEMAS["/CaseService.svc"].assertValid(detail)
    assert detail.findtext(f"{{{URBAN}}}Code") == "InternalServiceFault"
    assert len(sandbox.ledger("urban_core").entries) == int(effect)


async def test_the_gateways_fault_fits_its_schema(sandbox: Sandbox) -> None:
    sandbox.set_faults([FaultRule(Mode.SOAP_FAULT)])
    body = envelope(WINDOW, "QueryExchange", {"reference": reference()})
    seen = await call(sandbox.addresses["gateway"] + "/v1/soap", "POST", body, "text/xml")
    SCHEMAS["/v1/soap"].assertValid(seen.soap().find("detail")[0])


async def test_a_proxys_page_stands_where_an_answer_was_expected(sandbox: Sandbox) -> None:
    sandbox.set_faults([FaultRule(Mode.HTML, times=1), FaultRule(Mode.HTML, status=502, effect=True)])
    first, second = await push(sandbox), await push(sandbox)
    assert [(seen.status, (seen.headers or {})["content-type"][:9]) for seen in (first, second)] == [
        (200, "text/html"),
        (502, "text/html"),
    ]
    assert len(sandbox.ledger("gateway").entries) == 1


async def test_a_200_may_carry_a_business_code(sandbox: Sandbox) -> None:
    sandbox.set_faults([FaultRule(Mode.FAULT_IN_200, stand_in="gateway", code="777"), FaultRule(Mode.FAULT_IN_200)])
    seen = await push(sandbox)
    assert (seen.status, seen.json()["result_code"]) == (200, "777")
    assert error_keys((await urban(sandbox, "RegisterRequest", request())).soap()) == ["E900"]
    assert (await revenue(sandbox, "/v1/assessments", assessment())).json()["code"] == "BUSY"


async def test_changes_may_come_twice_or_in_the_wrong_order(sandbox: Sandbox) -> None:
    await urban(sandbox, "RegisterRequest", request())
    right = told(await changes(sandbox))
    sandbox.set_faults([FaultRule(Mode.DUPLICATE_CALLBACKS, times=1), FaultRule(Mode.OUT_OF_ORDER_CALLBACKS)])
    assert told(await changes(sandbox)) == right * 2
    assert told(await changes(sandbox)) == right[::-1]


async def test_a_stand_in_that_is_down_refuses_and_comes_back_on_its_port(sandbox: Sandbox) -> None:
    address = sandbox.addresses["gateway"]
    sandbox.set_faults_of("gateway", [FaultRule(Mode.DOWN, "PushStatus", nth=2, seconds=0.3)])
    endings = [(await push(sandbox)).ending for _ in range(2)]
    assert endings == ["answered", "reset"]
    assert (await push(sandbox)).ending == "refused"
    await asyncio.sleep(0.4)
    assert (await push(sandbox)).ending == "answered"
    assert sandbox.addresses["gateway"] == address
    assert len(sandbox.ledger("gateway").entries) == 2


async def test_a_stand_in_goes_down_by_the_clock_and_cuts_open_connections(sandbox: Sandbox) -> None:
    parts = urlsplit(sandbox.addresses["gateway"])
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    sandbox.set_faults([FaultRule(Mode.DOWN, stand_in="gateway", after_seconds=0.05, seconds=0.2)])
    assert (await push(sandbox)).ending == "answered"
    assert await reader.read() == b""
    writer.close()
    assert (await push(sandbox)).ending == "refused"
    assert (await revenue(sandbox, "/v1/assessments", assessment())).status == 201
    await asyncio.sleep(0.3)
    assert (await push(sandbox)).ending == "answered"


async def test_the_same_seed_gives_the_same_faults(start: Start, tmp_path: Path) -> None:
    async def endings(folder: str, seed: int) -> list[str]:
        sandbox = await start(ledger_folder=tmp_path / folder, seed=seed)
        sandbox.set_faults([FaultRule(Mode.CLOSE_BEFORE, "effects", rate=0.5)])
        return [(await push(sandbox)).ending for _ in range(30)]

    assert await endings("a", 1) == await endings("b", 1) != await endings("c", 2)


async def test_pipelined_calls_are_answered_in_order_on_one_connection(sandbox: Sandbox) -> None:
    parts = urlsplit(sandbox.addresses["revenue"])
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    sandbox.set_faults([FaultRule(Mode.SLOW, seconds=0.05, times=1)])
    ping = b"GET /v1/ping HTTP/1.1\r\nHost: x\r\n\r\n"
    unknown = b"GET /v1/unknown HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    writer.write(ping + ping + unknown)
    content = await reader.read()
    writer.close()
    assert re.findall(rb"HTTP/1.1 (\d+)", content) == [b"200", b"200", b"404"]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + b"X-Long: " + b"a" * 20_000, 431),
    ],
)
async def test_what_is_no_http_request_is_refused_and_closed(sandbox: Sandbox, sent: bytes, status: int) -> None:
    parts = urlsplit(sandbox.addresses["gateway"])
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(sent)
    content = await reader.read()
    writer.close()
    assert content.startswith(b"HTTP/1.1 %d" % status)
