"""The operators' command as people run it: a process beside the daemon's, a real sandbox, a real journal."""

from __future__ import annotations

import asyncio
import json
import shlex
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.operated import ME, NAME, Town, operated, script
from tests.support.records import permit, toll


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with operated(tmp_path) as town:
        yield town


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
    same = await town.run("tables", "reload")
    wet = await town.run("tables", "reload", "--reason", "a new code", "--apply")
    by_command = await town.event("tables_reloaded", actor=ME)
    assert town.daemon is not None
    town.daemon.send_signal(signal.SIGHUP)
    by_signal = await town.event("tables_reloaded", actor="signal")

    assert (none_runs.code, "start it with: panjereh run" in none_runs.err) == (3, True)
    assert (dry.json()["is_changed"], dry.json()["services"]) == (False, [])
    assert (same.code, same.err) == (0, f"{by_command['sha256'][:12]} is live already\n")
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
    withdrawn = await town.run("exchanges", "withdraw", exchange, "--reason", "filed on paper", "--apply")
    health = await town.run("health")
    audit = await town.run("journal", "verify")

    assert alone.json() == through.json()
    assert (replayed.code, withdrawn.code, health.code, audit.code) == (2, 0, 3, 0)
    assert "not translatable by the live tables" in replayed.err
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
