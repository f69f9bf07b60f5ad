"""What comes beyond a contract: new names set aside and told once, misspelt and misplaced ones refused, both ways."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapter.contract import load_contract
from adapter.contract.drift import known_of, set_aside_in_json
from adapter.contract.model import Contract
from adapter.refusals import SchemaViolation
from adapter.strict_json import read_json
from adapter.telemetry import MOST_PLACES, DriftLog, Metrics
from adapter.wsdl import read_wsdl
from tests.support.timing import cpu_seconds

FOLDER = Path(__file__).parents[2] / "contracts" / "window" / "1.0"
VALID = FOLDER / "examples" / "valid"
SUBMIT = "SubmitRequest.a_new_building_of_two_owners_and_three_floors"
RECEIPT = "PushStatus.answer.received"
RECORD = read_json((VALID / f"{SUBMIT}.json").read_bytes())

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def window() -> Contract:
    return load_contract(FOLDER, read_wsdl)


def over_soap(contract: Contract, old: str, new: str, example: str = SUBMIT) -> dict[str, Any]:
    text = (VALID / f"{example}.soap.xml").read_text(encoding="utf-8")
    assert old in text
    codec, body = contract.bindings["soap"], text.replace(old, new, 1).encode()
    if ".answer." in example:
        answer = codec.decode_answer(example.partition(".")[0], body)
        assert isinstance(answer, dict)
        return answer
    return codec.decode_request(body).content


def over_rest(contract: Contract, change: Change, example: str = SUBMIT) -> dict[str, Any]:
    content = read_json((VALID / f"{example}.json").read_bytes())
    change(content)
    codec, body, operation = contract.bindings["rest"], json.dumps(content).encode(), example.partition(".")[0]
    if ".answer." in example:
        answer = codec.decode_answer(operation, body)
        assert isinstance(answer, dict)
        return answer
    return codec.decode_request(body, operation=operation).content


def told(refused: pytest.ExceptionInfo[SchemaViolation]) -> list[tuple[str, str]]:
    return [(one.path, one.expected) for one in refused.value.violations]


def test_a_new_element_of_a_request_is_set_aside_counted_and_told_once(window: Contract) -> None:
    with capture_logs() as logs:
        for _ in range(3):
            new = "<mobile>09000000011</mobile><email>SECRET</email>"
            assert over_soap(window, "<mobile>09000000011</mobile>", new) == RECORD
            assert over_rest(window, lambda it: it["applicant"].update(email={"deep": "SECRET"})) == RECORD
    assert window.drift.counts == {("SubmitRequest", "applicant.email"): 6}
    event = {"event": "contract_drift", "log_level": "warning", "contract": "window/1.0"}
    assert logs == [{**event, "operation": "SubmitRequest", "path": "applicant.email"}]


def test_a_new_element_of_an_answer_is_set_aside_too(window: Contract) -> None:
    plain = read_json((VALID / f"{RECEIPT}.json").read_bytes())
    assert over_soap(window, "<result_code>", "<batch><no>1</no></batch><result_code>", RECEIPT) == plain
    assert over_rest(window, lambda it: it.update(batch=7), RECEIPT) == plain
    assert window.drift.counts == {("PushStatus", "batch"): 2}


def test_one_new_element_in_each_of_a_list_is_one_place(window: Contract) -> None:
    assert over_rest(window, lambda it: [one.update(lease="x") for one in it["owners"]]) == RECORD
    text = (VALID / f"{SUBMIT}.soap.xml").read_text(encoding="utf-8").replace("</share_dang>", "</share_dang><lease/>")
    assert window.bindings["soap"].decode_request(text.encode()).content == RECORD
    assert window.drift.counts == {("SubmitRequest", "owners.lease"): 2}


def test_an_element_of_another_namespace_is_as_new_as_one_of_ours(window: Contract) -> None:
    assert over_soap(window, "<owners>", '<x:seal xmlns:x="urn:x" x:a="1">SECRET</x:seal><owners>') == RECORD
    assert [path for _, path in window.drift.counts] == ["seal"]


@pytest.mark.parametrize("name", ["moble", "Mobile", "mobile_", "mobil", "MOBILE"])
def test_a_misspelt_optional_name_is_refused_with_the_near_one(window: Contract, name: str) -> None:
    with pytest.raises(SchemaViolation) as soap:
        over_soap(window, "<mobile>09000000011</mobile>", f"<{name}>09000000011</{name}>")
    with pytest.raises(SchemaViolation) as rest:
        over_rest(window, lambda it: it["applicant"].update({name: it["applicant"].pop("mobile")}))
    assert told(soap) == told(rest) == [(f"applicant.{name}", "no such field; did you mean 'mobile'?")]
    assert not window.drift.counts


def test_a_misspelt_required_name_is_told_with_what_is_missing(window: Contract) -> None:
    with pytest.raises(SchemaViolation) as soap:
        over_soap(window, "<first_name>شیرین</first_name>", "<firstname>شیرین</firstname>")
    with pytest.raises(SchemaViolation) as rest:
        over_rest(window, lambda it: it["applicant"].update(firstname=it["applicant"].pop("first_name")))
    assert told(soap)[0] == told(rest)[0] == ("applicant.firstname", "no such field; did you mean 'first_name'?")
    assert told(rest)[1] == ("applicant.first_name", "a value")
    assert told(soap)[1] == ("applicant.last_name", "legal_id or first_name")


def test_a_new_name_does_not_hide_what_is_missing(window: Contract) -> None:
    with pytest.raises(SchemaViolation) as soap:
        over_soap(window, "<service_id>13042650101</service_id>", "<zone_no>13042650101</zone_no>")
    with pytest.raises(SchemaViolation) as rest:
        over_rest(window, lambda it: it.update(zone_no=it.pop("service_id")))
    assert told(soap) == [("zone_no", "no such field"), ("channel", "service_id")]
    assert told(rest) == [("zone_no", "no such field"), ("service_id", "a value")]
    assert not window.drift.counts


def test_a_name_that_the_contract_has_elsewhere_is_misplaced_and_refused(window: Contract) -> None:
    with pytest.raises(SchemaViolation):
        over_soap(window, "<owners>", "<amount_rial>1</amount_rial><owners>")
    with pytest.raises(SchemaViolation) as rest:
        over_rest(window, lambda it: it.update(amount_rial=1))
    assert told(rest) == [("amount_rial", "no such field")]


def test_a_name_near_one_that_stands_there_already_is_new(window: Contract) -> None:
    assert over_rest(window, lambda it: it["applicant"].update(mobile2="SECRET")) == RECORD
    new = "<mobile>09000000011</mobile><mobile2>SECRET</mobile2>"
    assert over_soap(window, "<mobile>09000000011</mobile>", new) == RECORD
    with pytest.raises(SchemaViolation) as refused:
        over_rest(window, lambda it: it.update(owner={}))
    assert told(refused) == [("owner", "no such field; did you mean 'owners'?")]


@pytest.mark.parametrize(
    "name", ["n0012345679", "x" * 65, "نام"], ids=["a person's number", "too long", "letters of no code"]
)
def test_a_name_that_may_not_be_logged_is_refused(window: Contract, name: str) -> None:
    with pytest.raises(SchemaViolation):
        over_rest(window, lambda it: it.update({name: 1}))
    with pytest.raises(SchemaViolation):
        over_soap(window, "<owners>", f"<{name}/><owners>")
    assert not window.drift.counts


def test_text_behind_a_new_element_is_still_a_fault(window: Contract) -> None:
    with pytest.raises(SchemaViolation) as refused:
        over_soap(window, "<owners>", "<seal/>SECRET<owners>")
    assert ("(whole body)", "elements only") in told(refused)


def test_more_than_a_few_new_names_are_another_message(window: Contract) -> None:
    assert over_rest(window, lambda it: it.update({f"zq{one}": 1 for one in range(20)})) == RECORD
    with pytest.raises(SchemaViolation):
        over_rest(window, lambda it: it.update({f"zq{one}": 1 for one in range(21)}))


def test_thousands_of_new_names_cost_no_time(window: Contract) -> None:
    def read() -> None:
        with pytest.raises(SchemaViolation):
            over_rest(window, lambda it: it.update({f"zq{one}": 1 for one in range(40_000)}))
        with pytest.raises(SchemaViolation):
            over_soap(window, "<owners>", "".join(f"<z{one}/>" for one in range(40_000)) + "<owners>")

    assert cpu_seconds(read, enough=2) < 2


def test_a_new_parameter_of_the_address_is_refused(window: Contract) -> None:
    with pytest.raises(SchemaViolation) as refused:
        window.bindings["rest"].decode_request(b"", operation="CheckHealth", parameters={"colour": "red"})
    assert told(refused) == [("colour", "no such field")]


def test_nothing_new_leaves(window: Contract) -> None:
    for codec in window.bindings.values():
        with pytest.raises(SchemaViolation):
            codec.encode_request("SubmitRequest", {**RECORD, "email": "x"})
        with pytest.raises(SchemaViolation):
            codec.encode_answer("SubmitRequest", {"email": "x"})


def test_where_anything_may_stand_nothing_is_set_aside() -> None:
    known = known_of({"a", "b"}, {"a": True, "b": False, "b.#any": False})
    drift = set_aside_in_json({"a": {"new": 1}, "b": {"new": 1}, "c": 1}, known)
    assert drift.cleaned == {"a": {"new": 1}, "b": {"new": 1}}
    assert list(drift.strangers) == ["c"]


def test_a_contract_whose_maps_take_any_name_tolerates_none(window: Contract) -> None:
    drift = set_aside_in_json({"new": 1}, known_of((), {}))
    assert (drift.cleaned, drift.strangers) == ({"new": 1}, {})
    assert set_aside_in_json({"new": 1, "a": 2}, known_of({"a"}, {"a": True})).cleaned == {"a": 2}


def test_the_metric_tells_contract_operation_and_path_and_never_more_places_than_a_few(window: Contract) -> None:
    metrics, drift = Metrics(), DriftLog("window/1.0")
    metrics.watch([drift])
    with capture_logs() as logs:
        for _ in range(2):
            drift.met("SubmitRequest", [f"field{one}" for one in range(MOST_PLACES + 50)])
    page = metrics.page().decode()
    assert 'panjereh_contract_drift_total{contract="window/1.0",operation="SubmitRequest",path="field0"} 2.0' in page
    assert 'operation="(others)",path="(others)"} 100.0' in page
    assert len(logs) == len(drift.counts) == MOST_PLACES + 1
