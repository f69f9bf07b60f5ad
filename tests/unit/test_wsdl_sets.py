"""Sets of WSDL and XSD files as the world writes them: linked in every way, large, and never leading outside."""

from __future__ import annotations

import builtins
import socket
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from adapter.contract.soap import SoapCodec
from adapter.errors import FaultyTables
from adapter.wsdl import read_wsdl
from adapter.xml.types import ComplexType, Wsdl
from tests.support.timing import cpu_seconds
from tests.unit.test_wsdl import WSDL

EVERYTHING = Path(__file__).parents[1] / "contracts/everything"
XS = 'xmlns:xs="http://www.w3.org/2001/XMLSchema"'
ASK = '<xs:element name="Ask"><xs:complexType><xs:sequence>{}</xs:sequence></xs:complexType></xs:element>'
ANSWER = '<xs:element name="AskResponse" type="xs:string"/>'


def schema(inside: str, *, namespace: str = "urn:t", more: str = "") -> str:
    named = f'targetNamespace="{namespace}"' if namespace else ""
    return f'<xs:schema {XS} xmlns:t="urn:t" {named} elementFormDefault="qualified" {more}>{inside}</xs:schema>'


def read(folder: Path, wsdl: str | None = None, **files: str) -> Wsdl:
    told = WSDL.replace("SCHEMA", "t.xsd").replace("STYLE", "document") if wsdl is None else wsdl
    (folder / "t.wsdl").write_text(told, encoding="utf-8")
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.xsd"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return read_wsdl(folder, "t.wsdl")


def faults(folder: Path, wsdl: str | None = None, **files: str) -> str:
    with pytest.raises(FaultyTables) as caught:
        read(folder, wsdl, **files)
    return " ".join(caught.value.faults)


def accepts(wsdl: Wsdl, text: str) -> bool:
    return wsdl.schema.validate(etree.fromstring(text))


def test_includes_in_a_circle_and_a_chameleon_end(tmp_path: Path) -> None:
    wsdl = read(
        tmp_path,
        t=schema('<xs:include schemaLocation="a.xsd"/>' + ASK.format('<xs:element name="a" type="t:A"/>') + ANSWER),
        a=schema('<xs:include schemaLocation="t.xsd"/><xs:include schemaLocation="c.xsd"/>'
                 '<xs:simpleType name="A"><xs:restriction base="t:C"/></xs:simpleType>'),
        c=f'<xs:schema {XS}><xs:simpleType name="C"><xs:restriction base="D"/></xs:simpleType>'
          '<xs:simpleType name="D"><xs:restriction base="xs:string"><xs:maxLength value="2"/></xs:restriction>'
          "</xs:simpleType></xs:schema>",
    )  # fmt: skip
    assert accepts(wsdl, '<Ask xmlns="urn:t"><a>12</a></Ask>')
    assert not accepts(wsdl, '<Ask xmlns="urn:t"><a>123</a></Ask>')


def test_a_namespace_imported_from_two_files_has_both(tmp_path: Path) -> None:
    first = '<xs:simpleType name="A"><xs:restriction base="xs:int"/></xs:simpleType>'
    second = '<xs:simpleType name="B"><xs:restriction base="xs:int"/></xs:simpleType>'
    head = "".join(f'<xs:import namespace="urn:o" schemaLocation="{name}.xsd"/>' for name in ("a", "b"))
    parts = '<xs:element name="a" type="o:A"/><xs:element name="b" type="o:B"/>'
    wsdl = read(
        tmp_path,
        t=schema(head + ASK.format(parts) + ANSWER, more='xmlns:o="urn:o"'),
        a=schema(first, namespace="urn:o"),
        b=schema(second, namespace="urn:o"),
    )
    assert accepts(wsdl, '<Ask xmlns="urn:t"><a>1</a><b>2</b></Ask>')
    assert not accepts(wsdl, '<Ask xmlns="urn:t"><a>1</a><b>x</b></Ask>')


