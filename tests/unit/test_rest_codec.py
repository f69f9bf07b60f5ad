"""Requests and answers as JSON: strict, validated both ways, and the same content after each way."""

from __future__ import annotations

import json
import shutil
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from adapter.contract import load_contract
from adapter.contract.codec import Fault
from adapter.contract.model import Contract
from adapter.errors import FaultyTables
from adapter.exchange import KeySource
from adapter.refusals import RequestRefused, SchemaViolation, TooLarge, Unreadable
from adapter.strict_json import read_json
from adapter.wsdl import read_wsdl
from tests.support.editing import edit

CONTRACTS = Path(__file__).parents[2] / "contracts"
REVENUE = CONTRACTS / "revenue" / "1.0"
WINDOW = CONTRACTS / "window" / "1.0"
REST_FOLDERS = [REVENUE, WINDOW]
VALID = [path for folder in REST_FOLDERS for path in sorted(folder.glob("examples/valid/*.json"))]
INVALID = [path for folder in REST_FOLDERS for path in sorted(folder.glob("examples/invalid/*.json"))]
LOADED = {folder: load_contract(folder, read_wsdl) for folder in REST_FOLDERS}

ASSESSMENT = {
    "reference": "4f6a4b8e-7a10-5c57-9d0a-1f2b3c4d5e6f",
    "tracking_code": "4052718396",
    "renovation_code": "1-2-3-4-5-0-0",
    "year_from": 1403,
    "year_to": 1404,
}


@pytest.fixture(scope="module")
def revenue() -> Contract:
    return LOADED[REVENUE]


@pytest.fixture(scope="module")
def window() -> Contract:
    return LOADED[WINDOW]


def of(path: Path) -> tuple[Any, str, bool]:
    codec = LOADED[path.parents[2]].bindings["rest"]
    operation, kind, *_ = path.name.split(".")
    return codec, operation, kind == "answer"


def refusal(codec: Any, body: bytes, operation: str = "CreateAssessment", **parameters: str) -> RequestRefused:
    with pytest.raises(RequestRefused) as caught:
        codec.decode_request(body, operation=operation, parameters=parameters)
    return caught.value


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.name)
def test_a_valid_example_is_the_same_after_both_ways(path: Path) -> None:
    codec, operation, is_answer = of(path)
    if is_answer:
        content = codec.decode_answer(operation, path.read_bytes())
        assert codec.decode_answer(operation, codec.encode_answer(operation, content)) == content
    else:
        content = read_json(path.read_bytes())
        assert codec.thaw(operation, codec.encode_request(operation, content)) == content


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.name)
def test_an_invalid_example_is_refused_both_when_read_and_when_written(path: Path) -> None:
    codec, operation, is_answer = of(path)
    content = json.loads(path.read_bytes())
    if is_answer:
        with pytest.raises(SchemaViolation):
            codec.decode_answer(operation, path.read_bytes())
    else:
        with pytest.raises(SchemaViolation):
            codec.encode_request(operation, content)


def test_a_frozen_request_names_method_and_path_and_carries_the_other_fields_as_body(window: Contract) -> None:
    content = {"tracking_code": "4052718396", "channel": {"code": "portal"}, "reason": "انصراف"}
    head, _, body = window.bindings["rest"].encode_request("WithdrawRequest", content).partition(b"\n\n")
    assert head == b"POST /v1/requests/4052718396/withdrawal"
    assert json.loads(body) == {"channel": {"code": "portal"}, "reason": "انصراف"}


def test_a_question_travels_in_the_query_with_its_types(revenue: Contract) -> None:
    codec = revenue.bindings["rest"]
    frozen = codec.encode_request("GetChanges", {"cursor": "a=b:1", "count": 100})
    assert frozen == b"GET /v1/changes?cursor=a%3Db%3A1&count=100\n\n"
    assert codec.thaw("GetChanges", frozen) == {"cursor": "a=b:1", "count": 100}


def test_a_parameter_of_another_type_breaks_the_schema_and_nothing_else(revenue: Contract) -> None:
    error = refusal(revenue.bindings["rest"], b"", operation="GetChanges", count="ten")
    assert isinstance(error, SchemaViolation)
    assert [(one.path, one.expected, one.found) for one in error.violations] == [("count", "a whole number", "text")]


