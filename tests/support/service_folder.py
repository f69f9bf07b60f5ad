"""A small sound folder of a service, to be changed and read by tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from adapter.contract.model import Contract, OperationContract
from adapter.errors import FaultyTables
from adapter.exchange import Direction, Effect
from adapter.service import Service, load_service

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


def faults_of(folder: Path) -> list[str]:
    with pytest.raises(FaultyTables) as caught:
        load_service(folder, contracts=CONTRACTS)
    return [fault.removeprefix("mappings/sample/") for fault in caught.value.faults]


def sound(folder: Path) -> Service:
    return load_service(folder, contracts=CONTRACTS)
