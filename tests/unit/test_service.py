from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapter.contract import load_contract
from adapter.contract.model import Contract, OperationContract
from adapter.errors import FaultyTables
from adapter.exchange import Direction, Effect, KeySource, Operation
from adapter.pattern import STEPS
from adapter.service import (
    Service,
    business_key_of,
    declared_id,
    load_service,
    load_services,
    run_cases,
    search_values,
)
from adapter.service.checks import PATTERNS
from adapter.translator import Context
from adapter.wsdl import read_wsdl

ROOT = Path(__file__).parents[2]

SERVICE = """\
service_id = "13042652104"
title = "خدمت آزمایشی"
title_en = "A service for tests"
pattern = "case"
tier = "general"
kind = "service"
gateway = "window/1.0"
system = "core/1.0"

[promise]
working_days = 3

[business_key]
SubmitRequest = ["applicant.national_id", "request_kind", "owners[].national_id"]

[search]
national_id = "applicant.national_id"

[inward.SubmitRequest]
operation = "Register"
table = "submit"

[outward]
status = "PushStatus"
refusal = "PushStatus"
"""
CARD = """\
title = "خدمت آزمایشی"
description = "برای آزمون"
duration = "سه روز کاری"
fee = "رایگان"
complaint = "سامانهٔ ۱۳۷"
responsible = "مدیر شهرسازی"
channels = ["national_window"]
[[steps]]
title = "ثبت"
[[documents]]
title = "سند"
[[laws]]
title = "قانون شهرداری"
[[faq]]
question = "چرا؟"
answer = "زیرا."
"""
HEADER = "target,source,rule,argument,when,required,note\n"
SUBMIT = HEADER + (
    "Kind,request_kind,code,kind,,yes,\n"
    "NationalCode,applicant.national_id,national_id,,,,\n"
    "Owners[].NationalCode,owners[].national_id,national_id,,,yes,\n"
    "Reference,exchange.reference,text,,,yes,\n"
)
STATUS = HEADER + (
    "reference,exchange.reference,text,,,yes,\nstage,StatusCode,code,status.stage,,yes,\n"
    "status_code,StatusCode,code,status,,yes,\n"
)
REFUSAL = HEADER + "reference,exchange.reference,text,,,yes,\nstatus_code,outcome.code,text,,,yes,\n"
FILES = {
    "service.toml": SERVICE,
    "card.toml": CARD,
    "core/submit.csv": SUBMIT,
    "core/status.csv": STATUS,
    "core/refusal.csv": REFUSAL,
    "codes/kind.csv": "gateway,internal\nnew,1\nrepair,2\n",
    "codes/status.csv": "gateway,internal,stage\n010,10,received\n150,150,approved\n",
    "cases/ordinary.in.json": '{"table": "submit", "record": {"request_kind": "new"}, "exchange": {"reference": "r"}}',
    "cases/ordinary.out.json": '{"Kind": "1", "Reference": "r"}',
    "cases/edge.in.json": '{"table": "status", "record": {"StatusCode": 10}, "exchange": {"reference": "r"}}',
    "cases/edge.out.json": '{"reference": "r", "stage": "received", "status_code": "010"}',
    "cases/refused.in.json": '{"table": "refusal", "record": {}, "exchange": {"reference": "r"}}',
    "cases/refused.out.json": '{"untranslatable": "outcome.code gives nothing"}',
}


def contract(
    name: str, operations: Mapping[str, Direction], shapes: Mapping[str, Mapping[str, bool]], **rest: Any
) -> Contract:
    return Contract(
        name=name,
        version="1.0",
        status="assumption",
        operations={one: OperationContract(one, direction, Effect.QUERYABLE) for one, direction in operations.items()},
        bindings={},
        outcomes={},
        code_paths=(),
        ignore_codes_when=None,
        soap_path="",
        finds={},
        routes={},
        shapes=shapes,
        **rest,
    )


