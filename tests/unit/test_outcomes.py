"""What an observation means: one test per row of the reliability table, then the contract's own codes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapter.contract import load_contract
from adapter.contract.codec import Fault
from adapter.contract.model import Contract, OperationContract
from adapter.contract.outcomes import Observation, Pause, Seen, classify, meaning_of_answer, retry_after
from adapter.exchange import Effect, Outcome, Verdict
from adapter.wsdl import read_wsdl

CONTRACTS = Path(__file__).parents[2] / "contracts"
WINDOW = load_contract(CONTRACTS / "window" / "1.0", read_wsdl)
CORE = load_contract(CONTRACTS / "urban_core" / "1.0", read_wsdl)
REVENUE = load_contract(CONTRACTS / "revenue" / "1.0")
NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)

CHANGING, READING = "PushStatus", "GetStatement"
RECEIPT = {"result_code": "200", "result_message": "ok", "received_at": "2026-11-21T08:00:00Z"}


def judged(observation: Observation, operation: str = CHANGING, contract: Contract = WINDOW) -> Outcome:
    return classify(contract, contract.operations[operation], observation)


def answered(status: int, content: Any = None, **more: Any) -> Observation:
    return Observation(Seen.ANSWERED, status, content, **more)


def fault(code: str, *, sender: bool, status: int = 500) -> Observation:
    return answered(status, Fault(code, "text of theirs", sender=sender))


DONE, RETRY, DOUBT, PARKED, REFUSED = (
    Verdict.DONE,
    Verdict.RETRY,
    Verdict.IN_DOUBT,
    Verdict.PARKED,
    Verdict.REFUSED,
)

ROWS = {
    "it never left": (Observation(Seen.UNSENT), RETRY, RETRY),
    "a certificate error": (Observation(Seen.CERTIFICATE), PARKED, PARKED),
    "no token was given to us": (Observation(Seen.SHUT), RETRY, RETRY),
    "a document could not be read, nothing left": (Observation(Seen.WITHHELD), PARKED, PARKED),
    "a document was not what its mark says": (Observation(Seen.BROKEN_OFF), PARKED, PARKED),
    "reset or time-out after a byte may have left": (Observation(Seen.LOST), DOUBT, RETRY),
    "an unreadable 2xx, HTML, wrong media type, empty": (Observation(Seen.UNREADABLE, 200), DOUBT, RETRY),
    "a schema-valid success": (answered(200, RECEIPT), DONE, DONE),
    "a duplicate in the body by the contract's table": (answered(200, {**RECEIPT, "result_code": "201"}), DOUBT, RETRY),
    "busy in the body by the contract's table": (answered(200, {**RECEIPT, "result_code": "290"}), RETRY, RETRY),
    "a refusal in the body by the contract's table": (
        answered(200, {**RECEIPT, "result_code": "205"}),
        REFUSED,
        REFUSED,
    ),
    "a fault of configuration in the body": (answered(200, {**RECEIPT, "result_code": "204"}), PARKED, PARKED),
    "an unknown code in the body": (answered(200, {**RECEIPT, "result_code": "999"}), PARKED, PARKED),
    "a SOAP Client fault": (fault("Client", sender=True), PARKED, PARKED),
    "a SOAP fault in a 200": (fault("Server", sender=False, status=200), DOUBT, RETRY),
    "MustUnderstand": (fault("MustUnderstand", sender=False), PARKED, PARKED),
    "VersionMismatch": (fault("VersionMismatch", sender=False), PARKED, PARKED),
    "a SOAP Server fault with a known busy code": (fault("Busy", sender=False), RETRY, RETRY),
    "a SOAP Server fault known to be unclear": (fault("Unavailable", sender=False), DOUBT, RETRY),
    "another SOAP Server fault": (fault("Server", sender=False), DOUBT, RETRY),
    "a wsse fault": (fault("InvalidSecurityToken", sender=True), RETRY, RETRY),
    "a 500 without fault": (answered(500), DOUBT, RETRY),
    "a 500 with an ordinary answer": (answered(500, RECEIPT), DOUBT, RETRY),
    "a 502": (answered(502), DOUBT, RETRY),
    "a 504": (answered(504), DOUBT, RETRY),
    "a 408": (answered(408), DOUBT, RETRY),
    "a 599 that nobody knows": (answered(599), DOUBT, RETRY),
    "a 400": (answered(400), PARKED, PARKED),
    "a 404": (answered(404), PARKED, PARKED),
    "a 405": (answered(405), PARKED, PARKED),
    "a 406": (answered(406), PARKED, PARKED),
    "a 410": (answered(410), PARKED, PARKED),
    "a 413": (answered(413), PARKED, PARKED),
    "a 414": (answered(414), PARKED, PARKED),
    "a 415": (answered(415), PARKED, PARKED),
    "a 422": (answered(422), PARKED, PARKED),
    "a 501": (answered(501), PARKED, PARKED),
    "a 418 that nobody knows": (answered(418), PARKED, PARKED),
    "a 401": (answered(401), RETRY, RETRY),
    "a 401 with a problem document": (fault("NotAuthorised", sender=True, status=401), RETRY, RETRY),
    "a 403": (answered(403), RETRY, RETRY),
    "a 409": (answered(409), DOUBT, RETRY),
    "a 409 whose code the contract knows": (fault("DuplicateReference", sender=True, status=409), DOUBT, RETRY),
    "a 429": (answered(429), RETRY, RETRY),
    "a 503": (answered(503), RETRY, RETRY),
    "a 301": (answered(301), PARKED, PARKED),
    "a 307": (answered(307), PARKED, PARKED),
    "a redirect with a fault": (fault("Busy", sender=False, status=302), PARKED, PARKED),
    "a 101": (answered(101), DOUBT, RETRY),
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.replace(" ", "_"))
def test_each_row_of_the_table_decides_for_what_changes_something(row: str) -> None:
    observation, expected, _ = ROWS[row]
    assert judged(observation).verdict is expected


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.replace(" ", "_"))
def test_what_only_reads_is_never_in_doubt(row: str) -> None:
    observation, _, expected = ROWS[row]
    assert judged(observation, READING).verdict is expected


@pytest.mark.parametrize(
    ("observation", "pause"),
    [
        (Observation(Seen.CERTIFICATE), Pause.CERTIFICATE),
        (Observation(Seen.SHUT), Pause.CREDENTIALS),
        (answered(401), Pause.CREDENTIALS),
        (fault("NotAuthorised", sender=True, status=401), Pause.CREDENTIALS),
        (answered(403), Pause.FORBIDDEN),
        (fault("FailedAuthentication", sender=True), Pause.SIGNATURE),
        (answered(503), None),
        (Observation(Seen.UNSENT), None),
        (answered(200, RECEIPT), None),
    ],
)
def test_what_a_person_must_mend_pauses_the_endpoint(observation: Observation, pause: Pause | None) -> None:
    assert judged(observation).pause == pause


@pytest.mark.parametrize("seen", list(Seen))
def test_only_what_never_left_says_so(seen: Seen) -> None:
    outcome = judged(Observation(seen, 200, RECEIPT))
    assert outcome.left is (seen not in {Seen.UNSENT, Seen.CERTIFICATE, Seen.SHUT, Seen.WITHHELD})


def test_every_status_has_a_verdict_and_only_a_readable_success_is_done() -> None:
    verdicts = {status: judged(answered(status)).verdict for status in range(100, 600)}
    assert Verdict.DONE not in verdicts.values()
    assert {status for status, verdict in verdicts.items() if verdict is RETRY} == {401, 403, 429, 503}


def test_an_unknown_code_names_the_table_that_lacks_it() -> None:
    outcome = judged(answered(200, {**RECEIPT, "result_code": "999"}))
    assert outcome.code == "999"
    assert outcome.reason == "contracts/window/1.0/outcomes.csv: has no row for body,999; add one, then replay"


def test_a_code_that_a_stranger_made_up_is_not_repeated() -> None:
    outcome = judged(answered(200, {**RECEIPT, "result_code": "0012345679\n forged"}))
    assert "0012345679" not in f"{outcome.code} {outcome.reason}"


def test_no_free_text_of_theirs_becomes_a_reason() -> None:
    for observation in (fault("Server", sender=False), fault("Busy", sender=False), fault("Client", sender=True)):
        assert "text of theirs" not in (judged(observation).reason or "")


def test_a_refusal_is_told_in_persian_and_the_rest_to_the_operator() -> None:
    refused = judged(answered(200, {**RECEIPT, "result_code": "205"}))
    parked = judged(answered(200, {**RECEIPT, "result_code": "204"}))
    assert refused.reason == WINDOW.outcomes["body", "205"].fa
    assert parked.reason == WINDOW.outcomes["body", "204"].en


def test_retry_after_comes_with_the_verdict() -> None:
    wait = timedelta(seconds=7)
    assert judged(answered(503, retry_after=wait)).retry_after == wait
    assert judged(answered(429, retry_after=wait)).retry_after == wait


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("7", timedelta(seconds=7)),
        (" 7 ", timedelta(seconds=7)),
        ("0", timedelta(seconds=1)),
        ("86400", timedelta(hours=1)),
        ("9999999999", timedelta(hours=1)),
        ("99999999999999999999", None),
        ("Sat, 21 Nov 2026 08:02:00 GMT", timedelta(minutes=2)),
        ("Sat, 21 Nov 2026 07:00:00 GMT", timedelta(seconds=1)),
        ("Mon, 21 Nov 2095 07:00:00 GMT", timedelta(hours=1)),
        ("Sat, 21 Nov 2026 08:02:00", timedelta(minutes=2)),
        ("-5", None),
        ("7.5", None),
        ("۷", None),
        ("soon", None),
        ("", None),
        ("Mon, 01 Jan 2020 00:00:00 +99999999999999999999", None),
        ("Mon, 01 Jan 2020 00:00:00 +9999", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 0001 00:00:00 +2359", timedelta(seconds=1)),
        ("Fri, 31 Dec 9999 23:59:59 -2359", timedelta(hours=1)),
    ],
)
def test_retry_after_is_seconds_or_a_date_between_a_second_and_an_hour(
    header: str | None, expected: timedelta | None
) -> None:
    assert retry_after(header, NOW) == expected


def core_answer(*errors: tuple[str, int], **more: Any) -> dict[str, Any]:
    told = [{"ErrorTitel": "x", "ErrorKey": key, "ErrorAction": action} for key, action in errors]
    return {"ErrorResult": {"BizErrors": told}, **more}


@pytest.mark.parametrize(
    ("answer", "verdict", "code"),
    [
        (core_answer(CaseNo="1"), DONE, None),
        ({"ErrorResult": {}, "CaseNo": "1"}, DONE, None),
        (core_answer(("E300", 0)), REFUSED, "E300"),
        (core_answer(("E300", 1), CaseNo="1"), DONE, None),
        (core_answer(("E900", 0), ("E300", 0)), RETRY, "E900"),
        (core_answer(("E300", 0), ("E777", 0)), PARKED, "E777"),
        (core_answer(("E777", 1), CaseNo="1"), DONE, None),
        (core_answer(("E400", 0), CaseNo="1"), DONE, "E400"),
    ],
)
def test_among_several_codes_the_gravest_counts_and_warnings_do_not(
    answer: dict[str, Any], verdict: Verdict, code: str | None
) -> None:
    outcome = judged(answered(200, answer), "RegisterRequest", CORE)
    assert (outcome.verdict, outcome.code) == (verdict, code)
    assert outcome.answer == answer


def test_an_answer_that_comes_later_is_awaited() -> None:
    deferred = {"ErrorResult": {}, "State": 2, "InquiryNo": "7"}
    assert judged(answered(200, deferred), "AskProperty", CORE).verdict is Verdict.AWAITING
    assert judged(answered(200, {**deferred, "State": 1}), "AskProperty", CORE).verdict is Verdict.DONE


def test_an_answer_found_later_means_what_it_would_have_meant_at_once() -> None:
    operation = REVENUE.operations["CreateAssessment"]
    assert meaning_of_answer(REVENUE, operation, {"code": "NO_PROPERTY"}).verdict is REFUSED


def test_an_idempotent_operation_is_in_doubt_like_any_other_that_changes_something() -> None:
    operation: OperationContract = WINDOW.operations[CHANGING]
    for effect in (Effect.IDEMPOTENT, Effect.NEITHER):
        assert classify(WINDOW, replace(operation, effect=effect), Observation(Seen.LOST)).verdict is DOUBT
