"""How a command reaches an installation: through its daemon, else by opening the journal itself under the lock."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from adapter.errors import DaemonUnreachable, JournalLocked, PanjerehError
from adapter.exchange import Payload
from ops import admin
from ops.settings import CONFIG_VARIABLE
from ops.settings_file import load_settings

if TYPE_CHECKING:
    from ops.settings import Settings

DEFAULT_CONFIG = Path("/etc/panjereh/panjereh.toml")
_COMMAND = re.compile(
    r"\bpanjereh (?:run|check|health|migrate"
    r"|(?:exchanges|cases|endpoints|reconcile|services|shadow|tables|codes|journal) [a-z]+)\b"
    r"(?! --config)"
)


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Where:
    """Which installation, and how to answer."""

    config: Annotated[Path, Parameter(env_var=CONFIG_VARIABLE, help="The settings of the installation.")] = (
        DEFAULT_CONFIG
    )
    json: Annotated[bool, Parameter(negative="", help="Answer with one JSON object.")] = False


def ask(where: Where, command: str, arguments: Mapping[str, Any], *, daemon_only: bool = False) -> Payload:
    """The answer to an operator's action; raises what the action raises, and DaemonUnreachable for `daemon_only`.

    Every command that the answer or the error tells people carries the settings file just given.
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    try:
        told = _answer(load_settings(where.config), command, given, daemon_only=daemon_only)
    except PanjerehError as error:
        error.detail = named(error.detail, where.config)
        raise
    if where.json:
        return told
    answer: Payload = named(told, where.config)
    return answer


def named(told: Any, config: Path) -> Any:
    """What was told, each of our commands in it with the settings file that it needs; the usual one is left out."""
    if config == DEFAULT_CONFIG:
        return told
    if isinstance(told, str):
        return _COMMAND.sub(lambda found: f"{found[0]} --config {shlex.quote(str(config))}", told)
    if isinstance(told, dict):
        return {name: named(value, config) for name, value in told.items()}
    return [named(one, config) for one in told] if isinstance(told, list) else told


def _answer(settings: Settings, command: str, arguments: Mapping[str, Any], *, daemon_only: bool) -> Payload:
    if admin.answers(settings.admin_socket):
        return asyncio.run(admin.call(settings.admin_socket, command, arguments, progress=_tell))
    if daemon_only:
        raise DaemonUnreachable(f"no daemon answers on {settings.admin_socket}; start it with: panjereh run")
    _refuse_new_journal(settings)
    return asyncio.run(_open_and_ask(settings, command, arguments))


async def _open_and_ask(settings: Settings, command: str, arguments: Mapping[str, Any]) -> Payload:
    from adapter.telemetry import configure_logging  # noqa: PLC0415 - the engine is loaded only when no daemon runs
    from ops.operators import Desk, perform  # noqa: PLC0415 - as above
    from ops.wiring import open_house  # noqa: PLC0415 - as above

    configure_logging(level="warning")
    try:
        house = await open_house(settings)
    except JournalLocked as error:
        raise JournalLocked(
            f"nobody answers on {settings.admin_socket}, and yet a daemon or another command holds the journal:"
            " wait for it, or name with --config the settings that it was started with"
        ) from error
    try:
        return await perform(Desk(house, f"uid:{os.getuid()}", _tell), command, arguments)
    finally:
        await house.aclose()


def _refuse_new_journal(settings: Settings) -> None:
    """A command never makes a journal: a misspelt path would look like an empty one."""
    scheme, _, path = settings.database.partition(":///")
    if scheme.startswith("sqlite") and not Path(path).exists():
        raise DaemonUnreachable(
            f"no daemon answers on {settings.admin_socket}, and there is no journal at {path};"
            " start it with: panjereh run"
        )


def _tell(told: Payload) -> None:
    """Progress, for people who look on."""
    if sys.stderr.isatty():
        print(" ".join(f"{name} {value}" for name, value in told.items()), file=sys.stderr)
