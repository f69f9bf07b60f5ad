"""`panjereh services`: their catalogue, and their cards, published to the gateway's."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from ops.cli.asking import Where, ask, named
from ops.cli.catalogue import coverage, import_, list_
from ops.cli.exits import Exit
from ops.cli.printing import print_json, print_table, say

app = App(name="services", help="Keep the catalogue of services, or publish a card.", help_format="plaintext")
app.command(import_, name="import")
app.command(list_, name="list")
app.command(coverage, name="coverage")

_HERE = Where()
_COLUMNS = ("tenant", "service", "gateway", "revision", "id", "state")
_DURATIONS = ("tenant", "service", "stage", "cases", "median", "p90")
_DIGITS = 12
"""So much of a revision is enough to tell two cards apart."""


@app.command
def publish(
    service: str,
    /,
    *,
    tenant: Annotated[str | None, Parameter(help="One tenant; else all that offer the service.")] = None,
    reason: Annotated[str | None, Parameter(help="Why; recorded in the audit.")] = None,
    apply: Annotated[bool, Parameter(negative="", help="Do it; without this only what would happen is told.")] = False,
    where: Where = _HERE,
) -> int:
    """Give the service's card to the gateway; a card that it was given last is not given again."""
    order = {"service": service, "tenant": tenant, "reason": reason, "apply": apply}
    told = ask(where, "services.publish", order, daemon_only=True)
    if where.json:
        print_json(told)
        return Exit.OK
    rows = [{**row, "revision": row["revision"][:_DIGITS]} for row in told["publications"]]
    print_table(_COLUMNS, [[row[column] for column in _COLUMNS] for row in rows])
    changed = sum(row["is_changed"] for row in rows)
    for row in rows:
        if row["is_changed"]:
            say(f"look again with: {named('panjereh exchanges show', where.config)} {row['id']}")
    say(
        f"{changed} of {len(rows)} published anew" if told["applied"] else "nothing was changed; add --apply --reason …"
    )
    return Exit.OK


@app.command
def durations(
    service: str | None = None,
    /,
    *,
    tenant: Annotated[str | None, Parameter(help="One tenant; else all.")] = None,
    days: Annotated[int, Parameter(help="Cases opened in so many days.")] = 365,
    where: Where = _HERE,
) -> int:
    """Tell how many working days each stage of a service really takes: median, and what nine of ten stay within."""
    told = ask(where, "services.durations", {"service": service, "tenant": tenant, "days": days})
    if where.json:
        print_json(told)
    else:
        print_table(_DURATIONS, [[row[column] for column in _DURATIONS] for row in told["durations"]])
        say(f"in working days, cases opened since {told['since']}")
    return Exit.OK
