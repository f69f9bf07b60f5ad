"""What operators do to the tables as a whole: read them anew, all or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from adapter.errors import FaultyTables
from adapter.exchange import Exchange, Payload
from ops.operators.desk import Arguments, Desk, needed, told_exchange
from ops.reloading import read_anew, reload_tables, translatable
from ops.tables import Tables

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
        except FaultyTables as error:
            faults = error.faults
    mended = [] if faults else await translatable(desk.house, tables.offer)
    return {
        "applied": wanted.apply,
        "is_changed": wanted.apply and not faults,
        "faults": faults,
        "sha256": tables.sha256,
        "services": list(_changed(before, tables)),
        "translatable": [told_exchange(one) for one in mended],
        "replay_with": _replay_with(mended),
    }


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


def _replay_with(mended: Sequence[Exchange]) -> str | None:
    """The command that makes them due again."""
    if not mended:
        return None
    which = " ".join(one.id for one in mended)
    if len(mended) > _MOST_NAMED:
        which = f"--state parked --code {mended[0].code}"
    return f"panjereh exchanges replay {which} --apply --reason …"