REQUEST = {"request_kind": True, "applicant": True, "applicant.national_id": False, "owners[]": False}
CONTRACTS = {
    "window/1.0": contract(
        "window",
        {"SubmitRequest": Direction.INWARD, "ConfirmPayment": Direction.INWARD, "PushStatus": Direction.OUTWARD},
        {
            "SubmitRequest": {**REQUEST, "owners[].national_id": True},
            "PushStatus": {"reference": True, "status_code": True, "stage": False},
        },
    ),
    "core/1.0": contract(
        "core",
        {"Register": Direction.INWARD},
        {
            "Register": {
                "Kind": True,
                "NationalCode": False,
                "Owners[]": False,
                "Owners[].NationalCode": True,
                "Reference": True,
            }
        },
        answer_shapes={"Register": {"StatusCode": False}},
    ),
}
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(changes: Mapping[str, str | None] | None = None, *, name: str = "sample") -> Path:
        folder = tmp_path / "mappings" / name
        for file, content in {**FILES, **(changes or {})}.items():
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is not None:
                path.write_text(content, encoding="utf-8")
        return folder

    return written


def faults_of(folder: Path) -> list[str]:
    with pytest.raises(FaultyTables) as caught:
        load_service(folder, contracts=CONTRACTS)
    return [fault.removeprefix("mappings/sample/") for fault in caught.value.faults]


def sound(folder: Path) -> Service:
    return load_service(folder, contracts=CONTRACTS)


def test_a_folder_becomes_a_service(write: Write) -> None:
    service = sound(write())
    assert (service.name, service.service_id, service.pattern, service.tier) == (
        "sample",
        "13042652104",
        "case",
        "general",
    )
    assert service.inward[Operation.SUBMIT_REQUEST].operation == "Register"
    assert service.outward == {"status": Operation.PUSH_STATUS, "refusal": Operation.PUSH_STATUS}
    assert service.promise.working_days == 3
    assert service.answer_within is None
    assert service.card["fee"] == "رایگان"
    context = Context(date(2026, 1, 1), exchange={"reference": "r"})
    assert service.tables["submit"].translate({"request_kind": "repair"}, context) == {"Kind": "2", "Reference": "r"}


def test_an_inquiry_says_how_long_its_answer_is_awaited(write: Write) -> None:
    inquiry = SERVICE.replace('pattern = "case"', 'pattern = "inquiry"')
    assert any(
        fault.startswith("service.toml:1: answer_within_seconds: the key is missing")
        for fault in faults_of(write({"service.toml": inquiry}))
    )


def test_a_service_that_takes_objections_says_how_long(write: Write) -> None:
    objected = SERVICE.replace(
        "[outward]", '[inward.FileObjection]\noperation = "Register"\ntable = "objection"\n\n[outward]'
    )
    assert any(
        "objection_within_days: the key is missing" in fault for fault in faults_of(write({"service.toml": objected}))
    )


def test_a_payment_taken_back_is_confirmed_first_and_known_by_a_business_key(write: Write) -> None:
    reversing = SERVICE.replace(
        "[outward]", '[inward.ReversePayment]\noperation = "Register"\ntable = "reversal"\n\n[outward]'
    )
    found = [fault for fault in faults_of(write({"service.toml": reversing})) if "takes back a payment" in fault]
    named = ("business_key.ConfirmPayment", "business_key.ReversePayment", "inward.ConfirmPayment")
    assert all(any(name in fault for fault in found) for name in named)


