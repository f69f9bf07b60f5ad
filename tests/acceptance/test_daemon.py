"""The daemon as people run it: how it starts, ends, answers and refuses to begin."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.operated import NAME, Town, operated, script
from tests.support.records import ROOT, toll


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with operated(tmp_path) as town:
        yield town


def _talk_nonsense(netloc: str) -> None:
    host, port = netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(b"this is no HTTP\r\n\r\n")
        connection.recv(1000)


async def test_the_daemon_says_only_json_lines_and_stops_cleanly_when_told(town: Town) -> None:
    started = await town.start()
    await town.submit(toll())
    await town.event("attempt_settled", operation="IssueBill")
    await asyncio.to_thread(_talk_nonsense, urlsplit(started["address"]).netloc)
    await town.event("library_said", level="warning")

    assert await town.stop() == 0

    assert [line for line in town.said if not line.startswith("{")] == []
    assert (started["node"], started["database"], started["profile"]) == ("demo", "sqlite", "fast")
    assert town.log[-1]["event"] == "daemon_stopped"
    assert not (town.installation.folder / "admin.sock").exists()
    assert NAME not in "".join(town.said)


async def test_an_attempt_under_way_is_finished_before_the_daemon_ends(town: Town) -> None:
    script(town, "revenue", {"mode": "slow", "operation": "CreateAssessment", "seconds": 1.0})
    await town.start()
    await town.submit(toll())
    await asyncio.sleep(0.4)

    assert await town.stop() == 0

    settled = [told for told in town.log if told["event"] == "attempt_settled"]
    assert [(told["operation"], told["verdict"]) for told in settled] == [("SubmitRequest", "done")]


async def test_a_second_daemon_on_the_same_journal_is_refused_clearly(town: Town) -> None:
    text = town.installation.settings.read_text(encoding="utf-8")
    await town.start()

    second = await town.run("run")

    town.installation.settings.write_text(text.replace('"admin.sock"', '"another.sock"'), encoding="utf-8")
    third = await town.run("run")

    assert (second.code, third.code) == (3, 3)
    assert "admin_socket: another daemon answers on" in second.err
    assert "another daemon holds this journal" in third.err
    assert "Traceback" not in second.err
    assert (await town.call("/livez")).status == 200


async def test_a_taken_port_names_its_setting(town: Town) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        path = town.installation.settings
        path.write_text(path.read_text(encoding="utf-8").replace("port = 0", f"port = {port}"), encoding="utf-8")

        ran = await town.run("run")

    assert ran.code == 2
    assert ran.err.startswith(f"http.port: 127.0.0.1:{port} cannot be had")


async def test_a_second_daemon_with_the_same_settings_is_told_of_the_journal_and_not_of_the_port(town: Town) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = town.installation.settings
    path.write_text(path.read_text(encoding="utf-8").replace("port = 0", f"port = {port}"), encoding="utf-8")
    await town.start()

    second = await town.run("run")

    assert (second.code, "another daemon holds this journal" in second.err) == (3, True)


async def test_a_wrong_master_key_names_its_setting_and_file(town: Town) -> None:
    await town.start()
    await town.stop()
    key = town.installation.folder / "master.key"
    key.write_text("f" * 64, encoding="ascii")

    ran = await town.run("run")

    assert ran.code == 2
    assert f"master_key_file: {key} is not the key" in ran.err


async def test_a_new_journal_and_a_stopped_service_are_said_loudly_at_the_start(town: Town) -> None:
    tables = town.installation.folder / "tables"
    shutil.copytree(ROOT / "mappings", tables)
    (tables / "renovation_toll" / "card.toml").unlink()
    path = town.installation.settings
    path.write_text(f'mappings = "tables"\n{path.read_text(encoding="utf-8")}', encoding="utf-8")

    await town.start()

    created = await town.event("journal_created", level="warning")
    assert created["path"] == str(town.installation.folder / "journal.db")
    stopped = await town.event("service_stopped", level="warning", service="renovation_toll")
    assert stopped["fault"].startswith("tables/renovation_toll/card.toml: the file is missing")
    health = await town.run("health")
    assert f"panjereh check --config {path}" in health.out


async def test_another_method_at_a_known_address_is_told_which_it_takes(town: Town) -> None:
    address = (await town.start())["address"]

    def put(path: str) -> tuple[int, str | None, str]:
        connection = HTTPConnection(urlsplit(address).netloc, timeout=20)
        with closing(connection):
            connection.request("PUT", path, b"{}")
            answer = connection.getresponse()
            return answer.status, answer.headers["Allow"], answer.read().decode()

    status, allowed, told = await asyncio.to_thread(put, "/window/v1/requests")

    assert (status, allowed) == (405, "POST")
    assert "This address takes POST" in told


async def test_a_journal_that_can_not_be_written_ends_the_daemon_with_a_log_line(town: Town) -> None:
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from adapter.errors import JournalFailed\n"
        "from ops.daemon import run_daemon\n"
        "from ops.settings_file import load_settings\n"
        "from ops.wiring import Parts\n"
        "class Broken:\n"
        "    def __init__(self, journal): self.journal = journal\n"
        "    def __getattr__(self, name): return getattr(self.journal, name)\n"
        "    async def beat(self): raise JournalFailed('disk I/O error')\n"
        f"settings = load_settings(Path({str(town.installation.settings)!r}))\n"
        "sys.exit(asyncio.run(run_daemon(settings, Parts(journal=Broken))))\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    _, err = await asyncio.wait_for(process.communicate(), 20)

    lines = [json.loads(line) for line in err.splitlines()]
    assert process.returncode == 1
    assert ("journal_failed", "disk I/O error") in [(line["event"], line.get("reason")) for line in lines]


async def test_probes_and_figures_answer_beside_the_doors(town: Town) -> None:
    await town.start()
    await town.submit(toll())
    await town.event("attempt_settled", operation="IssueBill")

    live, ready, whole, figures = [await town.call(f"/{page}") for page in ("livez", "readyz", "healthz", "metrics")]

    assert [(seen.status, seen.media_type) for seen in (live, ready, whole)] == [(200, "application/health+json")] * 3
    assert json.loads(ready.body)["status"] == "pass"
    assert json.loads(whole.body)["tenants"]["sample-city"]["state"] == "up"
    assert b'panjereh_requests_total{operation="SubmitRequest",status="202",tenant="sample-city"} 1.0' in figures.body
    assert b'panjereh_endpoint_available{endpoint="window/1.0",tenant="sample-city"} 1.0' in figures.body
    assert (await town.call("/nothing")).status == 404
