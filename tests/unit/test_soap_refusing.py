"""Hardened reading of SOAP: what a stranger sends is refused at once, with its place and never its value."""

from __future__ import annotations

import re

import pytest
from lxml import etree

from adapter.contract.model import Contract
from adapter.contract.soap import ENVELOPE, SoapCodec
from adapter.refusals import SchemaViolation, TooLarge, Unreadable
from adapter.xml.reading import violations
from tests.support.enveloped import NS, WINDOW, envelope, health, refusal
from tests.support.timing import cpu_seconds

pytest_plugins = ["tests.support.enveloped_fixtures"]


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