def test_several_schemas_within_the_types_see_each_other_with_prefixes_of_the_wsdl(tmp_path: Path) -> None:
    inline = (
        '<types><xs:schema targetNamespace="urn:t" elementFormDefault="qualified"><xs:import namespace="urn:o"/>'
        '<xs:element name="Ask" type="o:A"/></xs:schema>'
        '<xs:schema targetNamespace="urn:t"><xs:element name="AskResponse" type="xs:string"/></xs:schema>'
        '<xs:schema targetNamespace="urn:o"><xs:complexType name="A"><xs:sequence>'
        '<xs:element name="in" type="xs:int"/></xs:sequence></xs:complexType></xs:schema></types>'
    )
    text = WSDL.replace("<definitions ", '<definitions xmlns:o="urn:o" ').replace("STYLE", "document")
    start, end = text.index("<types>"), text.index("</types>") + len("</types>")
    wsdl = read(tmp_path, text[:start] + inline + text[end:])
    assert accepts(wsdl, '<t:Ask xmlns:t="urn:t"><in>1</in></t:Ask>')
    assert isinstance(wsdl.types.types[wsdl.operations["Ask"].request.type], ComplexType)


def test_files_may_lie_in_folders_below_and_refer_to_what_lies_beside_them(tmp_path: Path) -> None:
    wsdl = read(
        tmp_path,
        t=schema(
            '<xs:include schemaLocation="./in/a.xsd"/>' + ASK.format('<xs:element name="a" type="t:A"/>') + ANSWER
        ),
        in__a=schema('<xs:include schemaLocation="b.xsd"/>'),
        in__b=schema('<xs:simpleType name="A"><xs:restriction base="xs:int"/></xs:simpleType>'),
    )
    assert list(wsdl.documents) == ["t.wsdl", "t.xsd", "in/a.xsd", "in/b.xsd"]


@pytest.mark.parametrize(
    "location",
    ["../t.xsd", "in/../../t.xsd", "/etc/passwd", "file:///etc/passwd", "http://127.0.0.1:9/x.xsd", "//h/x.xsd", "",
     "in/.x.xsd", "linked/x.xsd", "x.xsd\x00"[:5] + "%00", "\\\\host\\x.xsd", "ftp://h/x.xsd", "~/x.xsd"],
)  # fmt: skip
@pytest.mark.parametrize("link", ["import", "include", "redefine"])
def test_no_link_leads_outside(tmp_path: Path, location: str, link: str) -> None:
    folder = tmp_path / "contract"
    (folder / "in").mkdir(parents=True)
    (tmp_path / "t.xsd").write_text(schema(""), encoding="utf-8")
    (folder / "linked").symlink_to(tmp_path)
    head = f'<xs:{link} schemaLocation="{location}"/>'
    assert "leads outside" in faults(folder, t=schema(head + ASK.format("") + ANSWER))


def test_no_file_but_the_sets_own_is_opened_and_no_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    honest = Path.read_bytes

    def watched(path: Path) -> bytes:
        opened.append(path.name)
        return honest(path)

    def refuse(*given: Any, **named: Any) -> Any:
        raise AssertionError(given)

    monkeypatch.setattr(Path, "read_bytes", watched)
    monkeypatch.setattr(builtins, "open", refuse)
    monkeypatch.setattr(socket, "socket", refuse)
    wsdl = read_wsdl(EVERYTHING, "everything.wsdl")
    assert sorted(opened) == sorted(Path(one).name for one in wsdl.documents)


@pytest.mark.parametrize(
    "trick",
    ['<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>', '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd">',
     '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/p"> %p;]>',
     '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'],
)  # fmt: skip
def test_a_document_type_is_refused_wherever_it_stands(tmp_path: Path, trick: str) -> None:
    found = faults(
        tmp_path,
        t=schema('<xs:include schemaLocation="in/a.xsd"/>' + ASK.format("") + ANSWER),
        in__a=trick + schema(""),
    )
    assert "document type declaration" in found or "cannot be read" in found


