"""The daemon and the operators' command as people run them: processes, a real sandbox, a real journal."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from adapter.exchange import Record
from ops.demo.installation import Installation, install
from ops.sandbox import Sandbox, SandboxSettings, serve
from ops.sandbox.faults import read_rules
from tests.support.records import ROOT, permit, toll

COMMAND = (sys.executable, "-c", "from ops.cli.main import main; main()")
SERVICES = ["building_permit", "renovation_toll", "notary_inquiry"]
ME = f"uid:{os.getuid()}"
NAME = "شیرین"


@dataclass(frozen=True)
class Ran:
    """What one command said."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Seen:
    """What one HTTP call was answered."""

    status: int
    media_type: str
    body: bytes


def _call(netloc: str, path: str, body: bytes | None, headers: dict[str, str]) -> Seen:
    connection = HTTPConnection(netloc, timeout=20)
    try:
        media_type = {"Content-Type": "application/json"} if body is not None else {}
        connection.request("GET" if body is None else "POST", path, body, {**media_type, **headers})
        answer = connection.getresponse()
        return Seen(answer.status, answer.headers["Content-Type"], answer.read())
    finally:
        connection.close()


def _talk_nonsense(netloc: str) -> None:
    host, port = netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(b"this is no HTTP\r\n\r\n")
        connection.recv(1000)


