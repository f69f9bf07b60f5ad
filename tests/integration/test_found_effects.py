"""An effect whose answer was lost, over real wires: adopted where they have it as it was sent, else parked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapter.exchange import Exchange, Operation, Record, State
from ops.wiring import Parts
from tests.support.records import payment, permit, toll
from tests.support.sandboxed import Sandboxed, sandboxed

SERVICES = {"revenue": toll, "urban_core": permit}
"""Whose system enters the payment, and what is asked for there."""

LOST = {"mode": "answer_lost", "times": 1}
CALLED_A_DUPLICATE = {"mode": "fault_in_200", "effect": True, "times": 1}
_OPEN = {State.READY, State.SENDING, State.IN_DOUBT, State.AWAITING}


async def settled(town: Sandboxed, operation: Operation) -> Exchange:
    """The only exchange of this operation, once time alone changes it no more."""
    return await once(town, operation, lambda one: one.state not in _OPEN)


async def once(town: Sandboxed, operation: Operation, has_come: Callable[[Exchange], bool]) -> Exchange:
    """The only exchange of this operation, as soon as this holds of it."""
    async with asyncio.timeout(10):
        while True:
            found = [one for one in await town.exchanges() if one.operation is operation]
            if found and has_come(found[0]):
                (only,) = found
                return only
            await asyncio.sleep(0.01)


async def confirm_first_bill(town: Sandboxed, record: Record) -> None:
    """A request is kept, and then that its first bill was paid."""
    tracking_code = (await town.receive(Operation.SUBMIT_REQUEST, record)).body["tracking_code"]
    await settled(town, Operation.ISSUE_BILL)
    (issued,) = (one for one in town.sandbox.ledger("gateway").entries if one.operation == "IssueBill")
    await town.receive(Operation.CONFIRM_PAYMENT, payment(tracking_code, **issued.detail["bills"][0]))


async def pay_first_bill(town: Sandboxed, record: Record) -> Exchange:
    """A request whose first bill is paid; the exchange that carries the payment inside."""
    await confirm_first_bill(town, record)
    return await settled(town, Operation.CONFIRM_PAYMENT)


async def payment_beside(
    folder: Path, system: str, fault: dict[str, Any], parts: Parts | None = None
) -> tuple[Exchange, int]:
    """A payment that met this fault: what became of it, and how many payments were entered there."""
    faults = [{**fault, "stand_in": system, "operation": "RegisterPayment"}]
    async with sandboxed(folder, faults=faults, parts=parts) as town:
        exchange = await pay_first_bill(town, SERVICES[system]())
        return exchange, sum(one.operation == "RegisterPayment" for one in town.sandbox.ledger(system).entries)


def differs(exchange: Exchange, field: str) -> bool:
    """Whether it stands parked as a conflict about this field."""
    reason = f"the reference is known there with another {field}"
    return (exchange.state, exchange.code, exchange.reason) == (State.PARKED, "conflict", reason)


AMOUNTS = {"revenue": "amount_rial", "urban_core": "Price"}


@pytest.mark.parametrize("system", SERVICES)
async def test_a_payment_that_was_entered_as_it_was_sent_is_adopted(tmp_path: Path, system: str) -> None:
    exchange, entered = await payment_beside(tmp_path, system, LOST)

    assert (exchange.state, exchange.code, exchange.may_have_effect, entered) == (State.DONE, "found", False, 1)


@pytest.mark.parametrize("system", SERVICES)
async def test_a_payment_that_was_entered_with_another_amount_is_a_conflict(tmp_path: Path, system: str) -> None:
    exchange, entered = await payment_beside(tmp_path, system, {**LOST, "enters": {"amount_rial": 1000}})

    assert differs(exchange, AMOUNTS[system])
    assert (exchange.may_have_effect, entered) == (True, 1)


@pytest.mark.parametrize("system", SERVICES)
async def test_a_payment_that_was_entered_for_another_case_is_a_conflict(tmp_path: Path, system: str) -> None:
    number = {"revenue": "assessment_no", "urban_core": "CaseNo"}[system]
    exchange, _ = await payment_beside(tmp_path, system, {**LOST, "enters": {"case_no": "1405-9"}})

    assert differs(exchange, number)


@pytest.mark.parametrize("system", SERVICES)
async def test_a_payment_whose_amount_is_not_told_is_never_adopted(tmp_path: Path, system: str) -> None:
    fault = {**LOST, "stand_in": system, "operation": "RegisterPayment", "enters": {"amount_rial": None}}
    async with sandboxed(tmp_path, faults=[fault]) as town:
        await confirm_first_bill(town, SERVICES[system]())
        first = await once(town, Operation.CONFIRM_PAYMENT, lambda one: one.code == "unclear")
        exchange = await once(town, Operation.CONFIRM_PAYMENT, lambda one: one.asked > first.asked)

    assert (exchange.state, exchange.code, exchange.may_have_effect) == (State.IN_DOUBT, "unclear", True)
    assert AMOUNTS[system] in (exchange.reason or "")


@pytest.mark.parametrize(("system", "code"), [("revenue", "DUPLICATE"), ("urban_core", "E100")])
@pytest.mark.parametrize("enters", [{}, {"amount_rial": 1000}], ids=["as it was sent", "with another amount"])
async def test_what_is_called_a_duplicate_is_asked_for_and_compared(
    tmp_path: Path, system: str, code: str, enters: dict[str, Any]
) -> None:
    exchange, entered = await payment_beside(tmp_path, system, {**CALLED_A_DUPLICATE, "code": code, "enters": enters})

    assert differs(exchange, AMOUNTS[system]) if enters else (exchange.state, exchange.code) == (State.DONE, "found")
    assert entered == 1


@pytest.mark.parametrize("binding", ["rest", "soap"])
@pytest.mark.parametrize("is_other", [False, True], ids=["as they were sent", "with the amounts of each other"])
async def test_bills_are_adopted_only_with_the_amounts_that_were_issued(
    tmp_path: Path, binding: str, *, is_other: bool
) -> None:
    async with sandboxed(tmp_path / "known", binding=binding) as town:
        await town.receive(Operation.SUBMIT_REQUEST, permit())
        await settled(town, Operation.ISSUE_BILL)
        (issued,) = (one for one in town.sandbox.ledger("gateway").entries if one.operation == "IssueBill")
    bills = [dict(bill) for bill in issued.detail["bills"]]
    if is_other:
        bills[0]["amount_rial"], bills[1]["amount_rial"] = bills[1]["amount_rial"], bills[0]["amount_rial"]
    fault = {**LOST, "stand_in": "gateway", "operation": "IssueBill", "enters": {"detail": {"bills": bills}}}

    async with sandboxed(tmp_path / "lost", binding=binding, faults=[fault]) as town:
        await town.receive(Operation.SUBMIT_REQUEST, permit())
        exchange = await settled(town, Operation.ISSUE_BILL)

    assert differs(exchange, "bills[]") if is_other else exchange.state is State.DONE


def uncompared(system: Any) -> Any:
    """The safety taken out: a system whose contract compares nothing of what a query finds."""
    contract = system.target.contract
    operations = {name: replace(one, compare=()) for name, one in contract.operations.items()}
    system.target.contract = replace(contract, operations=operations)
    return system


@pytest.mark.parametrize("system", SERVICES)
async def test_without_the_comparison_another_amount_is_adopted(tmp_path: Path, system: str) -> None:
    fault = {**LOST, "enters": {"amount_rial": 1000}}

    exchange, _ = await payment_beside(tmp_path, system, fault, Parts(system=uncompared))

    assert exchange.state is State.DONE