def test_the_business_key_is_canonical_and_its_parts_do_not_run_together(write: Write) -> None:
    service = sound(write())

    def key(national_id: str, kind: str, *owners: str) -> str | None:
        owners_given = [{"national_id": owner} for owner in owners]
        record = {"applicant": {"national_id": national_id}, "request_kind": kind, "owners": owners_given}
        return business_key_of(service, Operation.SUBMIT_REQUEST, record)

    assert key("۰۰۱۲۳۴۵۶۷۹", " علي ") == key("0012345679", "علی")
    assert key("1", "23") != key("12", "3")
    assert key("1\x1f2", "3") != key("1", "2\x1f3")
    assert key("1", "n", "5", "6") == key("1", "n", "6", "5") != key("1", "n", "56")
    assert business_key_of(service, Operation.SUBMIT_REQUEST, {}) is None
    assert business_key_of(service, Operation.CONFIRM_PAYMENT, {"bill_id": "1"}) is None


def test_search_values_are_canonical_and_absent_ones_are_left_out(write: Write) -> None:
    service = sound(write())
    assert search_values(service, {"applicant": {"national_id": "۰۰۱۲۳۴۵۶۷۹"}}) == {"national_id": "0012345679"}
    assert search_values(service, {"applicant": {}}) == {}


