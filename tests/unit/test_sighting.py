"""What a query finds is adopted only when it agrees with what we had sent, in all that the contract compares."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.channels import Sight, Sighting
from adapter.contract import load_contract
from adapter.contract.agreement import Agreement, agreement
from adapter.contract.model import Contract
from adapter.contract.sighting import sight_of
from adapter.exchange import Effect, Payload
from adapter.wsdl import read_wsdl

CONTRACTS = Path(__file__).parents[2] / "contracts"
WINDOW = load_contract(CONTRACTS / "window" / "1.0", read_wsdl)
CORE = load_contract(CONTRACTS / "urban_core" / "1.0", read_wsdl)
REVENUE = load_contract(CONTRACTS / "revenue" / "1.0")

STATUS = {"tracking_code": "4052718396", "event_id": "1405-100001-3", "status_code": "040"}
PAYMENT = {
    "assessment_no": "N-1405-100001",
    "bill_id": "117000100069",
    "payment_id": "4850050723",
    "amount_rial": 48500000,
}
PAID = {**PAYMENT, "found": True, "operation": "RegisterPayment", "result": {"code": "OK", "receipt_no": "R-1"}}
BILLS = [
    {"bill_id": "117000200063", "payment_id": "18125050722", "amount_rial": 181250000},
    {"bill_id": "117000300068", "payment_id": "906250710", "amount_rial": 9062000},
]
ISSUED = {"tracking_code": "4052718396", "event_id": "1405-100001-3", "bills": BILLS}


def sight(
    operation: str, answer: Payload, asked: Payload | None, contract: Contract = WINDOW, *, found: bool = True
) -> Sight:
    told = {"operation": operation, **answer, "found": found} if contract is not CORE else {**answer, "Found": found}
    return sight_of(contract, operation, told, asked=asked)


def test_what_the_other_side_does_not_know_is_not_found() -> None:
    assert sight("PushStatus", {}, STATUS, found=False).sighting is Sighting.NOT_FOUND


def test_what_agrees_is_found_with_the_answer_itself() -> None:
    answer = {**STATUS, "operation": "PushStatus", "found": True}

    found = sight_of(WINDOW, "PushStatus", answer, asked=STATUS)

    assert (found.sighting, found.answer) == (Sighting.FOUND, answer)


def test_a_reference_of_another_operation_is_different() -> None:
    assert sight("IssueBill", {**ISSUED, "operation": "PushStatus"}, ISSUED).sighting is Sighting.DIFFERENT


def test_the_original_answer_is_taken_from_where_the_contract_says() -> None:
    found = sight("RegisterPayment", PAID, PAYMENT, REVENUE)

    assert (found.sighting, found.answer) == (Sighting.FOUND, PAID["result"])


def test_found_without_its_original_answer_stays_unclear() -> None:
    answer = {name: value for name, value in PAID.items() if name != "result"}

    assert sight("RegisterPayment", answer, PAYMENT, REVENUE).sighting is Sighting.UNCLEAR


@pytest.mark.parametrize("name", PAYMENT)
def test_a_payment_that_differs_in_one_field_is_different_and_the_field_is_named(name: str) -> None:
    other = 48501000 if name == "amount_rial" else "117000300068"

    seen = sight("RegisterPayment", {**PAID, name: other}, PAYMENT, REVENUE)

    assert (seen.sighting, seen.reason) == (Sighting.DIFFERENT, f"the reference is known there with another {name}")


@pytest.mark.parametrize("name", PAYMENT)
def test_a_payment_of_which_one_field_is_not_told_is_not_adopted(name: str) -> None:
    answer = {told: value for told, value in PAID.items() if told != name}

    seen = sight("RegisterPayment", answer, PAYMENT, REVENUE)

    assert (seen.sighting, seen.answer) == (Sighting.UNCLEAR, None)
    assert seen.reason == f"FindExchange does not tell {name}, which we had sent"


def test_a_field_that_differs_outweighs_one_that_is_not_told() -> None:
    answer = {**PAID, "amount_rial": 1}
    del answer["assessment_no"]

    assert sight("RegisterPayment", answer, PAYMENT, REVENUE).sighting is Sighting.DIFFERENT


def test_what_we_had_sent_must_be_there_to_be_compared() -> None:
    assert sight("RegisterPayment", PAID, None, REVENUE).sighting is Sighting.UNCLEAR


def test_a_field_that_we_had_not_sent_is_not_compared() -> None:
    asked = {"tracking_code": "4052718396", "answer": {"code": "60", "title": "انتقال بلامانع"}}
    answer = {"tracking_code": "4052718396", "status_code": "60", "answer_no": "A-1405-117"}

    assert sight("AnswerInquiry", answer, asked).sighting is Sighting.FOUND


def test_a_field_may_have_another_name_there() -> None:
    asked = {"tracking_code": "4052718396", "answer": {"code": "30", "title": "بدهی", "debt_rial": 48500000}}
    answer = {"tracking_code": "4052718396", "status_code": "30", "amount_rial": 48501000}

    seen = sight("AnswerInquiry", answer, asked)

    assert (seen.sighting, seen.reason) == (
        Sighting.DIFFERENT,
        "the reference is known there with another answer.debt_rial",
    )


@pytest.mark.parametrize("bills", list(itertools.permutations(BILLS)))
def test_bills_are_compared_in_whatever_order_they_are_told(bills: list[Payload]) -> None:
    assert sight("IssueBill", {**ISSUED, "bills": list(bills)}, ISSUED).sighting is Sighting.FOUND


@pytest.mark.parametrize(
    ("bills", "field"),
    [
        (BILLS[:1], "bills[].bill_id"),
        ([*BILLS, BILLS[0]], "bills[].bill_id"),
        ([BILLS[0], {**BILLS[1], "amount_rial": 9063000}], "bills[].amount_rial"),
        (
            [{**BILLS[0], "amount_rial": 9062000}, {**BILLS[1], "amount_rial": 181250000}],
            "bills[]",
        ),
    ],
    ids=["one is missing", "one stands twice", "another amount", "amounts of each other"],
)
def test_bills_that_are_not_the_same_bills_are_different(bills: list[Payload], field: str) -> None:
    seen = sight("IssueBill", {**ISSUED, "bills": bills}, ISSUED)

    assert (seen.sighting, seen.reason) == (Sighting.DIFFERENT, f"the reference is known there with another {field}")


def test_bills_that_are_not_told_are_not_adopted() -> None:
    assert sight("IssueBill", {**ISSUED, "bills": []}, ISSUED).sighting is Sighting.UNCLEAR


def test_the_core_is_compared_as_its_own_contract_says() -> None:
    asked = {"CaseNo": "1405-100001", "BillId": "117000100069", "PaymentId": "4850050723", "Price": 48500000}
    sights = [
        sight("RegisterPayment", {**asked, "Operation": "RegisterPayment", "Price": price}, asked, CORE).sighting
        for price in (48500000, 48500001)
    ]

    assert sights == [Sighting.FOUND, Sighting.DIFFERENT]


@pytest.mark.parametrize(
    ("ours", "theirs", "is_equal"),
    [
        (48500000, "48500000", True),
        ("120.50", "120.5", True),
        ("120.0", 120, True),
        ("120.05", "120.5", False),
        ("04052718396", "4052718396", False),
        (100, 1000, False),
    ],
)
def test_numbers_are_equal_by_value_and_codes_by_their_digits(ours: Any, theirs: Any, *, is_equal: bool) -> None:
    agreed = agreement([("ours", "theirs")], {"ours": ours}, {"theirs": theirs})

    assert agreed == Agreement(None if is_equal else "ours", None)


ROWS = st.lists(st.fixed_dictionaries({"id": st.integers(0, 3), "amount": st.integers(0, 3)}), min_size=1, max_size=4)
PAIRS = [("bills[].id", "taken[].no"), ("bills[].amount", "taken[].sum")]


@given(ours=ROWS, theirs=ROWS)
def test_two_lists_agree_exactly_when_they_hold_the_same_rows(ours: list[Payload], theirs: list[Payload]) -> None:
    told = {"taken": [{"no": row["id"], "sum": row["amount"]} for row in theirs]}

    agreed = agreement(PAIRS, {"bills": ours}, told)

    def held(rows: list[Payload]) -> list[Any]:
        return sorted((row["id"], row["amount"]) for row in rows)

    assert (agreed.differs is None) == (held(ours) == held(theirs))


@pytest.mark.parametrize("contract", [WINDOW, CORE, REVENUE], ids=lambda contract: contract.name)
def test_every_operation_that_can_be_asked_for_names_what_must_agree(contract: Contract) -> None:
    asked_for = {name for name, one in contract.operations.items() if one.effect is Effect.QUERYABLE}

    assert asked_for
    assert all(contract.operations[name].compare for name in asked_for)


def test_without_the_comparison_another_amount_would_be_adopted() -> None:
    """The twin of the tests above: it is the contract's `compare` that keeps another amount out."""
    payment = replace(REVENUE.operations["RegisterPayment"], compare=())
    weakened = replace(REVENUE, operations={**REVENUE.operations, "RegisterPayment": payment})

    assert sight("RegisterPayment", {**PAID, "amount_rial": 1}, PAYMENT, weakened).sighting is Sighting.FOUND
