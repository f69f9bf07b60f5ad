"""`panjereh service`: make a service's folder, follow one of its cells, compare two folders. It needs no installation.

It stands beside `services` as `contract` stands beside `exchanges`: the singular is a folder of tables on the clerk's
desk, the plural what the installation offers. Whoever says one and means the other is told the right one.
"""

from __future__ import annotations

import json as jsonlib
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from adapter.contract.model import Contract
from adapter.errors import FaultyTables, NotFound, Refused
from adapter.service import Service
from adapter.service.cases import context_of
from adapter.service.checks import PATTERNS, Between
from adapter.service.differing import differences
from adapter.service.drafting import Draft, files_of
from adapter.service.explaining import Explained, Passage, explain
from adapter.service.reviewing import Stands, standing
from adapter.tables import near
from adapter.workbench.reviewing import messages_of
from adapter.workbench.sampling import as_record, whole
from adapter.workbench.sides import fields_of
from ops.cli.checking import (
    FOLDER_NAME,
    Config,
    Contracts,
    Json,
    Mappings,
    folders_of,
    load_contracts,
    load_folders,
    named_folders,
)
from ops.cli.exits import Exit
from ops.cli.printing import print_json, print_table, say, shown

app = App(
    name="service", help="Make a service's folder, follow a cell of it, compare two folders.", help_format="plaintext"
)


@app.command
def new(
    name: str,
    /,
    *,
    contract: Annotated[str, Parameter(help="The gateway's contract, NAME/VERSION.")],
    connector: Annotated[str, Parameter(help="The internal system's contract, NAME/VERSION.")],
    pattern: Annotated[str, Parameter(help="How the service behaves: case, inquiry, bill …")] = "case",
    contracts: Contracts = None,
    mappings: Mappings = None,
    config: Config = None,
    json: Json = False,
) -> int:
    """Make the folder of a new service: a row for every field that must stand, guesses for its source, a card, cases.

    An existing folder is never touched. Whatever is still to be written holds ؟؟؟, and `panjereh check` tells where.
    """
    folders = folders_of(config, contracts=contracts, mappings=mappings)
    target = folders["mappings"] / name
    if FOLDER_NAME.fullmatch(name) is None:
        raise Refused(f"{name!r} does not name a folder; write small letters, digits and _, as in building_permit")
    if target.exists():
        raise Refused(f"{target} is there already; choose another name, or remove the folder first")
    if pattern not in PATTERNS:
        raise Refused(f"{pattern!r} is not a pattern; {near(pattern, PATTERNS)}")
    loaded, _ = load_contracts(folders["contracts"])
    gateway, system = (_contract(loaded, title) for title in (contract, connector))
    fields = {one.title: fields_of(folders["contracts"] / one.title, one) for one in (gateway, system)}
    sample = _sample(folders["contracts"], gateway, PATTERNS[pattern].opening)
    files = files_of(Draft(name, pattern, gateway, system, fields, sample))
    for path, text in files.items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_text(text, encoding="utf-8")
    if json:
        print_json({"service": name, "folder": str(target), "files": sorted(files)})
    else:
        print_table(("file",), [[path] for path in sorted(files)], title=str(target))
        command = named_folders(f"panjereh check {name}", config, contracts=contracts, mappings=mappings)
        say(f"what is still to be done: {command}")
    return Exit.OK


@app.command(name="explain")
def explain_cell(
    name: str,
    table: str,
    target: str,
    /,
    *,
    record: Annotated[
        Path | None, Parameter(help="A record as JSON, or a case's .in.json: also the value at each step.")
    ] = None,
    contracts: Contracts = None,
    mappings: Mappings = None,
    config: Config = None,
    json: Json = False,
) -> int:
    """Follow one cell of TABLE from the field it reads, through rule and codes, to TARGET; exit code 1 when refused."""
    folders = folders_of(config, contracts=contracts, mappings=mappings)
    loaded, _ = load_contracts(folders["contracts"])
    services, faulty = load_folders(folders["mappings"], loaded, only=name)
    if name in faulty:
        command = named_folders(f"panjereh check {name}", config, contracts=contracts, mappings=mappings)
        raise FaultyTables([f"{name}: its tables have faults; run: {command}", *map(str, faulty[name])])
    service = services[name]
    stands = _stands(folders["contracts"], service, loaded, table.removesuffix(".csv"))
    targets = {line.target.text for line in stands.table.lines}
    if target not in targets:
        raise NotFound(f"{stands.table.file}: no row fills {target!r}; {near(target, targets)}")
    given = _read(record) if record else None
    context = context_of(given, service) if given is not None else None
    found = explain(stands, target, record=None if given is None else given["record"], context=context)
    if json:
        print_json(asdict(found))
    else:
        _print_explained(found, is_tried=given is not None)
    return Exit.FINDINGS if found.refusal else Exit.OK


