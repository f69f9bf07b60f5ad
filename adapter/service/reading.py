"""One folder of `mappings/`, and a tenant's over it, read against the contracts: a Service, or all that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from adapter.contract.model import Contract
from adapter.exchange import Direction, Operation
from adapter.service import document as parts
from adapter.service.asking import ability_faults, silence_faults
from adapter.service.card import card_faults
from adapter.service.case_checks import case_faults
from adapter.service.checks import (
    Between,
    area_faults,
    inward_table_faults,
    minted_key_faults,
    operation_faults,
    outward_table_faults,
    pattern_faults,
    reversal_faults,
    spoken,
    told_by,
)
from adapter.service.contents import digest_of
from adapter.service.fitting import Misfits
from adapter.service.layers import File, Layers, read_document
from adapter.service.model import Route, Service
from adapter.service.papers import read_documents
from adapter.service.referral import REFERRAL, referral_faults
from adapter.service.reviewing import review_faults
from adapter.tables import STILL_TO_FILL, Document, Fault, Source
from adapter.text import canonical_texts
from adapter.translator import CodeBook, Table, Tools, compile_table, read_codes
from adapter.workbench.sides import Fields


def read_service(
    layers: Layers,
    contracts: Mapping[str, Contract],
    misfits: Misfits,
    *,
    said: tuple[Document, list[Fault]] | None = None,
    fields: Mapping[str, Fields] | None = None,
    today: date = date.min,
) -> tuple[Service | None, list[Fault]]:
    """Give the service, or else its faults, all of them, in the order of files and lines; and what its review found.

    `said` is its service.toml where that was read before. A code that ended before `today` need not fit any more.
    """
    layers = layers.read()
    document, found = said or read_document(layers.file("service.toml"))
    card, of_card = read_document(layers.file("card.toml"))
    faults = [*found, *of_card, *parts.document_faults(document), *card_faults(card)]
    if not document.values:
        return None, sorted(set(faults))
    between = Between(
        parts.read_contract_name(document, "gateway", contracts, faults),
        parts.read_contract_name(document, "system", contracts, faults),
        misfits,
        today,
    )
    doubts: list[Fault] = []
    inward, outward = parts.read_inward(document, faults), parts.read_outward(document, faults)
    books = _read_books(layers, faults)
    faults += [*pattern_faults(document, inward, outward), *area_faults(document, books)]
    outward = spoken(document, outward)
    tables = _read_tables(layers, document, books, _directions(document, inward, outward, faults), faults)
    faults += operation_faults(document, between, inward, outward)
    faults += _table_faults(tables, inward, outward, between)
    faults += case_faults(layers, tables, named=_named_tables(document))
    if fields is not None:
        told = {(one.file, one.line, one.column) for one in faults if one.column}
        is_whole = layers.own is None and _named_tables(document) == tables.keys()
        found = review_faults(tables, books if is_whole else {}, inward, outward, between, fields=fields)
        doubts = [one for one in found if (one.file, one.line, one.column) not in told]
        doubts += silence_faults(document, between.system, outward)
    keys = parts.read_business_keys(document, inward, between.gateway, faults)
    faults += [*minted_key_faults(document, between, inward, keys), *reversal_faults(document, inward, keys)]
    faults += ability_faults(document, between.system, inward, outward)
    search = parts.read_search(document, between.gateway, faults)
    channels = parts.read_channels(document, between, faults)
    documents = read_documents(document, inward, between, faults)
    faults += referral_faults(document, card, between.gateway)
    if faults:
        return None, _each_once([*faults, *doubts])
    service = Service(
        name=layers.name,
        **{name: canonical_texts(document.values.get(name, "")) for name in _AS_WRITTEN},
        inward=inward,
        outward=outward,
        tables=tables,
        business_key=keys,
        search=search,
        channels=channels,
        answer_within=parts.read_answer_within(document),
        objection_within=parts.read_objection_within(document),
        stage=parts.read_stage(document),
        parallel=parts.read_parallel(document),
        promise=parts.read_promise(document),
        documents=documents,
        card=canonical_texts(card.values),
        sha256=digest_of(*layers.contents.values()),
    )
    return service, _each_once(doubts)


def _each_once(faults: list[Fault]) -> list[Fault]:
    """In the order of files and lines; what one cell is for several operations is told for the first.

    Of a cell that is still to be filled in nothing else is told.
    """
    first: dict[tuple[str, int, str, str], Fault] = {}
    unfilled = {(one.file, one.line, one.column) for one in faults if one.what == STILL_TO_FILL}
    for fault in sorted(faults):
        if fault.what != STILL_TO_FILL and (fault.file, fault.line, fault.column) in unfilled:
            continue
        first.setdefault((fault.file, fault.line, fault.column, fault.what), fault)
    return list(first.values())


def _named_tables(document: Document) -> set[str]:
    """Every table that service.toml names, in however faulty a line."""
    inward, outward = (document.values.get(name) for name in ("inward", "outward"))
    routes = inward.values() if isinstance(inward, dict) else ()
    named = {str(route.get("table")) for route in routes if isinstance(route, dict)}
    return named | set(outward if isinstance(outward, dict) else ())


_AS_WRITTEN = ("service_id", "title", "title_en", "pattern", "tier", "kind", "gateway", "system")


def _directions(
    document: Document, inward: Mapping[Operation, Route], outward: Mapping[str, Operation], faults: list[Fault]
) -> dict[str, Direction]:
    """Every table that service.toml names, and which way it goes."""
    directions = dict.fromkeys(outward, Direction.OUTWARD)
    for operation, route in inward.items():
        if route.table in directions:
            what = f"'{route.table}' is also an outward table"
            faults.append(document.fault(f"inward.{operation}.table", what, "a table has one direction"))
        directions[route.table] = Direction.INWARD
    return directions


def _read_tables(
    layers: Layers,
    document: Document,
    books: Mapping[str, CodeBook],
    directions: Mapping[str, Direction],
    faults: list[Fault],
) -> dict[str, Table]:
    """Compile the tables, from the folder called as the internal contract, or `referral`."""
    system = str(document.values.get("system", "")).partition("/")[0]
    if document.values.get("pattern") == REFERRAL:
        system = REFERRAL
    tables = {}
    for name, direction in directions.items():
        tools = Tools(direction, books)
        file = layers.table(system, f"{name}.csv")
        tables[name], found = compile_table(file.source, file.label, tools, _own(file))
        faults += [*found, *tools.faults]
    used = {*tables, *_named_tables(document)}
    unused = [name for name in layers.names(system, ".csv") if name.removesuffix(".csv") not in used]
    faults += [
        Fault(_written(layers.file(system, name)), 0, "", "no operation of service.toml uses this table")
        for name in (unused if system else ())
        if layers.own is None or layers.is_own(system, name)  # a tenant need not use what is shared
    ]
    return tables


def _own(file: File) -> tuple[Source, str] | None:
    return None if file.own is None else (file.own.source, file.own.label)


def _written(file: File) -> str:
    """The name of the file that was written last: the tenant's where it has one."""
    return file.label if file.own is None else file.own.label


def _read_books(layers: Layers, faults: list[Fault]) -> dict[str, CodeBook]:
    books = {}
    for name in layers.names("codes", ".csv"):
        file = layers.file("codes", name)
        books[name.removesuffix(".csv")], found = read_codes(file.source, file.label, _own(file))
        faults += found
    return books


def _table_faults(
    tables: Mapping[str, Table], inward: Mapping[Operation, Route], outward: Mapping[str, Operation], between: Between
) -> list[Fault]:
    faults: list[Fault] = []
    for operation, route in inward.items():
        faults += inward_table_faults(tables[route.table], operation, route, between)
    told = told_by(between.system, inward) if between.system else ()
    for name, operation in outward.items():
        faults += outward_table_faults(tables[name], operation, told, between)
    return faults
