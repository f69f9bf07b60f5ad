"""What a command's exit code tells, and which error ends in which."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from adapter import errors
from adapter.errors import PanjerehError


class Exit(IntEnum):
    """Exit codes, the same for every command."""

    OK = 0
    FINDINGS = 1
    USAGE = 2
    UNREACHABLE = 3
    INTERRUPTED = 130
    CUT_OFF = 141


_BY_ERROR: Mapping[type[PanjerehError], Exit] = {
    errors.FaultySettings: Exit.USAGE,
    errors.IllegalTransition: Exit.USAGE,
    errors.NotFound: Exit.USAGE,
    errors.Refused: Exit.USAGE,
    errors.WrongEnvironment: Exit.USAGE,
    errors.AnotherDaemon: Exit.UNREACHABLE,
    errors.DaemonUnreachable: Exit.UNREACHABLE,
    errors.GatewayUnreachable: Exit.UNREACHABLE,
    errors.JournalLocked: Exit.UNREACHABLE,
    errors.JournalUnreachable: Exit.UNREACHABLE,
}


def exit_of(error: PanjerehError) -> Exit:
    """The code of an error: 2 when the command must be said otherwise, 3 when someone does not answer, else 1."""
    return next((code for kind, code in _BY_ERROR.items() if isinstance(error, kind)), Exit.FINDINGS)
