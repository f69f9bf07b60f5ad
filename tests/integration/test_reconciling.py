"""Reconciliation over real wires: three ledgers that agree, and slips of the other sides, each found once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from adapter.exchange import Operation, State
from adapter.journal import Filter, reading
from ops.operators.desk import Desk
from ops.operators.reconciling import Reconciled, run_reconciliation
from tests.support.records import payment, permit, question, toll
from tests.support.sandboxed import Sandboxed, sandboxed

SETTLED = 14
"""So many exchanges a toll whose bill is paid, a permit and a deferred inquiry become."""


async def live(town: Sandboxed) -> None:
    """A toll whose bill is paid, a permit and a deferred inquiry, until nothing is left that time could settle."""
    deferred = question()
    deferred["property"]["renovation_code"] = "3-2-117-203-0-0-0"
    filed = await town.receive(Operation.SUBMIT_REQUEST, toll())
    await town.receive(Operation.SUBMIT_REQUEST, permit())
    await town.receive(Operation.INQUIRE, deferred)
    async with asyncio.timeout(10):
        while not (issued := bills_of(town, filed.body["tracking_code"])):
            await asyncio.sleep(0.01)
    await town.receive(Operation.CONFIRM_PAYMENT, payment(filed.body["tracking_code"], **issued[0]))
    await town.until_settled(at_least=SETTLED)


def bills_of(town: Sandboxed, tracking_code: str) -> list[dict[str, Any]]:
    """The bills that the gateway has of a case."""
    entries = town.sandbox.ledger("gateway").entries
    return [bill for one in entries if one.tracking_code == tracking_code for bill in one.detail.get("bills", ())]


async def looked_at(town: Sandboxed) -> tuple[list[tuple[str, str, str]], list[Any]]:
    """What a run finds, as kind, ledger and operation, and the journal as it stands afterwards."""
    told = await run_reconciliation(Desk(town.house, "uid:7"), Reconciled())
    assert [one["unreachable"] for one in told["ledgers"]] == [None] * len(town.house.endpoints.targets)
    exchanges = await town.house.journal.read(reading.list_exchanges, Filter(limit=1000))
    operations = {one.id: one.operation.value for one in exchanges}
    found = [(one.kind, one.ledger, operations[one.exchange_id]) for one in told["findings"]]
    assert all(one.command.startswith(f"panjereh exchanges show {one.exchange_id}") for one in told["findings"])
    return sorted(found), exchanges


@pytest.mark.parametrize("binding", ["rest", "soap"])
async def test_three_ledgers_that_agree_in_states_and_amounts_have_no_findings(tmp_path: Path, binding: str) -> None:
    async with sandboxed(tmp_path, binding=binding) as town:
        await live(town)

        found, exchanges = await looked_at(town)

    assert found == []
    assert {one.state for one in exchanges} == {State.DONE}


SLIPS: list[tuple[tuple[str, str], dict[str, Any], str]] = [
    (("gateway", "IssueBill"), {"amount_rial": 1}, "amount_differs"),
    (("gateway", "AnswerInquiry"), {"amount_rial": 1}, "amount_differs"),
    (("gateway", "PushStatus"), {"state": "reversed"}, "state_differs"),
    (("revenue", "CreateAssessment"), {"state": "CANCELLED"}, "state_differs"),
    (("revenue", "RegisterPayment"), {"amount_rial": 1}, "amount_differs"),
    (("urban_core", "RegisterRequest"), {"state": "Refused"}, "state_differs"),
]
LEDGERS = {"gateway": "window/1.0", "revenue": "revenue/1.0", "urban_core": "urban_core/1.0"}
OURS = {
    "CreateAssessment": "SubmitRequest",
    "RegisterRequest": "SubmitRequest",
    "RegisterPayment": "ConfirmPayment",
}


@pytest.mark.parametrize("binding", ["rest", "soap"])
async def test_every_slip_of_the_other_sides_is_found_once_and_a_second_look_changes_nothing(
    tmp_path: Path, binding: str
) -> None:
    faults = [
        {"mode": "slow", "seconds": 0.001, "times": 1, "stand_in": side, "operation": operation, "enters": enters}
        for (side, operation), enters, _ in SLIPS
    ]
    async with sandboxed(tmp_path, binding=binding, faults=faults) as town:
        await live(town)

        first, second = await looked_at(town), await looked_at(town)

    assert first[0] == sorted(
        (kind, LEDGERS[side], OURS.get(operation, operation)) for (side, operation), _, kind in SLIPS
    )
    assert second == first
