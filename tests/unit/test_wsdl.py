"""WSDL from the folder only, as plain types; whatever cannot be carried is told by name."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from lxml import etree

from adapter.errors import FaultyTables
from adapter.wsdl import read_wsdl
from adapter.xml.shapes import base64_in, shape_of
from adapter.xml.types import ComplexType, Element, SimpleType

CONTRACTS = Path(__file__).parents[2] / "contracts"
WINDOW = CONTRACTS / "window" / "1.0"

XS = "{http://www.w3.org/2001/XMLSchema}"

WSDL = """<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:t="urn:t" xmlns:xs="http://www.w3.org/2001/XMLSchema" name="T" targetNamespace="urn:t">
  <types><xs:schema><xs:import namespace="urn:t" schemaLocation="SCHEMA"/></xs:schema></types>
  <message name="In"><part name="p" element="t:Ask"/></message>
  <message name="Out"><part name="p" element="t:AskResponse"/></message>
  <portType name="P"><operation name="Ask"><input message="t:In"/><output message="t:Out"/></operation></portType>
  <binding name="B" type="t:P"><soap:binding style="STYLE" transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="Ask"><soap:operation soapAction="ask"/>
      <input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation></binding>
</definitions>"""

XSD = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" targetNamespace="urn:t"
  elementFormDefault="qualified">HEAD
  <xs:simpleType name="Code">
    <xs:restriction base="xs:string"><xs:pattern value="[a-z]+"/></xs:restriction></xs:simpleType>
  <xs:simpleType name="Year">
    <xs:restriction base="xs:int"><xs:minInclusive value="1300"/></xs:restriction></xs:simpleType>
  <xs:complexType name="Inner"><xs:sequence><xs:element name="z" type="xs:decimal"/></xs:sequence></xs:complexType>
  <xs:element name="Ask"><xs:complexType><xs:sequence>INSIDE</xs:sequence>ATTRIBUTE</xs:complexType></xs:element>
  <xs:element name="AskResponse"><xs:complexType><xs:sequence/></xs:complexType></xs:element>
</xs:schema>"""


def written(
    folder: Path,
    inside: str = "",
    *,
    schema: str = "t.xsd",
    style: str = "document",
    head: str = "",
    attribute: str = "",
) -> Path:
    (folder / "t.wsdl").write_text(WSDL.replace("SCHEMA", schema).replace("STYLE", style), encoding="utf-8")
    xsd = XSD.replace("INSIDE", inside).replace("HEAD", head).replace("ATTRIBUTE", attribute)
    (folder / "t.xsd").write_text(xsd, encoding="utf-8")
    return folder


def faults(folder: Path) -> list[str]:
    with pytest.raises(FaultyTables) as caught:
        read_wsdl(folder, "t.wsdl")
    return caught.value.faults


def test_an_operation_is_handed_on_as_plain_types(tmp_path: Path) -> None:
    inside = (
        '<xs:element name="a" type="t:Code"/><xs:element name="b" type="t:Year" minOccurs="0"/>'
        '<xs:element name="c" type="t:Inner" minOccurs="0" maxOccurs="unbounded"/>'
        '<xs:element name="d" type="xs:boolean"/>'
    )
    wsdl = read_wsdl(written(tmp_path, inside), "t.wsdl")
    operation = wsdl.operations["Ask"]
    asked = wsdl.types.types[operation.request.type]
    assert operation.actions == {"1.1": "ask"}
    assert operation.style == "document"
    assert operation.takes_key is False
    assert isinstance(asked, ComplexType)
    assert asked.content is not None
    assert asked.content.parts == (
        Element("a", "{urn:t}a", "{urn:t}Code"),
        Element("b", "{urn:t}b", "{urn:t}Year", least=0),
        Element("c", "{urn:t}c", "{urn:t}Inner", least=0, most=None),
        Element("d", "{urn:t}d", f"{XS}boolean"),
    )
    year = wsdl.types.types["{urn:t}Year"]
    assert isinstance(year, SimpleType)
    assert (year.base, year.facets.bounds) == ("int", {"minInclusive": "1300"})
    assert shape_of(operation.request, wsdl.types) == {"a": True, "b": False, "c[]": False, "c[].z": True, "d": True}


