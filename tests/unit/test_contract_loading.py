"""A contract folder as a whole: any file counts, and every fault and contradiction is told with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapter.contract import load_contract
from adapter.contract.model import Contract
from adapter.errors import FaultyTables
from adapter.exchange import KeySource
from adapter.wsdl import read_wsdl
from tests.support.editing import edit
from tests.support.few import copied_contract

CONTRACTS = Path(__file__).parents[2] / "contracts"
REVENUE = CONTRACTS / "revenue" / "1.0"
WINDOW = CONTRACTS / "window" / "1.0"


@pytest.fixture(scope="module")
def revenue() -> Contract:
    return load_contract(REVENUE, read_wsdl)


@pytest.fixture(scope="module")
def window() -> Contract:
    return load_contract(WINDOW, read_wsdl)


def copied(tmp_path: Path, folder: Path, **changes: tuple[str, str]) -> Path:
    """A copy of a contract folder in which one text of a file is another; dots in names are written as __."""
    target = copied_contract(tmp_path, folder)
    for name, (old, new) in changes.items():
        edit(target / name.replace("__", "."), old, new)
    return target


def faults(folder: Path) -> list[str]:
    with pytest.raises(FaultyTables) as caught:
        load_contract(folder, read_wsdl)
    return caught.value.faults


def test_the_digest_changes_with_any_file(tmp_path: Path, revenue: Contract) -> None:
    changed = copied(tmp_path, REVENUE, outcomes__csv=("The bill was paid before", "The bill was paid earlier"))
    assert load_contract(changed).sha256 != revenue.sha256
    assert load_contract(REVENUE).sha256 == revenue.sha256


def test_a_key_is_carried_unless_the_contract_says_that_it_is_minted(tmp_path: Path, window: Contract) -> None:
    submit = "[operations.SubmitRequest]\n"
    folder = copied(tmp_path, WINDOW, contract__toml=(submit, f'{submit}idempotency_key = "minted"\n'))
    minted = load_contract(folder, read_wsdl)

    assert {one.idempotency_key for one in window.operations.values()} == {KeySource.CARRIED}
    assert minted.operations["SubmitRequest"].idempotency_key is KeySource.MINTED


@pytest.mark.parametrize(
    ("operation", "source", "expected"),
    [
        ("SubmitRequest", "mintd", "operations.SubmitRequest.idempotency_key: Input should be 'carried' or 'minted'"),
        ("GetStatus", "minted", "operations.GetStatus.idempotency_key: only what changes something and comes inward"),
        ("PushStatus", "minted", "operations.PushStatus.idempotency_key: only what changes something and comes inward"),
    ],
)
def test_a_key_that_cannot_be_minted_is_a_fault(tmp_path: Path, operation: str, source: str, expected: str) -> None:
    section = f"[operations.{operation}]\n"
    change = (section, f'{section}idempotency_key = "{source}"\n')
    assert any(expected in fault for fault in faults(copied(tmp_path, WINDOW, contract__toml=change)))


def test_every_fault_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    folder = copied(
        tmp_path,
        REVENUE,
        contract__toml=('query = "FindExchange"', 'query = "FindExchang"'),
        outcomes__csv=("body,OK,done", "body,OK,fine"),
        openapi__json=('"operationId": "Ping"', '"operationId": "Pong"'),
    )
    told = faults(folder)
    assert any("outcomes.csv:2: verdict: 'fine' is not a verdict" in one for one in told)
    assert any("query: 'FindExchang' is not an operation; did you mean 'FindExchange'?" in one for one in told)
    assert any("operations.Ping: rest has no such operation; did you mean 'Pong'?" in one for one in told)
    assert any("rest has Pong, which has no section here" in one for one in told)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("settle_seconds", "setle_seconds", "did you mean 'settle_seconds'?"),
        ('effect = "queryable"', 'effect = "askable"', "operations.CreateAssessment.effect"),
        ('query = "FindExchange"\n', "", "a queryable operation names the operation"),
        ('reference_path = "reference"', 'reference_path = "referenc"', "did you mean 'reference'?"),
        (
            '"year_from", "year_to"]',
            '"year_from", "year_too"]',
            "CreateAssessment.compare: 'year_too' is not a field there",
        ),
        (
            '["assessment_no"]',
            '{ assessment_no = "number" }',
            "CancelAssessment.compare: FindExchange: 'number' is not",
        ),
        ('compare = ["assessment_no"]\n', "", "CancelAssessment.compare: is missing; name what must agree"),
        ('state = "state"', 'state = "stat"', "statement.state: 'entries[].stat' is not a field there"),
        (
            'REFUSED = "refused"',
            'REFUSED = "parked"',
            "statement.states.REFUSED: a ledger cannot tell 'parked'; use aw",
        ),
        ('REFUSED = "refused"', 'REFUSED = "rejected"', "statement.states.REFUSED"),
        (
            'RegisterPayment = "amount',
            'RegisterPay = "amount',
            "statement.amounts.RegisterPay: 'RegisterPay' is not an",
        ),
        ('Payment = "amount_rial"', 'Payment = "amount"', "statement.amounts.RegisterPayment: 'amount' is not a field"),
        (
            'RegisterPayment = "amount_rial"\nRegisterReversal = "amount_rial"\n',
            "",
            "statement.amounts: is missing; which field of our requests",
        ),
        (', "amount_rial"]', "]", "statement.amounts.RegisterPayment: 'amount_rial' is not in operations"),
        ('next_cursor = "next_cursor"', 'next_cursor = "next"', "changes.next_cursor: 'next' is not a field"),
        ('event = "event_id"', 'event = "event"', "changes.event"),
        ('found = "found"', 'found = "fund"', "find.FindExchange.found: 'fund'"),
        ('health = "Ping"', 'health = "CreateAssessment"', "only an operation with effect read"),
        ('health = "Ping"', 'health = "FindExchange"', "'FindExchange' needs reference"),
        ('status = "assumption"', 'status = "guess"', "status"),
        ('name = "revenue"', "name = ", "is not TOML"),
    ],
)
def test_a_contradiction_in_contract_toml_is_told_with_its_place(tmp_path: Path, old: str, new: str, told: str) -> None:
    found = faults(copied(tmp_path, REVENUE, contract__toml=(old, new)))
    assert any("contract.toml" in one and told in one for one in found), found


def test_bindings_that_differ_are_a_fault(tmp_path: Path) -> None:
    folder = copied(tmp_path, WINDOW, window__xsd=('name="previous_permit_no"', 'name="earlier_permit_no"'))
    assert any("SubmitRequest: soap and rest differ in the request" in one for one in faults(folder))


def test_an_operation_that_fetches_answers_says_how_none_looks(tmp_path: Path) -> None:
    core = CONTRACTS / "urban_core" / "1.0"
    told = 'group = "inquiry"\nanswer_reference = "InquiryNo"\nawaiting = "State = 2"\nmax_bytes'
    folder = copied(tmp_path, core, contract__toml=(told, told.replace('awaiting = "State = 2"\n', "")))
    assert any("operations.GetAnswer.awaiting: is missing" in one for one in faults(folder))


def test_a_soap_contract_asks_for_its_reader() -> None:
    with pytest.raises(FaultyTables, match=r"adapter\.wsdl\.read_wsdl"):
        load_contract(WINDOW)


def test_an_empty_folder_is_told_what_is_missing(tmp_path: Path) -> None:
    assert len([one for one in faults(tmp_path) if "is missing" in one]) == 2
