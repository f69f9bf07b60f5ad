"""A code added at night: one operator proposes its row, a second one signs it, and it is live at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import Field
from pydantic_core import to_json

from adapter.errors import Refused
from adapter.exchange import Payload
from adapter.journal import Note, inspecting
from ops.coding import Place, take_back, tried, write_row
from ops.operators.desk import Arguments, Desk, needed, refuse_unknown, told_exchange
from ops.operators.tabling import awaited, replay_with
from ops.proposals import EVENTS, REMEMBERED_FOR, SIGNED_WITHIN, Proposal, Standing, id_of, pending, proposals_of
from ops.reloading import take_up, translatable


class CodeProposed(Arguments):
    """A row for a codes file of a service, or of a tenant's own folder over it; `more` are its other columns."""

    service: str
    table: str
    gateway: str
    internal: str
    more: Mapping[str, str] = Field(default_factory=dict)
    tenant: str | None = None
    reason: str | None = None


class Approved(Arguments):
    """A second operator's signature."""

    id: str
    reason: str | None = None
    apply: bool = False


class CodeWithdrawn(Arguments):
    """A proposal that shall not be signed."""

    id: str
    reason: str | None = None


async def propose(desk: Desk, wanted: CodeProposed) -> Payload:
    """Keep the row for a second operator, unless something is wrong with it: then the faults are told.

    Raises NotFound for what is not there, Refused without a reason and for a row that waits already.
    """
    why, now = needed(wanted.reason), desk.house.clock()
    _refuse_unknown_place(desk, wanted)
    cells = {"gateway": wanted.gateway, "internal": wanted.internal, **wanted.more}
    cells = {name: value.strip() for name, value in cells.items() if value.strip()}
    proposal = Proposal("", wanted.service, wanted.table, wanted.tenant, cells, desk.actor, now, why)
    proposal = replace(proposal, id=id_of(proposal))
    _refuse_twice(proposal, await _proposals(desk))
    trial = await tried(desk.house, proposal)
    if not trial.faults:
        note = Note("code_proposed", desk.actor, None, why, proposal.what, tenant=proposal.tenant)
        await desk.house.journal.note(note)
    return {"is_proposed": not trial.faults, **_told(proposal), **_placed(trial.place), "faults": trial.faults}


async def show_pending(desk: Desk, _: Arguments) -> Payload:
    """The proposals that wait for a signature, and those that lately ended without one."""
    shown = (Standing.PENDING, Standing.EXPIRED)
    return {"proposals": [_told(one) for one in (await _proposals(desk)).values() if one.standing in shown]}


async def approve(desk: Desk, wanted: Approved) -> Payload:
    """What the row would change; with `apply` it stands in its file and is live, or, with any fault, nothing changed.

    Raises Refused for whoever proposed it.
    """
    house = desk.house
    async with house.tables.reading:
        proposal = pending(await _proposals(desk), wanted.id)
        if proposal.actor == desk.actor:
            raise Refused(f"{desk.actor} proposed {proposal.id}; a second operator, another uid, has to sign it")
        trial = await tried(house, proposal)
        tables, faults = trial.tables, list(trial.faults)
        is_changed = tables is not None and wanted.apply
        if is_changed:
            faults = await _write(desk, proposal, trial.place, needed(wanted.reason))
            is_changed = not faults
    mended = [] if faults or tables is None else await translatable(house, tables.offer)
    return {
        "applied": wanted.apply,
        "is_changed": is_changed,
        **_told(proposal),
        **_placed(trial.place),
        "faults": faults,
        "translatable": [told_exchange(one) for one in mended],
        "replay_with": replay_with(mended),
        "awaiting_signoff": [] if faults or tables is None else awaited(desk, tables),
    }


async def withdraw_proposal(desk: Desk, wanted: CodeWithdrawn) -> Payload:
    """Close a proposal that nobody shall sign any more; whoever proposed it may, and every other operator."""
    proposal = pending(await _proposals(desk), wanted.id)
    await _close(desk, "code_withdrawn", proposal, needed(wanted.reason))
    return {"is_withdrawn": True, **_told(proposal), "standing": Standing.WITHDRAWN}


async def _write(desk: Desk, proposal: Proposal, place: Place, why: str) -> list[str]:
    """Write the row and make it live; the faults for which it was taken back, if there were any.

    The signature is in the audit before the row is in the file, so that no row is there without one.
    """
    mappings = desk.house.settings.mappings
    await _close(desk, "code_approved", proposal, why, place=f"{place.label}:{place.line}")
    try:
        write_row(mappings, place)
    except Refused as error:
        await _close(desk, "code_withdrawn", proposal, error.detail)
        raise
    reading = await take_up(desk.house, actor=desk.actor, why=f"code {proposal.id}: {why}")
    if reading.faults:
        take_back(mappings, place)
        await _close(desk, "code_withdrawn", proposal, f"not live: {reading.faults[0]}")
    return list(reading.faults)


async def _close(desk: Desk, event: str, proposal: Proposal, why: str, **more: str) -> None:
    what = to_json({"id": proposal.id, **more}).decode()
    await desk.house.journal.note(Note(event, desk.actor, None, why, what, tenant=proposal.tenant))


async def _proposals(desk: Desk) -> dict[str, Proposal]:
    now = desk.house.clock()
    since = now - SIGNED_WITHIN - REMEMBERED_FOR
    return proposals_of(await desk.house.journal.read(inspecting.notes, list(EVENTS), since=since), now=now)


def _refuse_unknown_place(desk: Desk, wanted: CodeProposed) -> None:
    refuse_unknown("tenant", wanted.tenant, desk.house.settings.tenants)
    offered = [name for tenant, name in desk.house.offer.by_name if wanted.tenant in {None, tenant}]
    refuse_unknown("service", wanted.service, set(offered))


def _refuse_twice(proposal: Proposal, known: Mapping[str, Proposal]) -> None:
    place = (proposal.service, proposal.table, proposal.tenant, proposal.cells)
    for one in known.values():
        if one.standing is Standing.PENDING and (one.service, one.table, one.tenant, one.cells) == place:
            raise Refused(f"{one.actor} has proposed this row already: {one.id}; sign it: panjereh codes approve")


def _told(proposal: Proposal) -> dict[str, Any]:
    return {
        "id": proposal.id,
        "standing": proposal.standing,
        "service": proposal.service,
        "table": proposal.table,
        "tenant": proposal.tenant,
        "cells": proposal.cells,
        "actor": proposal.actor,
        "at": proposal.at,
        "until": proposal.until,
        "why": proposal.why,
    }


def _placed(place: Place) -> dict[str, Sequence[str] | int | str]:
    return {"file": place.label, "line": place.line}
