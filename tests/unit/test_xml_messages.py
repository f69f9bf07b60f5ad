"""Compiled messages against zeep and the schema, over generated content of every message and every construct."""

from __future__ import annotations

import json
import logging
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from lxml import etree

from adapter.refusals import Violation
from adapter.wsdl import read_wsdl
from adapter.xml.leaves import PYTHON, RECORD, Leaves
from adapter.xml.messages import Compiler, Message
from adapter.xml.shapes import shape_of
from adapter.xml.types import SOAP_11, SOAP_12, Element, SimpleType, Wsdl, messages_of
from adapter.xml.values import Duration, Partial, ZonedDate
from tests.support.messages import read_from, worded
from tests.support.oracle import Oracle, as_the_oracle_reads, canonical, leaves

HOUSE = Path(__file__).parents[2]
EVERYTHING = HOUSE / "tests/contracts/everything"
SHIPPED = [HOUSE / "contracts/urban_core/1.0", HOUSE / "contracts/window/1.0"]
NS = "urn:everything"
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'

ZEEP_WRITES_OTHERWISE = {
    "Sequence": "wants the parts of an optional sequence that does not stand",
    "Choice": "drops an empty option",
    "Shared": "writes no option when it is not sure which",
    "Repeated": "asks for sequences that do not stand",
    "Attributes": "writes no prefix for an xs:QName",
    "Substitutes": "knows no substitution groups",
    "Nil": "drops an optional element that is nil",
    "Simple": "knows no xs:NMTOKENS as a list",
    "BuiltIn": "wants its own types for the parts of dates",
    "Any": "wants elements, not their text",
    "AsItCame": "knows no mixed content",
    "Forms": "has names of its own for two elements of one local name",
}
ZEEP_READS_OTHERWISE = ZEEP_WRITES_OTHERWISE.keys() - {"Sequence", "Forms"}

