"""Each mistake in a service's folder is told with its file, line and cell."""

from __future__ import annotations

import pytest

from tests.support.service_folder import CARD, FILES, HEADER, SERVICE, STATUS, SUBMIT, Write, faults_of

pytest_plugins = ["tests.support.service_fixtures"]


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
