"""`panjereh tables promote`: what was tried in one installation becomes another's tables."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from adapter.errors import FaultyTables, NotFound, Refused
from adapter.workbench.sides import fields_of
from ops.cli.asking import Where, ask, named
from ops.cli.checking import Contracts, Json, folders_of, load_contracts
from ops.cli.exits import Exit
from ops.cli.printing import print_json, say
from ops.promoting import Part, digests_of, faults_of, planned
from ops.promoting import promote as carry_over
from ops.settings_file import load_settings
from ops.swapping import settled


def promote(
    *parts: str,
    source: Annotated[Path, Parameter(name="--from", help="Settings of the installation, or a folder of mappings.")],
    target: Annotated[Path, Parameter(name="--to", help="Settings of the installation, or a folder of mappings.")],
    reason: Annotated[str | None, Parameter(help="Why; recorded in the log of promotions and in the audit.")] = None,
    apply: Annotated[bool, Parameter(negative="", help="Do it; without this only what would happen is told.")] = False,
    contracts: Contracts = None,
    json: Json = False,
) -> int:
    """Carry services over from one installation's tables to another's, all or nothing, if they are sound there.

    Parts are services, TENANT/SERVICE for a tenant's own, or calendars; every shared service when none is named.
    """
    config = target if target.is_file() else None
    here, there = _mappings(source), _mappings(target)
    if here.resolve() == there.resolve():
        raise Refused(f"{here}: nothing is promoted into itself; name two installations")
    with settled(there):
        changed = planned(here, there, parts)
        faults = (
            _faults(config, there, changed, folders_of(config, contracts=contracts)["contracts"]) if changed else []
        )
    is_applied = apply and bool(changed) and not faults
    if is_applied:
        _apply(config, there, changed, source=here, reason=reason)
    before, after = digests_of(changed) if changed else (None, None)
    digests = {"sha256_before": before, "sha256_after": after}
    if json:
        told = [_told(part) for part in changed]
        print_json(
            {"from": str(here), "to": str(there), "parts": told, "faults": faults, "applied": is_applied, **digests}
        )
    else:
        _print(changed, faults, is_applied=is_applied, config=config)
    return Exit.FINDINGS if faults else Exit.OK


def _mappings(place: Path) -> Path:
    """The folder itself, or that of the settings; raises NotFound where there is none."""
    folder = load_settings(place).mappings if place.is_file() else place
    if not folder.is_dir():
        raise NotFound(f"{folder}: there is no such folder of mappings; name settings or a folder with --from and --to")
    return folder


def _faults(config: Path | None, mappings: Path, changed: list[Part], contracts: Path) -> list[str]:
    loaded, unsound = load_contracts(contracts)
    fields = {title: fields_of(contracts / title, one) for title, one in loaded.items()}
    settings = None if config is None else load_settings(config)
    return unsound + faults_of(mappings, changed, loaded, fields=fields, settings=settings)


def _apply(config: Path | None, mappings: Path, changed: list[Part], *, source: Path, reason: str | None) -> None:
    if reason is None or not reason.strip():
        raise Refused("every change needs a reason, which is recorded; give --reason")
    before, after = digests_of(changed)
    if config is not None:
        told = {"source": str(source), "parts": [part.name for part in changed], "before": before, "after": after}
        ask(Where(config=config), "tables.promoted", {**told, "reason": reason})
    try:
        carry_over(
            mappings, changed, source=source, who=f"uid:{os.getuid()}", why=reason.strip(), now=datetime.now(UTC)
        )
    except OSError as error:
        raise FaultyTables([f"{error.filename or mappings}: {error.strerror}; nothing was promoted"]) from error


def _told(part: Part) -> dict[str, Any]:
    rows = [{"file": row.file, "key": row.key, "change": row.change, "columns": dict(row.columns)} for row in part.rows]
    whole = {"sha256_before": part.before or None, "sha256_after": part.after}
    return {"part": part.name, "rows": rows, "files": dict(part.files), **whole}


def _print(changed: list[Part], faults: list[str], *, is_applied: bool, config: Path | None) -> None:
    for part in changed:
        for row in part.rows:
            print(f"{part.name} {row}")
        for file, change in part.files.items():
            print(f"{part.name} {file}: {change}")
        what = (
            f"{len(part.rows)} rows and keys differ, {len(part.files)} other files"
            if part.before
            else "it is new there"
        )
        say(f"{part.name}: {what}")
    for fault in faults:
        print(fault)
    if faults:
        say(f"the result would have {len(faults)} faults; nothing was changed")
    elif not changed:
        say("nothing differs")
    elif is_applied:
        reload = "panjereh tables reload --apply --reason …"
        say(f"promoted; make it live with: {reload if config is None else named(reload, config)}")
    else:
        say("nothing was changed; add --apply --reason …")
