"""A province's services and its catalogue, read and checked by a fresh process: how long it takes, how much memory."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from tests.figures import HOUSE, Figure
from tests.support.many import write_catalogue, write_services

SERVICES = 300
ROWS = 2500
"""Of the catalogue."""
_MOST_SECONDS = 5
_MOST_MB = 400
_ROUNDS = 3


def measure(folder: Path) -> list[Figure]:
    """Seconds from the process's start to the last service, the best of three; its peak memory, the worst of them."""
    mappings = folder / "mappings"
    write_services(mappings, SERVICES)
    write_catalogue(mappings, ROWS)
    took = [_alone(mappings) for _ in range(_ROUNDS)]
    seconds, megabytes = min(one[0] for one in took), max(one[1] for one in took)
    name = f"loading {SERVICES} services, {ROWS} rows"
    note = f"with every check and the contracts; {min(one[2] for one in took):.1f} s of processor"
    return [
        Figure(name, seconds, "s", _MOST_SECONDS, at_most=True, note=note),
        Figure(f"{name}, memory", megabytes, "MB", _MOST_MB, at_most=True),
    ]


def _alone(mappings: Path) -> tuple[float, float, float]:
    began = perf_counter()
    command = [sys.executable, "-m", __name__, str(mappings)]
    told = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, check=True)
    found = json.loads(told.stdout)
    return perf_counter() - began, found["megabytes"], found["processor_seconds"]


def _load(mappings: Path) -> None:
    """Read the shipped contracts, the services and the catalogue; print what the process took."""
    from adapter.catalogue import FILE, read_catalogue  # noqa: PLC0415 - a part of what is measured
    from adapter.contract import load_contract  # noqa: PLC0415 - as above
    from adapter.service import load_services  # noqa: PLC0415 - as above
    from adapter.wsdl import read_wsdl  # noqa: PLC0415 - as above

    folders = sorted(path.parent for path in (HOUSE / "contracts").glob("*/*/contract.toml"))
    contracts = {one.title: one for one in (load_contract(folder, read_wsdl) for folder in folders)}
    services, faults = load_services(mappings, contracts)
    assert len(services) == SERVICES, faults
    entries, wrong = read_catalogue(mappings / FILE, FILE)
    assert len(entries) == ROWS, wrong
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"megabytes": used.ru_maxrss / 1024, "processor_seconds": used.ru_utime + used.ru_stime}))


if __name__ == "__main__":
    _load(Path(sys.argv[1]))