few = settings(max_examples=8, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


@cache
def loaded(folder: Path) -> Wsdl:
    return read_wsdl(folder, next(folder.glob("[!r]*.wsdl")).name)


@cache
def oracle(folder: Path) -> Oracle:
    logging.getLogger("zeep").setLevel(logging.CRITICAL)
    return Oracle(loaded(folder))


@cache
def compiler(folder: Path, values: Leaves) -> Compiler:
    return Compiler(loaded(folder), values)


def messages(*folders: Path) -> list[Any]:
    found: dict[str, Any] = {}
    for folder in folders:
        wsdl = loaded(folder)
        for operation in wsdl.operations.values():
            for one in messages_of(operation):
                if one.tag not in wsdl.fallbacks:
                    found[one.tag] = pytest.param(folder, one, id=one.key)
    return list(found.values())


@cache
def words(folder: Path, element: Element) -> list[Any]:
    """A few contents of a message, generated once for all that is asked of it."""
    found: list[Any] = []

    @few
    @given(worded(element, loaded(folder).types))
    def keep(content: Any) -> None:
        found.append(content)

    keep()
    return found


def contents(folder: Path, element: Element, values: Leaves) -> list[Any]:
    return [read_from(one, values) for one in words(folder, element)]


def message(name: str, values: Leaves = RECORD) -> Message:
    element = loaded(EVERYTHING).operations[name].request
    return compiler(EVERYTHING, values).message(element)


def written(one: Message, content: Any) -> str:
    faults: list[Violation] = []
    text = one.write(content, faults)
    assert faults == []
    return text


def refused(name: str, content: Any) -> list[tuple[str, str, str]]:
    faults: list[Violation] = []
    message(name).write(content, faults)
    return [(one.path, one.expected, one.found) for one in faults]


def valid(folder: Path, node: etree._Element) -> bool:
    schema = loaded(folder).schema
    assert schema.validate(node), schema.error_log
    return True


def parsed(inside: str, name: str) -> etree._Element:
    node = etree.fromstring(f'<{name} xmlns="{NS}" {XSI}>{inside}</{name}>')
    assert valid(EVERYTHING, node)
    return node


@pytest.mark.parametrize("values", [RECORD, PYTHON])
@pytest.mark.parametrize(("folder", "element"), messages(EVERYTHING, *SHIPPED))
def test_what_is_written_is_valid_and_read_as_it_was(folder: Path, element: Element, values: Leaves) -> None:
    one = compiler(folder, values).message(element)
    for content in contents(folder, element, values):
        node = etree.fromstring(written(one, content).encode())
        assert valid(folder, node)
        assert one.read(node) == content
        if values is RECORD:
            assert json.loads(json.dumps(content)) == content


@pytest.mark.parametrize(("folder", "element"), messages(EVERYTHING, *SHIPPED))
def test_zeep_writes_the_same(folder: Path, element: Element) -> None:
    if folder == EVERYTHING and element.key in ZEEP_WRITES_OTHERWISE:
        pytest.skip(f"zeep {ZEEP_WRITES_OTHERWISE[element.key]}")
    one = compiler(folder, RECORD).message(element)
    for content in contents(folder, element, RECORD):
        assert canonical(etree.fromstring(written(one, content).encode())) == oracle(folder).written(element, content)


def reads_as_zeep(folder: Path, element: Element, one: Message) -> None:
    """Whether the message's reader reads the same as zeep; fails where it does not."""
    writer = compiler(folder, RECORD).message(element)
    for content in contents(folder, element, RECORD):
        node = etree.fromstring(written(writer, content).encode())
        assert sorted(leaves(one.read(node))) == oracle(folder).read(node)


@pytest.mark.parametrize(("folder", "element"), messages(EVERYTHING, *SHIPPED))
def test_zeep_reads_the_same(folder: Path, element: Element) -> None:
    if folder == EVERYTHING and element.key in ZEEP_READS_OTHERWISE:
        pytest.skip(f"zeep {ZEEP_WRITES_OTHERWISE[element.key]}")
    reads_as_zeep(folder, element, compiler(folder, as_the_oracle_reads).message(element))


def without_attributes(content: Any) -> Any:
    if isinstance(content, dict):
        return {name: without_attributes(one) for name, one in content.items() if not name.startswith("@")}
    return [without_attributes(one) for one in content] if isinstance(content, list) else content


def without_the_last_of_a_list(content: Any) -> Any:
    if isinstance(content, dict):
        return {name: without_the_last_of_a_list(one) for name, one in content.items()}
    return content[:-1] if isinstance(content, list) else content


@pytest.mark.parametrize(("name", "weaken"), [("Text", without_attributes), ("Tree", without_the_last_of_a_list)])
def test_a_weakened_reader_is_noticed_by_the_oracle(name: str, weaken: Any) -> None:
    element = loaded(EVERYTHING).operations[name].request
    whole = compiler(EVERYTHING, as_the_oracle_reads).message(element)
    twin = Message(whole.tag, whole.write, lambda node: weaken(whole.read(node)))
    reads_as_zeep(EVERYTHING, element, whole)
    with pytest.raises(AssertionError):
        reads_as_zeep(EVERYTHING, element, twin)


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.parent.name)
def test_no_message_of_a_shipped_contract_falls_back(folder: Path) -> None:
    assert loaded(folder).fallbacks == {}


def test_what_cannot_be_compiled_is_carried_by_zeep_and_listed() -> None:
    wsdl = loaded(EVERYTHING)
    assert wsdl.fallbacks == {f"{{{NS}}}Twice": "'a' stands twice in one type"}
    content = {"a": "1", "b": "2", "a__1": "3"}
    node = etree.fromstring(written(message("Twice"), content))
    assert valid(EVERYTHING, node)
    assert message("Twice").read(node) == content


def test_absent_empty_and_nil_are_three_things() -> None:
    number = '<number xsi:nil="true"/>'
    read = message("Nil").read
    assert read(parsed(number, "Nil")) == {"number": None}
    assert read(parsed("<text/><number>1</number>", "Nil")) == {"text": "", "number": 1}
    assert read(parsed(f'<text xsi:nil="1"/>{number}<many/><many xsi:nil="true"/>', "Nil")) == {
        "text": None,
        "number": None,
        "many": ["", None],
    }
    whole = {"number": None, "whole": {"@unit": "m", "#nil": True}, "inside": {}}
    assert read(etree.fromstring(written(message("Nil"), whole))) == whole


