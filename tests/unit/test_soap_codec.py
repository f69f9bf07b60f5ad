"""SOAP messages by compiled functions: the same after both ways, validated when written, and zeep as the oracle."""

from __future__ import annotations

import base64
import functools
import json
from pathlib import Path
from typing import Any

import pytest
import zeep
from lxml import etree

from adapter.contract.codec import Decoded, Fault
from adapter.contract.model import Contract
from adapter.contract.soap import SoapCodec, _opened
from adapter.refusals import SchemaViolation, Unreadable
from adapter.strict_json import read_json
from tests.support.enveloped import (
    INVALID,
    LOADED,
    NS,
    TWINS,
    VALID,
    WINDOW,
    WITHDRAWAL,
    envelope,
    health,
    kept,
    of,
    read,
)

pytest_plugins = ["tests.support.enveloped_fixtures"]


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.name)
def test_a_valid_example_is_the_same_after_both_ways(path: Path) -> None:
    codec, operation, is_answer = of(path)
    content = read(path)
    if is_answer:
        assert codec.decode_answer(operation, codec.encode_answer(operation, content)) == content
    else:
        assert codec.thaw(operation, codec.encode_request(operation, content)) == content


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.name)
def test_an_invalid_example_is_refused_or_what_is_new_in_it_set_aside(path: Path) -> None:
    drift = LOADED[path.parents[2]].drift
    before = drift.counts.total()
    try:
        read(path)
    except (SchemaViolation, Unreadable):
        return
    assert drift.counts.total() > before


@pytest.mark.parametrize("path", TWINS, ids=lambda path: path.name)
def test_both_bindings_read_their_twins_as_one_canonical_record(path: Path) -> None:
    assert read(path) == read_json(path.with_suffix("").with_suffix(".json").read_bytes())


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.name)
def test_zeep_reads_what_the_compiled_functions_write(path: Path) -> None:
    codec, operation, is_answer = of(path)
    content = read(path)
    written = codec.encode_answer(operation, content) if is_answer else codec.encode_request(operation, content)
    wsdl = oracle(path.parents[2])
    element = wsdl.types.get_element(f"{{{codec._wsdl.namespace}}}{operation}{'Response' if is_answer else ''}")
    child = _opened(written).child  # what goes beside the message stands in it again
    plain: Any = zeep.helpers.serialize_object
    theirs = plain(element.parse(child, wsdl.types), dict)
    assert leaves(theirs) == leaves(content)


@functools.cache
def oracle(folder: Path) -> Any:
    client: Any = zeep.Client
    return client(str(next(folder.glob("*.wsdl")))).wsdl


def leaves(value: Any) -> list[str]:
    """Every value as text, in order; what is absent or empty is left out, times lose their spelling."""
    if isinstance(value, dict):
        return [one for inner in value.values() for one in leaves(inner)]
    if isinstance(value, list):
        return [one for inner in value for one in leaves(inner)]
    if value is None or value == "":
        return []
    if isinstance(value, bytes):
        return [base64.b64encode(value).decode()]
    text = str(value)
    is_time = len(text) > 18 and text[10] in "T "
    return [text[:10] if is_time else text]


def test_canonical_values_are_whole_numbers_yes_and_no_and_text_as_written(codec: SoapCodec) -> None:
    path = WINDOW / "examples/valid/SubmitRequest.a_new_building_of_two_owners_and_three_floors.soap.xml"
    content = codec.decode_request(path.read_bytes()).content
    assert all(type(floor["level"]) is int for floor in content["floors"])
    assert all(type(floor["area_m2"]) is str for floor in content["floors"])
    assert all(type(owner["share_dang"]) is str for owner in content["owners"])
    assert type(content["submitted_at"]) is str


def test_a_yes_may_be_written_as_one(codec: SoapCodec) -> None:
    body = envelope(
        f'<WithdrawRequest xmlns="{NS}"><tracking_code>4052718396</tracking_code><channel><code>counter</code>'
        "<card_seen> 1 </card_seen></channel><reason>x</reason></WithdrawRequest>"
    )
    assert codec.decode_request(body).content["channel"]["card_seen"] is True


def test_the_key_travels_in_the_header_and_comes_back(codec: SoapCodec) -> None:
    frozen = codec.encode_request("WithdrawRequest", WITHDRAWAL, key="key-0123456789abcdef")
    assert codec.decode_request(frozen) == Decoded("WithdrawRequest", WITHDRAWAL, "key-0123456789abcdef")


def test_the_same_content_is_frozen_to_the_same_bytes(codec: SoapCodec) -> None:
    assert codec.encode_request("WithdrawRequest", WITHDRAWAL) == codec.encode_request("WithdrawRequest", WITHDRAWAL)


