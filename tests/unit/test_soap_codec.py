"""SOAP messages by compiled functions: hardened reading, validation both ways, and zeep as the oracle."""

from __future__ import annotations

import base64
import functools
import json
import re
from pathlib import Path
from typing import Any

import pytest
import zeep
from lxml import etree

from adapter.contract import load_contract
from adapter.contract.codec import Decoded, Fault
from adapter.contract.model import Contract
from adapter.contract.soap import ENVELOPE, SoapCodec, _opened
from adapter.refusals import RequestRefused, SchemaViolation, TooLarge, Unreadable
from adapter.strict_json import read_json
from adapter.wsdl import read_wsdl
from adapter.xml.reading import violations
from tests.support.timing import cpu_seconds

CONTRACTS = Path(__file__).parents[2] / "contracts"
WINDOW = CONTRACTS / "window" / "1.0"
CORE = CONTRACTS / "urban_core" / "1.0"
SOAP_FOLDERS = [CORE, WINDOW]
VALID = [path for folder in SOAP_FOLDERS for path in sorted(folder.glob("examples/valid/*.xml"))]
INVALID = [path for folder in SOAP_FOLDERS for path in sorted(folder.glob("examples/invalid/*.xml"))]
TWINS = [path for path in VALID if path.with_suffix("").with_suffix(".json").exists()]
LOADED = {folder: load_contract(folder, read_wsdl) for folder in SOAP_FOLDERS}
NS = "urn:panjereh:window:1.0"

WITHDRAWAL = {
    "tracking_code": "4052718396",
    "channel": {"code": "counter", "card_seen": True},
    "reason": "از ساخت منصرف شدم",
}


@pytest.fixture(scope="module")
def window() -> Contract:
    return LOADED[WINDOW]


@pytest.fixture(scope="module")
def codec(window: Contract) -> SoapCodec:
    found = window.bindings["soap"]
    assert isinstance(found, SoapCodec)
    return found


def of(path: Path) -> tuple[Any, str, bool]:
    operation, kind, *_ = path.name.split(".")
    return LOADED[path.parents[2]].bindings["soap"], operation, kind == "answer"


def read(path: Path) -> Any:
    codec, operation, is_answer = of(path)
    if is_answer:
        return codec.decode_answer(operation, path.read_bytes())
    return codec.decode_request(path.read_bytes()).content


def envelope(body: str, header: str = "", declaration: str = "") -> bytes:
    head = f"<soap:Header>{header}</soap:Header>" if header else ""
    whole = f'<soap:Envelope xmlns:soap="{ENVELOPE}">{head}<soap:Body>{body}</soap:Body></soap:Envelope>'
    return f"{declaration}{whole}".encode()


def health(inside: str = "", attributes: str = "") -> str:
    return f'<CheckHealth xmlns="{NS}"{attributes}>{inside}</CheckHealth>'


def refusal(codec: SoapCodec, body: bytes) -> RequestRefused:
    with pytest.raises(RequestRefused) as caught:
        codec.decode_request(body)
    return caught.value


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


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (envelope(health(), declaration='<!DOCTYPE a [<!ENTITY x "y">]>'), "type declaration"),
        (envelope(health(), declaration="<!DOCTYPE a SYSTEM 'file:///etc/passwd'>"), "type declaration"),
        (envelope(health("<!-- hidden -->")), "Comments"),
        (envelope(health("<?php hidden ?>")), "Comments"),
        (b"<!-- before -->" + envelope(health()), "Comments"),
        (envelope(health()) + b"<?after ?>", "Comments"),
        (envelope(health("<a>") * 1), "well-formed"),
        (envelope(health("<a/>" * 100_001)), "50000 elements"),
        (envelope(health("<a>" * 65 + "</a>" * 65)), "deeper"),
        (envelope(health(attributes="".join(f' a{one}=""' for one in range(65)))), "64 attributes"),
        (envelope(health(), declaration='<?xml version="1.0" encoding="windows-1256"?>'), "UTF-8"),
        (envelope(health()).decode().encode("utf-16"), "well-formed"),
        (envelope(health() + health()), "one element, not 2"),
        (envelope(""), "one element, not 0"),
        (b"<a/>", "not a SOAP envelope"),
        (envelope(health()).replace(ENVELOPE.encode(), b"urn:other"), "neither of SOAP 1.1 nor of SOAP 1.2"),
        (envelope("<Unknown xmlns='urn:x'/>"), "not an operation"),
        (f'<s:Envelope xmlns:s="{ENVELOPE}"><s:Body>{health()}</s:Body><s:Body/></s:Envelope>'.encode(), "one Body"),
        (b"", "well-formed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "body",
)
def test_what_a_stranger_should_not_send_is_unreadable(codec: SoapCodec, body: bytes, told: str) -> None:
    error = refusal(codec, body)
    assert isinstance(error, Unreadable)
    assert told in error.detail