def test_a_field_of_the_address_must_not_stand_in_the_body_too(window: Contract) -> None:
    body = json.dumps({"tracking_code": "1111111111", "channel": {"code": "portal"}, "reason": "x"}).encode()
    error = refusal(window.bindings["rest"], body, operation="WithdrawRequest", tracking_code="4052718396")
    assert isinstance(error, SchemaViolation)
    assert error.violations[0].path == "tracking_code"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"reference": 1, "reference": 2}', "twice"),
        (b'{"year_from": NaN}', "NaN"),
        (b'{"year_from": -Infinity}', "-Infinity"),
        (b'{"year_from": 1403', "not JSON"),
        (b'{"mobile": "\xd9"}', "UTF-8"),
        (b"\xff\xfe{\x00}\x00", "UTF-8"),
        (b'\xef\xbb\xbf{"a": 1}', "not JSON"),
        (b"[" * 40_000, "deeper"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "deeper"),
        (b"[1]", "object"),
        (b'{"year_from": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"", "not JSON"),
    ],
    ids=lambda value: value if isinstance(value, str) else "body",
)
def test_what_is_not_strict_json_is_unreadable(revenue: Contract, body: bytes, told: str) -> None:
    error = refusal(revenue.bindings["rest"], body)
    assert isinstance(error, Unreadable)
    assert told in error.detail


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("9007199254740993", "a larger one"),
        ("1.0", "a fraction"),
        ("1e400", "a fraction"),
        (r'"\ud800"', "text with one"),
        (r'"a\u0000b"', "text with one"),
        (r'{"\ud800": 1}', "a name with one"),
        (r'{"a\u0000b": 1}', "a name with one"),
    ],
)
def test_what_the_other_binding_cannot_carry_breaks_the_contract(revenue: Contract, value: str, found: str) -> None:
    error = refusal(revenue.bindings["rest"], f'{{"a": [{value}]}}'.encode())
    assert isinstance(error, SchemaViolation)
    assert [(one.path, one.found) for one in error.violations] == [("a[0]", found)]


def test_all_violations_are_told_at_once_with_their_places(window: Contract) -> None:
    path = WINDOW / "examples/valid/SubmitRequest.a_new_building_of_two_owners_and_three_floors.json"
    content = read_json(path.read_bytes())
    content["floors"][1]["level"] = "first"
    content["applicant"]["colour"] = "red"
    del content["service_id"]
    error = refusal(window.bindings["rest"], json.dumps(content).encode(), operation="SubmitRequest")
    assert isinstance(error, SchemaViolation)
    assert {(one.path, one.expected) for one in error.violations} == {
        ("floors[1].level", "a whole number"),
        ("applicant.colour", "no such field"),
        ("service_id", "a value"),
    }


def test_no_violation_ever_repeats_a_value(window: Contract) -> None:
    canary = "0012345679-canary"
    path = WINDOW / "examples/valid/SubmitRequest.a_new_building_of_two_owners_and_three_floors.json"
    content = read_json(path.read_bytes())
    content["applicant"] |= {"national_id": canary, "mobile": canary, "capacity": canary, "birth_date": canary}
    content["submitted_at"] = canary
    content["channel"] = canary
    content["floors"] = canary
    error = refusal(window.bindings["rest"], json.dumps(content).encode(), operation="SubmitRequest")
    assert isinstance(error, SchemaViolation)
    assert len(error.violations) >= 7
    assert canary not in "".join(map(str, error.violations))
    assert "canary" not in str(error)


MEGABYTE = 1024 * 1024
CROWDS = {
    "members": (b"{" + b",".join(b'"x%d":1' % place for place in range(600_000)) + b"}", Unreadable),
    "entries": (b'{"a": [' + b"1," * 3_500_000 + b"1]}", Unreadable),
    "objects": (b'{"a": [' + b"{}," * 2_300_000 + b"{}]}", Unreadable),
    "just allowed members": (b"{" + b",".join(b'"x%d":1' % place for place in range(49_000)) + b"}", SchemaViolation),
    "just allowed fractions": (b'{"a": [' + b"1.5," * 49_000 + b"1]}", SchemaViolation),
    "just allowed objects": (b'{"floors": [' + b"{}," * 24_000 + b"{}]}", SchemaViolation),
}


