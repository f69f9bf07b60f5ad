"""What documents a service takes: the section [documents] of service.toml, told to channels before anybody uploads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from adapter.exchange import Operation
from adapter.service.checks import Between
from adapter.service.model import DocumentLimits, Route
from adapter.tables import Document, Fault, Key, check_keys

_SECTION = "documents"
_KEYS = {
    "most_bytes": Key(int, required=False),
    "media_types": Key(list, required=False),
    "count": Key(int, required=False),
}
_MEDIA_TYPE = "media_type"
"""Where a gateway's record tells the type of its document."""


@dataclass(frozen=True, slots=True)
class _Ceiling:
    """How large a contract lets a document be."""

    contract: str
    most_bytes: int


def read_documents(
    document: Document, inward: Mapping[Operation, Route], between: Between, faults: list[Fault]
) -> DocumentLimits:
    """Read the section [documents]; what it leaves open is as large as both contracts let it be, at most 20 MiB."""
    ceilings = list(_ceilings(inward, between))
    section = document.values.get(_SECTION, {})
    if not isinstance(section, dict):
        faults.append(document.fault(_SECTION, "the value is not a section"))
        section = {}
    found = check_keys(document, _KEYS, _SECTION) if section else []
    if section and Operation.ATTACH_DOCUMENT not in inward:
        what_to_do = f"add [inward.{Operation.ATTACH_DOCUMENT}], or drop the section"
        found.append(document.fault(_SECTION, "no operation here takes documents", what_to_do=what_to_do))
    if not found:
        found = [*_figures(document, section, ceilings), *_types(document, section, between)]
    faults += found
    if found:
        return DocumentLimits()
    usual = min((DocumentLimits().most_bytes, *(one.most_bytes for one in ceilings)))
    return DocumentLimits(
        most_bytes=section.get("most_bytes", usual),
        media_types=tuple(section.get("media_types", ())),
        count=section.get("count"),
    )


def _ceilings(inward: Mapping[Operation, Route], between: Between) -> Iterator[_Ceiling]:
    route = inward.get(Operation.ATTACH_DOCUMENT)
    names = (Operation.ATTACH_DOCUMENT.value, route.operation if route else "")
    for contract, name in zip((between.gateway, between.system), names, strict=True):
        operation = contract.operations.get(name) if contract else None
        if contract and operation:
            yield _Ceiling(contract.title, operation.most_document_bytes)


def _figures(document: Document, section: Mapping[str, int], ceilings: list[_Ceiling]) -> Iterator[Fault]:
    for name in ("most_bytes", "count"):
        if section.get(name, 1) <= 0:
            yield document.fault(f"{_SECTION}.{name}", f"{section[name]} is not above 0")
    for one in ceilings:
        if section.get("most_bytes", 0) > one.most_bytes:
            what = f"{section['most_bytes']} is more than {one.contract} takes"
            yield document.fault(f"{_SECTION}.most_bytes", what, what_to_do=f"write {one.most_bytes} or less")


def _types(document: Document, section: Mapping[str, list[str]], between: Between) -> Iterator[Fault]:
    types = section.get("media_types", [])
    if "media_types" in section and not types:
        yield document.fault(f"{_SECTION}.media_types", "the list is empty", what_to_do="drop it, or name a type")
    if between.gateway and types:
        misfits = between.misfits(between.gateway, Operation.ATTACH_DOCUMENT, _MEDIA_TYPE, [str(one) for one in types])
        for name, expected in misfits.items():
            what = f"'{name}' is not a type that {between.gateway.title} takes"
            yield document.fault(f"{_SECTION}.media_types", what, expected)
