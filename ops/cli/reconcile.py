"""`panjereh reconcile`: the other sides' ledgers against our journal."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter

from ops.cli.asking import Where, ask
from ops.cli.exits import Exit
from ops.cli.printing import moment, print_json, print_table, say

app = App(name="reconcile", help="Compare the other sides' ledgers with our journal.", help_format="plaintext")

_HERE = Where()
_COUNTS = ("tenant", "ledger", "theirs", "ours", "agreed", "open", "findings", "unreachable")


@app.command
def run(
    *,
    since: Annotated[str | None, Parameter(help="ISO or Jalali (1405/08/30); 24 hours before until.")] = None,
    until: Annotated[str | None, Parameter(help="ISO or Jalali, the day itself not included; now.")] = None,
    tenant: str | None = None,
    ledger: Annotated[str | None, Parameter(help="A contract, such as window/1.0.")] = None,
    where: Where = _HERE,
) -> int:
    """Compare now; exit code 1 when there are findings, 3 when a ledger could not be read."""
    told = ask(where, "reconcile.run", {"since": since, "until": until, "tenant": tenant, "ledger": ledger})
    if where.json:
        print_json(told)
    else:
        say(f"run {told['run']}: {moment(told['since'])} to {moment(told['until'])}")
        print_table(_COUNTS, ([one[name] for name in _COUNTS] for one in told["ledgers"]))
        _print_findings(told["findings"])
    if any(one["unreachable"] for one in told["ledgers"]):
        return Exit.UNREACHABLE
    return Exit.FINDINGS if any(one["findings"] for one in told["ledgers"]) else Exit.OK


@app.command
def show(run_id: str | None = None, /, *, where: Where = _HERE) -> int:
    """Tell what a run found, the newest when none is named."""
    told = ask(where, "reconcile.show", {"run": run_id})
    if where.json:
        print_json(told)
    else:
        say(f"run {told['run']} of {moment(told['found_at'])}")
        print_table(("tenant", "ledger", "told"), (one.values() for one in told["ledgers"]))
        _print_findings(told["findings"])
    return Exit.FINDINGS if told["findings"] else Exit.OK


def _print_findings(findings: list[dict[str, Any]]) -> None:
    if not findings:
        say("no findings")
        return
    columns = ("kind", "ledger", "reference", "detail", "command")
    print_table(columns, ([one[name] for name in columns] for one in findings), title="\nfindings")
