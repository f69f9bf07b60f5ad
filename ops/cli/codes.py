"""`panjereh codes`: a code that is missing at night, proposed by one operator and signed by a second one."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter

from ops.cli.asking import Where, ask, named
from ops.cli.exits import Exit
from ops.cli.printing import moment, print_facts, print_json, print_rows, say, shown

app = App(
    name="codes", help="Add a code with a second operator's signature: add, pending, approve.", help_format="plaintext"
)

Reason = Annotated[str | None, Parameter(help="Why; recorded in the audit.")]
Day = Annotated[str | None, Parameter(help="A day such as 1405/07/01; without one the row has no such end.")]

_HERE = Where()


@app.command
def add(
    service: str,
    table: str,
    gateway: str,
    internal: str,
    /,
    *,
    title: Annotated[str | None, Parameter(help="What people read.")] = None,
    stage: str | None = None,
    awaited: str | None = None,
    unit: str | None = None,
    legal_basis: str | None = None,
    valid_from: Day = None,
    valid_to: Day = None,
    note: Annotated[str | None, Parameter(help="For colleagues; assumption where nobody has confirmed it.")] = None,
    tenant: Annotated[str | None, Parameter(help="For this tenant alone, in its own folder.")] = None,
    reason: Reason = None,
    where: Where = _HERE,
) -> int:
    """Propose a row for codes/TABLE.csv of SERVICE: the gateway's code and the internal one, '' for a side without.

    It is checked with all checks and kept for a day; nothing changes until a second operator approves it.
    """
    columns = {
        "title": title,
        "stage": stage,
        "awaited": awaited,
        "unit": unit,
        "legal_basis": legal_basis,
        "valid_from": valid_from,
        "valid_to": valid_to,
        "note": note,
    }
    row = {"service": service, "table": table, "gateway": gateway, "internal": internal, "tenant": tenant}
    more = {name: value for name, value in columns.items() if value is not None}
    told = ask(where, "codes.add", {**row, "more": more, "reason": reason}, daemon_only=True)
    if where.json:
        print_json(told)
    elif told["faults"]:
        _print_faults(told, "nothing was proposed")
    else:
        _print_row(told)
        command = named("panjereh codes approve", where.config)
        say(f"proposed; before {moment(told['until'])} a second operator signs it with: {command} {told['id']}")
    return Exit.FINDINGS if told["faults"] else Exit.OK


@app.command
def pending(*, where: Where = _HERE) -> int:
    """Tell which rows wait for a second operator, and which lately ended unsigned."""
    told = ask(where, "codes.pending", {}, daemon_only=True)
    if where.json:
        print_json(told)
        return Exit.OK
    columns = ("id", "standing", "service", "table", "tenant", "by", "until", "row", "why")
    rows = [
        [
            *(one[name] for name in ("id", "standing", "service", "table", "tenant", "actor")),
            *(moment(one["until"]), shown(one["cells"]), one["why"]),
        ]
        for one in told["proposals"]
    ]
    print_rows(columns[:-2], rows, under=columns[-2:])
    waiting = sum(one["standing"] == "pending" for one in told["proposals"])
    say(f"waiting for a signature: {waiting}")
    return Exit.OK


@app.command
def approve(
    proposal: str,
    /,
    *,
    reason: Reason = None,
    apply: Annotated[bool, Parameter(negative="", help="Do it; without this only what would happen is told.")] = False,
    where: Where = _HERE,
) -> int:
    """Sign another operator's proposal: its row is checked once more, written and live at once, all or nothing."""
    order = {"id": proposal, "reason": reason, "apply": apply}
    told = ask(where, "codes.approve", order, daemon_only=True)
    if where.json:
        print_json(told)
    elif told["faults"]:
        _print_faults(told, "nothing was changed")
    else:
        _print_row(told)
        _print_followers(told, where)
    return Exit.FINDINGS if told["faults"] else Exit.OK


@app.command
def withdraw(proposal: str, /, *, reason: Reason = None, where: Where = _HERE) -> int:
    """Close a proposal that nobody shall sign any more."""
    told = ask(where, "codes.withdraw", {"id": proposal, "reason": reason}, daemon_only=True)
    if where.json:
        print_json(told)
    else:
        say(f"{told['id']} is withdrawn")
    return Exit.OK


def _print_faults(told: dict[str, Any], done: str) -> None:
    for fault in told["faults"]:
        print(fault)
    say(f"with this row there would be {len(told['faults'])} faults; {done}")


def _print_row(told: dict[str, Any]) -> None:
    place = {"id": told["id"], "place": f"{told['file']}:{told['line']}", **told["cells"]}
    print_facts({**place, "proposed by": told["actor"], "at": moment(told["at"]), "why": told["why"]})


def _print_followers(told: dict[str, Any], where: Where) -> None:
    if told["translatable"]:
        say(f"now translatable: {len(told['translatable'])}; replay them with: {told['replay_with']}")
    for tenant in told["awaiting_signoff"]:
        say(f"{tenant} is served by it after: {named('panjereh tables signoff', where.config)} {tenant}")
    if told["is_changed"]:
        say(f"{told['file']}:{told['line']} is live; write a case for it: panjereh test {told['service']} --coverage")
    else:
        say("nothing was changed; add --apply --reason …")