def test_any_change_of_a_file_is_another_version(write: Write) -> None:
    before = sound(write()).sha256
    assert sound(write()).sha256 == before
    assert sound(write({"codes/kind.csv": "gateway,internal\nnew,1\nrepair,3\n"})).sha256 != before


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            'tier = "general"',
            'tier = "generall"',
            "service.toml:5: tier: 'generall' is not known, did you mean 'general'?",
        ),
        (
            'tier = "general"',
            'teir = "general"',
            "service.toml:5: teir: 'teir' is not a key here, did you mean 'tier'?",
        ),
        ('title_en = "A service for tests"\n', "", "service.toml:1: title_en: the key is missing"),
        ('"13042652104"', '"1304265210"', "service.toml:1: service_id: a service id has 11 digits, this has 10"),
        (
            '"window/1.0"',
            '"windwo/1.0"',
            "service.toml:7: gateway: there is no contract 'windwo/1.0', did you mean 'window/1.0'?",
        ),
        (
            "working_days = 3",
            'working_days = "3"',
            "service.toml:11: promise.working_days: the value is not a whole number",
        ),
        (
            "working_days = 3",
            "working_days = 3\ndays = 4",
            "service.toml:10: promise: a promise is in working_days or in days, keep one of them",
        ),
        (
            "[inward.SubmitRequest]",
            "[inward.SubmitReqest]",
            "service.toml:19: inward.SubmitReqest: 'SubmitReqest' is not an operation, did you mean 'SubmitReq",
        ),
        (
            "[inward.SubmitRequest]",
            "[inward.Inquire]",
            "service.toml:19: inward.Inquire: the operation is not spoken here, the pattern is case",
        ),
        (
            'operation = "Register"',
            'operation = "Registr"',
            "service.toml:20: inward.SubmitRequest.operation: 'Registr' is not an inward operation of core/1.0",
        ),
        ('table = "submit"', 'table = "submitt"', "core/submitt.csv: the file is missing"),
        (
            'table = "submit"',
            'table = "status"',
            "service.toml:21: inward.SubmitRequest.table: 'status' is also an outward table",
        ),
        ('table = "submit"\n', "", "service.toml:19: inward.SubmitRequest.table: the key is missing"),
        (
            'status = "PushStatus"',
            'status = "PushStatsu"',
            "service.toml:24: outward.status: 'PushStatsu' is not an operation, did you mean 'PushStatus'?",
        ),
        (
            'status = "PushStatus"',
            'statos = "PushStatus"',
            "service.toml:24: outward.statos: 'statos' is not a table here, the pattern is case, did you",
        ),
        (
            'refusal = "PushStatus"\n',
            "",
            "service.toml:23: outward.refusal: the table is missing, the pattern is case and offers SubmitRequest",
        ),
        (
            'refusal = "PushStatus"\n',
            'refusal = "SubmitRequest"\n',
            "service.toml:25: outward.refusal: 'SubmitRequest' is not an outward operation",
        ),
        (
            "SubmitRequest = [",
            "ConfirmPayment = [",
            "service.toml:14: business_key.ConfirmPayment: 'ConfirmPayment' is not an inward",
        ),
        (
            '"request_kind", ',
            '"requestkind", ',
            "service.toml:14: business_key.SubmitRequest: 'requestkind' is not in SubmitRequest, did you",
        ),
        (
            '"request_kind", ',
            '"request kind", ',
            "service.toml:14: business_key.SubmitRequest: 'request kind' is not a path",
        ),
        (
            'national_id = "applicant.national_id"',
            'national_id = "owners[].national_id"',
            "service.toml:17: search.national_id: 'owners[].national_id' repeats",
        ),
        ('pattern = "case"', "pattern = case", "service.toml:4: not readable as TOML"),
    ],
)
def test_each_mistake_in_service_toml_names_its_line(write: Write, old: str, new: str, expected: str) -> None:
    faults = faults_of(write({"service.toml": SERVICE.replace(old, new)}))
    assert any(fault.startswith(expected) for fault in faults), faults


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        (
            "core/submit.csv",
            "national_id,,,,\n",
            "nationalid,,,,\n",
            "core/submit.csv:3: rule: 'nationalid' is not a rule, did you mean 'national_id'?",
        ),
        (
            "core/submit.csv",
            "NationalCode,app",
            "NationalCod,app",
            "core/submit.csv:3: target: 'NationalCod' is not in Register, did you mean 'NationalCode'?",
        ),
        (
            "core/submit.csv",
            "applicant.national_id",
            "applicant.nationalid",
            "core/submit.csv:3: source: 'applicant.nationalid' is not in SubmitRequest",
        ),
        (
            "core/submit.csv",
            "Kind,request_kind,code,kind,,yes,\n",
            "",
            "core/submit.csv:1: target: no row fills 'Kind', Register requires it",
        ),
        (
            "core/submit.csv",
            "code,kind,",
            "code,kinds,",
            "core/submit.csv:2: argument: there is no codes file 'kinds'; did you mean 'kind'?",
        ),
        (
            "core/submit.csv",
            "required,note",
            "requird,note",
            "core/submit.csv:1: requird: 'requird' is not a column here, did you mean 'required'?",
        ),
        (
            "core/status.csv",
            "StatusCode,code,status,,",
            "StatusCod,code,status,,",
            "core/status.csv:4: source: 'StatusCod' is not in what core/1.0 tells, did you mean 'StatusC",
        ),
        (
            "codes/status.csv",
            "150,approved",
            "150,aproved",
            "codes/status.csv:3: stage: 'aproved' is not known, did you mean 'approved'?",
        ),
        ("codes/kind.csv", "repair,2", "new,2", "codes/kind.csv:3: gateway: 'new' has two meanings, see line 2"),
        ("card.toml", 'fee = "رایگان"\n', "", "card.toml:1: fee: the key is missing"),
        ("card.toml", 'question = "چرا؟"\n', "", "card.toml:14: faq[1].question: the key is missing"),
        ("card.toml", "[[laws]]", "[[lows]]", "card.toml:12: lows: 'lows' is not a key here, did you mean 'laws'?"),
        ("cases/edge.in.json", '"status"', '"refusal"', "core/status.csv: no case tries this table"),
    ],
)
def test_each_mistake_in_a_table_names_its_cell(write: Write, file: str, old: str, new: str, *, expected: str) -> None:
    faults = faults_of(write({file: FILES[file].replace(old, new)}))
    assert any(fault.startswith(expected) for fault in faults), faults


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("service.toml", "service.toml: the file is missing"),
        ("card.toml", "card.toml: the file is missing"),
        ("core/status.csv", "core/status.csv: the file is missing"),
        ("cases/edge.out.json", "cases/edge.out.json: the file is missing, its other half is there"),
        ("cases/edge.in.json", "cases: 2 cases are too few"),
    ],
)
def test_each_missing_file_is_told(write: Write, missing: str, expected: str) -> None:
    faults = faults_of(write({missing: None}))
    assert any(fault.startswith(expected) for fault in faults), faults


