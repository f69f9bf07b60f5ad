"""`panjereh`: the operators' command. Every command is loaded only when it is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from io import TextIOWrapper

from cyclopts import App, CycloptsError

from adapter.errors import PanjerehError
from adapter.tables import near
from ops.cli.exits import Exit, exit_of

_COMMANDS = (
    ("demo", "ops.demo.command:run", "Show the adapter doing its real job between stand-ins, faults included."),
    ("sandbox", "ops.cli.running:sandbox", "Run the stand-ins of a gateway and four internal systems."),
    ("run", "ops.cli.running:run", "Run the daemon."),
    ("check", "ops.cli.checking:check", "Read every contract and service, and tell every fault."),
    ("contract", "ops.cli.contract:app", "Look through contracts, compare two, or take a partner's document in."),
    ("test", "ops.cli.testing:cases", "Run the cases of the services, and tell what no case touches."),
    ("service", "ops.cli.service:app", "Make a service's folder, follow a cell of it, compare two folders."),
    ("rules", "ops.cli.rules:rules", "Tell what each rule of the tables does, with an example."),
    ("calendar", "ops.cli.calendar:app", "Show a tenant's working days, or close a day."),
    ("exchanges", "ops.cli.exchanges:app", "List, show, replay, resolve or withdraw exchanges."),
    ("cases", "ops.cli.cases:app", "Show the life of a case by its tracking code."),
    ("endpoints", "ops.cli.endpoints:app", "List the other sides, or resume one that was paused."),
    ("reconcile", "ops.cli.reconcile:app", "Compare the other sides' ledgers with our journal."),
    ("tables", "ops.cli.tables:app", "A service's tables as a workbook and back; all tables read anew, or signed off."),
    ("codes", "ops.cli.codes:app", "Add a code at night, with a second operator's signature."),
    ("services", "ops.cli.services:app", "Keep the catalogue of services; publish a card to the gateway's."),
    ("shadow", "ops.cli.shadow:app", "Compare what a service in shadow would send with what the old way sent."),
    ("journal", "ops.cli.journal:app", "Verify the audit."),
    ("migrate", "ops.cli.journal:migrate", "Bring the journal's schema up to this version."),
    ("health", "ops.cli.running:health", "Tell how the running daemon is."),
)

_KNOWN = tuple(name for name, _, _ in _COMMANDS)
"""Looked at before the parser does: to tell an unknown command it would load every one of them."""

_MEANT: Mapping[tuple[str, ...], str] = {
    **{("service", name): f"services {name}" for name in ("publish", "import")},
    **{("services", name): f"service {name}" for name in ("new", "explain", "diff")},
}
"""`service` is a folder on a clerk's desk, `services` what the installation offers: who mixes them up is told."""


def _version() -> str:
    try:
        return version("panjereh")
    except PackageNotFoundError:  # a checkout that nobody installed
        return "0"


def make_app() -> App:
    """The command with all its commands, none of them loaded."""
    app = App(
        name="panjereh",
        help="The window between a municipality's services and the national gateways.",
        version=_version,
        suppress_keyboard_interrupt=False,
        help_format="plaintext",
    )
    for name, path, told in _COMMANDS:
        app.command(path, name=name, help=told)
    return app


def run_command(tokens: Sequence[str]) -> int:
    """Run one command; its exit code. What is wrong is told in a sentence on stderr, without a traceback."""
    if mistake := _mistake(tokens):
        print(f"panjereh: {mistake}", file=sys.stderr)
        return Exit.USAGE
    try:
        code = make_app()(tokens, exit_on_error=False, result_action="return_value")
        sys.stdout.flush()
    except CycloptsError:
        return Exit.USAGE
    except PanjerehError as error:
        print(error.detail, file=sys.stderr)
        return exit_of(error)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except OSError as error:
        return _told_no_more(error)
    return Exit.OK if code is None else int(code)


def _told_no_more(error: OSError) -> Exit:
    """Who reads the answer has enough of it, as head has; else a disk is full, or a file is not ours to use.

    What still waits to be written goes nowhere: at the end of the process it would fail once more.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return Exit.CUT_OFF
    print(f"{error.filename or 'what is told cannot be written'}: {error.strerror}", file=sys.stderr)
    return Exit.FINDINGS


def _mistake(tokens: Sequence[str]) -> str | None:
    """What is wrong with the command's name, with the name that may have been meant."""
    if tokens and tokens[0] not in _KNOWN and not tokens[0].startswith("-"):
        return f"{tokens[0]!r} is not a command; {near(tokens[0], _KNOWN)}"
    meant = _MEANT.get(tuple(tokens[:2]))
    return None if meant is None else f"'{' '.join(tokens[:2])}' is not a command; did you mean '{meant}'?"


def main() -> None:
    """The entry of `panjereh`. What it tells is UTF-8 in every locale: it tells Persian."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8")
    sys.exit(run_command(sys.argv[1:]))
