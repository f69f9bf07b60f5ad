"""Reloading: all mappings are read anew, all or nothing; with any fault the tables before them go on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from pydantic_core import from_json

from adapter.contract.model import Contract
from adapter.errors import FaultyTables, Untranslatable
from adapter.exchange import Exchange, State
from adapter.journal import Filter, Note, reading
from adapter.offer import Offer
from adapter.refusals import SchemaViolation
from adapter.settlement.drafting import operation_name
from adapter.settlement.rendering import parent_of, render
from adapter.workbench.sides import Fields, fields_of
from ops.settings import Settings
from ops.tables import Reading, Tables, load_contracts, read_tables

if TYPE_CHECKING:  # health looks at how the last reading went, and wiring at health
    from ops.wiring import House

MOST_TRIED = 1000
"""Parked exchanges that are translated for a trial; of more, those parked last."""

BY_SIGNAL = "signal"
MENDED_BY_TABLES = ("untranslatable", "schema_violation")
_log = structlog.get_logger(__name__)


async def read_anew(house: House, mappings: Path | None = None) -> Tables:
    """The mappings as they lie on disk now; raises FaultyTables with every fault that keeps them from going live.

    `mappings` is another folder to read in their place, for a trial.
    """
    settings = house.settings if mappings is None else house.settings.model_copy(update={"mappings": mappings})
    return await asyncio.to_thread(_read, house, settings)


def _read(house: House, settings: Settings) -> Tables:
    """Beside the loop, so with codecs of its own: those in use know one thread only."""
    contracts = load_contracts(settings.contracts)
    fields = _fields(settings, contracts, house.tables.fields)
    tables = read_tables(settings, contracts, now=house.clock(), fields=fields)
    faulty = (*tables.faults.values(), tables.calendars.faults)
    faults = list(dict.fromkeys(str(fault) for found in faulty for fault in found))
    faults += _changed_under(tables, contracts, house.contracts)
    faults += [
        f"{name}: no door of this daemon speaks it; restart the daemon to take it up"
        for name in sorted(tables.gateways - house.served)
    ]
    if faults:
        raise FaultyTables(faults)
    return tables


def _fields(settings: Settings, contracts: Mapping[str, Contract], known: dict[str, Fields]) -> dict[str, Fields]:
    """By the contracts' titles; `known` are those of contracts that have not changed since, by their digests."""
    for name, one in contracts.items():
        if one.sha256 not in known:
            known[one.sha256] = fields_of(settings.contracts / name, one)
    return {name: known[one.sha256] for name, one in contracts.items()}


def _changed_under(tables: Tables, read: Mapping[str, Contract], live: Mapping[str, Contract]) -> Iterator[str]:
    """Contracts in use that are not what the daemon speaks any more: tables that fit them may not fit its own."""
    used = {
        name
        for service in (*tables.services.values(), *tables.views.values())
        for name in filter(None, (service.gateway, service.system))
    }
    for name in sorted(used):
        if name not in live or live[name].sha256 != read[name].sha256:
            yield f"contracts/{name}: it is not what this daemon was started with; restart the daemon to take it up"


async def reload_tables(house: House, *, actor: str, why: str) -> Reading:
    """Everything is translated by the tables on disk from here on, unless they have a fault: then nothing changed.

    What is `sending` or was ever sent keeps its frozen bytes. Told in the audit, in health and in the metrics. A doubt
    refuses nothing: the same tables would be live after a restart, so refusing them here would only hide that they are.
    """
    async with house.tables.reading:
        return await take_up(house, actor=actor, why=why)


async def take_up(house: House, *, actor: str, why: str) -> Reading:
    """As reload_tables, for one who holds `house.tables.reading`."""
    live = house.tables
    try:
        tables = await read_anew(house)
    except FaultyTables as error:
        live.last = Reading(house.clock(), actor, faults=tuple(error.faults))
        for fault in error.faults:
            _log.warning("tables_refused", actor=actor, fault=fault)
        return live.last
    await house.journal.note(Note("tables_reloaded", actor, None, why=why, what=tables.sha256))
    live.now, live.last = tables, Reading(house.clock(), actor, tables.sha256, doubts=tables.doubts)
    for doubt in tables.doubts:
        _log.warning("tables_doubted", actor=actor, doubt=doubt)
    _log.info("tables_reloaded", actor=actor, sha256=tables.sha256, services=len(tables.services))
    house.delivery.hint()
    return live.last


async def keep_reloading(house: House, asked: asyncio.Event) -> None:
    """Reload whenever it is asked for, until cancelled; a reading that fails leaves everything as it was."""
    while True:
        await asked.wait()
        asked.clear()
        with house.loops.turn("reloading"):
            try:
                await reload_tables(house, actor=BY_SIGNAL, why="SIGHUP")
            except OSError as error:
                _log.warning("tables_refused", actor=BY_SIGNAL, fault=f"{error.filename}: {error.strerror}")


async def translatable(house: House, offer: Offer) -> list[Exchange]:
    """The parked exchanges that never left and that the offer's tables would translate, newest first."""
    found: list[Exchange] = []
    for code in MENDED_BY_TABLES:
        wanted = Filter(state=State.PARKED, code=code, limit=MOST_TRIED)
        parked = await house.journal.read(reading.list_exchanges, wanted)
        found += [one for one in parked if not one.may_have_effect and await untranslatable(house, offer, one) is None]
    return found


async def untranslatable(house: House, offer: Offer, exchange: Exchange) -> str | None:
    """Why the offer's tables do not make a payload of what came; None when they do."""
    service = offer.named(exchange.tenant, exchange.service)
    target = house.endpoints.targets.get((exchange.tenant, exchange.target))
    record = await house.journal.content(exchange, "record")
    if service is None or target is None:
        return f"{exchange.service} is not offered, or its tables have faults"
    if record is None:
        return "its content is kept no longer"
    case = await house.journal.read(reading.case, exchange.case_id)
    content = from_json(record)
    parent = await parent_of(house.journal, exchange, content)
    try:
        payload = render(exchange, case, content, service, now=house.clock(), parent=parent)
        target.freeze(operation_name(service, exchange.operation, exchange.direction), payload)
    except (Untranslatable, SchemaViolation) as error:
        return error.detail
    except (LookupError, TypeError, ValueError) as error:
        return type(error).__name__
    return None
