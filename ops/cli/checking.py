"""`panjereh check` and `panjereh test`: the folders of contracts and services, without any installation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

import adapter
from adapter.contract import load_contract
from adapter.contract.checks import door_clashes
from adapter.contract.model import Contract
from adapter.errors import FaultyTables, NotFound
from adapter.service import Service, load_services, run_cases
from adapter.tables import Fault, near
from adapter.wsdl import read_wsdl
from ops.cli.exits import Exit
from ops.cli.printing import print_json, print_table, say
from ops.settings import CONFIG_VARIABLE, load_settings, master_key

_HOUSE = Path(adapter.__file__).resolve().parent.parent

_SHIPPED = {name: _HOUSE / name for name in ("contracts", "mappings")}

Contracts = Annotated[Path | None, Parameter(help="The folder of contracts; else the settings', else the shipped one.")]
Mappings = Annotated[Path | None, Parameter(help="The folder of services; else the settings', else the shipped one.")]
Config = Annotated[
    Path | None, Parameter(env_var=CONFIG_VARIABLE, help="Check these settings too, and the folders that they name.")
]
Json = Annotated[bool, Parameter(negative="", help="Answer with one JSON object.")]


def check(
    service: str | None = None,
    /,
    *,
    contracts: Contracts = None,
    mappings: Mappings = None,
    config: Config = None,
    json: Json = False,
) -> int:
    """Read every contract and service and tell every fault, one a line; exit code 1 when there are any."""
    folders = folders_of(config, contracts=contracts, mappings=mappings)
    loaded, faults = _load_contracts(folders["contracts"])
    services, faulty = _load_services(folders["mappings"], loaded)
    _known(service, {*services, *faulty}, folders["mappings"])
    faults += [str(fault) for name, found in sorted(faulty.items()) if service in {None, name} for fault in found]
    faults += door_clashes(loaded[name] for name in {one.gateway for one in services.values()})
    if config is not None:
        faults += _key_faults(config)
    sound = {"contracts": sorted(loaded), "services": sorted(services)}
    if json:
        print_json({**sound, "faults": faults})
    else:
        for fault in faults:
            print(fault)
        told = ", ".join(f"{len(names)} {kind}" for kind, names in sound.items())
        where = "" if folders == _SHIPPED else f" ({folders['contracts']}, {folders['mappings']})"
        say(f"{told} are sound; {len(faults)} faults{where}")
    return Exit.FINDINGS if faults else Exit.OK


def cases(
    service: str | None = None,
    /,
    *,
    contracts: Contracts = None,
    mappings: Mappings = None,
    config: Config = None,
    json: Json = False,
) -> int:
    """Run the services' own cases; exit code 1 when a table gives something else than its case expects."""
    folders = folders_of(config, contracts=contracts, mappings=mappings)
    loaded, _ = _load_contracts(folders["contracts"])
    services, faulty = _load_services(folders["mappings"], loaded)
    _known(service, {*services, *faulty}, folders["mappings"])
    results = [
        {"service": name, "case": case.name, "table": case.table, "differences": list(case.differences)}
        for name, one in sorted(services.items())
        if service in {None, name}
        for case in run_cases(folders["mappings"] / name, one)
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


def folders_of(config: Path | None, **given: Path | None) -> dict[str, Path]:
    """The folders to read: those given, else those of the settings, else the shipped ones; raises FaultySettings."""
    named = {name: path for name, path in given.items() if path is not None}
    if config is None or len(named) == len(_SHIPPED):
        return _SHIPPED | named
    settings = load_settings(config)
    return {"contracts": settings.contracts, "mappings": settings.mappings} | named


def _load_services(folder: Path, contracts: dict[str, Contract]) -> tuple[dict[str, Service], dict[str, list[Fault]]]:
    if not folder.is_dir():
        raise NotFound(f"{folder}: there is no such folder of services; name the folder with --mappings")
    return load_services(folder, contracts)


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


def _key_faults(config: Path) -> list[str]:
    try:
        master_key(load_settings(config))
    except FaultyTables as error:
        return error.faults
    return []