def test_an_entity_does_not_silently_shorten_an_amount(codec: SoapCodec) -> None:
    body = envelope("<a>10&x;0</a>")
    assert isinstance(refusal(codec, body), Unreadable)


XSI = ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


@pytest.mark.parametrize(
    ("attribute", "path", "expected"),
    [
        (
            f'{XSI} xsi:schemaLocation="urn:x file:///etc/passwd"',
            "@schemaLocation",
            "no attribute that leads elsewhere",
        ),
        (f'{XSI} xsi:nil="true"', "(whole body)", "a value; xsi:nil is not allowed here"),
        (' id="1"', "@id", "no such attribute"),
        (' xml:base="http://elsewhere.invalid/"', "@base", "no such attribute"),
    ],
)
def test_an_attribute_that_the_schema_does_not_declare_is_refused(
    codec: SoapCodec, attribute: str, path: str, expected: str
) -> None:
    error = refusal(codec, envelope(health(attributes=attribute)))
    assert isinstance(error, SchemaViolation)
    assert [(one.path, one.expected) for one in error.violations] == [(path, expected)]


def test_a_header_that_must_be_understood_and_is_not_is_refused(codec: SoapCodec) -> None:
    unknown = '<a xmlns="urn:x" soap:mustUnderstand="1"/>'
    assert refusal(codec, envelope(health(), unknown)).context["soap_code"] == "MustUnderstand"
    for_another = '<a xmlns="urn:x" soap:mustUnderstand="1" soap:actor="urn:somebody"/>'
    assert codec.decode_request(envelope(health(), for_another)).operation == "CheckHealth"


def test_the_key_may_say_that_it_must_be_understood(codec: SoapCodec) -> None:
    key = f'<IdempotencyKey xmlns="{NS}" soap:mustUnderstand="1">key-0123456789abcdef</IdempotencyKey>'
    assert codec.decode_request(envelope(health(), key)).key == "key-0123456789abcdef"


@pytest.mark.parametrize("keys", [["short"], ["key-0123456789abcdef"] * 2, ["key with spaces in it"]])
def test_a_key_that_is_unusable_or_stands_twice_breaks_the_contract(codec: SoapCodec, keys: list[str]) -> None:
    header = "".join(f'<IdempotencyKey xmlns="{NS}">{key}</IdempotencyKey>' for key in keys)
    error = refusal(codec, envelope(health(), header))
    assert isinstance(error, SchemaViolation)
    assert error.violations[0].path == "Header.IdempotencyKey"


def test_a_violation_tells_place_line_and_expectation_but_never_the_value(codec: SoapCodec) -> None:
    body = envelope(
        f"<WithdrawRequest xmlns=\"{NS}\">\n<tracking_code>SECRET by the pattern 'SECRET'.</tracking_code>\n"
        "<channel><code>SECRET</code></channel><reason></reason></WithdrawRequest>"
    )
    error = refusal(codec, body)
    assert isinstance(error, SchemaViolation)
    assert [(one.path, one.expected, one.line) for one in error.violations] == [
        ("tracking_code", "text like [0-9]{8,20}", 2),
        (
            "channel.code",
            "one of national_window, counter, city_office, portal, mobile, service_desk, walk_in, phone_sms",
            3,
        ),
        ("reason", "at least 1 characters", 3),
    ]
    assert "SECRET" not in str(error)