def test_a_request_is_posted_to_the_contracts_path_with_its_action(codec: SoapCodec) -> None:
    form = codec.form("WithdrawRequest", b"frozen")
    assert (form.method, form.path, form.body) == ("POST", "/v1/soap", b"frozen")
    assert form.headers["SOAPAction"] == f'"{NS}:WithdrawRequest"'


@pytest.mark.parametrize(
    ("change", "path", "expected"),
    [
        ({"reason": 5}, "reason", "text"),
        ({"reason": "a\x00b"}, "reason", "text without control characters"),
        ({"reason": "\ud800"}, "reason", "text without control characters"),
        ({"channel": "counter"}, "channel", "an object"),
        ({"channel": {"code": "counter", "card_seen": "true"}}, "channel.card_seen", "yes or no"),
        ({"colour": "red"}, "colour", "no such field"),
        ({"tracking_code": None}, "tracking_code", "a value"),
        ({"tracking_code": "12x"}, "tracking_code", "text like [0-9]{8,20}"),
    ],
)
def test_nothing_invalid_leaves(codec: SoapCodec, change: dict[str, Any], path: str, expected: str) -> None:
    with pytest.raises(SchemaViolation) as caught:
        codec.encode_request("WithdrawRequest", {**WITHDRAWAL, **change})
    assert [(one.path, one.expected) for one in caught.value.violations] == [(path, expected)]


def test_a_list_where_one_stands_and_one_where_a_list_stands_do_not_leave(codec: SoapCodec) -> None:
    bill = read(WINDOW / "examples/valid/IssueBill.two_fees_of_one_case.soap.xml")
    with pytest.raises(SchemaViolation) as caught:
        codec.encode_request("IssueBill", {**bill, "bills": bill["bills"][0]})
    assert caught.value.violations[0].path == "bills"


def test_an_operation_that_is_not_the_one_asked_for_is_unreadable(codec: SoapCodec) -> None:
    with pytest.raises(Unreadable):
        codec.decode_request(envelope(health()), operation="SubmitRequest")
    with pytest.raises(Unreadable):
        codec.decode_answer("SubmitRequest", codec.encode_answer("WithdrawRequest", kept()))


def test_our_fault_is_read_back_with_its_own_code(codec: SoapCodec) -> None:
    problem = {"code": "already-filed", "title": "Filed before", "title_fa": "پیش‌تر ثبت شده", "detail": "4052718396"}
    written = codec.encode_fault(Fault("already-filed", "Filed before", sender=True), problem)
    assert codec.decode_answer("SubmitRequest", written) == Fault("already-filed", "Filed before", sender=True)
    detail: Any = etree.fromstring(written).find(f".//{{{NS}}}Problem")
    assert codec._wsdl.schema.validate(detail)
    assert etree.fromstring(written).findtext(".//faultcode") == "soap:Client"


UNAVAILABLE = '<detail><e:ServiceFault xmlns:e="urn:x"><e:Code>Unavailable</e:Code></e:ServiceFault></detail>'


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("<faultcode>soap:Server</faultcode><faultstring>x</faultstring>", Fault("Server", "x", sender=False)),
        ("<faultcode>soap:Client.Busy</faultcode><faultstring/>", Fault("Busy", "", sender=True)),
        (
            "<faultcode>s:Server</faultcode><faultstring>x</faultstring>" + UNAVAILABLE,
            Fault("Unavailable", "x", sender=False),
        ),
        ("", Fault("unknown", "", sender=False)),
    ],
)
def test_a_fault_tells_its_most_specific_code(codec: SoapCodec, inside: str, expected: Fault) -> None:
    assert codec.decode_answer("PushStatus", envelope(f"<soap:Fault>{inside}</soap:Fault>")) == expected


def test_persian_text_survives_the_wire_letter_by_letter(codec: SoapCodec) -> None:
    content = {**WITHDRAWAL, "reason": "نیم‌فاصله و «گیومه» و <b> & ]]> و ۱۲۳"}
    assert codec.thaw("WithdrawRequest", codec.encode_request("WithdrawRequest", content)) == content


def test_content_in_cdata_is_plain_text(codec: SoapCodec) -> None:
    frozen = codec.encode_request("WithdrawRequest", {**WITHDRAWAL, "reason": "x"})
    body = frozen.replace(b"<reason>x<", b"<reason><![CDATA[a<b]]><")
    assert codec.decode_request(body).content["reason"] == "a<b"


def test_json_and_xml_write_the_same_fields(window: Contract) -> None:
    content = read(WINDOW / "examples/valid/PushStatus.the_visit_was_made.soap.xml")
    frozen = window.bindings["rest"].encode_request("PushStatus", content)
    assert json.loads(frozen.partition(b"\n\n")[2]) == content