@app.command
def diff(first: str, second: str, /, *, mappings: Mappings = None, config: Config = None, json: Json = False) -> int:
    """Tell how two services, or two folders, differ: row by row by target, not by line; exit code 1 when they do."""
    folder = folders_of(config, mappings=mappings)["mappings"]
    one, other = (_folder(folder, name) for name in (first, second))
    found, faults = differences(one, other)
    if faults:
        raise FaultyTables([str(fault) for fault in faults])
    if json:
        rows = [{**asdict(row), "columns": dict(row.columns), "change": row.change} for row in found]
        print_json({"first": str(one), "second": str(other), "differences": rows})
    else:
        for row in found:
            print(row)
        say(f"{first} → {second}: {len(found)} rows and keys differ")
    return Exit.FINDINGS if found else Exit.OK


def _contract(loaded: dict[str, Contract], title: str) -> Contract:
    if title not in loaded:
        raise NotFound(f"there is no contract {title!r}; {near(title, loaded)}")
    return loaded[title]


def _sample(folder: Path, gateway: Contract, opening: str) -> dict[str, Any]:
    """A record such as the gateway sends, with everything that may stand in it; empty when it has no such operation."""
    for messages in messages_of(folder / gateway.title, gateway).values():
        if opening in messages:
            return as_record(whole(messages[opening].request))
    return {}


def _stands(folder: Path, service: Service, loaded: dict[str, Contract], table: str) -> Stands:
    if table not in service.tables:
        raise NotFound(f"{service.name} has no table {table!r}; {near(table, service.tables)}")
    between = Between(loaded.get(service.gateway), loaded.get(service.system))
    fields = {
        title: fields_of(folder / title, loaded[title])
        for title in (service.gateway, service.system)
        if title in loaded
    }
    every = standing(service.tables, service.inward, service.outward, between, fields=fields)
    return next(one for one in every if one.table.name == table)


def _read(path: Path) -> dict[str, Any]:
    """A record, or a case with its context; raises NotFound or Refused."""
    try:
        content = jsonlib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFound(f"{path}: there is no such file") from None
    except ValueError as error:
        raise Refused(f"{path}: not readable as JSON: {error}") from error
    if not isinstance(content, dict):
        raise Refused(f"{path}: the file holds no JSON object")
    return content if "table" in content and "record" in content else {"record": content}


def _folder(mappings: Path, name: str) -> Path:
    """A service of the folder of services, else a folder by its path."""
    for path in (mappings / name, Path(name)):
        if (path / "service.toml").is_file():
            return path.resolve()
    names = [path.parent.name for path in mappings.glob("*/service.toml")]
    raise NotFound(f"{name!r} is neither a service of {mappings} nor a folder of one; {near(name, names)}")


def _print_explained(found: Explained, *, is_tried: bool) -> None:
    for one in found.passages:
        _print_passage(one)
        for value in one.values:
            codes = f" by {' '.join(value['codes'])}" if value["codes"] else ""
            print(f"  value  {shown(value['given'])} → {shown(value['gives'])}{codes}")
        if is_tried and not one.values:
            print("  value  nothing: the record has none here, or the row does not apply")
    if found.refusal:
        print(f"refused: {found.refusal}")


def _print_passage(one: Passage) -> None:
    print(one.place)
    for path, described in one.sources:
        print(f"  from   {one.giver} {path}: {described}")
    print(
        f"  rule   {' '.join(part for part in (one.rule, one.argument) if part)}: {one.does['en']} · {one.does['fa']}"
    )
    for code in one.codes:
        print(f"         {code}")
    if one.when:
        print(f"  when   {one.when}")
    needed = "; the row is required" if one.is_required else ""
    print(f"  to     {one.message} {one.target}: {one.takes}{needed}")
