"""`panjereh tables`: the services' tables as a whole, read anew while the daemon runs."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from ops.cli.asking import Where, ask
from ops.cli.exits import Exit
from ops.cli.printing import print_json, print_table, say

app = App(name="tables", help="Read the services' tables anew.", help_format="plaintext")

_HERE = Where()


@app.command
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
    print_table(("service", "change"), ([one["service"], one["change"]] for one in told["services"]))
    if told["translatable"]:
        say(f"now translatable: {len(told['translatable'])}; replay them with: {told['replay_with']}")
    say(f"{told['sha256'][:12]} is live" if told["applied"] else "nothing was changed; add --apply --reason …")
    return Exit.OK
