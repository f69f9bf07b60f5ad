"""The sandbox keeps its contracts, its gateway and its ledgers."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import jsonschema_rs
import pytest
from lxml import etree

from ops.sandbox import Sandbox
from ops.sandbox.faults import FaultRule, Mode
from tests.integration.sandbox_client import (
    CONTRACTS,
    FAR_AHEAD,
    FOLDERS,
    LONG_AGO,
    ROOT,
    SCHEMAS,
    SOAP_PLACES,
    TRACKING_CODE,
    URBAN,
    WINDOW,
    Start,
    assessment,
    call,
    changes,
    envelope,
    error_keys,
    pay_bills,
    payment_of,
    push,
    question,
    reference,
    request,
    revenue,
    status_push,
    texts,
    urban,
)

pytest_plugins = ("tests.integration.sandbox_fixtures",)


def requests_of(contract: str, kind: str, suffix: str) -> list[Path]:
    return [
        path
        for path in sorted((FOLDERS[contract] / "examples" / kind).glob(f"*{suffix}"))
        if ".answer." not in path.name
    ]


def operation_of(example: Path) -> str:
    return example.name.split(".")[0]


OUTWARD = {
    "PushStatus",
    "IssueBill",
    "PushDocument",
    "AnswerInquiry",
    "CancelBill",
    "ProposeVisit",
    "PublishService",
    "QueryExchange",
    "GetStatement",
}
WINDOW_SOAP = [path for path in requests_of("window", "valid", ".soap.xml") if operation_of(path) in OUTWARD]
SOAP_EXAMPLES = [("urban_core", path) for path in requests_of("urban_core", "valid", ".soap.xml")] + [
    ("gateway", path) for path in WINDOW_SOAP
]
REST_EXAMPLES = [("revenue", path) for path in requests_of("revenue", "valid", ".json")] + [
    ("gateway", path) for path in requests_of("window", "valid", ".json") if operation_of(path) in OUTWARD
]
REST_EXAMPLES = [(name, path) for name, path in REST_EXAMPLES if operation_of(path) != "GetDocument"]
"""A document is no message; those of the stand-ins are asked for in test_fetching."""
OPENAPI = {
    "revenue": json.loads((FOLDERS["revenue"] / "openapi.json").read_text(encoding="utf-8")),
    "gateway": json.loads((FOLDERS["window"] / "openapi.json").read_text(encoding="utf-8")),
}


@pytest.mark.parametrize(("stand_in", "example"), SOAP_EXAMPLES, ids=lambda value: getattr(value, "name", value))
async def test_every_valid_soap_example_gets_an_answer_that_fits_the_schema(
    sandbox: Sandbox, stand_in: str, example: Path
) -> None:
    place, _ = SOAP_PLACES[stand_in]
    seen = await call(sandbox.addresses[stand_in] + place, "POST", example.read_bytes(), "text/xml")
    assert seen.status == 200
    assert etree.QName(seen.soap()).localname == f"{operation_of(example)}Response"
    SCHEMAS[place].assertValid(seen.soap())


def rest_target(stand_in: str, operation: str, record: dict[str, Any]) -> tuple[str, str]:
    for path, methods in OPENAPI[stand_in]["paths"].items():
        for method, described in methods.items():
            if described["operationId"] == operation:
                filled = re.sub(r"\{(\w+)\}", lambda match: record[match[1]], path)
                query = "&".join(f"{name}={quote(str(value))}" for name, value in record.items())
                return method.upper(), f"{filled}?{query}" if method == "get" and filled == path and query else filled
    raise LookupError(operation)


@pytest.mark.parametrize(("stand_in", "example"), REST_EXAMPLES, ids=lambda value: getattr(value, "name", value))
async def test_every_valid_rest_example_gets_an_answer_that_fits_the_schema(
    sandbox: Sandbox, stand_in: str, example: Path
) -> None:
    operation, record = operation_of(example), json.loads(example.read_text(encoding="utf-8"))
    method, target = rest_target(stand_in, operation, record)
    body = b"" if method == "GET" else json.dumps(record).encode()
    seen = await call(sandbox.addresses[stand_in] + target, method, body)
    assert seen.status in {200, 201}
    openapi = OPENAPI[stand_in]
    answer_schema = {"$ref": f"#/components/schemas/{operation}Response", "components": openapi["components"]}
    jsonschema_rs.validate(answer_schema, seen.json())


@pytest.mark.parametrize(
    "example",
    [path for path in requests_of("urban_core", "invalid", ".soap.xml") if operation_of(path) == "AddDocument"],
    ids=lambda path: path.name,
)
async def test_an_invalid_effect_by_soap_is_answered_with_the_validation_code(sandbox: Sandbox, example: Path) -> None:
    url = sandbox.addresses["urban_core"] + "/CaseService.svc"
    seen = await call(url, "POST", example.read_bytes(), "text/xml")
    assert error_keys(seen.soap()) == ["E200"]
    assert not sandbox.ledger("urban_core").entries


async def test_an_invalid_effect_by_rest_is_answered_with_the_validation_code(sandbox: Sandbox) -> None:
    receipt = (await push(sandbox, status_push() | {"sequence": "third"})).json()
    code = (await revenue(sandbox, "/v1/assessments", assessment() | {"year_from": 4})).json()["code"]
    assert (receipt["result_code"], code) == ("203", "VALIDATION")
    assert not sandbox.ledger("gateway").entries


async def test_an_invalid_question_is_answered_with_a_fault(sandbox: Sandbox) -> None:
    by_soap = await urban(sandbox, "GetChanges", {"Count": 0})
    by_rest = await call(sandbox.addresses["revenue"] + "/v1/changes?count=2000")
    no_day = await call(
        f"{sandbox.addresses['gateway']}/v1/statement?since=2026-99-01T00:00:00Z&until={FAR_AHEAD}&page=1"
    )
    assert (no_day.status, no_day.json()["code"]) == (400, "Validation")
    assert by_soap.status == 500
    assert by_soap.soap().findtext(f"detail/{{{URBAN}}}ServiceFault/{{{URBAN}}}Code") == "Validation"
    assert (by_rest.status, by_rest.json()["code"]) == (400, "VALIDATION")


async def test_what_is_not_served_or_not_readable_is_told_so(sandbox: Sandbox) -> None:
    gateway = sandbox.addresses["gateway"]
    assert (await call(gateway + "/v1/nowhere")).status == 404
    assert (await call(gateway + "/v1/statuses", "POST", b"{")).json()["code"] == "UnknownOperation"
    assert (await call(gateway + "/v1/soap", "POST", b"<a", "text/xml")).status == 500
    unserved = await call(gateway + "/v1/soap", "POST", envelope(WINDOW, "CheckHealth", {}), "text/xml")
    assert unserved.soap().findtext("faultstring") == "CheckHealth is not served here"
    doctype = b'<!DOCTYPE a [<!ENTITY x "y">]>' + envelope(WINDOW, "QueryExchange", {"reference": "&x;"})
    assert (await call(gateway + "/v1/soap", "POST", doctype, "text/xml")).status == 500


async def test_the_gateway_receipts_keeps_finds_and_states_what_it_took(sandbox: Sandbox) -> None:
    record = status_push()
    assert (await push(sandbox, record)).json()["result_code"] == "200"
    gateway = sandbox.addresses["gateway"]
    found = (await call(f"{gateway}/v1/exchanges/{record['reference']}")).json()
    unknown = (await call(f"{gateway}/v1/exchanges/{reference()}")).json()
    statement = (await call(f"{gateway}/v1/statement?since={LONG_AGO}&until={FAR_AHEAD}&page=1")).json()
    assert (found["found"], found["operation"], found["tracking_code"]) == (True, "PushStatus", TRACKING_CODE)
    assert unknown["found"] is False
    assert [entry["reference"] for entry in statement["entries"]] == [record["reference"]]
    assert (statement["pages"], statement["entries"][0]["status_code"]) == (1, "040")


async def test_a_double_send_is_a_double_effect_unless_the_stand_in_refuses_duplicates(
    start: Start, tmp_path: Path
) -> None:
    record = status_push()
    trusting = await start(ledger_folder=tmp_path / "trusting")
    strict = await start(ledger_folder=tmp_path / "strict", dedupe=True)
    codes = [[(await push(one, record)).json()["result_code"] for _ in range(2)] for one in (trusting, strict)]
    assert codes == [["200", "200"], ["200", "201"]]
    assert [one.ledger("gateway").repeated for one in (trusting, strict)] == [1, 0]


async def test_a_strict_core_answers_a_duplicate_with_the_first_numbers(start: Start) -> None:
    strict = await start(dedupe=True)
    record = request()
    first, second = [(await urban(strict, "RegisterRequest", record)).soap() for _ in range(2)]
    assert (error_keys(first), error_keys(second)) == ([], ["E100"])
    assert texts(first, "CaseNo") == texts(second, "CaseNo")
    assessed = assessment()
    one, two = [(await revenue(strict, "/v1/assessments", assessed)).json() for _ in range(2)]
    assert two == one | {"code": "DUPLICATE"}


async def test_the_ledger_and_its_state_survive_a_restart(start: Start) -> None:
    sandbox = await start()
    record = request()
    case_no = texts((await urban(sandbox, "RegisterRequest", record)).soap(), "CaseNo")[0]
    await urban(sandbox, "AskProperty", question(202))
    assessed = (await revenue(sandbox, "/v1/assessments", assessment())).json()
    page = await changes(sandbox)
    file = sandbox.ledger("urban_core").path
    before = file.read_bytes()
    await sandbox.close()

    again = await start()
    assert etree.tostring(await changes(again)) == etree.tostring(page)
    assert await pay_bills(again, page, case_no) == [[], []]
    assert (await revenue(again, "/v1/payments", payment_of(assessed))).json()["code"] == "OK"
    second = texts((await urban(again, "RegisterRequest", request())).soap(), "CaseNo")[0]
    found = (await urban(again, "FindByReference", {"Reference": record["Reference"]})).soap()
    assert texts(found, "CaseNo") == [case_no] != [second]
    assert file.read_bytes().startswith(before)
    assert [json.loads(line)["seq"] for line in file.read_text().splitlines()] == [1, 2, 3, 4]


async def test_the_ledger_is_read_from_a_number_on_and_names_nobody(sandbox: Sandbox) -> None:
    for _ in range(3):
        await urban(sandbox, "RegisterRequest", request() | {"RequestKind": 1})
    seen = (await call(sandbox.addresses["urban_core"] + "/_sandbox/ledger?after=1&limit=1")).json()
    assert (seen["last"], [entry["seq"] for entry in seen["entries"]]) == (3, [2])
    written = sandbox.ledger("urban_core").path.read_text(encoding="utf-8")
    assert "شیرین" not in written


async def test_faults_are_set_and_seen_through_the_control_endpoint(sandbox: Sandbox) -> None:
    url = sandbox.addresses["gateway"] + "/_sandbox/faults"
    script = {"faults": [{"mode": "busy", "operation": "PushStatus", "times": 1}]}
    seen = await call(url, "POST", json.dumps(script).encode())
    assert seen.json()["faults"][0] | {} == script["faults"][0] | {"met": 0, "fired": 0, "active": True}
    assert (await push(sandbox)).status == 503
    assert (await call(url)).json()["faults"][0]["active"] is False
    wrong = await call(url, "POST", b'[{"mode": "bussy"}]')
    assert (wrong.status, wrong.json()["detail"][:31]) == (400, "rule 1: 'bussy' is no mode; kno")
    elsewhere = await call(url, "POST", b'[{"mode": "busy", "operation": "PushState"}]')
    assert elsewhere.json()["detail"].startswith("rule 1: 'PushState' is no operation here; known are *, AnswerInquiry")
    assert (await call(url, "POST", b"[", "text/plain")).status == 415


async def test_the_page_is_persian_and_escapes_what_it_shows(sandbox: Sandbox) -> None:
    bill = {"fiche_no": "F1", "kind": "waste", "title": "پسماند", "amount_rial": 1000}
    ids = {"bill_id": "1234567810164", "payment_id": "125040712"}
    common = {name: status_push()[name] for name in ("reference", "tracking_code", "service_id", "event_id")}
    body = json.dumps(common | {"bills": [bill | ids]}).encode()
    for _ in range(2):
        await call(sandbox.addresses["gateway"] + "/v1/bills", "POST", body)
    sandbox.set_faults([FaultRule(Mode.BUSY, code="<script>alert(1)</script>")])
    seen = await call(sandbox.addresses["gateway"] + "/_sandbox")
    text = seen.body.decode()
    assert '<html lang="fa" dir="rtl">' in text
    assert 'class="again"' in text
    assert "<script" not in text
    assert "default-src 'none'" in (seen.headers or {})["content-security-policy"]
    assert (await call(sandbox.addresses["gateway"] + "/_sandbox/none")).status == 404


async def test_the_sandbox_listens_on_loopback_only_and_never_shares_a_port(start: Start, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="loopback only"):
        await start(host="192.0.2.1")
    sandbox = await start()
    port = urlsplit(sandbox.addresses["gateway"]).port
    with pytest.raises(OSError, match="in use"):
        await start(ledger_folder=tmp_path / "other", ports={"gateway": port})


async def test_the_command_prints_its_addresses_and_ends_on_sigterm(tmp_path: Path) -> None:
    script = tmp_path / "faults.toml"
    script.write_text('[[faults]]\nmode = "busy"\noperation = "Ping"\n', encoding="utf-8")
    arguments = ("--ledger", str(tmp_path / "ledgers"), "--contracts", str(CONTRACTS), "--faults", str(script))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ops.sandbox", *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    lines = [(await process.stdout.readline()).decode().split() for _ in range(5)]
    assert [name for name, _, _ in lines] == ["gateway", "urban_core", "revenue", "complaints", "village"]
    assert [address.partition(":")[0] for _, address, _ in lines] == [
        "http",
        "http",
        "http",
        "sqlite",
        str(tmp_path / "ledgers" / "village"),
    ]
    assert (await call(lines[3][2])).status == 200
    assert (await call(lines[2][1] + "/v1/ping")).status == 503
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0


async def test_a_wrong_command_line_says_what_is_wrong(tmp_path: Path) -> None:
    script = tmp_path / "faults.json"
    script.write_text('[{"mode": "slow"}]', encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops.sandbox", "--ledger", str(tmp_path), "--faults", str(script)),
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )
    _, stderr = await process.communicate()
    assert process.returncode == 2
    assert "faults.json: rule 1: slow: seconds: must be above 0" in stderr.decode()