@dataclass
class Town:
    """A sandbox and an installation beside it."""

    sandbox: Sandbox
    installation: Installation
    log: list[dict[str, Any]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    daemon: asyncio.subprocess.Process | None = None
    _listening: asyncio.Task[None] | None = None
    _keys: int = 0

    async def start(self) -> dict[str, Any]:
        """The daemon runs; what it said of itself."""
        self.daemon = await asyncio.create_subprocess_exec(
            *COMMAND, "run", cwd=ROOT, env=self._environment, stderr=asyncio.subprocess.PIPE
        )
        self._listening = asyncio.create_task(self._listen(self.daemon))
        return await self.event("daemon_started")

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.daemon is not None
        assert self._listening is not None
        if self.daemon.returncode is None:
            self.daemon.send_signal(how)
        code = await asyncio.wait_for(self.daemon.wait(), 20)
        await self._listening
        return code

    async def run(self, *tokens: str) -> Ran:
        """One `panjereh` command."""
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            *tokens,
            cwd=ROOT,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), 30)
        return Ran(process.returncode or 0, out.decode(), err.decode())

    async def submit(self, record: Record) -> str:
        """A request at the door; its tracking code."""
        self._keys += 1
        headers = {"X-Api-Key": self.installation.keys["counter"], "Idempotency-Key": f"key-{self._keys:016d}"}
        seen = await self.call("/window/v1/requests", json.dumps(record).encode(), headers)
        assert seen.status == 202, seen.body
        code: str = json.loads(seen.body)["tracking_code"]
        return code

    async def call(self, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Seen:
        """One HTTP call to the daemon: a POST when there is a body."""
        address = (await self.event("daemon_started"))["address"]
        return await asyncio.to_thread(_call, urlsplit(address).netloc, path, body, headers or {})

    async def event(self, name: str, **wanted: Any) -> dict[str, Any]:
        """The newest event of this name, once it has come."""
        async with asyncio.timeout(20):
            while True:
                for told in reversed(self.log):
                    if told.get("event") == name and wanted.items() <= told.items():
                        return dict(told)
                assert self.daemon is not None
                assert self.daemon.returncode is None, self.said
                await asyncio.sleep(0.02)

    async def _listen(self, daemon: asyncio.subprocess.Process) -> None:
        assert daemon.stderr is not None
        async for line in daemon.stderr:
            self.said.append(line.decode())
            if line.startswith(b"{"):
                self.log.append(json.loads(line))

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PANJEREH_CONFIG": str(self.installation.settings)}


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    settings = SandboxSettings(
        contracts_folder=ROOT / "contracts", ledger_folder=tmp_path / "ledgers", pace_seconds=0.02
    )
    sandbox = await serve(settings)
    town = Town(sandbox, install(tmp_path, sandbox.addresses, services=SERVICES, scale=0.01, port=0))
    yield town
    if town.daemon is not None:
        await town.stop(signal.SIGKILL)
    await sandbox.close()


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
    await town.start()

    second = await town.run("run")

    assert second.code == 3
    assert "another daemon holds this journal" in second.err
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


async def test_three_dead_systems_are_degraded_in_every_view(town: Town) -> None:
    await town.start()
    for name in ("gateway", "urban_core", "revenue"):
        script(town, name, {"mode": "down", "seconds": 60})
    await town.event("endpoint_lost", endpoint="urban_core/1.0")
    await town.event("endpoint_lost", endpoint="revenue/1.0")

    listed = (await town.run("endpoints", "list", "--json")).json()["endpoints"]
    reconciled = await town.run("reconcile", "run")
    await asyncio.sleep(2.1)
    ready, whole = [await town.call(page) for page in ("/readyz", "/healthz")]

    states = {one["endpoint"]: (one["state"], bool(one["reason"]), bool(one["since"])) for one in listed}
    assert [states[name] for name in ("urban_core/1.0", "revenue/1.0")] == [("degraded", True, True)] * 2
    assert (ready.status, json.loads(whole.body)["status"]) == (200, "warn")
    assert json.loads(whole.body)["tenants"]["sample-city"]["state"] == "degraded"
    assert reconciled.code == 3
    assert "not compared: 3 of 4 ledgers could not be read" in reconciled.err
    assert "no findings in the others" in reconciled.err


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
        "from ops.settings import load_settings\n"
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


async def test_an_operator_follows_a_parked_request_to_its_cell_and_withdraws_it(town: Town) -> None:
    await town.start()
    code = await town.submit(permit(request_kind="a_kind_of_tomorrow"))
    event = await town.event("exchange_parked", level="warning")
    assert (event["service"], event["code"]) == ("building_permit", "untranslatable")

    (parked,) = (await town.run("exchanges", "list", "--state", "parked", "--json")).json()["exchanges"]
    life = await town.run("exchanges", "show", parked["id"])
    dry = await town.run("exchanges", "withdraw", parked["id"])
    still = (await town.run("exchanges", "list", "--state", "parked", "--json")).json()["exchanges"]
    wet = await town.run("exchanges", "withdraw", parked["id"], "--reason", "filed on paper", "--apply")
    case = (await town.run("cases", "show", code, "--json")).json()

    assert "mappings/building_permit/urban_core/submit.csv:46" in life.out
    assert (dry.code, "nothing was changed" in dry.err, len(still)) == (0, True, 1)
    assert (wet.code, wet.err) == (0, "1 of 1 changed\n")
    assert [one["state"] for one in case["exchanges"]] == ["withdrawn"]
    last = case["audit"][-1]
    assert (last["event"], last["actor"], last["detail"]["why"]) == ("withdrawn", ME, "filed on paper")
    assert NAME not in life.out


async def test_what_the_gateway_has_and_we_parked_is_found_and_its_own_command_mends_it(town: Town) -> None:
    fault = {"mode": "fault_in_200", "operation": "IssueBill", "code": "999", "effect": True, "times": 1}
    script(town, "gateway", fault)
    await town.start()
    await town.submit(toll())
    await town.event("attempt_settled", operation="IssueBill", verdict="parked")

    found = await town.run("reconcile", "run", "--json")
    (finding,) = found.json()["findings"]
    mended = await town.run(*shlex.split(finding["command"])[1:])
    await town.event("attempt_settled", operation="IssueBill", verdict="done")
    again = await town.run("reconcile", "run", "--json")
    shown = await town.run("reconcile", "show")

    assert (found.code, finding["kind"], finding["ledger"]) == (1, "state_differs", "window/1.0")
    assert mended.code == 0
    assert (again.code, again.json()["findings"]) == (0, [])
    assert (shown.code, "no findings" in shown.err) == (0, True)
    assert not any(town.sandbox.ledger(name).repeated for name in town.sandbox.addresses)


async def test_a_history_is_asked_for_without_a_key_and_its_national_id_is_said_nowhere(town: Town) -> None:
    await town.start()
    code = await town.submit(toll())
    national_id = toll()["applicant"]["national_id"]
    asked = json.dumps({"national_id": national_id, "page": 1}).encode()

    seen = await town.call("/window/v1/history", asked, {"X-Api-Key": town.installation.keys["counter"]})
    stranger = await town.call("/window/v1/history", asked)

    assert (seen.status, stranger.status) == (200, 401)
    assert [one["tracking_code"] for one in json.loads(seen.body)["cases"]] == [code]
    await town.stop()
    assert national_id not in "".join(town.said)


async def test_a_service_card_is_published_once_by_a_command(town: Town) -> None:
    await town.start()
    looked = await town.run("services", "publish", "renovation_toll", "--json")
    told = looked.json()["publications"]
    assert (looked.code, [one["is_changed"] for one in told]) == (0, [False])

    first = await town.run("services", "publish", "renovation_toll", "--apply", "--reason", "new card", "--json")
    again = await town.run("services", "publish", "renovation_toll", "--apply", "--reason", "new card")

    (published,) = first.json()["publications"]
    assert (published["is_changed"], published["revision"]) == (True, told[0]["revision"])
    assert "0 of 1 published anew" in again.out + again.err
    await town.stop()
    cards = [one for one in town.sandbox.ledger("gateway").entries if one.operation == "PublishService"]
    assert [one.subject for one in cards] == ["13042650207"]


async def test_a_running_daemon_takes_new_tables_up_by_a_command_and_by_a_signal(town: Town) -> None:
    none_runs = await town.run("tables", "reload")
    await town.start()
    dry = await town.run("tables", "reload", "--json")
    wet = await town.run("tables", "reload", "--reason", "a new code", "--apply")
    by_command = await town.event("tables_reloaded", actor=ME)
    assert town.daemon is not None
    town.daemon.send_signal(signal.SIGHUP)
    by_signal = await town.event("tables_reloaded", actor="signal")

    assert (none_runs.code, "start it with: panjereh run" in none_runs.err) == (3, True)
    assert (dry.json()["is_changed"], dry.json()["services"]) == (False, [])
    assert (wet.code, wet.err) == (0, f"{by_command['sha256'][:12]} is live\n")
    assert by_signal["sha256"] == by_command["sha256"]


async def test_commands_work_the_same_while_no_daemon_runs(town: Town) -> None:
    await town.start()
    await town.submit(permit(request_kind="a_kind_of_tomorrow"))
    await town.event("attempt_settled", verdict="parked")
    await town.run("reconcile", "run")
    through = await town.run("exchanges", "list", "--json")
    await town.stop()

    alone = await town.run("exchanges", "list", "--json")
    exchange = alone.json()["exchanges"][0]["id"]
    replayed = await town.run("exchanges", "replay", exchange, "--reason", "the row is there now", "--apply")
    health = await town.run("health")
    audit = await town.run("journal", "verify")

    assert alone.json() == through.json()
    assert (replayed.code, health.code, audit.code) == (0, 3, 0)
    assert "no daemon answers on" in health.err
    assert "all follow" in audit.err


async def test_a_ledger_that_does_not_answer_ends_reconciliation_with_3(town: Town) -> None:
    await town.start()
    script(town, "revenue", {"mode": "down", "seconds": 30})
    await asyncio.sleep(0.1)

    ran = await town.run("reconcile", "run", "--json")

    told = {one["ledger"]: one["unreachable"] for one in ran.json()["ledgers"]}
    assert ran.code == 3
    assert told["revenue/1.0"]
    assert told["window/1.0"] is None


async def test_a_command_never_makes_a_journal(town: Town) -> None:
    ran = await town.run("exchanges", "list")

    assert (ran.code, ran.out) == (3, "")
    assert "there is no journal at" in ran.err
    assert not (town.installation.folder / "journal.db").exists()


def script(town: Town, stand_in: str, *rules: dict[str, Any]) -> None:
    """Put a fault script in force at one stand-in."""
    town.sandbox.set_faults_of(stand_in, read_rules(list(rules)))
