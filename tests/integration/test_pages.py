"""The pages beside the doors and what is logged of a call: a whole house behind the door."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ops.demo.installation import Installation
from ops.protocol import ConnectionLimits
from ops.reloading import take_up
from ops.serving import application
from ops.settings_file import load_settings
from ops.wiring import House, open_house
from tests.support.editing import edit
from tests.support.few import mappings_with
from tests.support.installed import install_alone
from tests.support.knocking import posted, serving
from tests.support.records import toll


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return install_alone(tmp_path)


Opening = Callable[[], Awaitable[House]]


@pytest.fixture
async def opening(installation: Installation) -> AsyncIterator[Opening]:
    async with AsyncExitStack() as stack:

        async def open_one() -> House:
            house = await open_house(load_settings(installation.settings))
            stack.push_async_callback(house.aclose)
            return house

        yield open_one


def shown_to(installation: Installation, *networks: str) -> None:
    content = installation.settings.read_text(encoding="utf-8")
    written = content.replace("[http]", f"[http]\npages_for = {json.dumps(networks)}")
    installation.settings.write_text(written, encoding="utf-8")


async def pages(house: House, *names: str) -> dict[str, tuple[int, bytes]]:
    async with serving(ConnectionLimits(), application(house)) as server:
        found = {}
        for name in names:
            knock = await server.knock()
            knock.writer.write(f"GET /{name} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            found[name] = await knock.answer()
        return found


async def test_on_this_machine_every_page_is_shown(opening: Opening) -> None:
    found = await pages(await opening(), "livez", "readyz", "healthz", "metrics")

    assert {status for status, _ in found.values()} == {200}
    assert "sample-city" in json.loads(found["healthz"][1])["tenants"]
    assert "journal" in json.loads(found["readyz"][1])["checks"]


async def test_elsewhere_the_tenants_pages_are_not_to_be_found(opening: Opening, installation: Installation) -> None:
    shown_to(installation, "192.0.2.0/24", "2001:db8::/32")
    found = await pages(await opening(), "nothing", "healthz", "metrics", "livez", "readyz")

    assert found["healthz"] == found["metrics"] == found["nothing"]
    assert found["nothing"][0] == 404
    assert [json.loads(found[page][1]) for page in ("livez", "readyz")] == [{"status": "pass"}] * 2


async def test_the_counts_behind_the_metrics_are_remembered(
    opening: Opening, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = await opening()
    asked = []
    read = type(house.journal).read

    async def counted(journal: object, step: Callable[..., object], *given: object, **named: object) -> object:
        asked.append(step.__name__)
        return await read(journal, step, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(type(house.journal), "read", counted)
    async with serving(ConnectionLimits(), application(house)) as server:
        knock = await server.knock()
        answers = [await knock.ask(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(5)]

    assert answers == [200] * 5
    assert asked.count("open_counts") == 1
    assert asked.count("open_lives") == 1


async def test_what_is_accepted_is_logged_without_the_code_that_opens_its_case(
    opening: Opening, installation: Installation
) -> None:
    house = await opening()
    request = posted(
        "/window/v1/requests", toll(), X_Api_Key=installation.keys["counter"], Idempotency_Key="key-0123456789abcdef"
    )
    async with serving(ConnectionLimits(), application(house)) as server:
        knock = await server.knock()
        with capture_logs() as logs:
            knock.writer.write(request)
            _, body = await knock.answer()
            assert await knock.ask(request) == 202
            code = json.loads(body)["tracking_code"]
            asked = f"GET /window/v1/requests/{code}/status HTTP/1.1\r\nX-Api-Key: {installation.keys['counter']}\r\n"
            await knock.ask(asked.encode() + b"Host: x\r\n\r\n")

    accepted = [told for told in logs if told["event"] == "exchange_accepted"]
    standing = {"event": "exchange_accepted", "log_level": "info", "tenant": "sample-city", "status": 202}
    named = {"operation": "SubmitRequest", "service_id": toll()["service_id"]}
    assert accepted == [{**standing, **named, "replayed": replayed} for replayed in (False, True)]
    assert code not in str(logs)


async def test_a_caller_of_the_only_service_is_told_that_it_stopped_and_after_a_reload_is_served(
    opening: Opening, installation: Installation, tmp_path: Path
) -> None:
    toll_table = mappings_with(tmp_path, "renovation_toll") / "renovation_toll/revenue/submit.csv"
    installation.settings.write_text(
        f'mappings = "{tmp_path}/mappings"\n{installation.settings.read_text(encoding="utf-8")}', encoding="utf-8"
    )
    edit(toll_table, "applicant", "aplicant")
    request = posted(
        "/window/v1/requests", toll(), X_Api_Key=installation.keys["counter"], Idempotency_Key="key-0123456789abcdef"
    )
    house = await opening()
    async with serving(ConnectionLimits(), application(house)) as server:
        knock = await server.knock()
        assert await knock.ask(request) == 503

        edit(toll_table, "aplicant", "applicant")
        await take_up(house, actor="uid:1001", why="the table is mended")

        assert await knock.ask(request) == 202
