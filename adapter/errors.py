"""Every error of the adapter, in one tree; those that a caller is told at the door have a module of their own.

The docstring is the operator's sentence; attributes carry the context. No error ever carries personal data:
attributes hold names of fields, tables and systems, never a citizen's values.
"""

from __future__ import annotations

from typing import Any


class PanjerehError(Exception):
    """Something in the adapter could not be done."""

    def __init__(self, detail: str | None = None, **context: Any) -> None:
        self.detail = detail or (type(self).__doc__ or "").split("\n", maxsplit=1)[0]
        self.context = context
        super().__init__(self.detail)


class Untranslatable(PanjerehError):
    """A record cannot be turned into a payload; attributes name the table, line and rule."""

    def __init__(self, detail: str, *, place: str) -> None:
        self.place = place
        super().__init__(f"{place}: {detail}", place=place)


class Unfit(PanjerehError):
    """A value is not what its field must hold; the text tells the rule that it breaks, never the value."""


class DocumentMissing(PanjerehError):
    """A document that the message refers to is not kept here: its content was erased, or never fetched."""


class DocumentDamaged(PanjerehError):
    """A document's content was cut, mixed up or changed where it lies; restore it, or ask for it again."""


class LeaseLost(PanjerehError):
    """The fence is no longer ours: another worker has the exchange, nothing was written."""


class IllegalTransition(PanjerehError):
    """The state machine has no such step."""


class NotFound(PanjerehError):
    """Nothing with this name is kept here."""


class JournalLocked(PanjerehError):
    """Another daemon holds this journal."""


class AnotherDaemon(PanjerehError):
    """Another daemon answers on this admin socket."""


class JournalUnreachable(PanjerehError):
    """The server that keeps the journal does not answer, or does not let us in."""


class JournalUnusable(PanjerehError):
    """The journal's schema is not the one this version works with."""


class WrongEnvironment(JournalUnusable):
    """This journal was made for another environment; each environment has a database of its own."""


class WrongMasterKey(JournalUnusable):
    """The master key is not the one under which this journal was sealed."""


class JournalFailed(PanjerehError):
    """The journal could not be written; the daemon stops rather than go on."""


class FaultyTables(PanjerehError):
    """Tables, contracts or settings have faults; every fault is listed."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


class FaultySettings(FaultyTables):
    """The settings have faults; every fault names its setting."""


class DaemonUnreachable(PanjerehError):
    """No daemon answers on the admin socket."""


class Refused(PanjerehError):
    """The operator's command does not apply here."""


class GatewayUnreachable(PanjerehError):
    """The other side could not be asked; it will be asked again."""
