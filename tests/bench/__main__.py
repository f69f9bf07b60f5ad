"""`make bench`: the codecs, acceptance, the daemon and the journal, one line a figure, and build/bench.json."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.bench import codec, daemon, inward, journal
from tests.figures import Figure, report
from tests.support.postgres import running_server


def main() -> int:
    """Measure everything; 0 when every figure reached its target."""
    arguments = argparse.ArgumentParser(prog="bench", description=__doc__)
    arguments.add_argument("--full", action="store_true", help="ten times as many exchanges")
    arguments.add_argument("--only", choices=["codec", "inward", "daemon", "journal"], help="one part alone")
    given = arguments.parse_args()
    times = 10 if given.full else 1
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="panjereh-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if given.only in {None, "codec"}:
            figures += codec.measure()
        if given.only in {None, "inward"}:
            figures += inward.measure(folder, calls=6000 * times)
        if given.only in {None, "daemon"}:
            figures += daemon.measure(folder, calls=1500 * times)
        if given.only in {None, "journal"}:
            with running_server(is_durable=True) as server:
                figures += journal.measure(folder, server.new_database, exchanges=5000 * times)
    return report(figures, f"bench-{given.only}.json" if given.only else "bench.json")


if __name__ == "__main__":
    sys.exit(main())
