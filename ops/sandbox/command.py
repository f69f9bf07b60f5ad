"""The sandbox as a process: it prints where it listens and runs until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from ops.sandbox.faults import FaultRule, load_rules
from ops.sandbox.sandbox import serve
from ops.sandbox.settings import STAND_INS, SandboxSettings
from ops.sandbox.telling import Listening


def run(settings: SandboxSettings) -> None:
    """Run until SIGTERM or SIGINT; once all listen, stdout has a line `name address page` for each."""
    asyncio.run(_run(settings))


async def _run(settings: SandboxSettings) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    sandbox = await serve(settings)
    try:
        for name, address in sandbox.addresses.items():
            print(name, address, f"{sandbox.pages[name]}/_sandbox")
        sys.stdout.flush()
        await stopped.wait()
    finally:
        await sandbox.close()


def settings_of(arguments: Sequence[str]) -> SandboxSettings:
    """The settings that a command line tells; argparse ends the process on a wrong one."""
    parser = argparse.ArgumentParser(prog="python -m ops.sandbox", description=__doc__)
    parser.add_argument("--ledger", type=Path, required=True, metavar="DIR", help="folder of the effect ledgers")
    parser.add_argument("--contracts", type=Path, default=Path("contracts"), metavar="DIR", help="contract folders")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    ports = "ports of " + ", ".join(STAND_INS) + " in this order; 0 takes a free one"
    parser.add_argument("--ports", type=_ports, default={}, metavar="N,N,…", help=ports)
    parser.add_argument("--pace", type=float, default=0.5, metavar="SECONDS", help="between two events of a case")
    parser.add_argument("--seed", type=int, default=0, help="added to the seed of every fault rule")
    parser.add_argument("--dedupe", action="store_true", help="refuse a repeated reference as a real system might")
    parser.add_argument("--tell", metavar="URL", help="webhook that is told the revenue system's changes")
    parser.add_argument("--tell-key", type=Path, metavar="FILE", help="its secret")
    size = "bytes of each document, which then has to be asked for"
    parser.add_argument("--document-bytes", type=int, default=0, metavar="N", help=size)
    parser.add_argument("--faults", type=_script, default=(), metavar="FILE", help="fault script, .json or .toml")
    parser.add_argument(
        "--database", metavar="URL", help="PostgreSQL database of the complaints; else a file of SQLite"
    )
    told = parser.parse_args(arguments)
    try:
        return SandboxSettings(
            contracts_folder=told.contracts,
            ledger_folder=told.ledger,
            host=told.host,
            ports=told.ports,
            pace_seconds=told.pace,
            seed=told.seed,
            dedupe=told.dedupe,
            document_bytes=told.document_bytes,
            faults=told.faults,
            listening=listening(told.tell, told.tell_key),
            database=told.database,
        )
    except (OSError, ValueError) as error:
        parser.error(str(error))


def listening(address: str | None, key: Path | None) -> dict[str, Listening]:
    """Who is told the revenue system's changes; raises ValueError for an address without a key, or the other way."""
    if not address and key is None:
        return {}
    if not address or not address.startswith("http://") or key is None:
        raise ValueError("--tell takes an http address, and --tell-key the file of its secret")
    return {"revenue": Listening(address, key.read_bytes().strip())}


def _script(text: str) -> tuple[FaultRule, ...]:
    try:
        return load_rules(Path(text))
    except (OSError, ValueError) as error:  # no such file, no JSON or TOML, or a faulty rule
        raise argparse.ArgumentTypeError(f"{text}: {error}") from error


def _ports(text: str) -> dict[str, int]:
    numbers = [int(part) for part in text.split(",")]
    if len(numbers) != len(STAND_INS):
        raise argparse.ArgumentTypeError(f"give {len(STAND_INS)} ports: {', '.join(STAND_INS)}")
    return dict(zip(STAND_INS, numbers, strict=True))


def main() -> None:
    """The entry of `python -m ops.sandbox`."""
    try:
        run(settings_of(sys.argv[1:]))
    except (OSError, ValueError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        sys.exit(2)
