"""`panjereh reconcile`: the other sides' ledgers against our journal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from cyclopts import App, Parameter

from ops.cli.asking import Where, ask
from ops.cli.exits import Exit
from ops.cli.printing import moment, print_json, print_rows, print_table, say

app = App(name="reconcile", help="Compare the other sides' ledgers with our journal.", help_format="plaintext")

_HERE = Where()
_COUNTS = ("tenant", "ledger", "theirs", "ours", "agreed", "open", "findings")
_UNKNOWN = "-"
_UNREAD = "could not be read: "


@app.command
def run(
    *,
    since: Annotated[str | None, Parameter(help="ISO or Jalali (1405/08/30); 24 hours before until.")] = None,
    until: Annotated[str | None, Parameter(help="ISO or Jalali, the day itself not included; now.")] = None,
    tenant: str | None = None,
    ledger: Annotated[str | None, Parameter(help="A contract, such as window/1.0.")] = None,
    where: Where = _HERE,
) -> int:
    """Compare now; exit code 1 when there are findings, 3 when a ledger could not be read.

    theirs: entries of their ledger in the period. ours: our exchanges towards them that were open or settled in it
    and leave a trace there. agreed: exchanges of which both say the same, also that nothing has happened (refused,
    withdrawn: they rightly have nothing), and exchanges of other days whose entry lies in this period; so agreed can
    be more than theirs. open: still under way in their normal time. findings: differences in presence, state or
    amount, each with the command that mends it. A dash: the ledger could not be read, and nothing is known of it.
    """
    told = ask(where, "reconcile.run", {"since": since, "until": until, "tenant": tenant, "ledger": ledger})
    if where.json:
        print_json(told)
    else:
        say(f"run {told['run']}: {moment(told['since'])} to {moment(told['until'])}")
        print_rows(_COUNTS, [_counts(one) for one in told["ledgers"]], under=("unreachable",))
        unread = [f"{one['ledger']}: {one['unreachable']}" for one in told["ledgers"] if one["unreachable"]]
        _print_findings(told["findings"], unread, of=len(told["ledgers"]))
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
        _print_findings(told["findings"], _unread(told), of=len(told["ledgers"]))
    if _unread(told):
        return Exit.UNREACHABLE
    return Exit.FINDINGS if told["findings"] else Exit.OK


def _unread(told: Mapping[str, Any]) -> list[str]:
    ledgers = [one for one in told["ledgers"] if one["told"].startswith(_UNREAD)]
    return [f"{one['ledger']}: {one['told'].removeprefix(_UNREAD)}" for one in ledgers]


def _counts(one: Mapping[str, Any]) -> list[Any]:
    names, unreachable = _COUNTS[:2], one["unreachable"]
    counts = (_UNKNOWN if unreachable else one[name] for name in _COUNTS[2:])
    return [*(one[name] for name in names), *counts, unreachable]


def _print_findings(findings: list[dict[str, Any]], unread: list[str], *, of: int) -> None:
    """The findings, or that there are none; never that there are none where nothing could be compared."""
    if unread:
        say(f"not compared: {len(unread)} of {of} ledgers could not be read; {'; '.join(unread)}")
    if findings:
        columns, under = ("kind", "ledger", "reference"), ("detail", "command")
        rows = [[one[name] for name in (*columns, *under)] for one in findings]
        print_rows(columns, rows, under=under, title="\nfindings")
    elif not unread:
        say("no findings")
    elif len(unread) < of:
        say("no findings in the others")