MINTING = {
    **CONTRACTS,
    "window/1.0": replace(
        CONTRACTS["window/1.0"],
        operations={
            name: replace(one, idempotency_key=KeySource.MINTED)
            for name, one in CONTRACTS["window/1.0"].operations.items()
        },
    ),
}
KEYLESS = SERVICE[: SERVICE.index("[business_key]")] + SERVICE[SERVICE.index("[search]") :]


def test_a_minted_key_needs_a_business_key_for_what_opens_a_case(write: Write) -> None:
    assert load_service(write(), contracts=MINTING)
    assert sound(write({"service.toml": KEYLESS})).business_key == {}

    with pytest.raises(FaultyTables) as caught:
        load_service(write({"service.toml": KEYLESS}), contracts=MINTING)

    (fault,) = caught.value.faults
    assert fault == (
        "mappings/sample/service.toml:16: inward.SubmitRequest: there is no business key, calls of window/1.0 carry no"
        " idempotency key, it is minted from the business key, name it at business_key.SubmitRequest"
    )


def test_what_belongs_to_a_case_needs_no_business_key_for_its_minted_key(write: Write) -> None:
    paying = SERVICE.replace("[outward]", '[inward.ConfirmPayment]\noperation = "Register"\ntable = "pay"\n\n[outward]')
    changes = {
        "service.toml": f'{paying}setback = "PushStatus"\n',
        "core/pay.csv": f"{HEADER}Kind,,constant,1,,,\nReference,exchange.reference,text,,,yes,\n",
        "core/setback.csv": REFUSAL,
        "cases/pay.in.json": '{"table": "pay", "record": {}, "exchange": {"reference": "r"}}',
        "cases/pay.out.json": '{"Kind": "1", "Reference": "r"}',
        "cases/setback.in.json": '{"table": "setback", "record": {}, "exchange": {"reference": "r"}}',
        "cases/setback.out.json": '{"untranslatable": "outcome.code gives nothing"}',
    }

    service = load_service(write(changes), contracts=MINTING)

    assert Operation.CONFIRM_PAYMENT in service.inward
    assert Operation.CONFIRM_PAYMENT not in service.business_key


def test_a_table_that_nothing_uses_is_told(write: Write) -> None:
    assert faults_of(write({"core/old.csv": HEADER})) == ["core/old.csv: no operation of service.toml uses this table"]


def test_ten_mistakes_in_one_folder_are_told_in_one_run(write: Write) -> None:
    faults = faults_of(
        write(
            {
                "service.toml": SERVICE.replace("general", "generall")
                .replace("working_days", "workdays")
                .replace('national_id = "app', 'national_id = "ap'),
                "card.toml": CARD.replace("fee =", "fees ="),
                "core/submit.csv": SUBMIT.replace("national_id,,,,", "nationalid,,,,").replace(
                    "code,kind,", "code,kinds,"
                ),
                "core/status.csv": STATUS.replace("StatusCode,code,status,,", "StatusCod,code,status,,"),
                "codes/status.csv": "gateway,internal,stag\n010,10,received\n",
                "cases/refused.out.json": None,
            }
        )
    )
    assert len(faults) >= 10, "\n".join(faults)
    assert {fault.partition(":")[0] for fault in faults} >= {
        "service.toml", "card.toml", "core/submit.csv", "core/status.csv", "codes/status.csv", "cases/refused.out.json",
    }  # fmt: skip


def test_a_faulty_service_stops_only_itself(write: Write) -> None:
    write(name="good")
    write(
        {
            "service.toml": SERVICE.replace("13042652104", "13042652105"),
            "core/submit.csv": SUBMIT.replace("code", "cod"),
        },
        name="bad",
    )
    folder = write({"service.toml": None}, name="unnamed").parent
    (folder / "calendars").mkdir()
    services, faults = load_services(folder, CONTRACTS)
    assert list(services) == ["good"]
    assert sorted(faults) == ["bad", "unnamed"]
    assert str(faults["bad"][0]).startswith("mappings/bad/core/submit.csv:2: rule: 'cod' is not a rule")


