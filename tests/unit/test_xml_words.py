"""Every class of schema errors told in words: one schema made for it, one fault of each class, never a value."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from adapter.xml.reading import read_xml, violations
from adapter.xml.words import _RULES
from tests.support.timing import cpu_seconds

XS = "http://www.w3.org/2001/XMLSchema"
SCOPE = f'xmlns="urn:x" xmlns:t="urn:x" xmlns:xs="{XS}" xmlns:xsi="{XS}-instance"'


def simple(name: str, base: str, *facets: str) -> str:
    inner = "".join(f'<xs:{one.partition("=")[0]} value="{one.partition("=")[2]}"/>' for one in facets)
    kind = f'<xs:simpleType><xs:restriction base="{base}">{inner}</xs:restriction></xs:simpleType>'
    return f'<xs:element name="{name}">{kind}</xs:element>'


PARTS = (
    simple("pattern", "xs:string", "pattern=[0-9]{3}")
    + simple("length", "xs:string", "length=2")
    + simple("shortest", "xs:string", "minLength=2")
    + simple("longest", "xs:string", "maxLength=2")
    + simple("collapsed", "xs:token", "maxLength=2")
    + simple("choice", "xs:string", "enumeration=a", "enumeration=b")
    + simple("least", "xs:int", "minInclusive=2")
    + simple("most", "xs:int", "maxInclusive=2")
    + simple("above", "xs:int", "minExclusive=2")
    + simple("below", "xs:int", "maxExclusive=2")
    + simple("digits", "xs:decimal", "totalDigits=3")
    + simple("fraction", "xs:decimal", "fractionDigits=1")
    + simple("local", "xs:int")
    + '<xs:element name="int" type="xs:int"/><xs:element name="day" type="xs:date"/>'
    '<xs:element name="yes" type="xs:boolean"/><xs:element name="list" type="t:Ints"/>'
    '<xs:element name="union" type="t:Both"/><xs:element name="fixed" type="xs:string" fixed="a"/>'
    '<xs:element name="nil" type="xs:int" nillable="true"/><xs:element name="base" type="t:Base"/>'
    '<xs:element name="empty"><xs:complexType/></xs:element><xs:element ref="t:head"/>'
    '<xs:element name="pair"><xs:complexType><xs:sequence><xs:element name="one" type="xs:int"/>'
    '<xs:element name="two" type="xs:int" minOccurs="0"/></xs:sequence></xs:complexType></xs:element>'
    '<xs:element name="money"><xs:complexType><xs:simpleContent><xs:extension base="xs:int">'
    '<xs:attribute name="unit" use="required" type="t:Code"/><xs:attribute name="scale" type="xs:int" fixed="1"/>'
    "</xs:extension></xs:simpleContent></xs:complexType></xs:element>"
    '<xs:element name="open"><xs:complexType><xs:sequence><xs:any namespace="##other" minOccurs="0"/></xs:sequence>'
    '<xs:anyAttribute namespace="##other"/></xs:complexType></xs:element>'
    '<xs:element name="book"><xs:complexType><xs:sequence><xs:element name="entry" maxOccurs="unbounded">'
    '<xs:complexType><xs:attribute name="id"/><xs:attribute name="to"/></xs:complexType></xs:element></xs:sequence>'
    '</xs:complexType><xs:key name="ids"><xs:selector xpath="t:entry"/><xs:field xpath="@id"/></xs:key>'
    '<xs:keyref name="known" refer="t:ids"><xs:selector xpath="t:entry"/><xs:field xpath="@to"/></xs:keyref>'
    '</xs:element><xs:element name="many" type="t:Many"/>'
)
SCHEMA = etree.XMLSchema(
    etree.XML(
        f'<xs:schema xmlns:xs="{XS}" xmlns:t="urn:x" targetNamespace="urn:x" elementFormDefault="qualified">'
        '<xs:simpleType name="Ints"><xs:list itemType="xs:int"/></xs:simpleType>'
        '<xs:simpleType name="Code"><xs:restriction base="xs:string"><xs:pattern value="[A-Z]{3}"/></xs:restriction>'
        '</xs:simpleType><xs:simpleType name="Both"><xs:union memberTypes="xs:int t:Code"/></xs:simpleType>'
        '<xs:complexType name="Base" abstract="true"><xs:sequence><xs:element name="n" type="xs:int"/></xs:sequence>'
        '</xs:complexType><xs:complexType name="Whole"><xs:complexContent><xs:extension base="t:Base"><xs:sequence>'
        '<xs:element name="m" type="xs:int"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>'
        '<xs:complexType name="Many"><xs:sequence><xs:element name="a" maxOccurs="unbounded"><xs:simpleType>'
        '<xs:restriction base="xs:string"><xs:pattern value="[0-9]{3}"/><xs:minLength value="3"/></xs:restriction>'
        "</xs:simpleType></xs:element></xs:sequence></xs:complexType>"
        '<xs:element name="head" type="xs:string" abstract="true"/>'
        '<xs:element name="member" type="xs:string" substitutionGroup="t:head"/>'
        f'<xs:element name="root"><xs:complexType><xs:choice maxOccurs="unbounded">{PARTS}</xs:choice>'
        "</xs:complexType></xs:element></xs:schema>"
    )
)

FAULTS = {
    "<pattern>SECRET</pattern>": ("pattern", "text like [0-9]{3}", "other text"),
    "<length>SECRET</length>": ("length", "2 characters", "another length"),
    "<shortest>S</shortest>": ("shortest", "at least 2 characters", "fewer"),
    "<longest>SECRET</longest>": ("longest", "at most 2 characters", "more"),
    "<collapsed> S  S </collapsed>": ("collapsed", "at most 2 characters", "more"),
    "<choice>SECRET</choice>": ("choice", "one of a, b", "another"),
    "<least>1</least>": ("least", "at least 2", "less"),
    "<most>3</most>": ("most", "at most 2", "more"),
    "<above>2</above>": ("above", "more than 2", "as much or less"),
    "<below>2</below>": ("below", "less than 2", "as much or more"),
    "<digits>1234</digits>": ("digits", "at most 3 digits", "more"),
    "<fraction>1.23</fraction>": ("fraction", "at most 1 digits after the point", "more"),
    "<local>SECRET</local>": ("local", "a value of that kind", "other text"),
    "<int>SECRET</int>": ("int", "a whole number", "other text"),
    f"<int>{'9' * 401}</int>": ("int", "a whole number", "other text"),
    "<day>1404-13-41</day>": ("day", "a day as 2026-11-21", "other text"),
    "<yes>SECRET</yes>": ("yes", "true or false", "other text"),
    "<list>1 SECRET</list>": ("list", "a whole number", "other text"),
    "<union>SECRET</union>": ("union", "one of the kinds of Both", "none of them"),
    "<fixed>SECRET</fixed>": ("fixed", "the fixed value a", "another"),
    "<nil xsi:nil='true'>1</nil>": ("nil", "nothing, for xsi:nil says so", "content"),
    "<nil xsi:nil='SECRET'>1</nil>": ("nil@nil", "true or false", "other text"),
    "<int xsi:nil='true'/>": ("int", "a value; xsi:nil is not allowed here", "xsi:nil"),
    "<base><n>1</n></base>": ("base", "xsi:type with the name of a whole type", "a type that only stands for others"),
    "<base xsi:type='t:SECRET'><n>1</n></base>": ("base@type", "a type of the contract", "another name"),
    "<base xsi:type='xs:int'>1</base>": ("base@type", "a type made from the element's own", "another type"),
    "<base xsi:type='z:SECRET'><n>1</n></base>": ("base@type", "a value of that kind", "other text"),
    "<base xsi:type='t:Whole'><n>1</n></base>": ("base.m", "a value", "nothing"),
    "<t:head>SECRET</t:head>": ("head", "an element that takes its place", "one that only stands for others"),
    "<empty>SECRET</empty>": ("empty", "nothing inside", "content"),
    "<empty SECRET='1'/>": ("empty@SECRET", "no such attribute", "an attribute"),
    "<int id='SECRET'>1</int>": ("int@id", "no attribute", "an attribute"),
    "<int><one/></int>": ("int", "text", "elements"),
    "<pair>SECRET<one>1</one></pair>": ("pair", "elements only", "text between them"),
    "<pair/>": ("pair.one", "a value", "nothing"),
    "<pair><two>1</two></pair>": ("pair.two", "one", "this one"),
    "<pair><one>1</one><two>1</two><two>1</two></pair>": ("pair.two[1]", "no such element", "this one"),
    "<money>1</money>": ("money@unit", "an attribute", "nothing"),
    "<money unit='SECRET'>1</money>": ("money@unit", "text like [A-Z]{3}", "other text"),
    "<money unit='IRR' scale='2'>1</money>": ("money@scale", "the fixed value 1", "another"),
    "<money unit='IRR' SECRET='2'>1</money>": ("money@SECRET", "no such attribute", "an attribute"),
    "<money unit='IRR'><one/></money>": ("money", "text", "elements"),
    "<open><y xmlns='urn:y'/></open>": ("open.y", "an element of the contract", "another"),
    "<open><int>1</int></open>": ("open.int", "an element of another namespace", "this one"),
    "<open y:a='SECRET' xmlns:y='urn:y'/>": ("open@a", "an attribute of the contract", "another"),
    "<book><entry id='SECRET'/><entry id='SECRET'/></book>": (
        "book.entry[1]",
        "what the key ids allows: once, whole, and known",
        "another",
    ),
    "<book><entry/></book>": ("book.entry", "what the key ids allows: once, whole, and known", "another"),
    "<book><entry id='1' to='SECRET'/></book>": (
        "(whole body)",
        "what the key known allows: once, whole, and known",
        "another",
    ),
}


def document(inner: str) -> Any:
    return read_xml(f"<root {SCOPE}>{inner}</root>".encode())


@pytest.mark.parametrize(("inner", "told"), FAULTS.items(), ids=[one[:40] for one in FAULTS])
def test_a_fault_is_told_by_place_expectation_and_kind(inner: str, told: tuple[str, str, str]) -> None:
    found = violations(SCHEMA, document(inner))
    assert (found[0].path, found[0].expected, found[0].found) == told
    values = "".join(f"{one.expected} {one.found}" for one in found)
    assert "SECRET" not in values


def test_no_class_of_errors_that_the_schema_can_raise_falls_to_the_last_word() -> None:
    raised: set[str] = set()
    for inner in FAULTS:
        SCHEMA.validate(document(inner))
        log: Any = SCHEMA.error_log
        raised |= {one.type_name for one in log}
    assert raised - {"SCHEMAV_ELEMENT_CONTENT"} <= _RULES.keys()
    assert len(raised) >= 28


@pytest.mark.parametrize(
    "inner",
    [
        "<money unit='IRR'>1</money>",
        "<nil xsi:nil='true'/>",
        "<base xsi:type='t:Whole'><n>1</n><m>2</m></base>",
        "<member>text</member>",
        "<list>1 2 3</list><union>IRR</union><union>7</union><fixed>a</fixed>",
        "<book><entry id='1'/><entry id='2' to='1'/></book>",
    ],
)
def test_what_the_schema_declares_is_accepted(inner: str) -> None:
    assert violations(SCHEMA, document(inner)) == []


LONG = {
    "all are wrong": ("<a>x</a>" * 40_000, 0),
    "the last are wrong": ("<a>123</a>" * 47_000 + "<a>x</a>" * 2_000, 47_000),
    "a third is wrong": ("<a>123</a>" * 25_000 + "<a>x</a>" * 15_000, 25_000),
}


@pytest.mark.parametrize(("inner", "first"), LONG.values(), ids=LONG)
def test_a_list_of_tens_of_thousands_is_refused_within_a_second(inner: str, first: int) -> None:
    root = document(f"<many>{inner}</many>")
    assert cpu_seconds(lambda: violations(SCHEMA, root), enough=1) < 1
    found = violations(SCHEMA, root)
    assert found[0].path == f"many.a[{first}]"
    assert 30 < len(found) <= 100


def test_a_long_list_without_fault_is_accepted_and_one_fault_in_it_found() -> None:
    root = document("<many>" + "<a>123</a>" * 30_000 + "</many>")
    assert violations(SCHEMA, root) == []
    root[0][29_000].text = "x"
    assert {one.path for one in violations(SCHEMA, root)} == {"many.a[29000]"}


@pytest.mark.parametrize("name", ["schemaLocation", "noNamespaceSchemaLocation"])
@pytest.mark.parametrize("inner", ["<pair {}><one>1</one></pair>", "<pair><one {}>1</one></pair>", "<x {}/>"])
def test_nothing_that_a_message_names_is_opened(tmp_path: Path, name: str, inner: str) -> None:
    canary = tmp_path / "canary.xsd"
    canary.write_text("not a schema", encoding="utf-8")
    read = canary.stat().st_atime_ns
    with listening() as (port, callers):
        for place in (f"http://127.0.0.1:{port}/a.xsd", f"file://{canary}", str(canary), "../canary.xsd"):
            where = place if name == "noNamespaceSchemaLocation" else f"urn:x {place}"
            found = violations(SCHEMA, document(inner.format(f"xsi:{name}='{where}'")))
            assert [one.expected for one in found] == ["no attribute that leads elsewhere"]
            assert found[0].path.endswith(f"@{name}")
    assert callers == []
    assert canary.stat().st_atime_ns == read


class listening:  # noqa: N801 - reads as what it does
    """A port that writes down who knocks."""

    def __enter__(self) -> tuple[int, list[object]]:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(0.2)
        self.callers: list[object] = []
        self.waiting = threading.Thread(target=self.wait)
        self.waiting.start()
        return self.socket.getsockname()[1], self.callers

    def wait(self) -> None:
        try:
            while True:
                connection, address = self.socket.accept()
                connection.close()
                self.callers.append(address)
        except OSError:
            return

    def __exit__(self, *_: object) -> None:
        self.waiting.join()
        self.socket.close()
