"""What the stand-ins compute, verify, issue and tell of accounts."""

from __future__ import annotations

from typing import Any

import pytest

from ops.sandbox import Sandbox
from tests.integration.sandbox_client import (
    TRACKING_CODE,
    assessment,
    changes,
    error_keys,
    pay_bills,
    payment_of,
    reference,
    request,
    revenue,
    texts,
    urban,
)

pytest_plugins = ("tests.integration.sandbox_fixtures",)


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


@pytest.mark.parametrize(
    ("kind", "document", "statuses"),
    [
        (1, "204", [10, 30, 40, 70, 110, 120, 140, 150, 160]),
        (21, "205", [10, 30, 40, 110, 120, 150, 160]),
        (31, "206", [10, 30, 40, 110, 120, 150, 160]),
        (72, "213", [10, 30, 40, 110, 120, 150, 160]),
    ],
)
async def test_a_request_ends_with_the_document_of_its_family(
    sandbox: Sandbox, kind: int, document: str, statuses: list[int]
) -> None:
    answer = (await urban(sandbox, "RegisterRequest", request(RequestKind=kind))).soap()
    assert await pay_bills(sandbox, await changes(sandbox), texts(answer, "CaseNo")[0]) == [[], []]
    page = await changes(sandbox)
    assert texts(page, "Changes/StatusCode") == [str(code) for code in statuses]
    assert texts(page, "Changes/Document/Kind") == [document]


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