def test_two_folders_with_one_service_id_stop_each_other(write: Write) -> None:
    folder = write(name="first").parent
    write(name="second")
    write({"service.toml": SERVICE.replace("13042652104", "13042652105")}, name="third")
    services, faults = load_services(folder, CONTRACTS)
    assert list(services) == ["third"]
    assert "is also the id of second" in str(faults["first"][0])
    assert "is also the id of first" in str(faults["second"][0])


def test_a_value_of_another_kind_is_told(write: Write) -> None:
    odd = SERVICE.replace(
        'SubmitRequest = ["applicant.national_id", "request_kind", "owners[].national_id"]', "SubmitRequest = 3"
    )
    odd = odd.replace('[inward.SubmitRequest]\noperation = "Register"\ntable = "submit"', "[inward]\nSubmitRequest = 3")
    faults = faults_of(write({"service.toml": odd}))
    assert "service.toml:20: inward.SubmitRequest: the value is not a section" in faults
    assert any("business_key.SubmitRequest" in fault for fault in faults)
    card = CARD.replace('[[steps]]\ntitle = "ثبت"', 'steps = ["ثبت"]')
    assert "card.toml:8: steps[1]: the entry is not a section" in faults_of(write({"card.toml": card}))


def test_a_table_name_never_leaves_its_folder(write: Write) -> None:
    faults = faults_of(write({"service.toml": SERVICE.replace('table = "submit"', 'table = "../core/submit"')}))
    expected = "service.toml:21: inward.SubmitRequest.table: '../core/submit' is not a name of letters, digits and _"
    assert expected in faults


def test_a_stopped_service_still_tells_its_id(write: Write) -> None:
    assert declared_id(write({"core/submit.csv": "broken"})) == "13042652104"
    assert declared_id(write({"service.toml": "not toml"}, name="other")) == "other"


def test_a_missing_folder_of_services_is_told(tmp_path: Path) -> None:
    with pytest.raises(FaultyTables, match="no such folder"):
        load_services(tmp_path / "absent", CONTRACTS)


def test_cases_that_hold_pass(write: Write) -> None:
    folder = write()
    results = run_cases(folder, sound(folder))
    assert [result.name for result in results] == ["edge", "ordinary", "refused"]
    assert all(result.is_passed for result in results)


_KIND = "(mappings/sample/core/submit.csv:2: request_kind by code kind)"
_OWNER = "(mappings/sample/core/submit.csv:4: owners[].national_id by national_id)"


