"""Delivery over real wires beside the sandbox: whatever befalls a call, each effect happens once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapter.exchange import Exchange, Operation, State
from ops.sandbox.settings import WIRED
from tests.support.house import Logs
from tests.support.records import document, permit, question, toll
from tests.support.sandboxed import Sandboxed, sandboxed

pytest_plugins = ["tests.support.fixtures"]


MISFORTUNES: dict[str, dict[str, Any]] = {
    "the answer is lost after the effect": {"mode": "answer_lost"},
    "closed before the effect": {"mode": "close_before"},
    "reset before the effect": {"mode": "reset_before"},
    "closed after the effect": {"mode": "close_after"},
    "reset after the effect": {"mode": "reset_after"},
    "half an answer": {"mode": "half_answer"},
    "busy": {"mode": "busy", "retry_after_seconds": 1},
    "a server fault before the effect": {"mode": "soap_fault"},
    "a server fault after the effect": {"mode": "soap_fault", "effect": True},
    "a proxy's page before the effect": {"mode": "html"},
    "a proxy's page after the effect": {"mode": "html", "effect": True},
    "a busy code in a good answer": {"mode": "fault_in_200"},
}


async def three_cases(town: Sandboxed) -> list[Exchange]:
    """A toll, a permit and two inquiries, one of them deferred, until everything is settled."""
    await town.receive(Operation.SUBMIT_REQUEST, toll())
    filed = await town.receive(Operation.SUBMIT_REQUEST, permit())
    await town.receive(Operation.ATTACH_DOCUMENT, document(filed.body["tracking_code"]))
    deferred = question("1405/9/202")
    deferred["property"]["renovation_code"] = "3-2-117-202-0-0-0"
    await town.receive(Operation.INQUIRE, question())
    await town.receive(Operation.INQUIRE, deferred)
    exchanges = await town.until_settled(at_least=13)
    assert len(exchanges) == 13, exchanges
    return exchanges


def references_with_effect(exchanges: list[Exchange]) -> list[str]:
    """What both sides together must have applied, each once: an inquiry reads and has no effect."""
    return sorted(one.reference for one in exchanges if one.operation is not Operation.INQUIRE)


@pytest.mark.parametrize("binding", ["rest", "soap"])
async def test_three_services_live_beside_the_sandbox_in_both_bindings(
    tmp_path: Path, binding: str, logs: Logs
) -> None:
    async with sandboxed(tmp_path, binding=binding) as town:
        exchanges = await three_cases(town)
        assert {one.state for one in exchanges} == {State.DONE}, exchanges
        assert sorted(town.effects()) == references_with_effect(exchanges)
        told = [
            entry.status_code for entry in town.sandbox.ledger("gateway").entries if entry.operation == "PushStatus"
        ]
        assert told == ["010", "030", "040", "070", "110"]


@pytest.mark.parametrize("misfortune", MISFORTUNES.values(), ids=MISFORTUNES)
async def test_whatever_befalls_the_first_calls_each_effect_happens_once(
    tmp_path: Path, misfortune: dict[str, Any], logs: Logs
) -> None:
    faults = [{**misfortune, "operation": "effects", "stand_in": side, "times": 2} for side in WIRED]
    async with sandboxed(tmp_path, faults=faults) as town:
        exchanges = await three_cases(town)
        assert {one.state for one in exchanges} == {State.DONE}, exchanges
        assert sorted(town.effects()) == references_with_effect(exchanges)
