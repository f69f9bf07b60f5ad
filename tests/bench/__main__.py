"""`make bench`: the codecs, acceptance, the daemon and the journal, one line a figure, and build/bench.json.

Each part is measured by a process of its own, so that none is slowed by what another has left in memory.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.bench.parts import PARTS
from tests.figures import Figure, report


def main() -> int:
    """Measure everything; 0 when every figure reached its target."""
    arguments = argparse.ArgumentParser(prog="bench", description=__doc__)
    arguments.add_argument("--full", action="store_true", help="ten times as many exchanges")
    arguments.add_argument("--only", choices=list(PARTS), help="one part alone")
    given = arguments.parse_args()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="panjereh-bench-", ignore_cleanup_errors=True) as name:
        for part in [given.only] if given.only else PARTS:
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
                figures += alone.submit(PARTS[part], Path(name), 10 if given.full else 1).result()
    return report(figures, f"bench-{given.only}.json" if given.only else "bench.json")


if __name__ == "__main__":
    sys.exit(main())