def test_base64_is_found_in_elements_in_attributes_and_in_text_beside_attributes(tmp_path: Path) -> None:
    restricted = '<xs:simpleType><xs:restriction base="xs:base64Binary"><xs:maxLength value="9"/></xs:restriction>'
    with_type = '<xs:extension base="xs:base64Binary"><xs:attribute name="mime" type="xs:string"/></xs:extension>'
    inside = (
        '<xs:element name="a" type="xs:base64Binary" maxOccurs="unbounded"/><xs:element name="b" type="xs:string"/>'
        f'<xs:element name="c">{restricted}</xs:simpleType></xs:element>'
        f'<xs:element name="d"><xs:complexType><xs:simpleContent>{with_type}</xs:simpleContent></xs:complexType>'
        '</xs:element><xs:element name="e"><xs:complexType><xs:attribute name="seal" type="xs:base64Binary"/>'
        "</xs:complexType></xs:element>"
    )
    wsdl = read_wsdl(written(tmp_path, inside), "t.wsdl")
    assert base64_in(wsdl.operations["Ask"].request, wsdl.types) == ("a[]", "c", "d.#text", "e.@seal")


def test_both_port_types_of_the_window_are_read_and_only_mutating_calls_take_a_key() -> None:
    operations = read_wsdl(WINDOW, "window.wsdl").operations
    assert {one.port_type for one in operations.values()} == {"WindowInward", "WindowOutward"}
    assert operations["SubmitRequest"].takes_key
    assert not operations["GetStatus"].takes_key


def test_the_schema_judges_facets_that_zeep_ignores(tmp_path: Path) -> None:
    schema = read_wsdl(written(tmp_path, '<xs:element name="a" type="t:Code"/>'), "t.wsdl").schema
    assert schema.validate(etree.fromstring('<Ask xmlns="urn:t"><a>abc</a></Ask>'))
    assert not schema.validate(etree.fromstring('<Ask xmlns="urn:t"><a>ABC</a></Ask>'))


@pytest.mark.parametrize(
    "schema",
    [
        "http://127.0.0.1:9/t.xsd",
        "file:///etc/passwd",
        "/etc/passwd",
        "../t.xsd",
        "inner/../../t.xsd",
        "..",
        "inner\\..\\t.xsd",
        "%2e%2e/t.xsd",
        ".hidden.xsd",
    ],
)
def test_nothing_outside_the_folder_is_ever_opened(tmp_path: Path, schema: str) -> None:
    (tmp_path / "c").mkdir()
    shutil.copy(__file__, tmp_path / "t.xsd")
    told = faults(written(tmp_path / "c", schema=schema))
    assert any("leads outside the folder" in one for one in told)


def test_a_symbolic_link_is_outside_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    folder.mkdir()
    written(folder, schema="linked.xsd")
    (tmp_path / "elsewhere.xsd").write_text(XSD, encoding="utf-8")
    (folder / "linked.xsd").symlink_to(tmp_path / "elsewhere.xsd")
    assert any("leads outside the folder" in one for one in faults(folder))


def test_a_schema_that_leads_on_is_followed_and_vetted_too(tmp_path: Path) -> None:
    head = '<xs:include schemaLocation="../more.xsd"/>'
    assert any("'../more.xsd' leads outside" in one for one in faults(written(tmp_path, head=head)))


def test_a_document_type_declaration_is_refused(tmp_path: Path) -> None:
    written(tmp_path)
    path = tmp_path / "t.xsd"
    path.write_text('<!DOCTYPE a [<!ENTITY x "y">]>' + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert any("document type declaration" in one for one in faults(tmp_path))


def test_a_missing_schema_and_broken_xml_are_told_with_the_file(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "t.xsd").unlink()
    assert any("t.xsd" in one for one in faults(tmp_path))
    (tmp_path / "t.xsd").write_text("<xs:schema", encoding="utf-8")
    assert any("t.xsd: cannot be read as XML" in one for one in faults(tmp_path))
