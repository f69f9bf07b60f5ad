"""What the demo tells: the profile it runs by, the table at its end, and one object for machines."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from adapter.retry import Profile
from ops.demo.count import Count
from ops.demo.operators import Standing

_SHOWN_TIMES = {
    "schedule": ("between attempts", "فاصلهٔ تلاش‌ها"),
    "settle_after": ("before asking about a doubt", "پیش از پرسش از نامعلوم"),
    "asks": ("between such questions", "فاصلهٔ پرسش‌ها"),
    "change_poll": ("between looks for changes", "فاصلهٔ سرکشی به تغییرها"),
    "breaker_open": ("an endpoint rests", "استراحت یک سامانه"),
}
_SHOWN_WAITS = 2
_WHOLE = frozenset({"here", "in production"})
"""Columns that are never broken; the names beside them are."""


@dataclass(frozen=True, slots=True)
class Result:
    """The count, what the operators see, and how long it took.

    `unacknowledged` are requests that nobody took, `struck` how often each kind of fault struck. `running` has what is
    left running, if it is to be kept.
    """

    count: Count
    standing: Standing
    seconds: float
    unacknowledged: int
    killed: int
    struck: Mapping[str, int]
    running: Mapping[str, Any] | None = None

    def failings(self) -> list[str]:
        """Every promise that was not kept, in a sentence each."""
        count = self.count
        listed = {parked.tracking_code for parked in self.standing.parked}
        promises = {
            "lost is 0": count.lost == 0,
            "doubled is 0": count.doubled == 0,
            "in doubt is 0": self.standing.in_doubt == 0,
            "parked is what was planted": count.parked == count.planted,
            "the operators' list has what was planted": listed == set(count.parked_codes),
            "accepted = done + refused + parked": count.accepted == count.done + count.refused + count.parked,
            "every request was acknowledged": self.unacknowledged == 0,
            "the same key or bill had one answer": count.contradicted == 0,
            "no effect without a request": count.unasked == 0,
            "the ledgers of all sides agree": not self.standing.findings and not self.standing.unreachable,
            "the daemon was killed once": self.killed == 1,
        }
        return [promise for promise, is_kept in promises.items() if not is_kept]


def as_object(result: Result) -> dict[str, Any]:
    """The result as `--json` tells it."""
    count = result.count
    kept = ("accepted", "done", "refused", "parked", "planted")
    also = ("contradicted", "unasked", "payments", "repeated", "confirmed_twice", "rate")
    told = {
        **{name: getattr(count, name) for name in kept},
        "in_doubt": result.standing.in_doubt,
        "effects": dict(count.effects),
        "lost": count.lost,
        "doubled": count.doubled,
        "seconds": round(result.seconds, 1),
        **{name: getattr(count, name) for name in also},
        "unacknowledged": result.unacknowledged,
        "killed": result.killed,
        "faults": dict(result.struck),
        "acceptance_seconds": asdict(count.acceptance),
        "completion_seconds": asdict(count.completion),
        "parked_why": [asdict(parked) for parked in result.standing.parked],
        "reconciliation": {"ledgers": list(result.standing.ledgers), "findings": list(result.standing.findings)},
        "failings": result.failings(),
    }
    return told if result.running is None else {**told, "running": result.running}


def print_object(result: Result) -> None:
    """One JSON object on stdout."""
    sys.stdout.write(json.dumps(as_object(result), ensure_ascii=False, indent=2) + "\n")


def print_profile(console: Console, profile: Profile) -> None:
    """The short durations beside those of production."""
    table = Table(title=f"profile “{profile.name}”", title_justify="left", box=None, header_style="bold")
    for column in ("time", "here", "in production", "زمان"):
        table.add_column(column, no_wrap=column in _WHOLE)
    standard = Profile()
    for name, (english, persian) in _SHOWN_TIMES.items():
        table.add_row(english, _told(getattr(profile, name)), _told(getattr(standard, name)), persian)
    console.print(table)


def print_result(console: Console, result: Result) -> None:
    """The table, why things are parked, and which promise was not kept."""
    table = Table(title="what came of it", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(justify="right")
    for english, figure, persian in _rows(result):
        table.add_row(english, figure, persian)
    console.print(table)
    for parked in result.standing.parked:
        line = f"parked {parked.tracking_code}  {parked.service} {parked.operation}: {parked.why}"
        console.print(Text(line, style="yellow"), soft_wrap=True)
    for finding in result.standing.findings:
        console.print(Text(f"reconciliation: {finding['kind']}: {finding['detail']}", style="yellow"), soft_wrap=True)
    for failing in result.failings():
        console.print(Text(f"NOT KEPT: {failing}", style="bold red"))


def print_next(console: Console, commands: Sequence[tuple[str, str]]) -> None:
    """The commands to type next, each with its reason."""
    console.print("\ntype next:")
    for command, reason in commands:
        console.print(Text.assemble(("  " + command, "bold"), f"   # {reason}"), soft_wrap=True)


def panjereh() -> str:
    """How the command is called from here."""
    beside = Path(sys.executable).with_name("panjereh")
    if shutil.which("panjereh") or not beside.exists():
        return "panjereh"
    here = Path.cwd()
    return str(beside.relative_to(here) if beside.is_relative_to(here) else beside)


def _rows(result: Result) -> Iterator[tuple[str, str, str]]:
    count = result.count
    yield "accepted", str(count.accepted), "پذیرفته"
    yield "done", str(count.done), "انجام‌شده"
    yield "refused", str(count.refused), "ردشده"
    yield "parked (planted)", f"{count.parked} ({count.planted})", "در انتظار متصدی (کاشته)"
    yield "in doubt", str(result.standing.in_doubt), "نامعلوم"
    for name, effects in count.effects.items():
        yield f"effects at {name}", str(effects), "اثر ثبت‌شده"
    yield "answers lost, connections cut", str(sum(result.struck.values())), "پاسخ گم‌شده یا اتصال بریده"
    yield "lost", str(count.lost), "گم‌شده"
    yield "doubled", str(count.doubled), "دوباره‌شده"
    yield "bills paid", str(count.payments), "قبض پرداخت‌شده"
    yield "repeated keys, same answer", str(count.repeated), "کلید تکراری، همان پاسخ"
    yield "payments confirmed twice", str(count.confirmed_twice), "پرداخت دوبار اعلام‌شده"
    yield "effects per second", f"{count.rate:.1f}", "اثر در ثانیه"
    yield "call → acknowledged, p50 / p99", _pair(count.acceptance.p50, count.acceptance.p99), "پذیرش"
    yield "acknowledged → end, p50 / p99", _pair(count.completion.p50, count.completion.p99), "تا پایان"
    yield "ledgers reconciled, findings", f"{len(result.standing.ledgers)}, {len(result.standing.findings)}", "تطبیق"
    yield "seconds in all", f"{result.seconds:.1f}", "ثانیه"


def _pair(p50: float, p99: float) -> str:
    return f"{_seconds(p50)} / {_seconds(p99)}"


def _told(value: timedelta | tuple[timedelta, ...]) -> str:
    if isinstance(value, tuple):
        shown = ", ".join(_seconds(wait.total_seconds()) for wait in value[:_SHOWN_WAITS])
        return f"{shown}…" if len(value) > _SHOWN_WAITS else shown
    return _seconds(value.total_seconds())


def _seconds(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds >= 60:  # noqa: PLR2004 - seconds of a minute
        return f"{seconds / 60:.0f} min"
    return f"{seconds:.1f}".removesuffix(".0") + " s"
