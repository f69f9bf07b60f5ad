"""`panjereh tables reload` and `signoff`: the tables of a running daemon, as a whole."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from ops.cli.asking import Where, ask, named
from ops.cli.exits import Exit
from ops.cli.printing import print_json, print_table, say

_HERE = Where()


def reload(
    *,
    reason: Annotated[str | None, Parameter(help="Why; recorded in the audit.")] = None,
    apply: Annotated[bool, Parameter(negative="", help="Do it; without this only what would happen is told.")] = False,
    where: Where = _HERE,
) -> int:
    """Make the tables on disk live, all or nothing: with any fault those before them go on, and exit code 1."""
    told = ask(where, "tables.reload", {"reason": reason, "apply": apply}, daemon_only=True)
    if where.json:
        print_json(told)
        return Exit.FINDINGS if told["faults"] else Exit.OK
    for fault in told["faults"]:
        print(fault)
    if told["faults"]:
        say(f"{len(told['faults'])} faults; nothing was changed, the tables before go on")
        return Exit.FINDINGS
    for doubt in told["doubts"]:
        print(f"doubtful: {doubt}")
    print_table(("service", "change"), ([one["service"], one["change"]] for one in told["services"]))
    if told["doubts"]:
        say(f"{len(told['doubts'])} doubts stop nothing; mend them: panjereh check tells them, too")
    if told["calendars_changed"]:
        say("the calendars are other ones; promises are counted by them")
    if told["translatable"]:
        say(f"now translatable: {len(told['translatable'])}; replay them with: {told['replay_with']}")
    for tenant in told["awaiting_signoff"]:
        command = named("panjereh tables signoff", where.config)
        say(f"{tenant} is served by what it signed before; for what is on disk: {command} {tenant}")
    say(_standing(told))
    return Exit.OK


def _standing(told: dict[str, Any]) -> str:
    tables = told["sha256"][:12]
    if told["applied"]:
        return f"{tables} is live"
    return f"{tables} is live already" if told["was_live"] else "nothing was changed; add --apply --reason …"


def signoff(
    tenant: str,
    /,
    *,
    reason: Annotated[str | None, Parameter(help="Why; recorded in the audit.")] = None,
    apply: Annotated[bool, Parameter(negative="", help="Do it; without this only what would happen is told.")] = False,
    where: Where = _HERE,
) -> int:
    """Sign the tables on disk for a tenant that asks for it: from here on it is served by them."""
    told = ask(where, "tables.signoff", {"tenant": tenant, "reason": reason, "apply": apply}, daemon_only=True)
    if where.json:
        print_json(told)
        return Exit.OK
    print_table(("service", "change"), ([one["service"], one["change"]] for one in told["services"]))
    if told["sha256"] == told["signed_before"]:
        say(f"{tenant} has signed what is on disk")
    else:
        say(
            f"{tenant} has signed {told['sha256'][:12]}"
            if told["applied"]
            else "nothing was changed; add --apply --reason …"
        )
    return Exit.OK
