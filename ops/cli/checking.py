"""`panjereh check`, and how every command finds and reads the folders of contracts and services."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import adapter
from adapter.calendar import read_calendars, tehran_day
from adapter.catalogue import catalogue_faults
from adapter.contract import load_contract
from adapter.contract.checks import door_clashes
from adapter.contract.model import Contract
from adapter.errors import FaultyTables, NotFound
from adapter.service import TENANTS, Service, is_draft, load_services, load_views, overlays, service_folders
from adapter.tables import Fault, near
from adapter.workbench.sides import Fields, fields_of
from adapter.wsdl import read_wsdl
from ops.cli.exits import Exit
from ops.cli.printing import print_json, say
from ops.settings import CONFIG_VARIABLE, Settings
from ops.settings_file import load_settings

_SAMPLE = "sample-"
"""How the folder of a tenant begins that is shipped to be copied."""
_HOUSE = Path(adapter.__file__).resolve().parent.parent

_SHIPPED = {name: _HOUSE / name for name in ("contracts", "mappings")}

FOLDER_NAME = re.compile(r"[a-z][a-z0-9_]*")
"""What the folder of a service may be called."""

Contracts = Annotated[Path | None, Parameter(help="The folder of contracts; else the settings', else the shipped one.")]
Mappings = Annotated[Path | None, Parameter(help="The folder of services; else the settings', else the shipped one.")]
Config = Annotated[Path | None, Parameter(env_var=CONFIG_VARIABLE, help="The settings, which name the folders.")]
Json = Annotated[bool, Parameter(negative="", help="Answer with one JSON object.")]


def check(
    service: str | None = None,
    /,
    *,
    contracts: Contracts = None,
    mappings: Mappings = None,
    config: Annotated[Config, Parameter(help="Check these settings too, and the folders that they name.")] = None,
    json: Json = False,
) -> int:
    """Read every contract and service and tell every fault, one a line; exit code 1 when there are any.

    The faults of a draft are told when it is named, and else only counted.
    """
    folders = folders_of(config, contracts=contracts, mappings=mappings)
    loaded, faults = load_contracts(folders["contracts"])
    fields = {title: fields_of(folders["contracts"] / title, one) for title, one in loaded.items()}
    today = tehran_day(datetime.now(UTC))
    services, faulty = load_folders(folders["mappings"], loaded, only=service, fields=fields, today=today)
    only = service and {service}
    views, faulty_views = load_views(folders["mappings"], loaded, only=only, fields=fields, today=today)
    every: dict[tuple[str, ...], list[Fault]] = {(name,): found for name, found in sorted(faulty.items())}
    every.update(sorted(faulty_views.items()))
    drafts = [at for at in every if service is None and is_draft(folders["mappings"], *reversed(at))]
    faults += dict.fromkeys(str(fault) for at, found in every.items() if at not in drafts for fault in found)
    faults += [str(fault) for fault in read_calendars(folders["mappings"] / "calendars")[1]]
    speaking = (*services.values(), *views.values())
    faults += door_clashes(loaded[name] for name in {one.gateway for one in speaking})
    if service is None:
        faults += map(str, catalogue_faults(folders["mappings"]))
    if config is not None:
        settings = load_settings(config).model_copy(update=folders)
        faults += _settings_faults(settings, loaded, {*views, *faulty_views})
    named = [*sorted(services.keys() - faulty.keys()), *map("/".join, sorted(views.keys() - faulty_views.keys()))]
    sound = {"contracts": sorted(loaded), "services": named}
    if json:
        print_json({**sound, "drafts": {"/".join(at): len(every[at]) for at in drafts}, "faults": faults})
    else:
        for fault in faults:
            print(fault)
        for at in drafts:
            command = named_folders(f"panjereh check {at[-1]}", config, contracts=contracts, mappings=mappings)
            say(f"{'/'.join(at)} is a draft with {len(every[at])} faults: {command}")
        counts = "; ".join(f"{kind}: {len(names)} sound" for kind, names in sound.items())
        where = "" if folders == _SHIPPED else f" ({folders['contracts']}, {folders['mappings']})"
        say(f"{counts}; faults: {len(faults)}{where}")
    return Exit.FINDINGS if faults else Exit.OK


def folders_of(config: Path | None, **given: Path | None) -> dict[str, Path]:
    """The folders to read: those given, else those of the settings, else the shipped ones; raises FaultySettings."""
    named = {name: path for name, path in given.items() if path is not None}
    if config is None or len(named) == len(_SHIPPED):
        return _SHIPPED | named
    settings = load_settings(config)
    return {"contracts": settings.contracts, "mappings": settings.mappings} | named


def named_folders(command: str, config: Path | None, **given: Path | None) -> str:
    """The command with the options that lead it to the folders just looked at."""
    options = {**given, "config": config}
    return command + "".join(f" --{name} {shlex.quote(str(path))}" for name, path in options.items() if path)


def load_folders(
    folder: Path,
    contracts: dict[str, Contract],
    *,
    only: str | None = None,
    fields: Mapping[str, Fields] | None = None,
    today: date = date.min,
) -> tuple[dict[str, Service], dict[str, list[Fault]]]:
    """The services of a folder, or one of them, as `load_services` gives them; raises NotFound."""
    if not folder.is_dir():
        raise NotFound(f"{folder}: there is no such folder of services; name the folder with --mappings")
    names = {path.name for path in service_folders(folder)} | {name for _, name in overlays(folder)}
    if only is not None and only not in names:
        raise NotFound(f"{folder}: there is no service {only!r}; {near(only, names)}")
    return load_services(folder, contracts, only=only and {only}, fields=fields, today=today)


def load_contracts(folder: Path) -> tuple[dict[str, Contract], list[str]]:
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


def _settings_faults(settings: Settings, contracts: Mapping[str, Contract], views: set[tuple[str, str]]) -> list[str]:
    """What would stop a start, and folders of tenants that the settings do not know: nobody would be served by them.

    A sample is for all.
    """
    from ops.starting import start_faults  # noqa: PLC0415 - what a start needs is loaded only when one is looked at

    tenants = settings.tenants
    unknown = sorted({tenant for tenant, _ in views if not tenant.startswith(_SAMPLE)} - set(tenants))
    told = [f"mappings/{TENANTS}/{name}: the settings have no such tenant, {near(name, tenants)}" for name in unknown]
    return [*start_faults(settings, contracts), *told]
