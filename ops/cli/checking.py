"""`panjereh check` and `panjereh test`: the folders of contracts and services, without any installation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

import adapter
from adapter.contract import load_contract
from adapter.contract.model import Contract
from adapter.errors import FaultyTables, NotFound
from adapter.service import load_services, run_cases
from adapter.tables import near
from adapter.wsdl import read_wsdl
from ops.cli.exits import Exit
from ops.cli.printing import print_json, print_table, say

_HOUSE = Path(adapter.__file__).resolve().parent.parent

Contracts = Annotated[Path, Parameter(help="The folder of contracts.")]
Mappings = Annotated[Path, Parameter(help="The folder of services.")]
Json = Annotated[bool, Parameter(negative="", help="Answer with one JSON object.")]


def check(
    service: str | None = None,
    /,
    *,
    contracts: Contracts = _HOUSE / "contracts",
    mappings: Mappings = _HOUSE / "mappings",
    config: Annotated[Path | None, Parameter(help="Check these settings too.")] = None,
    json: Json = False,
) -> int:
    """Read every contract and service and tell every fault, one a line; exit code 1 when there are any."""
    loaded, faults = _load_contracts(contracts)
    services, faulty = load_services(mappings, loaded)
    _known(service, {*services, *faulty}, mappings)
    faults += [str(fault) for name, found in sorted(faulty.items()) if service in {None, name} for fault in found]
    if config is not None:
        faults += _settings_faults(config)
    sound = {"contracts": sorted(loaded), "services": sorted(services)}
    if json:
        print_json({**sound, "faults": faults})
    else:
        for fault in faults:
            print(fault)
        told = ", ".join(f"{len(names)} {kind}" for kind, names in sound.items())
        say(f"{told} are sound; {len(faults)} faults")
    return Exit.FINDINGS if faults else Exit.OK


def cases(
    service: str | None = None,
    /,
    *,
    contracts: Contracts = _HOUSE / "contracts",
    mappings: Mappings = _HOUSE / "mappings",
    json: Json = False,
) -> int:
    """Run the services' own cases; exit code 1 when a table gives something else than its case expects."""
    loaded, _ = _load_contracts(contracts)
    services, faulty = load_services(mappings, loaded)
    _known(service, {*services, *faulty}, mappings)
    results = [
        {"service": name, "case": case.name, "table": case.table, "differences": list(case.differences)}
        for name, one in sorted(services.items())
        if service in {None, name}
        for case in run_cases(mappings / name, one)
    ]
    stopped = sorted(name for name in faulty if service in {None, name})
    failed = [result for result in results if result["differences"]]
    if json:
        print_json({"cases": results, "failed": len(failed), "faulty_services": stopped})
    else:
        _print_cases(failed, len(results), stopped)
    return Exit.FINDINGS if failed or stopped else Exit.OK


def _print_cases(failed: list[dict[str, Any]], count: int, stopped: list[str]) -> None:
    if failed:
        print_table(
            ("service", "case", "difference"),
            ([one["service"], one["case"], what] for one in failed for what in one["differences"]),
        )
    for name in stopped:
        say(f"{name}: its tables have faults; run: panjereh check {name}")
    say(f"{count - len(failed)} of {count} cases passed")


def _load_contracts(folder: Path) -> tuple[dict[str, Contract], list[str]]:
    """The sound contracts by title, and the faults of the others."""
    sound: dict[str, Contract] = {}
    faults: list[str] = []
    for path in sorted(folder.glob("*/*/contract.toml")):
        try:
            contract = load_contract(path.parent, read_wsdl)
            sound[contract.title] = contract
        except FaultyTables as error:
            faults += error.faults
    if not sound and not faults:
        raise NotFound(f"{folder}: no contract is there; name the folder with --contracts")
    return sound, [fault.replace(f"{folder}/", f"{folder.name}/") for fault in faults]


def _known(service: str | None, names: set[str], mappings: Path) -> None:
    if service is not None and service not in names:
        raise NotFound(f"{mappings}: there is no service {service!r}; {near(service, names)}")


def _settings_faults(config: Path) -> list[str]:
    from ops.settings import load_settings, master_key  # noqa: PLC0415 - only when settings are checked

    try:
        settings = load_settings(config)
        master_key(settings)
    except FaultyTables as error:
        return error.faults
    return []
