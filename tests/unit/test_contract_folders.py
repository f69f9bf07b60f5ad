"""The folders of `contracts/`: each names its files and says of every operation, code and alias what it must."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import zeep
from lxml import etree

from adapter.exchange import Effect, Verdict
from tests.support.contract_folders import (
    FOLDERS,
    RECORD_FOLDERS,
    REST_FOLDERS,
    SOAP_FOLDERS,
    WINDOW,
    XS,
    contract_of,
    document_of,
    every_object,
    name_of,
    resolved,
    schema_of,
)


def wsdl_of(folder: Path) -> Any:
    client: Any = zeep.Client
    return client(str(folder / f"{name_of(folder)}.wsdl")).wsdl


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


@pytest.mark.parametrize("folder", REST_FOLDERS, ids=name_of)
def test_an_openapi_refers_only_to_its_own_schemas_and_takes_no_unknown_field(folder: Path) -> None:
    schemas = document_of(folder)["components"]["schemas"]

    for node in every_object(document_of(folder)):
        assert str(node.get("$ref", "")).removeprefix("#/components/schemas/") in {"", *schemas}
    for name, schema in schemas.items():
        assert schema.get("type") != "object" or schema["additionalProperties"] is False, name
        assert schema.get("type") != "array" or "maxItems" in schema, name


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
