"""The complaints stand-in, and what the others compute, verify and tell of accounts."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from ops.sandbox import Sandbox
from ops.sandbox.faults import FaultRule, Mode
from tests.integration.sandbox_client import (
    FAR_AHEAD,
    LONG_AGO,
    TRACKING_CODE,
    Start,
    assessment,
    call,
    error_keys,
    payment_of,
    reference,
    revenue,
    texts,
    urban,
)

pytest_plugins = ("tests.integration.sandbox_fixtures",)


def report(**more: Any) -> dict[str, Any]:
    told = {"subject": "205", "description": "چراغ خاموش است", "channel": "1"}
    return {"reference": reference(), "tracking_code": TRACKING_CODE} | told | more


async def post(sandbox: Sandbox, path: str, record: dict[str, Any]) -> Any:
    return (await call(sandbox.addresses["complaints"] + path, "POST", json.dumps(record).encode())).json()


async def get(sandbox: Sandbox, path: str) -> Any:
    return (await call(sandbox.addresses["complaints"] + path)).json()


async def told(sandbox: Sandbox) -> list[tuple[str, int | None]]:
    changes = (await get(sandbox, "/v1/changes?count=100"))["changes"]
    return [(one["kind"], one.get("status_code")) for one in changes]


async def test_a_report_lives_until_it_is_answered_and_closed(sandbox: Sandbox) -> None:
    entered = await post(sandbox, "/v1/reports", report())
    assert (entered["code"], entered["status_code"]) == ("OK", 10)
    statuses = [("status", code) for code in (10, 20, 40, 60)]
    assert await told(sandbox) == [*statuses, ("document", None), ("status", 70)]


@pytest.mark.parametrize(
    ("figures", "code"),
    [("404", "OUT_OF_CITY"), ("405", "NOT_OURS"), ("409", "KNOWN_ALREADY"), ("410", "NO_PLACE")],
)
async def test_some_places_are_refused(sandbox: Sandbox, figures: str, code: str) -> None:
    answer = await post(sandbox, "/v1/reports", report(postal_code=f"2020212{figures}"))
    assert answer["code"] == code
    assert sandbox.ledger("complaints").entries == []


async def test_an_incomplete_report_waits_for_a_note(sandbox: Sandbox) -> None:
    number = (await post(sandbox, "/v1/reports", report(postal_code="2020212020")))["report_no"]
    assert await told(sandbox) == [("status", 10), ("status", 15)]
    note = {"reference": reference(), "report_no": number, "note_no": "N-1", "text": "کوچهٔ بهار"}
    assert (await post(sandbox, "/v1/notes", note))["code"] == "OK"
    assert ("status", 70) in await told(sandbox)


async def test_a_closed_report_takes_nothing_but_an_objection(sandbox: Sandbox) -> None:
    number = (await post(sandbox, "/v1/reports", report()))["report_no"]
    await told(sandbox)
    late = {"reference": reference(), "report_no": number, "reason": "روشن شد"}
    assert (await post(sandbox, "/v1/cancellations", late))["code"] == "CLOSED"
    filed = {"objection_no": "O-1", "reason_code": "1", "text": "روشن نشده است"}
    objection = {"reference": reference(), "tracking_code": TRACKING_CODE, "report_no": number} | filed
    assert (await post(sandbox, "/v1/objections", objection))["code"] == "OK"
    assert (await told(sandbox))[6:] == [("status", code) for code in (80, 40, 60, 70)]


async def test_a_report_is_found_by_its_reference_and_stands_in_the_ledger(sandbox: Sandbox) -> None:
    filed = report()
    number = (await post(sandbox, "/v1/reports", filed))["report_no"]
    found = await get(sandbox, f"/v1/exchanges/{filed['reference']}")
    assert (found["found"], found["subject"], found["report_no"]) == (True, "205", number)
    assert (await get(sandbox, f"/v1/exchanges/{reference()}")) == {"found": False}
    page = await get(sandbox, f"/v1/ledger?since={quote(LONG_AGO)}&until={quote(FAR_AHEAD)}&page=1")
    assert [entry["report_no"] for entry in page["entries"]] == [number]


async def test_no_citizen_stands_in_the_ledger(sandbox: Sandbox) -> None:
    await post(sandbox, "/v1/reports", report(national_id="0001172034", last_name="نمونه"))
    (entry,) = sandbox.ledger("complaints").entries
    assert "0001172034" not in json.dumps(entry.told(), default=str)


async def test_the_same_faults_befall_it(sandbox: Sandbox) -> None:
    sandbox.set_faults([FaultRule(stand_in="complaints", operation="RegisterReport", mode=Mode.ANSWER_LOST, times=1)])
    filed = report()
    lost = await call(sandbox.addresses["complaints"] + "/v1/reports", "POST", json.dumps(filed).encode())
    assert lost.ending == "closed"
    assert (await get(sandbox, f"/v1/exchanges/{filed['reference']}"))["found"]


async def test_a_restarted_stand_in_tells_the_same_changes(start: Start) -> None:
    sandbox = await start()
    await post(sandbox, "/v1/reports", report())
    before = await get(sandbox, "/v1/changes?count=100")
    await sandbox.close()
    assert await get(await start(), "/v1/changes?count=100") == before


# the others


def measured(kind: str, **more: Any) -> dict[str, Any]:
    return {"Reference": reference(), "TrackingCode": TRACKING_CODE, "Kind": kind} | more


async def test_density_is_computed_from_the_land(sandbox: Sandbox) -> None:
    answer = (await urban(sandbox, "Calculate", measured("1", LandArea="312.5"))).soap()
    assert texts(answer, "Results/Value") == ["240", "750.00", "187.50"]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (measured("1"), "E370"),
        (measured("2", LandArea="312.5"), "E370"),
        (measured("77", LandArea="312.5"), "E370"),
        (measured("1", House=404, LandArea="312.5"), "E300"),
    ],
)
async def test_what_cannot_be_computed_is_refused(sandbox: Sandbox, asked: dict[str, Any], code: str) -> None:
    assert error_keys((await urban(sandbox, "Calculate", asked)).soap()) == [code]


@pytest.mark.parametrize(("number", "state"), [("1399-3-000412", "1"), ("12402", "2"), ("12403", "3"), ("12405", "4")])
async def test_a_certificate_s_number_chooses_its_state(sandbox: Sandbox, number: str, state: str) -> None:
    answer = (await urban(sandbox, "VerifyCertificate", measured("2", CertificateNo=number))).soap()
    assert texts(answer, "State") == [state]


async def test_a_certificate_that_nobody_gave_is_not_found(sandbox: Sandbox) -> None:
    answer = (await urban(sandbox, "VerifyCertificate", measured("2", CertificateNo="12404"))).soap()
    assert error_keys(answer) == ["E360"]


def car(figures: int) -> dict[str, Any]:
    told = {"kind": "4", "vehicle": {"plate": f"12ب{figures}-67"}}
    return {"reference": reference(), "tracking_code": TRACKING_CODE} | told


async def test_a_car_is_known_by_the_figures_of_its_plate(sandbox: Sandbox) -> None:
    assert (await revenue(sandbox, "/v1/assessments", car(404))).json()["code"] == "NO_VEHICLE"
    billed = (await revenue(sandbox, "/v1/assessments", car(345))).json()
    assert [bill["title"] for bill in billed["bills"]] == ["عوارض خودرو"]


async def test_a_clearance_comes_when_nothing_is_owed_or_all_is_paid(sandbox: Sandbox) -> None:
    free = (await revenue(sandbox, "/v1/assessments", assessment(100) | {"kind": "9"})).json()
    assert free["document"]["kind"] == "31"
    owed = (await revenue(sandbox, "/v1/assessments", assessment(800) | {"kind": "9"})).json()
    assert "document" not in owed
    answers = [
        (await revenue(sandbox, "/v1/payments", payment_of({**owed, "bills": [bill]}))).json() for bill in owed["bills"]
    ]
    assert ["document" in one for one in answers] == [False, False, True]


async def test_a_renovation_toll_ends_without_a_document(sandbox: Sandbox) -> None:
    owed = (await revenue(sandbox, "/v1/assessments", assessment())).json()
    assert "document" not in (await revenue(sandbox, "/v1/payments", payment_of(owed))).json()


@pytest.mark.parametrize(("number", "code"), [("M-100", "OK"), ("M-404", "NO_ACCOUNT"), ("M-48", "OK")])
async def test_an_account_is_told_by_its_number(sandbox: Sandbox, number: str, code: str) -> None:
    asked = {"reference": reference(), "tracking_code": TRACKING_CODE, "account_no": number}
    told_account = (await revenue(sandbox, "/v1/accounts/questions", asked)).json()
    assert told_account["code"] == code
    assert (told_account.get("debt_rial", 0) > 0) is (number == "M-48")