def test_a_place_among_repeated_elements_has_its_number(codec: SoapCodec) -> None:
    path = WINDOW / "examples/valid/SubmitRequest.a_new_building_of_two_owners_and_three_floors.soap.xml"
    first, second = path.read_bytes().split(b"</share_dang>", 1)
    body = first + b"</share_dang>" + second.replace(b"<share_dang>", b"<share_dang>9", 1)
    error = refusal(codec, body)
    assert isinstance(error, SchemaViolation)
    assert [one.path for one in error.violations] == ["owners[1].share_dang"]


LEADING = f'<a{XSI} xsi:schemaLocation=""/>'
CROWDS = {"all at fault": LEADING * 49_000, "the last at fault": "<a/>" * 48_900 + LEADING * 100}


@pytest.mark.parametrize("crowd", CROWDS.values(), ids=CROWDS)
@pytest.mark.parametrize("direction", ["request", "answer"])
def test_a_crowd_of_faults_is_refused_at_once(codec: SoapCodec, crowd: str, direction: str) -> None:
    name = "AttachDocument" if direction == "request" else "AttachDocumentResponse"
    body = envelope(f'<{name} xmlns="{NS}">{crowd}</{name}>')
    refused: list[SchemaViolation] = []

    def read() -> None:
        with pytest.raises(SchemaViolation) as caught:
            codec.decode_request(body) if direction == "request" else codec.decode_answer("AttachDocument", body)
        refused.append(caught.value)

    assert cpu_seconds(read, enough=1) < 1
    assert len(refused[0].violations) == 100
    assert re.fullmatch(r"a\[[0-9]+\]@schemaLocation", refused[0].violations[-1].path)


def test_faults_far_down_a_long_list_are_placed_at_once() -> None:
    many = '<xs:element name="a" type="xs:int" maxOccurs="unbounded"/>'
    schema = etree.XMLSchema(
        etree.XML(
            '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:x" '
            'elementFormDefault="qualified"><xs:element name="r"><xs:complexType><xs:sequence>'
            f"{many}</xs:sequence></xs:complexType></xs:element></xs:schema>"
        )
    )
    root = etree.XML('<r xmlns="urn:x">' + "<a>1</a>" * 48_000 + "<a>x</a>" * 200 + "</r>")
    assert cpu_seconds(lambda: violations(schema, root), enough=1) < 1
    assert [one.path for one in violations(schema, root)] == [f"a[{place}]" for place in range(48_000, 48_100)]


def test_a_number_of_thousands_of_digits_is_unreadable(codec: SoapCodec) -> None:
    path = WINDOW / "examples/valid/SubmitRequest.a_new_building_of_two_owners_and_three_floors.soap.xml"
    body = path.read_bytes().replace(b"<level>-1<", b"<level>" + b"0" * 5_000 + b"1<")
    assert isinstance(refusal(codec, body), Unreadable)


def test_more_bytes_than_the_operation_allows_are_too_large(codec: SoapCodec, window: Contract) -> None:
    padding = " " * window.operations["CheckHealth"].max_bytes
    assert isinstance(refusal(codec, envelope(health(padding))), TooLarge)


def test_an_operation_that_is_not_the_one_asked_for_is_unreadable(codec: SoapCodec) -> None:
    with pytest.raises(Unreadable):
        codec.decode_request(envelope(health()), operation="SubmitRequest")
    with pytest.raises(Unreadable):
        codec.decode_answer("SubmitRequest", codec.encode_answer("WithdrawRequest", kept()))


def kept() -> dict[str, Any]:
    return {"tracking_code": "4052718396", "state": "accepted", "accepted_at": "2026-11-21T11:05:27+03:30"}


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