def test_none_is_absent_where_nil_is_not_allowed() -> None:
    assert refused("All", {"one": None, "three": True}) == [("one", "a value", "nothing")]


def test_defaults_stand_where_the_message_says_nothing() -> None:
    node = parsed("<usual/><always/>", "Defaults")
    assert message("Defaults").read(node) == {"@unit": "m", "@version": "2", "usual": "ordinary", "always": 7}


def test_a_fixed_value_is_written_by_itself() -> None:
    assert "<n0:always>7</n0:always>" in written(message("Defaults"), {"usual": "x"})


BUILT_IN_EDGES: list[tuple[str, str, Any]] = [
    ("decimal", " -0.10\n", Decimal("-0.10")),
    ("double", "INF", float("inf")),
    ("float", "-INF", float("-inf")),
    ("double", "1E3", 1000.0),
    ("boolean", " 1 ", True),
    ("boolean", "false", False),
    ("date", "2026-11-21", date(2026, 11, 21)),
    ("date", "2026-11-21+03:30", ZonedDate(date(2026, 11, 21), timezone(timedelta(hours=3, minutes=30)))),
    ("date", "12026-11-21", "12026-11-21"),
    ("dateTime", "2026-11-21T10:00:00Z", datetime(2026, 11, 21, 10, tzinfo=UTC)),
    ("dateTime", "2026-11-21T10:00:00.5", datetime(2026, 11, 21, 10, microsecond=500000)),  # noqa: DTZ001 - no zone
    ("dateTime", "2026-11-21T24:00:00", "2026-11-21T24:00:00"),
    ("dateTime", "2026-11-21T10:00:00.1234567Z", "2026-11-21T10:00:00.1234567Z"),
    ("time", "10:00:00-03:00", time(10, tzinfo=timezone(timedelta(hours=-3)))),
    ("duration", "-P1Y2MT3.5S", Duration(-14, Decimal("-3.5"))),
    ("gYear", "-0044", Partial(year=-44)),
    ("gMonthDay", "--02-29Z", Partial(month=2, day=29, zone=UTC)),
    ("base64Binary", "cGFu\n amVy", b"panjer"),
    ("base64Binary", "", b""),
    ("hexBinary", "0aFF", b"\x0a\xff"),
    ("anyURI", " urn:x ", "urn:x"),
    ("token", " a  b\n", "a b"),
    ("integer", "+007", 7),
    ("unsignedLong", "18446744073709551615", 2**64 - 1),
]


@pytest.mark.parametrize(("base", "text", "value"), BUILT_IN_EDGES, ids=lambda one: repr(one)[:30])
def test_a_built_in_type_is_read_as_python_has_it(base: str, text: str, value: Any) -> None:
    leaf = PYTHON(SimpleType(base))
    assert leaf.read(text) == value
    assert type(leaf.read(text)) is type(value)
    assert leaf.read(leaf.write(value)) == value


def test_not_a_number_is_read_and_written() -> None:
    leaf = PYTHON(SimpleType("double"))
    assert leaf.write(leaf.read("NaN")) == "NaN"


@pytest.mark.parametrize(
    ("base", "kept"),
    [("string", " a \t b\n"), ("normalizedString", " a   b "), ("token", "a b"), ("NMTOKEN", "a b"), ("anyURI", "a b")],
)
def test_spaces_are_kept_replaced_or_collapsed_as_the_type_says(base: str, kept: str) -> None:
    assert RECORD(SimpleType(base)).read(" a \t b\n") == kept