@pytest.mark.parametrize(
    ("given", "expected", "difference"),
    [
        (None, {"Kind": "2", "Reference": "r"}, 'Kind: "2" was expected, "1" came {KIND}'),
        (None, {"Kind": 1, "Reference": "r"}, 'Kind: 1 was expected, "1" came {KIND}'),
        (
            None,
            {"Kind": "1"},
            'Reference: nothing was expected, "r" came (mappings/sample/core/submit.csv:5: exchange.reference by text)',
        ),
        (
            None,
            {"Kind": "1", "Reference": "r", "X": 1},
            "X: 1 was expected, nothing came (mappings/sample/core/submit.csv: no row fills it)",
        ),
        (None, {"untranslatable": "kind"}, "expected to be untranslatable with 'kind', but a payload came"),
        (
            {"request_kind": "x"},
            {"Kind": "1"},
            (
                "a payload was expected, but the record is untranslatable: mappings/sample/core/submit.csv:2: "
                "request_kind: code: 'x' is not in mappings/sample/codes/kind.csv; add a row there, then replay"
            ),
        ),
        (
            {"request_kind": "new", "owners": [{"national_id": "0012345679"}]},
            {"Kind": "1", "Reference": "r", "Owners": [{"NationalCode": "0499370899"}]},
            'Owners[1].NationalCode: "0499370899" was expected, "0012345679" came {OWNER}',
        ),
        (
            {"request_kind": "new", "owners": [{"national_id": "0012345679"}]},
            {"Kind": "1", "Reference": "r", "Owners": []},
            "Owners: a list of 0 was expected, one of 1 came (mappings/sample/core/submit.csv)",
        ),
    ],
)
def test_a_case_that_differs_tells_what_came_and_from_which_row(
    write: Write, given: Any, expected: Any, difference: str
) -> None:
    record = {"table": "submit", "record": given or {"request_kind": "new"}, "exchange": {"reference": "r"}}
    folder = write(
        {
            "cases/ordinary.in.json": json.dumps(record),
            "cases/ordinary.out.json": json.dumps(expected, ensure_ascii=False),
        }
    )
    (_, ordinary, _) = run_cases(folder, sound(folder))
    told = difference.format(KIND=_KIND, OWNER=_OWNER)
    assert list(map(str, ordinary.differences)) == [told]


def test_a_case_that_cannot_be_run_says_why(write: Write) -> None:
    folder = write()
    service = sound(folder)
    for content, expected in [
        ("{", "ordinary.in.json:1: not readable as JSON"),
        ("[]", "ordinary.in.json holds no JSON object"),
        ('{"tabel": "submit"}', "'tabel' is not a part of a case; did you mean 'table'?"),
        ('{"table": "sumbit"}', "'sumbit' is not a table of this service; did you mean 'submit'?"),
        ('{"table": "submit", "today": "1404/12/30"}', "today: the Jalali calendar has no such day"),
    ]:
        (folder / "cases" / "ordinary.in.json").write_text(content, encoding="utf-8")
        assert str(run_cases(folder, service)[1].differences[0]).startswith(expected)


def test_a_case_may_name_its_day(write: Write) -> None:
    folder = write({"codes/kind.csv": "gateway,internal,valid_from,valid_to\nnew,1,,1404/12/29\nnew,2,1405/01/01,\n"})
    service = sound(folder)
    case = json.loads(FILES["cases/ordinary.in.json"])
    for today, passes in [("1404/12/29", True), ("2026-03-21", False)]:
        (folder / "cases" / "ordinary.in.json").write_text(json.dumps({**case, "today": today}), encoding="utf-8")
        assert run_cases(folder, service)[1].is_passed is passes


def test_without_shapes_only_the_tables_themselves_are_checked(write: Write) -> None:
    folder = write({"core/submit.csv": SUBMIT.replace("NationalCode,app", "NationalCod,app")})
    blind = {title: replace(one, shapes={}, answer_shapes={}) for title, one in CONTRACTS.items()}
    assert load_service(folder, contracts=blind).name == "sample"


def test_every_table_that_a_pattern_sends_is_asked_of_its_services_but_a_document_that_not_all_of_them_give() -> None:
    assert set(STEPS) == set(PATTERNS)
    for pattern, steps in STEPS.items():
        for step in steps:
            needing = PATTERNS[pattern].outward[step.table]
            assert step.after in needing or (step.table, needing) == ("document", frozenset()), step


@pytest.fixture(scope="module")
def known() -> dict[str, Contract]:
    folders = [path.parent for path in (ROOT / "contracts").glob("*/*/contract.toml")]
    return {one.title: one for one in (load_contract(folder, read_wsdl) for folder in folders)}


@pytest.fixture(scope="module")
def shipped(known: dict[str, Contract]) -> tuple[dict[str, Service], dict[str, list[Any]]]:
    return load_services(ROOT / "mappings", known)


