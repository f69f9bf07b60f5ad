"""`panjereh contract`: look through contracts, compare two of them, take a partner's document in."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from adapter.contract import load_contract
from adapter.contract.model import Contract
from adapter.contract.soap import SoapCodec
from adapter.errors import FaultyTables, NotFound, Refused
from adapter.service.breaking import broken_cells
from adapter.tables import Fault, near
from adapter.workbench.adding import Asked, write_folder
from adapter.workbench.collecting import binding_of, documents_of
from adapter.workbench.differing import Change, FieldChange, declared_changes, message_changes
from adapter.workbench.reviewing import Review, messages_of, review
from adapter.wsdl import read_wsdl
from adapter.wsdl.second_opinion import second_opinion
from ops.cli.checking import Config, Contracts, Json, Mappings, folders_of, named_folders
from ops.cli.exits import Exit
from ops.cli.printing import print_json, print_table, say

app = App(name="contract", help="Look through, compare or take in contracts.", help_format="plaintext")

_TITLE = re.compile(r"([a-z][a-z0-9_]*)/([0-9]+(?:\.[0-9]+)*)")


@app.command
def check(
    contract: str | None = None, /, *, contracts: Contracts = None, config: Config = None, json: Json = False
) -> int:
    """Tell what a contract offers and every fault of it, or of all contracts; exit code 1 when there are any.

    Examples must be valid and invalid as their folders say, and outcomes.csv must have a row for every code. zeep
    loads each WSDL, too, and where it reads it otherwise a note says so.
    """
    folder = folders_of(config, contracts=contracts)["contracts"]
    checked = [_checked(folder, title) for title in _titles(folder, contract)]
    if json:
        print_json({"contracts": checked})
    else:
        for one in checked:
            _print_checked(one)
    return Exit.FINDINGS if any(one["faults"] for one in checked) else Exit.OK


@app.command
def diff(
    old: str,
    new: str,
    /,
    *,
    contracts: Contracts = None,
    mappings: Mappings = None,
    config: Config = None,
    json: Json = False,
) -> int:
    """Tell what changed from OLD to NEW, and every cell of the services' tables that it breaks; then exit code 1."""
    folders = folders_of(config, contracts=contracts, mappings=mappings)
    known = _loaded(folders["contracts"], _titles(folders["contracts"]))
    before, after = (_known(known, folders["contracts"], title) for title in (old, new))
    changes, changed = _changes(folders["contracts"], before, after)
    broken = broken_cells(folders["mappings"], known, before, after, changed=changed)
    if json:
        print_json({"old": old, "new": new, "changes": changes, "breaks": list(map(_told, broken))})
    else:
        columns = ("operation", "message", "field", "change")
        if changes:
            print_table(columns, ([one[column] for column in columns] for one in changes))
        for fault in broken:
            print(fault)
        say(f"{old} → {new}: {len(changes)} changes; {len(broken)} cells of {folders['mappings'].name}/ break")
    return Exit.FINDINGS if broken else Exit.OK


@app.command
def add(
    document: Path,
    contract: str,
    /,
    *,
    direction: Annotated[
        Literal["inward", "outward"],
        Parameter(help="inward: they call us, or it is an internal system; outward: we call the gateway."),
    ] = "outward",
    apply: Annotated[bool, Parameter(negative="", help="Do it; without this only what would happen is told.")] = False,
    contracts: Contracts = None,
    config: Config = None,
    json: Json = False,
) -> int:
    """Make the folder of a new contract from a WSDL or an OpenAPI document in JSON: DOCUMENT, and NAME/VERSION.

    An existing folder is never touched.
    """
    named = _TITLE.fullmatch(contract)
    if named is None:
        raise Refused(f"{contract!r} does not name a contract; write NAME/VERSION as in tax_office/1.0")
    target = folders_of(config, contracts=contracts)["contracts"] / contract
    if target.exists():
        raise Refused(f"{target} is there already; a changed contract is a new version, or remove the folder first")
    with tempfile.TemporaryDirectory() as room:
        folder = Path(room) / contract
        folder.mkdir(parents=True)
        asked = Asked(named[1], named[2], binding_of(document), direction, documents_of(document))
        made, left = _made(folder, asked, document.parent)
        files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
        if apply:
            _copy(folder, target, files)
    told = _told_added(contract, made, files)
    if json:
        print_json({**told, "left": left, "applied": apply})
    else:
        check = named_folders(f"panjereh contract check {contract}", config, contracts=contracts)
        _print_added(told, left, target, check=check, is_applied=apply)
    return Exit.FINDINGS if left else Exit.OK


def _made(folder: Path, asked: Asked, source: Path) -> tuple[Contract, list[str]]:
    """The folder filled; faults name the partner's own files, for the folder is not there to be looked at."""
    try:
        return write_folder(folder, asked, read_wsdl)
    except FaultyTables as error:
        raise FaultyTables([fault.replace(str(folder), str(source)) for fault in error.faults]) from error


def _copy(folder: Path, target: Path, files: Iterable[Path]) -> None:
    for path in files:
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_bytes((folder / path).read_bytes())


def _told_added(title: str, made: Contract, files: list[Path]) -> dict[str, Any]:
    return {
        "contract": title,
        "operations": sorted(made.operations),
        "codes": [f"{place},{code}" for place, code in made.outcomes],
        "files": list(map(str, files)),
    }