def test_names_keep_their_namespaces_whatever_the_prefix() -> None:
    node = etree.fromstring(f'<Attributes xmlns="{NS}" xmlns:y="urn:y" number="1" name="y:z"><in/></Attributes>')
    assert valid(EVERYTHING, node)
    content = message("Attributes").read(node)
    assert content["@name"] == "{urn:y}z"
    assert message("Attributes").read(etree.fromstring(written(message("Attributes"), content))) == content


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("All", {"one": 1, "three": True}, ("one", "text", "a whole number")),
        ("All", {"one": "x"}, ("three", "a value", "nothing")),
        ("All", {"one": "x", "three": True, "four": 1}, ("four", "no such field", "a field")),
        ("All", "x", ("(whole body)", "an object", "text")),
        ("All", {"one": "\x00", "three": True}, ("one", "text without control characters", "text with one")),
        ("All", {"one": "\ud800", "three": True}, ("one", "text without control characters", "text with one")),
        ("Tree", {"branch": [{}, {"leaf": 1}]}, ("branch[1].leaf", "text", "a whole number")),
        ("Tree", {"branch": {}}, ("branch", "a list", "an object")),
        ("Attributes", {"in": ""}, ("@number", "a value", "nothing")),
        ("Attributes", {"in": "", "@number": 1, "#nil": True}, ("#nil", "no such field", "yes or no")),
        (
            "StandIns",
            {"shape": [{}], "circle": {}},
            ("shape[0].@type", "Circle or Disc or Square or UnitSquare", "nothing"),
        ),
        ("Shared", {"a": "1", "b": "2", "end": 1}, ("a", "one option of a choice", "parts of two")),
        ("Any", {"known": "", "#any": ["<a>"]}, ("#any[0]", "an element as XML", "text")),
        ("Any", {"known": "", "#any": ["<!DOCTYPE a><a/>"]}, ("#any[0]", "an element as XML", "text")),
        ("Any", {"known": "", "@any": {'a="" b': ""}}, ("@any", "names of attributes", "an object")),
        ("AsItCame", {"anything": "<other/>"}, ("anything", "the element anything as XML", "text")),
    ],
)
def test_what_does_not_fit_is_told_with_its_path(name: str, content: Any, told: tuple[str, str, str]) -> None:
    assert told in refused(name, content)


def test_no_value_can_become_markup() -> None:
    hostile = "</one><two>1</two>&<![CDATA[x]]>\"'\r\n\t"
    content = {"one": hostile, "three": True}
    assert message("All").read(etree.fromstring(written(message("All"), content))) == content
    marked = {"in": hostile, "@number": 1, "@mark": "a&b<c>\"d'"}
    assert message("Attributes").read(etree.fromstring(written(message("Attributes"), marked))) == marked


def test_an_operation_is_one_over_both_versions_and_tells_header_fault_and_one_way() -> None:
    operations = loaded(EVERYTHING).operations
    assert operations["Sequence"].actions == {SOAP_11: f"{NS}/Sequence", SOAP_12: f"{NS}/Sequence"}
    assert list(operations["Sequence"].headers) == [f"{{{NS}}}Ticket"]
    assert {name: one.tag for name, one in operations["Sequence"].faults.items()} == {"Problem": f"{{{NS}}}Problem"}
    assert operations["Bare"].answer is None
    assert loaded(EVERYTHING).versions == {SOAP_11, SOAP_12}


def test_an_rpc_message_has_a_wrapper_of_the_bindings_namespace_and_bare_parts() -> None:
    operation = loaded(EVERYTHING).operations["Rpc"]
    assert operation.style == "rpc"
    assert operation.answer is not None
    node = etree.fromstring(written(message("Rpc"), {"code": "abc", "tree": {"leaf": "x"}}))
    assert valid(EVERYTHING, node)
    assert node.tag == "{urn:everything:rpc}Rpc"
    assert [one.tag for one in node] == ["code", "tree"]
    assert operation.answer.tag == "{urn:everything:rpc}RpcResponse"


def test_a_shape_names_every_field_and_follows_a_type_within_itself_once() -> None:
    wsdl = loaded(EVERYTHING)
    assert shape_of(wsdl.operations["Tree"].request, wsdl.types) == {"leaf": False, "branch[]": False}
    shape = shape_of(wsdl.operations["StandIns"].request, wsdl.types)
    assert shape["shape[].@type"] is True
    assert shape["circle.radius"] is True
    assert shape["shape[].radius"] is False
