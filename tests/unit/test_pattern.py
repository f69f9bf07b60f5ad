"""What comes next: which settled exchange brings which message to the gateway, and which brings none."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from adapter.exchange import Direction, Draft, Exchange, Operation, Outcome, Payload, Stage, State, Verdict
from adapter.pattern import CHANGE_OPERATIONS, STEPS, following, outward_record, stage_after
from tests.support.clock import MORNING
from tests.support.house import services

EVERY_TABLE = frozenset(step.table for steps in STEPS.values() for step in steps)
BILLED: Payload = {"bills": [{"fiche_no": "F-1"}]}
UNBILLED: Payload = {"bills": []}
ISSUED: Payload = {"document": {"document_no": "CL-1"}}

ROWS = [
    ("case", Operation.SUBMIT_REQUEST, Verdict.DONE, {}, []),
    ("case", Operation.SUBMIT_REQUEST, Verdict.REFUSED, {}, [("refusal", Operation.PUSH_STATUS)]),
    ("case", Operation.ATTACH_DOCUMENT, Verdict.DONE, {}, []),
    ("case", Operation.ATTACH_DOCUMENT, Verdict.REFUSED, {}, [("setback", Operation.PUSH_STATUS)]),
    ("case", Operation.CORRECT_REQUEST, Verdict.DONE, {}, []),
    ("case", Operation.CORRECT_REQUEST, Verdict.REFUSED, {}, [("setback", Operation.PUSH_STATUS)]),
    ("case", Operation.WITHDRAW_REQUEST, Verdict.DONE, {}, []),
    ("case", Operation.WITHDRAW_REQUEST, Verdict.REFUSED, {}, [("setback", Operation.PUSH_STATUS)]),
    ("case", Operation.CONFIRM_PAYMENT, Verdict.DONE, {}, []),
    ("case", Operation.CONFIRM_PAYMENT, Verdict.REFUSED, {}, [("setback", Operation.PUSH_STATUS)]),
    ("case", Operation.REVERSE_PAYMENT, Verdict.DONE, {}, []),
    ("case", Operation.REVERSE_PAYMENT, Verdict.REFUSED, {}, [("setback", Operation.PUSH_STATUS)]),
    ("case", Operation.FILE_OBJECTION, Verdict.DONE, {}, []),
    ("case", Operation.FILE_OBJECTION, Verdict.REFUSED, {}, [("setback", Operation.PUSH_STATUS)]),
    ("case", Operation.SUBMIT_SURVEY, Verdict.DONE, {}, []),
    ("case", Operation.SUBMIT_SURVEY, Verdict.REFUSED, {}, [("setback", Operation.PUSH_STATUS)]),
    ("bill", Operation.SUBMIT_REQUEST, Verdict.DONE, BILLED, [("bill", Operation.ISSUE_BILL)]),
    ("bill", Operation.SUBMIT_REQUEST, Verdict.DONE, UNBILLED, [("assessed", Operation.PUSH_STATUS)]),
    ("bill", Operation.SUBMIT_REQUEST, Verdict.DONE, {}, [("assessed", Operation.PUSH_STATUS)]),
    ("bill", Operation.SUBMIT_REQUEST, Verdict.REFUSED, {}, [("refusal", Operation.PUSH_STATUS)]),
    ("bill", Operation.CONFIRM_PAYMENT, Verdict.DONE, {}, [("receipt", Operation.PUSH_STATUS)]),
    ("bill", Operation.CONFIRM_PAYMENT, Verdict.REFUSED, {}, [("setback", Operation.PUSH_STATUS)]),
    ("bill", Operation.REVERSE_PAYMENT, Verdict.DONE, {}, [("receipt", Operation.PUSH_STATUS)]),
    ("bill", Operation.REVERSE_PAYMENT, Verdict.REFUSED, {}, [("setback", Operation.PUSH_STATUS)]),
    ("bill", Operation.FILE_OBJECTION, Verdict.DONE, {}, []),
    ("bill", Operation.FILE_OBJECTION, Verdict.REFUSED, {}, [("setback", Operation.PUSH_STATUS)]),
    ("bill", Operation.SUBMIT_SURVEY, Verdict.DONE, {}, []),
    ("bill", Operation.SUBMIT_SURVEY, Verdict.REFUSED, {}, [("setback", Operation.PUSH_STATUS)]),
    ("bill", Operation.WITHDRAW_REQUEST, Verdict.DONE, {}, [("withdrawal", Operation.PUSH_STATUS)]),
    ("bill", Operation.WITHDRAW_REQUEST, Verdict.REFUSED, {}, [("setback", Operation.PUSH_STATUS)]),
    (
        "bill",
        Operation.SUBMIT_REQUEST,
        Verdict.DONE,
        ISSUED,
        [("assessed", Operation.PUSH_STATUS), ("document", Operation.PUSH_DOCUMENT)],
    ),
    (
        "bill",
        Operation.CONFIRM_PAYMENT,
        Verdict.DONE,
        ISSUED,
        [("receipt", Operation.PUSH_STATUS), ("document", Operation.PUSH_DOCUMENT)],
    ),
    ("inquiry", Operation.CONFIRM_PAYMENT, Verdict.DONE, {}, [("receipt", Operation.PUSH_STATUS)]),
    ("inquiry", Operation.CONFIRM_PAYMENT, Verdict.REFUSED, {}, [("setback", Operation.PUSH_STATUS)]),
    ("inquiry", Operation.REVERSE_PAYMENT, Verdict.DONE, {}, [("receipt", Operation.PUSH_STATUS)]),
    ("inquiry", Operation.REVERSE_PAYMENT, Verdict.REFUSED, {}, [("setback", Operation.PUSH_STATUS)]),
    ("inquiry", Operation.ATTACH_DOCUMENT, Verdict.REFUSED, {}, [("setback", Operation.PUSH_STATUS)]),
    ("inquiry", Operation.WITHDRAW_REQUEST, Verdict.REFUSED, {}, [("setback", Operation.PUSH_STATUS)]),
    ("calculation", Operation.INQUIRE, Verdict.DONE, {}, [("answer", Operation.ANSWER_INQUIRY)]),
    ("calculation", Operation.INQUIRE, Verdict.REFUSED, {}, [("refused_answer", Operation.ANSWER_INQUIRY)]),
    ("referral", Operation.SUBMIT_REQUEST, Verdict.DONE, {}, []),
    ("inquiry", Operation.INQUIRE, Verdict.DONE, {}, [("answer", Operation.ANSWER_INQUIRY)]),
    ("inquiry", Operation.INQUIRE, Verdict.REFUSED, {}, [("refused_answer", Operation.ANSWER_INQUIRY)]),
]


def settled(operation: Operation, direction: Direction = Direction.INWARD) -> Exchange:
    return Exchange(
        id="e" * 32,
        tenant="sample-city",
        service="any",
        case_id="c" * 32,
        operation=operation,
        direction=direction,
        table="any",
        target="any/1.0",
        lane="any",
        state=State.DONE,
        reference="r",
        accepted_at=MORNING,
        due_at=MORNING,
        deadline_at=MORNING,
    )


def drafts_after(
    pattern: str, operation: Operation, outcome: Outcome, *, tables: frozenset[str] = EVERY_TABLE
) -> list[Draft]:
    return following(pattern, settled(operation), outcome, tables=tables, sequence=3)


@pytest.mark.parametrize(("pattern", "operation", "verdict", "answer", "expected"), ROWS)
def test_each_outcome_brings_the_message_of_its_row(
    pattern: str, operation: Operation, verdict: Verdict, answer: Payload, expected: list[Any]
) -> None:
    drafts = drafts_after(pattern, operation, Outcome(verdict, answer=answer))
    assert [(draft.table, draft.operation) for draft in drafts] == expected
    assert all(draft.direction is Direction.OUTWARD for draft in drafts)


def test_every_step_has_a_row_above() -> None:
    told = {(pattern, after, verdict, table) for pattern, after, verdict, _, rows in ROWS for table, _ in rows}
    assert told == {(name, step.after, step.verdict, step.table) for name, steps in STEPS.items() for step in steps}


@pytest.mark.parametrize(
    ("pattern", "operation", "verdict"),
    list(product(STEPS, Operation, [Verdict.AWAITING, Verdict.RETRY, Verdict.IN_DOUBT, Verdict.PARKED])),
)
def test_nothing_comes_next_while_it_is_not_done_or_refused(
    pattern: str, operation: Operation, verdict: Verdict
) -> None:
    assert drafts_after(pattern, operation, Outcome(verdict, answer=BILLED)) == []


def test_every_refusal_of_what_a_source_asked_is_told_to_it() -> None:
    for service in services().values():
        for operation in service.inward:
            drafts = following(
                service.pattern, settled(operation), Outcome(Verdict.REFUSED), tables=service.tables, sequence=0
            )
            assert drafts, f"{service.name}: nobody is told that {operation} was refused"


def test_what_the_gateway_answered_brings_nothing_forth() -> None:
    for pattern, operation in product(STEPS, Operation):
        outward = settled(operation, Direction.OUTWARD)
        assert following(pattern, outward, Outcome(Verdict.DONE), tables=EVERY_TABLE, sequence=0) == []


def test_a_service_without_the_table_does_not_take_the_step() -> None:
    assert drafts_after("bill", Operation.SUBMIT_REQUEST, Outcome(Verdict.DONE), tables=frozenset({"bill"})) == []


def test_a_follower_has_an_event_of_its_own_so_that_it_is_never_drafted_twice() -> None:
    outcome = Outcome(Verdict.DONE, answer=BILLED)
    first, again = (drafts_after("bill", Operation.SUBMIT_REQUEST, outcome)[0] for _ in range(2))
    assert first.event_id == again.event_id == f"{'e' * 32}:bill"
    other = following(
        "bill",
        replace(settled(Operation.SUBMIT_REQUEST), id="f" * 32),
        outcome,
        tables=EVERY_TABLE,
        sequence=0,
    )
    assert other[0].event_id != first.event_id


def test_a_follower_carries_the_answer_and_stands_behind_the_last_status_told() -> None:
    (draft,) = drafts_after("bill", Operation.SUBMIT_REQUEST, Outcome(Verdict.DONE, answer=BILLED))
    assert draft.record == {"content": BILLED, "sequence": 3, "changed_at": None}


def test_only_a_refusal_s_record_tells_code_and_reason() -> None:
    refused = Outcome(Verdict.REFUSED, code="E310", reason="ملک بدهی دارد")
    assert outward_record({}, sequence=0, outcome=refused)["outcome"] == {"code": "E310", "reason": "ملک بدهی دارد"}
    assert "outcome" not in outward_record({}, sequence=0, outcome=Outcome(Verdict.DONE, code="OK"))


def test_a_change_s_kinds_are_gateway_operations() -> None:
    assert CHANGE_OPERATIONS == {
        "status": Operation.PUSH_STATUS,
        "bill": Operation.ISSUE_BILL,
        "document": Operation.PUSH_DOCUMENT,
        "bill_cancelled": Operation.CANCEL_BILL,
        "visit": Operation.PROPOSE_VISIT,
    }


@pytest.mark.parametrize("stage", list(Stage))
def test_the_stage_is_the_one_the_gateway_was_told(stage: Stage) -> None:
    for pattern in STEPS:
        assert stage_after(pattern, Operation.PUSH_STATUS, {"stage": stage.value}) is stage


def test_a_message_without_a_stage_leaves_the_case_where_it_is_unless_the_pattern_says_more() -> None:
    assert stage_after("bill", Operation.ISSUE_BILL, {}) is Stage.TO_PAY
    assert stage_after("inquiry", Operation.ANSWER_INQUIRY, {}) is Stage.ENDED
    assert stage_after("inquiry", Operation.ISSUE_BILL, {}) is Stage.TO_PAY
    assert stage_after("calculation", Operation.ANSWER_INQUIRY, {"answer": {"code": "60"}}) is Stage.ENDED
    assert stage_after("case", Operation.ISSUE_BILL, {}) is None
    assert stage_after("case", Operation.PUSH_DOCUMENT, {}) is None


def test_an_answer_that_brings_a_bill_leaves_its_inquiry_to_be_paid() -> None:
    assert stage_after("inquiry", Operation.ANSWER_INQUIRY, {"answer": BILLED}) is Stage.TO_PAY
    assert stage_after("inquiry", Operation.ANSWER_INQUIRY, {"answer": UNBILLED}) is Stage.ENDED
