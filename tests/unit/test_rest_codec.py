"""Requests and answers as JSON: strict, validated both ways, and the same content after each way."""

from __future__ import annotations

import json
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from adapter.contract import load_contract
from adapter.contract.codec import Fault
from adapter.contract.model import Contract
from adapter.refusals import RequestRefused, SchemaViolation, TooLarge, Unreadable
from adapter.strict_json import read_json
from adapter.wsdl import read_wsdl

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