@pytest.mark.parametrize(("body", "refused"), CROWDS.values(), ids=CROWDS)
def test_a_crowd_of_faults_is_refused_at_once(window: Contract, body: bytes, refused: type[RequestRefused]) -> None:
    codec = window.bindings["rest"]
    operation = "AttachDocument" if len(body) > MEGABYTE else "SubmitRequest"
    began = time.perf_counter()
    error = refusal(codec, body, operation=operation)
    assert time.perf_counter() - began < 1
    assert type(error) is refused
    assert len(getattr(error, "violations", [])) <= 100
    tracemalloc.start()
    refusal(codec, body, operation=operation)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100 * MEGABYTE


@pytest.mark.parametrize("text", ["," * 60_000, "[{" * 60_000, '\\",' * 60_000, "\\"])
def test_what_stands_within_a_text_is_not_counted(text: str) -> None:
    assert read_json(json.dumps({"a": text}).encode()) == {"a": text}


@pytest.mark.parametrize(
    "body",
    [b'"' + b'\\"' * 1_000_000, b"," * 60_000 + b'"\\', b'"",' * 1_000_000, b'["' + b"," * 60_000 + b'""' * 4_000_000],
)
def test_texts_without_an_end_are_refused_at_once(body: bytes) -> None:
    began = time.perf_counter()
    with pytest.raises(Unreadable):
        read_json(body)
    assert time.perf_counter() - began < 1


def test_a_name_that_a_stranger_chose_is_not_repeated_in_a_message(revenue: Contract) -> None:
    error = refusal(revenue.bindings["rest"], json.dumps({**ASSESSMENT, "x\nforged log line": 1}).encode())
    assert "forged" not in str(error)


def test_more_bytes_than_the_operation_allows_are_too_large_in_and_not_written_out(revenue: Contract) -> None:
    codec = revenue.bindings["rest"]
    assert isinstance(refusal(codec, b" " * 70_000), TooLarge)


def test_a_body_where_none_belongs_is_unreadable(revenue: Contract) -> None:
    assert isinstance(refusal(revenue.bindings["rest"], b"{}", operation="Ping"), Unreadable)


def test_a_problem_document_is_a_fault_that_blames_who_the_status_blames(revenue: Contract) -> None:
    body = b'{"title": "Busy", "status": 503, "code": "BUSY"}'
    assert revenue.bindings["rest"].decode_answer("Ping", body, status=503) == Fault("BUSY", "Busy", sender=False)
    assert revenue.bindings["rest"].decode_answer("Ping", body, status=400) == Fault("BUSY", "Busy", sender=True)


def test_another_success_than_promised_is_read_by_the_first_schema(revenue: Contract) -> None:
    with pytest.raises(SchemaViolation):
        revenue.bindings["rest"].decode_answer("CreateAssessment", b'{"nothing": 1}', status=206)


def test_both_bindings_of_the_window_carry_the_same_fields(window: Contract) -> None:
    soap, rest = window.bindings["soap"], window.bindings["rest"]
    assert soap.operations == rest.operations == window.operations.keys()
    for name in window.operations:
        assert soap.request_shape(name) == rest.request_shape(name) == window.shapes[name]
        assert soap.answer_shape(name) == rest.answer_shape(name) == window.answer_shapes[name]


def test_shapes_tell_paths_repeats_and_duties(window: Contract) -> None:
    shape = window.shapes["SubmitRequest"]
    assert shape["owners[]"] is False
    assert shape["owners[].share_dang"] is True
    assert shape["applicant.first_name"] is True
    assert "owners" not in shape


# The folder as a whole


def copied(tmp_path: Path, folder: Path, **changes: tuple[str, str]) -> Path:
    """A copy of a contract folder in which one text of a file is another; dots in names are written as __."""
    target = tmp_path / folder.parent.name / folder.name
    shutil.copytree(folder, target)
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
