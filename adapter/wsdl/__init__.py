"""WSDL and XSD read from one folder only, handed on as plain types.

Messages are written and read by functions compiled from those types (`adapter.contract`). The types are read from the
schemas themselves: zeep drops facets, enumerations, fixed values, abstractness and substitution groups. zeep carries
what cannot be compiled (`falling_back`), loads the same documents for `panjereh contract check` (`second_opinion`), and
is the oracle of the tests.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from lxml import etree

from adapter.errors import FaultyTables
from adapter.wsdl.complex_types import types_of
from adapter.wsdl.components import components_of
from adapter.wsdl.definitions import bound_operations
from adapter.wsdl.falling_back import zeep_of
from adapter.wsdl.operations import operations_of, rpc_wrappers
from adapter.wsdl.schemas import combined, normal_schemas
from adapter.wsdl.vetting import parsed, vetted
from adapter.xml.types import Fallback, Wsdl


def read_wsdl(folder: Path, name: str) -> Wsdl:
    """The WSDL `name` of the folder with all its schemas; raises FaultyTables with all that cannot be carried."""
    faults: list[str] = []
    documents = dict(vetted(folder, name, faults))
    if faults:
        raise FaultyTables(faults)
    place = folder / name
    try:
        wsdl = _read(name, documents, faults)
    except (etree.XMLSchemaParseError, ValueError) as error:
        raise FaultyTables([f"{place}: cannot be read as WSDL: {error}"]) from error
    if faults or wsdl is None:
        raise FaultyTables([f"{place}: {fault}" for fault in faults])
    return wsdl


def _read(name: str, documents: dict[str, bytes], faults: list[str]) -> Wsdl | None:
    roots = {place: parsed(content) for place, content in documents.items()}
    namespace = roots[name].get("targetNamespace", "")
    schemas = normal_schemas(roots)
    bound = list(bound_operations(roots, faults))
    schemas += rpc_wrappers(bound, schemas, faults)
    if faults:
        return None
    validator = combined(schemas)
    types, elements = types_of(components_of(schemas))

    @cache
    def fallback() -> Fallback:
        return zeep_of(schemas)

    operations = operations_of(bound, elements, namespace, faults)
    return Wsdl(namespace, operations, validator, documents, types, fallback)
