"""`panjereh exchanges`: list, show, replay, resolve, withdraw."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from ops.cli import lives
from ops.cli.asking import Where, ask, named
from ops.cli.exits import Exit
from ops.cli.printing import print_json, print_rows, say, short

app = App(name="exchanges", help="List, show, replay, resolve or withdraw exchanges.", help_format="plaintext")

StateName = Literal["ready", "sending", "done", "awaiting", "refused", "in_doubt", "parked", "blocked", "withdrawn"]
Reason = Annotated[str | None, Parameter(help="Why; recorded in the audit.")]
Apply = Annotated[bool, Parameter(negative="", help="Do it; without this only what would happen is told.")]

_HERE = Where()
_MOST_HINTS = 5
"""Of many that were replayed, the list is looked at rather than each."""


@app.command(name="list")
def list_exchanges(
    *,
    state: StateName | None = None,
    service: str | None = None,
    tenant: str | None = None,
    operation: str | None = None,
    code: Annotated[str | None, Parameter(help="The code of its last outcome, such as untranslatable.")] = None,
    tracking_code: str | None = None,
    limit: int = 100,
    where: Where = _HERE,
) -> int:
    """Tell the newest exchanges that fit, newest first."""
    wanted = {
        "state": state,
        "service": service,
        "tenant": tenant,
        "operation": operation,
        "code": code,
        "tracking_code": tracking_code,
        "limit": limit,
    }
    told = ask(where, "exchanges.list", wanted)
    if where.json:
        print_json(told)
    else:
        lives.print_exchanges(told)
        if len(told["exchanges"]) == limit:
            say(f"the newest {limit}; there may be more: --limit")
    return Exit.OK


@app.command
def show(
    exchange: str,
    /,
    *,
    body: Annotated[
        Literal["record", "frozen", "answer"] | None,
        Parameter(help="Open this content too: what came, what was sent, or what was answered."),
    ] = None,
    reason: Reason = None,
    where: Where = _HERE,
) -> int:
    """Tell the life of one exchange, by its id or the beginning of it."""
    told = ask(where, "exchanges.show", {"id": exchange, "body": body, "reason": reason})
    if where.json:
        print_json(told)
    else:
        lives.print_life(told, config=where.config)
    return Exit.OK


@app.command
def replay(
    *exchanges: str,
    state: Annotated[
        Literal["parked", "in_doubt"] | None, Parameter(help="All in this state that fit, instead of ids.")
    ] = None,
    service: str | None = None,
    tenant: str | None = None,
    operation: str | None = None,
    code: str | None = None,
    limit: int = 1000,
    reason: Reason = None,
    apply: Apply = False,
    where: Where = _HERE,
) -> int:
    """Make exchanges due again; of what may have had an effect the target is asked first."""
    wanted = {"state": state, "service": service, "tenant": tenant, "operation": operation, "code": code}
    order = {**wanted, "ids": list(exchanges), "limit": limit, "reason": reason, "apply": apply}
    return _decide(where, "exchanges.replay", order)


@app.command
def resolve(
    exchange: str,
    /,
    *,
    was: Annotated[Literal["sent", "not-sent"], Parameter(name="--as", help="What you found out.")],
    evidence: Annotated[str, Parameter(help="What that rests on; recorded in the audit.")],
    reason: Reason = None,
    apply: Apply = False,
    where: Where = _HERE,
) -> int:
    """Settle an exchange by a person's word: sent closes it as done, not-sent makes it due again."""
    order = {"id": exchange, "was": was, "evidence": evidence, "reason": reason, "apply": apply}
    return _decide(where, "exchanges.resolve", order)


@app.command
def withdraw(exchange: str, /, *, reason: Reason = None, apply: Apply = False, where: Where = _HERE) -> int:
    """Close an exchange that shall not be sent; its lane goes on."""
    return _decide(where, "exchanges.withdraw", {"id": exchange, "reason": reason, "apply": apply})


def _decide(where: Where, command: str, order: dict[str, Any]) -> int:
    told = ask(where, command, order)
    rows = told["exchanges"]
    if where.json:
        print_json(told)
    else:
        columns = ("tracking_code", "service", "operation", "state", "becomes", "note")
        ids = short(told)
        told_rows = [[ids[row["id"]], *(row[column] for column in columns)] for row in rows]
        print_rows(("id", *columns[:-1]), told_rows, under=columns[-1:])
        if told["applied"] and command == "exchanges.replay":
            for row in rows[:_MOST_HINTS]:
                say(f"look again with: {named('panjereh exchanges show', where.config)} {ids[row['id']]}")
        changed = sum(row["is_changed"] for row in rows)
        say(f"{changed} of {len(rows)} changed" if told["applied"] else "nothing was changed; add --apply --reason …")
    return Exit.FINDINGS if told["applied"] and not all(row["is_changed"] for row in rows) else Exit.OK
