"""A contract folder, loaded and checked as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from adapter.contract.aliases import Aliases, AliasRow, aliases_of, check_aliases, read_aliases
from adapter.contract.checks import check_contract
from adapter.contract.codec import Codec, Shape
from adapter.contract.folder import ContractFile, digest, pages_of, read_contract_file, read_outcomes
from adapter.contract.model import ChangesContract, Contract, DocumentsContract, FindContract, StatementContract
from adapter.contract.openapi import declared_names, operations_of
from adapter.contract.packing import Way
from adapter.contract.rest import RestCodec
from adapter.contract.sheets import Sheets, read_sheets
from adapter.contract.soap import SoapCodec
from adapter.contract.statement_files import read_statements
from adapter.contract.statements import Statements
from adapter.contract.webhooks import read_webhook
from adapter.errors import FaultyTables
from adapter.refusals import RequestRefused
from adapter.strict_json import read_json
from adapter.telemetry import DriftLog
from adapter.xml.types import WsdlReader


@dataclass(slots=True)
class _Bindings:
    """What the bindings brought, beside their faults."""

    aliases: Aliases
    drift: DriftLog | None
    codecs: dict[str, Codec] = field(default_factory=dict)
    routes: dict[str, tuple[str, str]] = field(default_factory=dict)
    directions: dict[str, str] = field(default_factory=dict)
    statements: Statements | None = None
    sheets: Sheets | None = None


def load_contract(folder: Path, read_wsdl: WsdlReader | None = None, *, is_strict: bool = False) -> Contract:
    """The folder as one value; raises FaultyTables with every fault of every file at once.

    `read_wsdl` is `adapter.wsdl.read_wsdl`; a folder without a WSDL does not need it. Strict, it judges examples: what
    the contract does not know is refused, and not set aside as it is from a partner.
    """
    faults: list[str] = []
    outcomes = read_outcomes(folder / "outcomes.csv", faults)
    file = read_contract_file(folder / "contract.toml", faults)
    if file is None:
        raise FaultyTables(faults)
    aliases = read_aliases(folder / "aliases.csv", faults)
    drift = None if is_strict else DriftLog(f"{file.name}/{file.version}")
    bindings = _Bindings(aliases_of(aliases, file.operations), drift)
    _read_rest(folder, file, bindings, faults=faults)
    _read_soap(folder, file, bindings, faults=faults, read_wsdl=read_wsdl)
    _read_sql(folder, file, bindings, faults=faults)
    _read_file(folder, file, bindings, faults=faults)
    webhook = read_webhook(folder, file, faults, aliases=bindings.aliases, drift=bindings.drift)
    contract = Contract(
        name=file.name,
        version=file.version,
        status=file.status,
        operations={
            name: replace(one.named(name), base64=_base64_in(name, bindings.codecs))
            for name, one in file.operations.items()
        },
        bindings=bindings.codecs,
        outcomes=outcomes,
        code_paths=file.codes.paths,
        ignore_codes_when=file.codes.ignore_when,
        soap_path=file.soap_path,
        own_door=file.door,
        finds={name: FindContract(**one.model_dump()) for name, one in file.find.items()},
        routes=bindings.routes,
        shapes=_shapes(bindings.codecs, answers=False),
        answer_shapes=_shapes(bindings.codecs, answers=True),
        health=file.health,
        changes=ChangesContract(**file.changes.model_dump()) if file.changes else None,
        webhook=webhook,
        statement=StatementContract(**file.statement.model_dump()) if file.statement else None,
        documents=DocumentsContract(**file.documents.model_dump()) if file.documents else None,
        sha256=digest(folder),
        drift=bindings.drift or DriftLog(),
        statements=bindings.statements,
        sheets=bindings.sheets,
    )
    faults.extend(check_contract(contract, bindings.directions, place=str(folder / "contract.toml")))
    faults.extend(_alias_faults(contract, aliases, str(folder / "aliases.csv")))
    if faults:
        raise FaultyTables(faults)
    return contract


def _read_rest(folder: Path, file: ContractFile, bindings: _Bindings, *, faults: list[str]) -> None:
    if file.openapi is None:
        return
    path = folder / file.openapi
    try:
        document = read_json(path.read_bytes())
    except FileNotFoundError:
        faults.append(f"{path}: is missing; contract.toml: openapi names it")
        return
    except RequestRefused as error:
        faults.append(f"{path}: {error}")
        return
    operations = operations_of(document, faults, place=str(path))
    codec = RestCodec(
        operations,
        _limits(file),
        aliases=bindings.aliases,
        names=declared_names(document),
        drift=bindings.drift,
        ways=_ways(file),
    )
    bindings.codecs["rest"] = codec
    bindings.routes |= codec.routes
    bindings.directions |= {name: one.direction for name, one in operations.items() if one.direction}


def _read_soap(
    folder: Path, file: ContractFile, bindings: _Bindings, *, faults: list[str], read_wsdl: WsdlReader | None
) -> None:
    if file.soap is None:
        return
    if read_wsdl is None:
        faults.append(f"{folder / 'contract.toml'}: soap: needs a WSDL reader; pass adapter.wsdl.read_wsdl")
        return
    try:
        wsdl = read_wsdl(folder, file.soap)
    except FaultyTables as error:
        faults.extend(error.faults)
        return
    if file.soap_version not in {None, *wsdl.versions}:
        has = " and ".join(sorted(wsdl.versions))
        faults.append(f"{folder / 'contract.toml'}: soap_version: {file.soap} has SOAP {has} only; use that")
    bindings.codecs["soap"] = SoapCodec(
        wsdl,
        limits=_limits(file),
        path=file.soap_path,
        aliases=bindings.aliases,
        drift=bindings.drift,
        speaks=file.soap_version,
        ways=_ways(file),
    )


def _read_sql(folder: Path, file: ContractFile, bindings: _Bindings, *, faults: list[str]) -> None:
    """Statements speak of records: their codec is that of an OpenAPI document made of their schemas."""
    if file.sql is None or (read := read_statements(folder / file.sql, file, faults)) is None:
        return
    bindings.statements, document = read
    operations = operations_of(document, faults, place=bindings.statements.place)
    bindings.codecs["sql"] = RestCodec(operations, _limits(file))


def _read_file(folder: Path, file: ContractFile, bindings: _Bindings, *, faults: list[str]) -> None:
    """Sheets speak of records, too."""
    if file.file is None or (read := read_sheets(folder / file.file, pages_of(file), faults)) is None:
        return
    bindings.sheets, document = read
    operations = operations_of(document, faults, place=str(folder / file.file))
    bindings.codecs["file"] = RestCodec(operations, _limits(file))


def _alias_faults(contract: Contract, rows: list[AliasRow], file: str) -> list[str]:
    shapes = (contract.shapes, contract.answer_shapes)
    paths = {name: [path for shape in shapes for path in shape.get(name, {})] for name in contract.operations}
    names = {name: {step.removesuffix("[]") for path in its for step in path.split(".")} for name, its in paths.items()}
    return list(map(str, check_aliases(rows, names, file=file))) if contract.bindings else []


def _limits(file: ContractFile) -> Mapping[str, int]:
    return {name: one.max_bytes for name, one in file.operations.items()}


def _ways(file: ContractFile) -> Mapping[str, Way]:
    return {name: one.attachments for name, one in file.operations.items()}


def _shapes(codecs: Mapping[str, Codec], *, answers: bool) -> dict[str, Shape]:
    found: dict[str, Shape] = {}
    for codec in codecs.values():
        for name in codec.operations:
            found[name] = codec.answer_shape(name) if answers else codec.request_shape(name)
    return found


def _base64_in(operation: str, codecs: Mapping[str, Codec]) -> tuple[str, ...]:
    """A field that is Base64 in one binding holds a document in every other, too."""
    carrying = (codec for codec in codecs.values() if operation in codec.operations)
    return tuple(dict.fromkeys(path for codec in carrying for path in codec.base64_fields(operation)))