def _print_added(told: dict[str, Any], left: list[str], target: Path, *, check: str, is_applied: bool) -> None:
    examples = [name for name in told["files"] if name.startswith("examples/")]
    rows = [[name] for name in told["files"] if name not in examples]
    print_table(("file",), [*rows, [f"examples/… ({len(examples)} messages)"]], title=str(target))
    for one in left:
        print(one)
    counted = f"{len(told['operations'])} operations, {len(told['codes'])} codes"
    if not is_applied:
        say(f"{counted}; nothing was written: repeat with --apply")
        return
    say(f"{counted}; now, in this order:")
    for number, step in enumerate(_NEXT, start=1):
        say(f"  {number}. {step.format(check=check)}")


_NEXT = (
    "contract.toml: say of every operation what its effect is; 'neither' is safe and leaves every doubt to a person",
    "contract.toml: [codes] paths were guessed from names; look where their answers carry codes",
    "outcomes.csv: give every code its verdict and both sentences; until then such answers are parked",
    "{check}",
    "mappings/: a service names it as gateway or system; panjereh check tells the rest",
)


def _changes(folder: Path, old: Contract, new: Contract) -> tuple[list[dict[str, str]], list[FieldChange]]:
    """Everything that changed, as rows; what both bindings say is told once."""
    before, after = (messages_of(folder / one.title, one) for one in (old, new))
    rows: dict[Change, None] = dict.fromkeys(declared_changes(old, new))
    changed: list[FieldChange] = []
    for binding in sorted(before.keys() & after.keys()):
        changes, its = message_changes(before[binding], after[binding])
        rows |= dict.fromkeys(changes)
        rows |= {Change(one.operation, one.side, one.path, what): None for one in its for what in one.what}
        changed += its
    columns = ("operation", "message", "field", "change")
    return [
        dict(zip(columns, (one.operation, one.side, one.path, one.what), strict=True)) for one in sorted(rows)
    ], changed


def _told(fault: Fault) -> dict[str, Any]:
    return {"file": fault.file, "line": fault.line, "column": fault.column, "fault": str(fault)}


def _checked(folder: Path, title: str) -> dict[str, Any]:
    label = f"{folder.name}/{title}"
    try:
        contract = load_contract(folder / title, read_wsdl, is_strict=True)
    except FaultyTables as error:
        faults = [fault.replace(str(folder / title), label) for fault in error.faults]
        return {"contract": title, "faults": faults, "notes": [], "operations": [], "examples": {}}
    found = review(folder / title, contract, label)
    return {
        "contract": title,
        "status": contract.status,
        "operations": [_operation(contract, name, found) for name in sorted(contract.operations)],
        "examples": {kind: sum(one.is_valid is (kind == "valid") for one in found.examples) for kind in _KINDS},
        "outcomes": len(contract.outcomes),
        "notes": [*map(str, found.notes), *_otherwise(contract)],
        "faults": list(map(str, found.faults)),
    }


def _otherwise(contract: Contract) -> list[str]:
    """Where zeep, which loads the same documents, reads them otherwise than we do."""
    soap = contract.bindings.get("soap")
    if not isinstance(soap, SoapCodec):
        return []
    return [f"second opinion: {one}" for one in second_opinion(soap.documents, soap.messages)]


_KINDS = ("valid", "invalid")


def _operation(contract: Contract, name: str, found: Review) -> dict[str, Any]:
    operation = contract.operations[name]
    return {
        "operation": name,
        "direction": operation.direction,
        "effect": operation.effect,
        "bindings": [binding for binding, codec in sorted(contract.bindings.items()) if name in codec.operations],
        "read by": found.fallbacks.get(name, "compiled"),
    }


def _print_checked(one: dict[str, Any]) -> None:
    if one["operations"]:
        columns = list(one["operations"][0])
        rows = ([row[column] for column in columns] for row in one["operations"])
        print_table(columns, rows, title=f"{one['contract']} ({one['status']})")
    for fault in one["faults"]:
        print(fault)
    for note in one["notes"]:
        print(f"note: {note}")
    counts = ", ".join(f"{count} {kind} examples" for kind, count in one["examples"].items())
    told = f"{one['contract']}: {len(one['faults'])} faults, {len(one['notes'])} notes"
    say(f"{told}; {counts}, {one['outcomes']} outcomes" if counts else told)


def _titles(folder: Path, contract: str | None = None) -> list[str]:
    """The contracts of the folder, or the one that is meant; raises NotFound."""
    known = sorted(str(path.parent.relative_to(folder)) for path in folder.glob("*/*/contract.toml"))
    if not known:
        raise NotFound(f"{folder}: no contract is there; name the folder with --contracts")
    if contract is not None and contract not in known:
        raise NotFound(f"{folder}: there is no contract {contract!r}; {near(contract, known)}")
    return known if contract is None else [contract]


def _loaded(folder: Path, titles: Iterable[str]) -> dict[str, Contract]:
    """The sound contracts; the others are the check's affair."""
    found: dict[str, Contract] = {}
    for title in titles:
        try:
            found[title] = load_contract(folder / title, read_wsdl, is_strict=True)
        except FaultyTables:
            continue
    return found


def _known(contracts: dict[str, Contract], folder: Path, title: str) -> Contract:
    _titles(folder, title)
    if title not in contracts:
        raise Refused(f"{title} has faults and cannot be compared; run: panjereh contract check {title}")
    return contracts[title]