def test_a_namespace_that_is_not_the_imported_ones_is_told(tmp_path: Path) -> None:
    head = '<xs:import namespace="urn:other" schemaLocation="o.xsd"/>'
    assert "it has 'urn:o'" in faults(
        tmp_path, t=schema(head + ASK.format("") + ANSWER), o=schema("", namespace="urn:o")
    )


def test_an_unknown_type_a_redefinition_and_encoding_are_told(tmp_path: Path) -> None:
    unknown = ASK.format('<xs:element name="a" type="t:Missing"/>')
    assert "Missing" in faults(tmp_path, t=schema(unknown + ANSWER))
    redefined = '<xs:redefine schemaLocation="a.xsd"/>'
    assert "redefine is not carried" in faults(tmp_path, t=schema(redefined + ASK.format("") + ANSWER), a=schema(""))
    encoded = WSDL.replace("SCHEMA", "t.xsd").replace("STYLE", "rpc").replace('use="literal"', 'use="encoded"')
    assert "only literal" in faults(tmp_path, encoded, t=schema(ASK.format("") + ANSWER))


def test_a_large_wsdl_loads_and_answers_in_two_seconds(tmp_path: Path) -> None:
    size = (tmp_path / "large.wsdl").write_text(large(1300), encoding="utf-8")
    assert size > 2_000_000
    content = {"body": {f"f{number}": "x" for number in range(0, 12, 2)}}

    def load_and_answer() -> None:
        wsdl = read_wsdl(tmp_path, "large.wsdl")
        codec = SoapCodec(wsdl, limits=dict.fromkeys(wsdl.operations, 100_000), path="/")
        assert len(codec.operations) == 1300
        assert codec.thaw("Op1299", codec.encode_request("Op1299", content)) == content

    assert cpu_seconds(load_and_answer, enough=2) < 2


def large(count: int) -> str:
    """A WSDL of that many operations, each type referring to the one before it."""
    types, messages, abstract, bound = [], [], [], []
    for one in range(count):
        own = f"t:S{one}"
        fields = "".join(
            f'<xs:element name="f{number}" type="{"xs:string" if number % 3 else own}" minOccurs="{1 - number % 2}"/>'
            for number in range(12)
        )
        fields += f'<xs:element name="next" type="t:T{one - 1}" minOccurs="0"/>' if one else ""
        types.append(
            f'<xs:complexType name="T{one}"><xs:sequence>{fields}</xs:sequence></xs:complexType>'
            f'<xs:simpleType name="S{one}"><xs:restriction base="xs:string"><xs:maxLength value="20"/>'
            "</xs:restriction></xs:simpleType>"
        )
        for name in (f"Op{one}", f"Op{one}Response"):
            types.append(
                f'<xs:element name="{name}"><xs:complexType><xs:sequence><xs:element name="body" type="t:T{one}"/>'
                "</xs:sequence></xs:complexType></xs:element>"
            )
            messages.append(f'<message name="{name}"><part name="p" element="t:{name}"/></message>')
        abstract.append(
            f'<operation name="Op{one}"><input message="t:Op{one}"/><output message="t:Op{one}Response"/></operation>'
        )
        both = "".join(f'<{way}><soap:body use="literal"/></{way}>' for way in ("input", "output"))
        bound.append(f'<operation name="Op{one}"><soap:operation soapAction="op{one}"/>{both}</operation>')
    return (
        '<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" '
        f'xmlns:t="urn:t" {XS} targetNamespace="urn:t"><types>'
        f'<xs:schema targetNamespace="urn:t" elementFormDefault="qualified">{"".join(types)}</xs:schema></types>'
        f'{"".join(messages)}<portType name="P">{"".join(abstract)}</portType><binding name="B" type="t:P">'
        '<soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>'
        f"{''.join(bound)}</binding></definitions>"
    )
