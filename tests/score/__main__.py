"""`make score`: the safety suites, one line a figure, and build/score.json."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.figures import Figure, report
from tests.score import suites
from tests.support.postgres import running_server


def main() -> int:
    """Run every suite; 0 when every figure passed."""
    arguments = argparse.ArgumentParser(prog="score", description=__doc__)
    arguments.add_argument("--full", action="store_true", help="every call of every step, in both bindings")
    arguments.add_argument("--only", choices=["crash", "ambiguous", "sabotage"], help="one suite alone")
    given = arguments.parse_args()
    began = time.monotonic()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="panjereh-score-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if given.only in {None, "sabotage"}:
            figures += suites.sabotage(folder / "sabotage")
        if given.only in {None, "ambiguous"}:
            figures += suites.ambiguous(folder / "ambiguous")
        if given.only in {None, "crash"}:
            with running_server(is_durable=True) as server:
                figures += suites.crash(folder / "crash", server.new_database, full=given.full)
    figures.append(Figure("seconds", time.monotonic() - began, "s", None))
    return report(figures, f"score-{given.only}.json" if given.only else "score.json")


if __name__ == "__main__":
    sys.exit(main())
