"""`panjereh run`, `sandbox` and `health`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import adapter
from adapter.errors import Refused
from ops.cli.asking import Where, ask
from ops.cli.exits import Exit
from ops.cli.printing import moment, print_json, print_table, say
from ops.settings_file import load_settings

_HOUSE = Path(adapter.__file__).resolve().parent.parent
_HERE = Where()


def run(*, where: Where = _HERE) -> int:
    """Run the daemon until SIGTERM or SIGINT; its log goes to stderr as JSON lines."""
    from ops.daemon import run as run_daemon  # noqa: PLC0415 - the engine is loaded only by who runs it

    return run_daemon(load_settings(where.config))


def sandbox(
    *,
    ledger: Annotated[Path, Parameter(help="Folder of the effect ledgers.")] = Path("sandbox"),
    contracts: Annotated[Path, Parameter(help="The folder of contracts.")] = _HOUSE / "contracts",
    host: Annotated[str, Parameter(help="A loopback address.")] = "127.0.0.1",
    ports: Annotated[
        tuple[int, int, int, int, int],
        Parameter(help="Of gateway, urban_core, revenue, complaints and village; 0 takes a free one."),
    ] = (0, 0, 0, 0, 0),
    pace: Annotated[float, Parameter(help="Seconds between two events of a case.")] = 0.5,
    seed: Annotated[int, Parameter(help="Added to the seed of every fault rule.")] = 0,
    dedupe: Annotated[bool, Parameter(negative="", help="Refuse a repeated reference.")] = False,
    document_bytes: Annotated[int, Parameter(help="Bytes of each document, which then has to be asked for.")] = 0,
    faults: Annotated[Path | None, Parameter(help="Fault script, .json or .toml.")] = None,
    tell: Annotated[str | None, Parameter(help="Webhook that is told the revenue system's changes.")] = None,
    tell_key: Annotated[Path | None, Parameter(help="The file of its secret.")] = None,
    database: Annotated[
        str | None, Parameter(help="PostgreSQL database of the complaints; without it a file of SQLite.")
    ] = None,
) -> int:
    """Run stand-ins of a gateway and its internal systems on this machine; stdout tells where each is, and its page."""
    from ops.sandbox import SandboxSettings, command  # noqa: PLC0415 - only for who plays
    from ops.sandbox.faults import load_rules  # noqa: PLC0415 - as above
    from ops.sandbox.settings import STAND_INS  # noqa: PLC0415 - as above

    try:
        settings = SandboxSettings(
            contracts_folder=contracts,
            ledger_folder=ledger,
            host=host,
            ports=dict(zip(STAND_INS, ports, strict=True)),
            pace_seconds=pace,
            seed=seed,
            dedupe=dedupe,
            document_bytes=document_bytes,
            faults=load_rules(faults) if faults else (),
            listening=command.listening(tell, tell_key),
            database=database,
        )
        command.run(settings)
    except (OSError, ValueError) as error:
        raise Refused(f"sandbox: {error}") from error
    return Exit.OK


def health(*, where: Where = _HERE) -> int:
    """Tell how the running daemon is; exit code 1 when it is not ready, 3 when none answers."""
    told = ask(where, "health", {}, daemon_only=True)
    if where.json:
        print_json(told)
    else:
        say(f"{told['node']}: {told['status']}, running since {moment(told['started_at'])}")
        print_table(
            ("check", "status", "output"),
            ([name, check[0]["status"], check[0].get("output")] for name, check in told["checks"].items()),
        )
        print_table(
            ("tenant", "service", "name", "state", "to the gateway", "to the inside", "last success"),
            (
                [
                    tenant,
                    one["service_id"],
                    one["name"],
                    one["state"],
                    one["undelivered"],
                    one["pending_inside"],
                    moment(one.get("last_success_at")),
                ]
                for tenant, its in told["tenants"].items()
                for one in its["services"]
            ),
            title="\nservices",
        )
    return Exit.FINDINGS if told["status"] == "fail" else Exit.OK
