"""`panjereh endpoints`: the other sides, and resuming one that was paused."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from ops.cli.asking import Where, ask
from ops.cli.exits import Exit
from ops.cli.printing import moment, print_json, print_rows, say

app = App(name="endpoints", help="List the other sides, or resume one that was paused.", help_format="plaintext")

_HERE = Where()


@app.command(name="list")
def list_endpoints(*, where: Where = _HERE) -> int:
    """Tell every endpoint, and whether it is called now."""
    told = ask(where, "endpoints.list", {})
    if where.json:
        print_json(told)
        return Exit.OK
    columns = ("tenant", "endpoint", "binding", "address", "state")
    print_rows(
        (*columns, "since"),
        [[*(one[name] for name in columns), moment(one["since"]), one["reason"]] for one in told["endpoints"]],
        under=("reason",),
    )
    return Exit.OK


@app.command
def resume(
    tenant: str,
    endpoint: str,
    /,
    *,
    reason: Annotated[str | None, Parameter(help="What was mended; recorded in the audit.")] = None,
    apply: Annotated[bool, Parameter(negative="", help="Do it.")] = False,
    where: Where = _HERE,
) -> int:
    """Let an endpoint be called again, such as: sample-city window/1.0."""
    order = {"tenant": tenant, "endpoint": endpoint, "reason": reason, "apply": apply}
    told = ask(where, "endpoints.resume", order)
    if where.json:
        print_json(told)
    elif told["was_paused_for"] is None:
        say(f"{tenant} {endpoint} is not paused")
    elif told["is_changed"]:
        say(f"{tenant} {endpoint} is called again")
    else:
        say(f"paused for: {told['was_paused_for']}; nothing was changed; add --apply --reason …")
    return Exit.OK
