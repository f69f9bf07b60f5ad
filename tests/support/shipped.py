"""Folders as this process has read them before: a house over the same files need not read them again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path

from adapter.contract.model import Contract
from adapter.service.contents import contents_of, digest_of
from adapter.workbench.sides import Fields
from ops.settings import Settings
from ops.swapping import settled
from ops.tables import Folders, Tables, load_contracts, read_tables
from tests.support.records import ROOT

Offered = tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]
"""Each tenant with its services and the contracts of its endpoints: all of the settings that the tables depend on."""

FIELDS: dict[str, Fields] = {}
"""The fields of contracts by digest, as every house of this process has looked through them."""
_read: dict[tuple[Offered, str], Tables] = {}


def read_once(settings: Settings, *, now: datetime) -> Folders:
    """As `read_folders`, but shipped contracts are read once, and equal tables once for all who are offered the same.

    What was signed is read anew each time, and so are tables over contracts of the test's own.
    """
    if settings.contracts != ROOT / "contracts":
        contracts = load_contracts(settings.contracts)
        return Folders(contracts, read_tables(settings, contracts, now=now))
    contracts = dict(_contracts(settings.contracts))
    if any(one.signs_off for one in settings.tenants.values()):
        return Folders(contracts, read_tables(settings, contracts, now=now))
    with settled(settings.mappings):
        version = _offered(settings), _digest(settings.mappings)
    if version not in _read:
        _read[version] = read_tables(settings, contracts, now=now)
    return Folders(contracts, replace(_read[version], read_at=now))


@cache
def _contracts(folder: Path) -> Mapping[str, Contract]:
    return load_contracts(folder)


def _offered(settings: Settings) -> Offered:
    return tuple((name, tuple(its.services), tuple(its.endpoints)) for name, its in settings.tenants.items())


def _digest(mappings: Path) -> str:
    return "shipped" if mappings == ROOT / "mappings" else digest_of(contents_of(mappings))
