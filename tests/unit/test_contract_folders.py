"""The folders of `contracts/`: both bindings say the same, examples hold, and nothing in them belongs to anybody."""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema_rs
import pytest
import zeep
from lxml import etree

from adapter import identifiers
from adapter.contract import load_contract
from adapter.exchange import Effect, Operation, Verdict
from adapter.workbench.examples import examples_of, misjudged

ROOT = Path(__file__).parents[2] / "contracts"
FOLDERS = sorted(path.parent for path in ROOT.glob("*/*/contract.toml"))
SOAP_FOLDERS = [folder for folder in FOLDERS if list(folder.glob("*.wsdl"))]
REST_FOLDERS = [folder for folder in FOLDERS if (folder / "openapi.json").exists()]
RECORD_FOLDERS = [folder for folder in FOLDERS if folder not in {*SOAP_FOLDERS, *REST_FOLDERS}]
"""Those over a database or a folder: nothing of them is seen by a caller of ours."""
EXAMPLES = sorted(path for folder in FOLDERS for path in folder.glob("examples/*/*.*"))

XS = "{http://www.w3.org/2001/XMLSchema}"
ENVELOPE = "{http://schemas.xmlsoap.org/soap/envelope/}"
WHOLE_NUMBERS = {"xs:int", "xs:long"}
ONE_BINDING_ONLY = {"Problem", "IdempotencyKey"}
"""A problem is RFC 9457 in REST and a fault's detail in SOAP; the key is a header in both."""


class Field(NamedTuple):
    """What a binding says of one field: whether it must stand, how often it may, and its facets when it is a value."""

    is_required: bool
    most: int
    facets: frozenset[tuple[str, Any]]


def name_of(folder: Path) -> str:
    return folder.parent.name


def document_of(folder: Path) -> Any:
    return json.loads((folder / "openapi.json").read_text(encoding="utf-8"))


def contract_of(folder: Path) -> Mapping[str, Any]:
    return tomllib.loads((folder / "contract.toml").read_text(encoding="utf-8"))


def wsdl_of(folder: Path) -> Any:
    client: Any = zeep.Client
    return client(str(folder / f"{name_of(folder)}.wsdl")).wsdl


def schema_of(folder: Path) -> etree._Element:
    return etree.parse(folder / f"{name_of(folder)}.xsd").getroot()


# What the XSD says


def xsd_facets(simple: etree._Element) -> frozenset[tuple[str, Any]]:
    restriction = simple.find(f"{XS}restriction")
    assert restriction is not None
    base = restriction.get("base")
    facets: set[tuple[str, Any]] = {("is_number", base in WHOLE_NUMBERS)}
    for facet in restriction:
        name, value = etree.QName(facet).localname, str(facet.get("value"))
        facets.add((name, int(value) if value.lstrip("-").isdigit() else value))
    return frozenset(facets)


def xsd_fields(schema: etree._Element, type_name: str, at: str = "") -> Iterator[tuple[str, Field]]:
    section = schema.find(f"{XS}complexType[@name='{type_name}']")
    assert section is not None, type_name
    for element in section.iter(f"{XS}element"):
        path = f"{at}.{element.get('name')}"
        inner = str(element.get("type")).removeprefix("tns:")
        simple = schema.find(f"{XS}simpleType[@name='{inner}']")
        is_yes_no = inner == "xs:boolean"
        facets = frozenset({("is_yes_no", True)}) if is_yes_no else frozenset()
        if simple is not None:
            facets = xsd_facets(simple)
        least, most = int(element.get("minOccurs", "1")), int(element.get("maxOccurs", "1"))
        yield path, Field(least > 0, most, facets)
        if simple is None and not is_yes_no:
            yield from xsd_fields(schema, inner, path)


def xsd_shape(folder: Path, root: str) -> dict[str, Field]:
    schema = schema_of(folder)
    element = schema.find(f"{XS}element[@name='{root}']")
    assert element is not None, root
    return dict(xsd_fields(schema, str(element.get("type")).removeprefix("tns:")))


# What the OpenAPI says, in the XSD's words


def resolved(document: Any, schema: Any) -> Any:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].removeprefix("#/components/schemas/")]
    return schema


