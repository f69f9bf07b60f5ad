"""The examples of the contracts: they are what their folders say, the same in both bindings, and belong to nobody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema_rs
import pytest
from lxml import etree

from adapter import identifiers
from adapter.contract import load_contract
from adapter.workbench.examples import examples_of, misjudged
from tests.support.contract_folders import (
    EXAMPLES,
    FOLDERS,
    RECORD_FOLDERS,
    WINDOW,
    contract_of,
    document_of,
    name_of,
    schema_of,
)

ENVELOPE = "{http://schemas.xmlsoap.org/soap/envelope/}"


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
