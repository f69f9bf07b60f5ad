"""Reconciliation as operators start it and look at it again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from adapter.calendar import parse_instant
from adapter.channels import Target
from adapter.contract.paths import values_at
from adapter.errors import NotFound, Refused, Unfit
from adapter.exchange import Effect, Exchange, Payload
from adapter.journal import inspecting
from adapter.journal.operating import COMPARED
from adapter.reconciliation import Compared, Ledger, Period, keep, reconcile
from adapter.settlement.drafting import new_id
from adapter.tables import near
from ops.operators.desk import Arguments, Desk, refuse_unknown

_DEFAULT_PERIOD = timedelta(hours=24)
_MOST_RUNS = 12
_SHORT_ASKS = 4
"""After so many questions about an exchange in doubt the answer is no longer a matter of minutes."""


class Reconciled(Arguments):
    """Which ledgers, and from when to when; days and instants are ISO or Jalali, Tehran time without an offset."""

    tenant: str | None = None
    ledger: str | None = None
    since: str | None = None
    until: str | None = None


class RunShown(Arguments):
    """One run, or the newest."""

    run: str | None = None


async def run_reconciliation(desk: Desk, wanted: Reconciled) -> Payload:
    """Compare every ledger that fits with our journal, keep the findings, and tell them."""
    house = desk.house
    now = house.clock()
    period = _period(wanted, now)
    run = new_id(now, house.settling.drafting.randomness)
    results = []
    for ledger in _ledgers(desk, wanted):
        desk.progress({"ledger": ledger.name, "tenant": ledger.tenant})
        results.append(await reconcile(house.journal, ledger, period, run=run, now=now))
    await keep(house.journal, run, desk.actor, results)
    return {
        "run": run,
        "since": period.since,
        "until": period.until,
        "ledgers": [_told(compared) for compared in results],
        "findings": [finding for compared in results for finding in compared.findings],
    }


async def show_reconciliation(desk: Desk, wanted: RunShown) -> Payload:
    """What a run found; raises NotFound when there was none."""
    journal = desk.house.journal
    runs = await journal.read(inspecting.newest_runs, _MOST_RUNS)
    if not runs:
        raise NotFound("no reconciliation is kept here; start one with: panjereh reconcile run")
    run = wanted.run or runs[0]
    rows = await journal.read(inspecting.findings_of, run)
    if not rows:
        raise NotFound(f"there is no run {run!r}; {near(run, runs)}")
    return {
        "run": run,
        "found_at": rows[0]["found_at"],
        "ledgers": [
            {"tenant": row["tenant"], "ledger": row["ledger"], "told": row["detail"]}
            for row in rows
            if row["kind"] == COMPARED
        ],
        "findings": [row for row in rows if row["kind"] != COMPARED],
    }


def _period(wanted: Reconciled, now: datetime) -> Period:
    until = _moment(wanted.until, "until") or now
    since = _moment(wanted.since, "since") or until - _DEFAULT_PERIOD
    if since >= until:
        raise Refused("since: must lie before until")
    return Period(since, until)


def _moment(text: str | None, name: str) -> datetime | None:
    try:
        return None if text is None else parse_instant(text)
    except Unfit as error:
        raise Refused(f"{name}: {error.detail}") from error


def _ledgers(desk: Desk, wanted: Reconciled) -> list[Ledger]:
    house = desk.house
    refuse_unknown("tenant", wanted.tenant, house.settings.tenants)
    refuse_unknown("ledger", wanted.ledger, sorted({name for _, name in house.endpoints.targets}))
    patience = sum(house.profile.asks[:_SHORT_ASKS], timedelta())

    def has_effect(exchange: Exchange) -> bool:
        contract = desk.contract_of(exchange)
        return contract is None or contract.effect is not Effect.READ

    chosen = [
        Ledger(
            tenant=tenant,
            name=name,
            target=target,
            missing="missing_inside" if (tenant, name) in house.endpoints.systems else "missing_there",
            has_effect=has_effect,
            amount_of=_amount_in(desk, target),
            patience=patience,
        )
        for (tenant, name), target in sorted(house.endpoints.targets.items(), key=lambda item: item[0])
        if wanted.tenant in {None, tenant}
        and wanted.ledger in {None, name}
        and house.contracts[name].statement is not None
    ]
    if not chosen:
        raise NotFound("no such ledger can be read; see: panjereh endpoints list")
    return chosen


def _amount_in(desk: Desk, target: Target) -> Callable[[Exchange, bytes], int | None]:
    """How an exchange's amount is read from what was sent to this target, as its contract's statement names it."""

    def amount_of(exchange: Exchange, frozen: bytes) -> int | None:
        operation, said = desk.contract_of(exchange), desk.house.contracts[exchange.target].statement
        if operation is None or said is None or operation.name not in said.amounts:
            return None
        sent = target.thaw(operation.name, frozen)
        return sum(int(amount) for amount, _ in values_at(sent, said.amounts[operation.name]))

    return amount_of


def _told(compared: Compared) -> Payload:
    return {
        "tenant": compared.tenant,
        "ledger": compared.ledger,
        "theirs": compared.theirs,
        "ours": compared.ours,
        "agreed": compared.agreed,
        "open": compared.open,
        "findings": len(compared.findings) + compared.left_out,
        "unreachable": compared.unreachable,
    }
