"""What operators do to the tables as a whole: read them anew, all or nothing, and sign them off for a tenant."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic_core import to_json

from adapter.errors import FaultyTables, Refused
from adapter.exchange import Exchange, Payload
from adapter.journal import Note
from adapter.offer import Offer
from ops.operators.desk import Arguments, Desk, needed, refuse_unknown, told_exchange
from ops.reloading import read_anew, reload_tables, translatable
from ops.signing import digest_of, keep_signed, serve_signed, signed_digest, signing_tenants
from ops.tables import Reading, Tables

_MOST_NAMED = 5
"""Of more exchanges the command names what they have in common rather than each."""


class Reloaded(Arguments):
    """Read the tables anew."""

    reason: str | None = None
    apply: bool = False


async def reload(desk: Desk, wanted: Reloaded) -> Payload:
    """What the tables on disk would change; with `apply` they are live, unless they have a fault: it is told."""
    before = desk.house.tables.now
    tables, faults = before, []
    if wanted.apply:
        faults = list((await reload_tables(desk.house, actor=desk.actor, why=needed(wanted.reason))).faults)
        tables = desk.house.tables.now
    else:
        try:
            tables = await read_anew(desk.house)
            _forget_faults(desk, tables)
        except FaultyTables as error:
            faults = error.faults
    mended = [] if faults else await translatable(desk.house, tables.offer)
    calendars_changed = before.calendars.sha256 != tables.calendars.sha256
    return {
        "applied": wanted.apply,
        "is_changed": wanted.apply and not faults,
        "was_live": not faults and before.sha256 == tables.sha256 and not calendars_changed,
        "faults": faults,
        "doubts": [] if faults else list(tables.doubts),
        "sha256": tables.sha256,
        "services": list(_changed(before, tables)),
        "calendars_changed": calendars_changed,
        "translatable": [told_exchange(one) for one in mended],
        "replay_with": replay_with(mended),
        "awaiting_signoff": [] if faults else awaited(desk, tables),
    }


def _forget_faults(desk: Desk, tables: Tables) -> None:
    """What was refused is mended: health has nothing to warn of any more."""
    live = desk.house.tables
    if live.last is not None and live.last.faults:
        live.last = Reading(desk.house.clock(), desk.actor, tables.sha256, doubts=tables.doubts)


class SignedOff(Arguments):
    """The tables on disk, for one tenant."""

    tenant: str
    reason: str | None = None
    apply: bool = False


async def sign_off(desk: Desk, wanted: SignedOff) -> Payload:
    """What the tables on disk would change for the tenant; with `apply` it has signed them, and is served by them.

    Raises Refused for a tenant that does not sign off, and FaultyTables for what no tables could go live with.
    """
    house = desk.house
    refuse_unknown("tenant", wanted.tenant, house.settings.tenants)
    if wanted.tenant not in signing_tenants(house.settings):
        raise Refused(f"{wanted.tenant} does not sign off: tenants.{wanted.tenant}.signs_off is not set")
    tables = await read_anew(house)
    digest, before = digest_of(tables.on_disk, wanted.tenant), signed_digest(house.settings, wanted.tenant)
    changed = list(_changed_for(wanted.tenant, house.offer, tables.on_disk))
    if wanted.apply and digest != before:
        why = needed(wanted.reason)
        await asyncio.to_thread(keep_signed, house.settings, wanted.tenant, tables.on_disk)
        await house.journal.note(Note("tables_signed_off", desk.actor, None, why, digest, tenant=wanted.tenant))
        serve_signed(house.settings, wanted.tenant, digest)
        await reload_tables(house, actor=desk.actor, why=why)
    is_changed = wanted.apply and digest != before
    told = {"tenant": wanted.tenant, "sha256": digest, "signed_before": before, "services": changed}
    return {"applied": wanted.apply, "is_changed": is_changed, **told}


class Promoted(Arguments):
    """Parts of the mappings that come from another installation, and the digests over them before and after."""

    source: str
    parts: list[str]
    before: str
    after: str
    reason: str | None = None


async def note_promotion(desk: Desk, wanted: Promoted) -> Payload:
    """Tell in the audit who promotes what and why; it is told before the first file changes."""
    told = wanted.model_dump(exclude={"reason"})
    await desk.house.journal.note(
        Note("tables_promoted", desk.actor, None, needed(wanted.reason), to_json(told).decode())
    )
    return {"is_noted": True, **told}


def _changed_for(tenant: str, live: Offer, on_disk: Offer) -> Iterator[dict[str, Any]]:
    """Every service of the tenant that is not served by what lies on disk."""
    for (owner, name), service in sorted(on_disk.by_name.items(), key=lambda one: one[0]):
        served = live.named(owner, name)
        if owner == tenant and (served is None or served.sha256 != service.sha256):
            yield {"service": name, "change": "new" if served is None else "changed"}


def awaited(desk: Desk, tables: Tables) -> list[str]:
    """The tenants that are not served by what lies on disk, for they have not signed it."""
    return [
        one for one in signing_tenants(desk.house.settings) if list(_changed_for(one, tables.offer, tables.on_disk))
    ]


def _changed(before: Tables, after: Tables) -> Iterator[dict[str, Any]]:
    """Every service whose folder is not what it was."""
    was, now = _digests(before), _digests(after)
    for name in sorted({*was, *before.faults, *now}):
        old, new = was.get(name), now.get(name)
        if new is None:
            if old is not None:
                yield {"service": name, "change": "gone"}
        elif old is None:
            yield {"service": name, "change": "mended" if name in before.faults else "new"}
        elif old != new:
            yield {"service": name, "change": "changed"}


def _digests(tables: Tables) -> dict[str, str]:
    """The digest of every sound service, a tenant's own as `tenant/name`."""
    own = {"/".join(at): service.sha256 for at, service in tables.views.items()}
    return {name: service.sha256 for name, service in tables.services.items()} | own


def replay_with(mended: Sequence[Exchange]) -> str | None:
    """The command that makes them due again."""
    if not mended:
        return None
    which = " ".join(one.id for one in mended)
    if len(mended) > _MOST_NAMED:
        which = f"--state parked --code {mended[0].code}"
    return f"panjereh exchanges replay {which} --apply --reason …"
