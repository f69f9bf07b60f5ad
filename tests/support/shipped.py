"""The shipped folders as this process has read them before: a house that only uses them need not read them again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path

from adapter.contract.model import Contract
from ops.settings import Settings
from ops.tables import Folders, Tables, load_contracts, read_tables
from tests.support.records import ROOT

Offered = tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]
"""Each tenant with its services and the contracts of its endpoints: all of the settings that the tables depend on."""

_read: dict[Offered, Tables] = {}


def read_once(settings: Settings, *, now: datetime) -> Folders:
    """As `read_folders`, but shipped contracts are read once, and shipped tables once for all who are offered the same.

    A folder of the test's own is read anew each time: it may have changed since.
    """
    if settings.contracts != ROOT / "contracts":
        contracts = load_contracts(settings.contracts)
        return Folders(contracts, read_tables(settings, contracts, now=now))
    contracts = dict(_contracts(settings.contracts))
    if settings.mappings != ROOT / "mappings" or any(one.signs_off for one in settings.tenants.values()):
        return Folders(contracts, read_tables(settings, contracts, now=now))
    offered = _offered(settings)
    if offered not in _read:
        _read[offered] = read_tables(settings, contracts, now=now)
    return Folders(contracts, _read[offered])


@cache
def _contracts(folder: Path) -> Mapping[str, Contract]:
    return load_contracts(folder)


def _offered(settings: Settings) -> Offered:
    return tuple((name, tuple(its.services), tuple(its.endpoints)) for name, its in settings.tenants.items())
