"""What would stop a start: looked at as the daemon looks at it, but for its journal, which is not opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from adapter.contract.model import Contract
from adapter.contract.outcomes import classify
from adapter.errors import FaultyTables
from adapter.journal.engines import journal_url
from adapter.journal.opening import check_place
from ops.callers import callers_of, channel_doubts
from ops.connecting import connect_endpoints
from ops.settings import Settings, master_key, profile_of
from ops.tables import check_folders, read_tables
from ops.webhooks import webhooks_of


def start_faults(settings: Settings, contracts: Mapping[str, Contract]) -> list[str]:
    """Every fault of the settings for which the daemon would not start, and channels that no service is asked through.

    Not told is what only a start can tell: a server that does not answer, a port that is taken.
    """
    looks: tuple[Callable[[], object], ...] = (
        lambda: check_folders(settings),
        lambda: master_key(settings),
        lambda: check_place(journal_url(settings.database)),
        lambda: callers_of(settings),
        lambda: webhooks_of(settings, contracts, _now),
        lambda: connect_endpoints(settings, contracts, profile_of(settings), classify=classify, clock=_now),
    )
    faults = [fault for look in looks for fault in _faults_of(look)]
    try:
        tables = read_tables(settings, contracts, now=_now())
    except FaultyTables as error:
        return [*faults, *error.faults]
    return [*faults, *channel_doubts(settings, tables.offer)]


def _faults_of(look: Callable[[], object]) -> list[str]:
    try:
        look()
    except FaultyTables as error:
        return error.faults
    return []


def _now() -> datetime:
    return datetime.now(UTC)