def json_facets(schema: Any) -> frozenset[tuple[str, Any]]:
    if schema["type"] == "boolean":
        return frozenset({("is_yes_no", True)})
    facets: set[tuple[str, Any]] = {("is_number", schema["type"] == "integer")}
    if schema["type"] == "integer":
        return frozenset(facets | {("minInclusive", schema["minimum"]), ("maxInclusive", schema["maximum"])})
    if "contentEncoding" in schema:
        most_bytes = schema["maxLength"] // 4 * 3
        return frozenset(facets | {("base64 of about", most_bytes // 1024)})
    facets |= {(name, schema[name]) for name in ("minLength", "maxLength") if name in schema}
    facets |= {("enumeration", value) for value in schema.get("enum", ())}
    if "pattern" in schema:
        bare = schema["pattern"].removeprefix("^").removesuffix("$")
        facets.add(("pattern", bare[1:-1] if "|" in bare and bare.startswith("(") and bare.endswith(")") else bare))
    return frozenset(facets)


def json_fields(document: Any, schema: Any, at: str = "") -> Iterator[tuple[str, Field]]:
    for name, inner in schema["properties"].items():
        path, one = f"{at}.{name}", resolved(document, inner)
        is_required, most = name in schema.get("required", ()), 1
        if one.get("type") == "array":
            is_required, most = is_required and one.get("minItems", 0) > 0, one["maxItems"]
            one = resolved(document, one["items"])
        is_section = one["type"] == "object"
        yield path, Field(is_required, most, frozenset() if is_section else json_facets(one))
        if is_section:
            yield from json_fields(document, one, path)


def json_shape(folder: Path, root: str) -> dict[str, Field]:
    document = document_of(folder)
    return dict(json_fields(document, resolved(document, document["components"]["schemas"][root])))


def in_json_words(field: Field) -> Field:
    """Base64 is measured in bytes in XSD and in characters in JSON Schema; whole kibibytes agree."""
    facets = dict(field.facets)
    if set(facets) == {"is_number", "minLength", "maxLength"} and facets["maxLength"] > 1024 * 1024:
        return field._replace(
            facets=frozenset({("is_number", False), ("base64 of about", facets["maxLength"] // 1024)})
        )
    return field


WINDOW = ROOT / "window" / "1.0"


@pytest.mark.parametrize("root", [f"{operation}{end}" for operation in Operation for end in ("", "Response")])
def test_both_bindings_of_the_window_have_the_same_fields_duties_and_facets(root: str) -> None:
    soap = {path: in_json_words(field) for path, field in xsd_shape(WINDOW, root).items()}

    assert soap == json_shape(WINDOW, root)


def test_both_bindings_of_the_window_have_the_same_roots() -> None:
    roots = {str(element.get("name")) for element in schema_of(WINDOW).findall(f"{XS}element")}

    assert roots - ONE_BINDING_ONLY == {f"{operation}{end}" for operation in Operation for end in ("", "Response")}
    assert roots <= document_of(WINDOW)["components"]["schemas"].keys()


def test_a_fault_of_the_window_tells_nothing_that_a_problem_does_not() -> None:
    problem = document_of(WINDOW)["components"]["schemas"]["Problem"]["properties"]

    assert {path.removeprefix(".") for path in xsd_shape(WINDOW, "Problem")} <= problem.keys()


# Each folder by itself


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_a_folder_is_marked_as_an_assumption_and_names_its_files(folder: Path) -> None:
    contract = contract_of(folder)

    assert contract["status"] == "assumption"
    assert (contract["name"], contract["version"]) == (name_of(folder), folder.name)
    assert all((folder / contract[key]).exists() for key in ("soap", "openapi") if key in contract)


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_what_changes_something_can_be_asked_for_or_repeated(folder: Path) -> None:
    contract = contract_of(folder)

    for name, operation in contract["operations"].items():
        assert Effect(operation["effect"]) is not Effect.NEITHER, name
        if operation["effect"] == Effect.QUERYABLE:
            assert contract["operations"][operation["query"]]["effect"] == Effect.READ, name
            assert operation["query"] in contract["find"], name
            assert {"settle_seconds", "deadline_seconds", "reference_path"} <= operation.keys(), name


@pytest.mark.parametrize("folder", SOAP_FOLDERS, ids=name_of)
def test_zeep_loads_the_wsdl_with_every_operation(folder: Path) -> None:
    wsdl = wsdl_of(folder)
    ports = [port for service in wsdl.services.values() for port in service.ports.values()]

    assert {name for port in ports for name in port.binding._operations} == contract_of(folder)["operations"].keys()
    assert {port.binding.transport for port in ports} == {"http://schemas.xmlsoap.org/soap/http"}


def test_the_two_sides_of_the_window_are_two_port_types_each_in_both_versions_of_soap() -> None:
    wsdl = wsdl_of(WINDOW)
    sides = {etree.QName(str(name)).localname: set(binding._operations) for name, binding in wsdl.bindings.items()}
    operations = contract_of(WINDOW)["operations"].items()

    assert sides == {
        f"Window{side.title()}Soap{version}": {name for name, one in operations if one["direction"] == side}
        for side in ("inward", "outward")
        for version in ("", "12")
    }


@pytest.mark.parametrize("folder", REST_FOLDERS, ids=name_of)
def test_the_openapi_routes_every_operation_once_in_its_direction(folder: Path) -> None:
    entries = [entry for methods in document_of(folder)["paths"].values() for entry in methods.values()]
    operations = contract_of(folder)["operations"]

    assert sorted(entry["operationId"] for entry in entries) == sorted(operations)
    assert {entry["operationId"]: entry["x-direction"] for entry in entries} == {
        name: one["direction"] for name, one in operations.items()
    }


@pytest.mark.parametrize("folder", REST_FOLDERS, ids=name_of)
def test_parameters_and_body_of_a_route_are_together_the_record(folder: Path) -> None:
    document = document_of(folder)
    for methods in document["paths"].values():
        for entry in methods.values():
            names = [one["name"] for one in entry.get("parameters", ()) if one["in"] != "header"]
            if "requestBody" in entry:
                body = resolved(document, entry["requestBody"]["content"]["application/json"]["schema"])
                names += list(body["properties"])
            record = resolved(document, entry["x-record"])

            assert sorted(names) == sorted(record["properties"]), entry["operationId"]


def every_object(node: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, dict):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from every_object(inner)


@pytest.mark.parametrize("folder", REST_FOLDERS, ids=name_of)
def test_an_openapi_refers_only_to_its_own_schemas_and_takes_no_unknown_field(folder: Path) -> None:
    schemas = document_of(folder)["components"]["schemas"]

    for node in every_object(document_of(folder)):
        assert str(node.get("$ref", "")).removeprefix("#/components/schemas/") in {"", *schemas}
    for name, schema in schemas.items():
        assert schema.get("type") != "object" or schema["additionalProperties"] is False, name
        assert schema.get("type") != "array" or "maxItems" in schema, name


# Examples


class Example(NamedTuple):
    folder: Path
    is_valid: bool
    operation: str
    is_answer: bool
    path: Path

    @property
    def root(self) -> str:
        return f"{self.operation}Response" if self.is_answer else self.operation


def example_of(path: Path) -> Example:
    operation, *sentence = path.name.removesuffix(".soap.xml").removesuffix(".json").split(".")
    return Example(path.parents[2], path.parent.name == "valid", operation, sentence[0] == "answer", path)


def message_of(path: Path) -> etree._Element:
    body = etree.parse(path).getroot().find(f"{ENVELOPE}Body")
    assert body is not None
    assert len(body) == 1
    return body[0]


def test_there_are_examples_of_both_kinds_for_every_message_that_has_a_field() -> None:
    for folder in FOLDERS:
        here = [example for example in map(example_of, EXAMPLES) if example.folder == folder]
        documents = contract_of(folder).get("documents", {"answer": ""})
        is_file = documents.get("operation") if "answer" not in documents else None
        for name in contract_of(folder)["operations"]:
            for is_answer in (False,) if name == is_file else (False, True):
                valid = {one.is_valid for one in here if (one.operation, one.is_answer) == (name, is_answer)}
                assert True in valid, f"{folder}: {name}"
            assert any(not one.is_valid for one in here if one.operation == name), f"{folder}: {name}"


@pytest.mark.parametrize(
    "path",
    [path for path in EXAMPLES if path.suffix == ".json" and path.parents[2] not in RECORD_FOLDERS],
    ids=lambda path: path.stem,
)
def test_a_json_example_is_what_its_folder_says(path: Path) -> None:
    example = example_of(path)
    schema = {"$ref": f"#/components/schemas/{example.root}", "components": document_of(example.folder)["components"]}
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)

    assert validator.is_valid(json.loads(path.read_text(encoding="utf-8"))) is example.is_valid


@pytest.mark.parametrize("folder", RECORD_FOLDERS, ids=name_of)
def test_examples_of_records_are_what_their_folder_says(folder: Path) -> None:
    assert list(misjudged(load_contract(folder), examples_of(folder, folder.name))) == []


@pytest.mark.parametrize("path", [path for path in EXAMPLES if path.suffix == ".xml"], ids=lambda path: path.name)
def test_a_soap_example_is_what_its_folder_says(path: Path) -> None:
    example = example_of(path)
    message = message_of(path)

    assert etree.QName(message).localname == example.root
    schema = etree.XMLSchema(etree.ElementTree(schema_of(example.folder)))
    assert schema.validate(etree.fromstring(etree.tostring(message))) is example.is_valid


def leaves(node: Any, at: str = "") -> Iterator[tuple[str, str]]:
    for name, value in node.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                yield from leaves(one, f"{at}.{name}")
            else:
                yield f"{at}.{name}", str(one).lower() if isinstance(one, bool) else str(one)


def xml_leaves(element: etree._Element, at: str = "") -> Iterator[tuple[str, str]]:
    for child in element:
        path = f"{at}.{etree.QName(child).localname}"
        if len(child):
            yield from xml_leaves(child, path)
        else:
            yield path, child.text or ""


TWINS = [path for path in EXAMPLES if path.suffix == ".json" and path.parent.name == "valid" and "window" in path.parts]


@pytest.mark.parametrize("path", TWINS, ids=lambda path: path.stem)
def test_a_valid_example_of_the_window_says_the_same_in_both_bindings(path: Path) -> None:
    record = json.loads(path.read_text(encoding="utf-8"))

    assert sorted(xml_leaves(message_of(path.with_suffix(".soap.xml")))) == sorted(leaves(record))


CHECKS = {
    "national_id": identifiers.national_id,
    "NationalCode": identifiers.national_id,
    "legal_id": identifiers.legal_id,
    "LegalId": identifiers.legal_id,
    "bill_id": identifiers.bill_id,
    "BillId": identifiers.bill_id,
    "iban": identifiers.iban,
    "Iban": identifiers.iban,
}
NOBODYS_BEGINNINGS = {"national_id": "000", "NationalCode": "000", "legal_id": "99999", "LegalId": "99999"}
"""No town gives national ids that begin with 000, and no legal entity has an id that begins with 99999."""


@pytest.mark.parametrize("path", [path for path in EXAMPLES if path.parent.name == "valid"], ids=lambda path: path.name)
def test_identifiers_in_valid_examples_have_right_check_digits_and_belong_to_nobody(path: Path) -> None:
    is_xml = path.suffix == ".xml"
    found = list(xml_leaves(message_of(path)) if is_xml else leaves(json.loads(path.read_text(encoding="utf-8"))))
    bills: list[str] = []
    for place, value in found:
        name = place.rpartition(".")[2]
        if name in CHECKS:
            assert CHECKS[name](value) == value, place
        assert value.startswith(NOBODYS_BEGINNINGS.get(name, "")), place
        if name in {"bill_id", "BillId"}:
            bills.append(value)
        if name in {"payment_id", "PaymentId"}:
            assert identifiers.payment_id(value, bills[-1]) == value, place


def test_a_bill_in_an_example_carries_its_own_sum() -> None:
    path = WINDOW / "examples" / "valid" / "IssueBill.two_fees_of_one_case.json"

    for bill in json.loads(path.read_text(encoding="utf-8"))["bills"]:
        assert identifiers.amount_rial_of(bill["payment_id"]) == Decimal(bill["amount_rial"]) // 1000 * 1000


# Outcomes and aliases


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_every_outcome_has_a_known_verdict_and_a_sentence_in_both_languages(folder: Path) -> None:
    with (folder / "outcomes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    places = {row["where"] for row in rows}
    assert places <= {"body"} if folder in RECORD_FOLDERS else places == {"body", "fault"}
    assert {row["verdict"] for row in rows} <= set(Verdict)
    assert len({(row["where"], row["code"]) for row in rows}) == len(rows)
    for row in rows:
        assert any("\u0600" <= letter <= "\u06ff" for letter in row["fa"]), row
        assert row["en"].isascii(), row
        assert len(row["en"].split()) > 2, row


@pytest.mark.parametrize("folder", [*SOAP_FOLDERS, *REST_FOLDERS], ids=name_of)
def test_an_alias_means_a_field_that_the_contract_has(folder: Path) -> None:
    if folder in SOAP_FOLDERS:
        names = {str(element.get("name")) for element in schema_of(folder).iter(f"{XS}element")}
    else:
        names = {name for node in every_object(document_of(folder)) for name in node.get("properties", ())}
    with (folder / "aliases.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    for row in rows:
        assert row["meaning"] in names
        assert row["accepted"] not in names