def test_the_shipped_services_have_no_fault(shipped: tuple[dict[str, Service], dict[str, list[Any]]]) -> None:
    services, faults = shipped
    assert [str(fault) for found in faults.values() for fault in found] == []
    assert {"building_permit", "renovation_toll", "notary_inquiry"} <= set(services)
    assert services["notary_inquiry"].answer_within == timedelta(seconds=2)


def test_the_shipped_cases_hold(shipped: tuple[dict[str, Service], dict[str, list[Any]]]) -> None:
    failed = [
        (name, result.name, result.differences)
        for name, service in shipped[0].items()
        for result in run_cases(ROOT / "mappings" / name, service)
        if not result.is_passed
    ]
    assert failed == []


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        (
            "building_permit/codes/status.csv",
            "010,10,",
            "ABC,10,",
            "status.csv:2: gateway: does not fit, status_code of PushStatus takes text like ^[0-9]{2,4}$, mend",
        ),
        (
            "building_permit/codes/status.csv",
            "ثبت درخواست,",
            f"{'ب' * 500},",
            "status.csv:2: title: does not fit, status_title of PushStatus takes at most ",
        ),
        (
            "building_permit/codes/usage.csv",
            "agricultural,42,",
            "agricultural,042,",
            "usage.csv:2: internal: does not fit, Floors[].Use of CorrectRequest takes text like 0|[1-9][0-9]{0,4}",
        ),
        (
            "renovation_toll/codes/pay_channel.csv",
            "app,3,",
            "app,seventy,",
            "pay_channel.csv:2: internal: does not fit, pay_channel of RegisterPayment takes ",
        ),
        (
            "building_permit/codes/status.csv",
            "ثبت درخواست,",
            ",",
            "status.csv:2: title: empty, a required row takes it, fill the cell",
        ),
    ],
)
def test_a_code_that_the_other_side_would_refuse_is_told_in_its_codes_file(
    tmp_path: Path, known: dict[str, Contract], file: str, old: str, new: str, *, expected: str
) -> None:
    folder = tmp_path / "mappings"
    shutil.copytree(ROOT / "mappings", folder)
    path = folder / file
    content = path.read_text(encoding="utf-8")
    assert old in content
    path.write_text(content.replace(old, new, 1), encoding="utf-8")
    faults = [str(fault) for fault in load_services(folder, known)[1][file.partition("/")[0]]]
    assert any(fault.startswith(f"mappings/{file.rpartition('/')[0]}/{expected}") for fault in faults), faults


def test_a_code_that_stands_twice_is_told_once(tmp_path: Path, known: dict[str, Contract]) -> None:
    folder = tmp_path / "mappings"
    shutil.copytree(ROOT / "mappings", folder)
    with (folder / "building_permit/codes/status.csv").open("a", encoding="utf-8") as file:
        file.write("999,10,دیگر,approved,citizen,,,قانون,\n")
    (fault,) = load_services(folder, known)[1]["building_permit"]
    assert "internal: '10' has two meanings, see line 2" in str(fault)


def test_a_codes_file_with_semicolons_has_one_fault(tmp_path: Path, known: dict[str, Contract]) -> None:
    folder = tmp_path / "mappings"
    shutil.copytree(ROOT / "mappings", folder)
    path = folder / "building_permit/codes/status.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",", ";"), encoding="utf-8")
    (fault,) = load_services(folder, known)[1]["building_permit"]
    assert str(fault).endswith("status.csv:1: the cells are separated by semicolons, save it with commas")


def test_a_shipped_service_copied_under_another_name_stops_both(
    tmp_path: Path, shipped: tuple[dict[str, Service], Any]
) -> None:
    folder = tmp_path / "mappings"
    for name in ("renovation_toll", "renovation_toll_copy"):
        shutil.copytree(ROOT / "mappings" / "renovation_toll", folder / name)
    contracts = {
        one.title: one
        for one in (load_contract(ROOT / "contracts" / path, read_wsdl) for path in ("window/1.0", "revenue/1.0"))
    }
    assert load_services(folder, contracts)[0] == {}
