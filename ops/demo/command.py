"""`panjereh demo`: the adapter does its real job between stand-ins, with faults on the way, and then it is counted."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from adapter.errors import Refused
from ops.demo.callers import ack_ledger
from ops.demo.count import count
from ops.demo.effects import read_effects
from ops.demo.operators import look
from ops.demo.play import Play, Progress
from ops.demo.processes import NotStartedError, Processes
from ops.demo.report import Result, panjereh, print_next, print_object, print_profile, print_result
from ops.demo.requests import requests_of
from ops.demo.scenes import load_scenes, load_script
from ops.demo.stage import Stage, build_stage
from ops.demo.wire import NoAnswerError
from ops.settings import profile_of
from ops.settings_file import load_settings

LEAST_REQUESTS, MOST_REQUESTS = 10, 5000
_FAILED, _TERMINATED = 1, 143


@dataclass(frozen=True, slots=True)
class Options:
    """How the demo was called."""

    keep: bool
    as_json: bool
    requests: int
    seed: int


def run(
    *,
    keep: Annotated[bool, Parameter(negative="", help="Leave everything running at the end.")] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative="", help="Answer with one JSON object.")] = False,
    requests: Annotated[int, Parameter(help="How many requests.")] = 300,
    seed: Annotated[int, Parameter(help="Of the order, the channels and the bindings.")] = 1,
) -> int:
    """Show the adapter doing its real job between stand-ins, faults included; exit code 0 only if nothing was lost."""
    if not LEAST_REQUESTS <= requests <= MOST_REQUESTS:
        raise Refused(f"--requests: {LEAST_REQUESTS} to {MOST_REQUESTS}")
    try:
        result = asyncio.run(_demonstrate(Options(keep, as_json, requests, seed)))
    except (NotStartedError, NoAnswerError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return _FAILED
    except asyncio.CancelledError:
        return _TERMINATED
    return _FAILED if result.failings() else 0


async def _demonstrate(options: Options) -> Result:
    """Everything that was started is ended, and every folder removed, unless it is to be kept."""
    _heed_sigterm()
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="panjereh-demo-"))
    processes = Processes(folder)
    is_kept = False
    try:
        result, stage = await perform(folder, processes, options, began=began)
        _tell(result, stage, options)
        is_kept = options.keep
    finally:
        if not is_kept:
            processes.stop()
            shutil.rmtree(folder, ignore_errors=True)
    return result


async def perform(folder: Path, processes: Processes, options: Options, *, began: float) -> tuple[Result, Stage]:
    """Play, reconcile, and count; everything still runs when this returns."""
    scenes, script = load_scenes(), load_script()
    requests = requests_of(scenes, script, count=options.requests, seed=options.seed)
    messages = Console(stderr=True, quiet=options.as_json, highlight=False)
    messages.print("the stand-ins and the daemon are being started …")
    stage = await build_stage(folder, processes, list(scenes.values()), script)
    print_profile(messages, profile_of(load_settings(stage.installation.settings)))
    with ack_ledger(folder / "acks.jsonl") as ledger, _shown(messages, len(requests), began) as progress:
        play = Play(stage, scenes, script, requests, ledger, seed=options.seed, progress=progress)
        await play.run()
    standing = await look(stage.socket)
    counted = count(ledger.acks, read_effects(stage.ledgers), scenes)
    for refusal in ledger.refusals:
        messages.print(f"refused at the door: {refusal.key} {refusal.problem}: {refusal.detail}", style="red")
    return (
        Result(
            count=counted,
            standing=standing,
            seconds=time.monotonic() - began,
            unacknowledged=len(requests) - counted.accepted,
            killed=progress.killed,
            struck=play.struck,
            running=_running(stage) if options.keep else None,
        ),
        stage,
    )


def _tell(result: Result, stage: Stage, options: Options) -> None:
    if options.as_json:
        print_object(result)
        return
    console = Console(highlight=False)
    print_result(console, result)
    print_next(console, _next(result, stage, options))
    if options.keep:
        pids = " ".join(map(str, stage.processes.pids))
        pages = "  ".join(one.page for one in stage.stand_ins.values())
        console.print(f"\nstill running; the stand-ins' ledgers: {pages}", soft_wrap=True)
        console.print(f"stop and remove all: kill {pids} && rm -r {stage.folder}", soft_wrap=True)


def _next(result: Result, stage: Stage, options: Options) -> list[tuple[str, str]]:
    name = panjereh()
    if not options.keep:
        return [
            (f"{name} demo --keep", "the same, left running, to look around in"),
            (f"{name} check", "read every contract and table, and tell every fault"),
            (f"{name} test", "run the cases of the services"),
        ]
    config = f"--config {stage.installation.settings}"
    code = next((parked.tracking_code for parked in result.standing.parked), "CODE")
    return [
        (f"{name} exchanges list --state parked {config}", "what waits for a person, and why"),
        (f"{name} cases show {code} {config}", "the life of one case"),
        (f"{name} reconcile run {config}", "compare the ledgers of all sides again"),
    ]


def _running(stage: Stage) -> dict[str, Any]:
    settings = str(stage.installation.settings)
    return {"folder": str(stage.folder), "settings": settings, "door": stage.door, "pids": stage.processes.pids}


@contextmanager
def _shown(messages: Console, requests: int, began: float) -> Iterator[Progress]:
    """Bars on a terminal, and a line for everything remarkable."""

    def happened(event: str) -> None:
        messages.print(f"{time.monotonic() - began:5.1f} s  {event}")

    progress = Progress(requests, happened=happened)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TaskProgressColumn())
    with Bars(
        *columns, TimeElapsedColumn(), console=messages, transient=True, disable=not messages.is_terminal
    ) as bars:
        accepted = bars.add_task("accepted", total=requests)
        ended = bars.add_task("ended", total=requests)

        def watch(now: Progress) -> None:
            bars.update(accepted, completed=now.acknowledged)
            bars.update(ended, completed=now.ended)

        progress.watch = watch
        yield progress


def _heed_sigterm() -> None:
    """SIGTERM ends the demo as Ctrl-C does: with everything cleared away."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
