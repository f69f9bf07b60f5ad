"""Connections: a head comes in time and is no larger than anyone needs, and there is room for a newcomer."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest
import uvloop
from structlog.testing import capture_logs

from ops.protocol import ConnectionLimits
from tests.support.knocking import GET, serving

HASTE = ConnectionLimits(head_time=timedelta(seconds=0.2))


# A request's head comes in time


async def test_a_silent_connection_is_closed() -> None:
    async with serving(HASTE) as server:
        knock = await server.knock()

        assert not await knock.is_closed(within=0.1)
        assert await knock.is_closed()


async def test_a_head_that_dribbles_is_closed_however_steadily_it_comes() -> None:
    async with serving(HASTE) as server:
        knock = await server.knock()
        began = asyncio.get_running_loop().time()
        for letter in GET[:-1]:
            knock.writer.write(bytes([letter]))
            if await knock.is_closed(within=0.03):
                break

        assert asyncio.get_running_loop().time() - began < 0.5


@pytest.mark.parametrize("dribble", [b"GET /qu", b"\r\n"])
async def test_each_further_head_has_its_own_time_from_its_first_byte(dribble: bytes) -> None:
    async with serving(HASTE) as server:
        knock = await server.knock()
        for _ in range(3):
            assert await knock.ask() == 200
            assert not await knock.is_closed(within=0.15), "between requests it may rest"
        knock.writer.write(dribble)

        assert await knock.is_closed()


async def test_a_head_begun_behind_a_request_under_way_lets_that_be_answered_before_it_is_closed() -> None:
    async with serving(HASTE) as server:
        knock = await server.knock()
        knock.writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\nGET /qu")
        assert not await knock.is_closed(within=0.4)
        server.release.set()

        assert await knock.answer() == (200, b"slow")
        assert await knock.is_closed()


async def test_a_request_under_way_is_never_closed_for_its_length() -> None:
    async with serving(HASTE) as server:
        knock = await server.knock()
        knock.writer.write(b"POST /measured HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n")
        for letter in b"abcdef":
            await asyncio.sleep(0.06)
            knock.writer.write(bytes([letter]))

        assert await knock.answer() == (200, b"6")


async def test_a_refused_body_can_not_be_sent_for_ever() -> None:
    async with serving(HASTE) as server:
        knock = await server.knock()
        assert await knock.ask(b"POST /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n") == 200
        began = asyncio.get_running_loop().time()
        for _ in range(40):
            knock.writer.write(b"x")
            if await knock.is_closed(within=0.03):
                break

        assert asyncio.get_running_loop().time() - began < 0.5


def test_it_is_so_on_the_daemons_own_loop_too() -> None:
    async def live() -> tuple[int, bool, bool]:
        async with serving(replace(HASTE, connections=2)) as server:
            first, second = await server.knock(), await server.knock()
            third = await server.knock()
            answered = await third.ask()
            return answered, await first.is_closed(within=0.1), await second.is_closed()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(live()) == (200, True, True)


# and is no larger than anyone needs


def head(*, headers: int = 1, length: int = 1) -> bytes:
    lines = [b"X-%d: %s" % (number, b"x" * length) for number in range(headers - 1)]
    return b"\r\n".join([b"GET /quick HTTP/1.1", b"Host: x", *lines, b"", b""])


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (head(headers=100), 200),
        (head(headers=101), 431),
        (head(headers=3, length=7 * 1024), 200),
        (head(headers=3, length=9 * 1024), 431),
        (head(headers=2, length=17 * 1024), 431),
        (GET.replace(b"/quick", b"/quick?" + b"x" * 17 * 1024), 431),
    ],
)
async def test_a_head_is_taken_up_to_16_kib_and_100_headers(request_head: bytes, status: int) -> None:
    async with serving(ConnectionLimits()) as server:
        knock = await server.knock()

        assert await knock.ask(request_head) == status
        assert await knock.is_closed(within=0.1) == (status == 431)


@pytest.mark.parametrize("begun", [b"", b"X-Endless: ", b"X-1: "])
@pytest.mark.parametrize("before", [b"", GET])
async def test_a_head_without_end_is_stopped_while_it_comes(begun: bytes, before: bytes) -> None:
    async with serving(ConnectionLimits()) as server:
        knock = await server.knock()
        if before:
            assert await knock.ask(before) == 200
        knock.writer.write(b"GET /quick HTTP/1.1\r\nHost: x\r\n" + begun)
        piece = b"X-1: x\r\n" * 1024 if not begun else b"x" * 8 * 1024
        sent = 0
        while sent < 96 * 1024 * 1024 and not knock.writer.transport.is_closing():
            knock.writer.write(piece)
            sent += len(piece)
            try:
                await asyncio.sleep(0)
                await knock.writer.drain()
            except ConnectionError:
                break

        assert sent < 8 * 1024 * 1024


async def test_a_head_too_large_is_told_as_a_problem() -> None:
    async with serving(ConnectionLimits()) as server:
        knock = await server.knock()
        knock.writer.write(head(headers=101))
        status, body = await knock.answer()

    assert (status, json.loads(body)["code"]) == (431, "too-large")


async def test_trailers_count_as_headers() -> None:
    async with serving(ConnectionLimits()) as server:
        knock = await server.knock()
        knock.writer.write(b"POST /measured HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
        knock.writer.write(b"X-1: x\r\n" * 200 + b"\r\n")

        assert await knock.is_closed()


async def test_a_body_beside_its_head_is_not_counted_as_head() -> None:
    posted = b"POST /measured HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000
    async with serving(ConnectionLimits()) as server:
        knock = await server.knock()
        for cut in (0, 20, len(posted) - 1, len(posted)):
            knock.writer.write(posted[:cut])
            await asyncio.sleep(0.02)
            knock.writer.write(posted[cut:] + GET[:20])
            assert (await knock.answer()) == (200, b"100000")
            assert await knock.ask(GET[20:]) == 200


# There is room for a newcomer


async def test_260_idle_connections_keep_nobody_out() -> None:
    async with serving(ConnectionLimits()) as server:
        idle = [await server.knock() for _ in range(260)]
        newcomer = await server.knock()

        assert await newcomer.ask() == 200
        assert await idle[0].is_closed()
        assert not await idle[-1].is_closed(within=0.05)


async def test_the_connection_idle_longest_makes_room() -> None:
    async with serving(ConnectionLimits(connections=3)) as server:
        oldest, second, third = [await server.knock() for _ in range(3)]
        assert await oldest.ask() == 200
        newcomer = await server.knock()

        assert await newcomer.ask() == 200
        assert await second.is_closed()
        assert [await oldest.ask(), await third.ask()] == [200, 200]


async def test_a_request_under_way_makes_room_for_nobody() -> None:
    async with serving(ConnectionLimits(connections=2)) as server:
        busy = [await server.knock() for _ in range(2)]
        for knock in busy:
            knock.writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
            await asyncio.sleep(0.02)
        with capture_logs() as logs:
            status, body = await (await server.knock()).answer()
        server.release.set()

        assert (status, json.loads(body)["code"]) == (503, "too-busy")
        assert [told["event"] for told in logs] == ["connection_refused"]
        assert [await knock.answer() for knock in busy] == [(200, b"slow")] * 2


async def test_who_does_not_read_his_answer_makes_room() -> None:
    async with serving(ConnectionLimits(connections=1)) as server:
        deaf = await server.knock()
        deaf.writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.1)

        assert await (await server.knock()).ask() == 200


async def test_one_peer_has_so_many_connections_and_its_own_make_room() -> None:
    async with serving(ConnectionLimits(per_peer=2, spared=())) as server:
        first, second, third = [await server.knock() for _ in range(3)]

        assert [await second.ask(), await third.ask()] == [200, 200]
        assert await first.is_closed()


async def test_peers_are_counted_each_for_itself() -> None:
    async with serving(ConnectionLimits(per_peer=1, spared=(ip_network("127.0.0.2"),))) as server:
        mine = await server.knock()
        other = server.held(*await asyncio.open_connection("127.0.0.1", server.port, local_addr=("127.0.0.3", 0)))

        assert [await mine.ask(), await other.ask()] == [200, 200]


async def test_a_proxy_on_this_machine_has_more() -> None:
    async with serving(ConnectionLimits(per_peer=2)) as server:
        knocks = [await server.knock() for _ in range(5)]

        assert [await knock.ask() for knock in knocks] == [200] * 5
