"""The suites: crash, ambiguous, and the sabotage that each of them must notice."""

from __future__ import annotations

import multiprocessing
import shutil
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from itertools import count
from pathlib import Path

from tests.figures import Figure
from tests.score.points import crash_trials
from tests.score.trial import NetworkPoint, Result, Trial, run_trial
from tests.score.victim import WEAKNESSES

_AT_ONCE = 4
_NUMBERS = count(1)

SABOTAGES: dict[str, Trial] = {
    "no intent row": Trial(point=NetworkPoint("revenue", "/v1/assessments", "processed")),
    "no query before resend": Trial(mode="answer_lost"),
    "no dedupe key": Trial(point=NetworkPoint("door", "/window/v1/requests", "processed")),
    "classified by exception class": Trial(mode="answer_lost"),
}
"""Which trial must go wrong when the safety is taken out, and must hold when it is in."""


def run_all(trials: Iterable[Trial], folder: Path, *, tell: Callable[[Result], None] | None = None) -> list[Result]:
    """Run trials side by side, each in a folder of its own that is removed when it held."""
    results: list[Result] = []
    with ProcessPoolExecutor(_AT_ONCE, mp_context=multiprocessing.get_context("spawn")) as pool:
        places = {pool.submit(run_trial, trial, place := folder / f"trial-{next(_NUMBERS)}"): place for trial in trials}
        for future in as_completed(places):
            result = future.result()
            results.append(result)
            if result.holds:
                shutil.rmtree(places[future], ignore_errors=True)
            if tell is not None:
                tell(result)
    return results


def crash(folder: Path, new_database: Callable[[], str], *, full: bool) -> list[Figure]:
    """Kill a real process at every point on both databases; nothing may be lost or doubled, every point must come."""
    embedded = list(crash_trials({"SQLite": None}, full=full))
    server = [replace(trial, database=new_database()) for trial in embedded]
    figures = []
    for name, trials in (("SQLite", embedded), ("PostgreSQL", server)):
        results = run_all(trials, folder / name, tell=_progress(name, len(trials)))
        figures += [
            Figure(f"crash points on {name}", len(results), "points", 500 if full else 90),
            Figure(f"crash on {name}: lost", sum(r.lost for r in results), "requests", 0, at_most=True),
            Figure(f"crash on {name}: doubled", sum(r.doubled for r in results), "effects", 0, at_most=True),
            Figure(f"crash on {name}: out of order", sum(r.disordered for r in results), "statuses", 0, at_most=True),
            Figure(f"crash on {name}: points missed", sum(not r.died for r in results), "points", 0, at_most=True),
        ]
    return figures


def ambiguous(folder: Path) -> list[Figure]:
    """A thousand exchanges with 30 % of all answers lost: none doubled, none lost."""
    trial = Trial(mode="ambiguous", requests=AMBIGUOUS_REQUESTS, patience=150)
    (result,) = run_all([trial], folder)
    return [
        Figure("ambiguous: exchanges", result.effects, "effects", 1000),
        Figure("ambiguous: doubled", result.doubled, "effects", 0, at_most=True),
        Figure("ambiguous: lost", result.lost, "requests", 0, at_most=True, note=f"{result.seconds:.0f} s"),
    ]


AMBIGUOUS_REQUESTS = 120


def sabotage(folder: Path) -> list[Figure]:
    """Take out one safety at a time; a suite that still holds shows nothing."""
    trials = [replace(trial, weakness=name, patience=8) for name, trial in SABOTAGES.items()]
    results = {result.trial.weakness: result for result in run_all(trials, folder)}
    detected = [Figure(f"sabotage noticed: {name}", float(results[name].doubled), "doubled", 1) for name in WEAKNESSES]
    sound = run_all(SABOTAGES.values(), folder / "sound")
    return [*detected, Figure("the same trials unweakened hold", sum(r.holds for r in sound), "trials", len(SABOTAGES))]


def _progress(name: str, total: int) -> Callable[[Result], None]:
    done = count(1)

    def tell(result: Result) -> None:
        number = next(done)
        if not result.holds:
            print(f"{name}: {result}", file=sys.stderr)
        elif sys.stderr.isatty():
            print(f"\r{name}: {number}/{total}", end="", file=sys.stderr, flush=True)

    return tell
